"""A VIDEO that is decoded as it is saved or read: files to the byte, there whole or not at all."""

import errno
import io as python_io
import logging
import os
import time

import av
import pytest
import torch

from harness.faults import child
from harness.host.locations import pack_module

from .test_decoding import IN_PARTS, latents

pytestmark = pytest.mark.host
T = 29


def video_of(call, vae, num_frames=T, **latent):
    samples = {"samples": latents(T, **latent), "vace_num_references": 0, "vace_num_frames": num_frames}
    return call("VaceDecodeVideo", samples=samples, vae=vae, fps=24.0, trim_latent=-1, length=-1)[0], samples["samples"]


def saved(video, **options):
    file = python_io.BytesIO()
    video.save_to(file, **options)
    return file.getvalue()


@torch.inference_mode()
def test_a_video_is_decoded_when_it_is_saved_into_the_file_that_the_core_nodes_write(call, decoder_runs):
    vae, runs = decoder_runs
    video, samples = video_of(call, vae)
    assert runs == []
    assert (video.get_dimensions(), video.get_frame_count(), video.get_frame_rate()) == ((32, 32), T, 24)
    assert video.get_duration() == T / 24 and runs == []
    core = call("CreateVideo", images=vae.decode(samples)[0], fps=24.0)[0]
    runs.clear()
    assert saved(video) == saved(core) and len(runs) > 0


@torch.inference_mode()
def test_what_is_read_again_is_decoded_once_as_long_as_somebody_has_it(call, decoder_runs):
    vae, runs = decoder_runs
    video, samples = video_of(call, vae)
    images = video.get_components().images
    assert torch.equal(images, vae.decode(samples)[0])
    runs.clear()
    assert video.get_components().images is images
    core = call("CreateVideo", images=images, fps=24.0)[0]
    assert saved(video) == saved(core) and runs == []
    del images, core
    assert video.get_components().images.shape == (T, 32, 32, 3) and len(runs) > 0


@pytest.mark.since("0.26.0", reason="before, the host writes no video of ten bits")
@torch.inference_mode()
def test_ten_bits_have_what_ten_bits_can_hold(call, new_vae):
    vae = new_vae()
    video, samples = video_of(call, vae)
    core = call("CreateVideo", images=vae.decode(samples)[0], fps=24.0)[0]
    assert saved(video, bit_depth=10) == saved(core, bit_depth=10)


@torch.inference_mode()
def test_a_part_in_time_of_a_video_can_be_had(call, new_vae):
    video, _ = video_of(call, new_vae())
    part = video.as_trimmed(start_time=0.5, duration=0.5)
    with av.open(python_io.BytesIO(saved(part))) as container:
        assert sum(1 for _ in container.decode(video=0)) == 12


@torch.inference_mode()
def test_a_batch_is_decoded_at_once(call, new_vae):
    vae = new_vae()
    video, samples = video_of(call, vae, num_frames=7, batch=2)
    assert torch.equal(video.get_components().images, vae.decode(samples)[:, :7].flatten(0, 1))


def later(vae):
    """A video that is decoded when it is saved, in the pack that these tests reach into."""
    return pack_module("nodes._host.conditioning.decoded_video").DecodedVideo(vae=vae, samples=latents(T), num_frames=T)


@torch.inference_mode()
def test_a_video_that_is_decoded_as_it_is_read_is_read_no_further_than_it_is_used(decoding, new_vae):
    video = later(new_vae())
    clip = pack_module("nodes._host.video").read_clip(video, 5)
    assert torch.equal(clip.frames, video.get_components().images[:5]) and clip.fps == float(video.get_frame_rate())
    assert [note.text for note in clip.notes] == ["video has more than 5 frames; the first 5 are used."]


@IN_PARTS
@torch.inference_mode()
def test_no_part_of_a_file_is_left_where_saving_was_interrupted(decoding, new_vae, tmp_path, monkeypatch):
    import comfy.model_management

    file, real = tmp_path / "video.mp4", decoding.decode_stream

    def interrupted(network, given):
        for number, part in enumerate(real(network, given)):
            if given.shape[2] > 6 and number == 4:
                raise comfy.model_management.InterruptProcessingException
            yield part

    monkeypatch.setattr(decoding, "decode_stream", interrupted)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        later(new_vae()).save_to(str(file))
    assert not file.exists()


@IN_PARTS
@torch.inference_mode()
def test_saving_that_fails_leaves_the_file_that_was_there(decoding, new_vae, tmp_path, monkeypatch):
    file = tmp_path / "video.mp4"
    later(new_vae()).save_to(str(file))
    before = file.read_bytes()

    def fails(*given):
        yield from ()
        raise RuntimeError("no more of it can be decoded")

    monkeypatch.setattr(decoding, "decode_stream", fails)
    with pytest.raises(RuntimeError, match="no more of it can be decoded"):
        later(new_vae()).save_to(str(file))
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process that is watched is forked")
@torch.inference_mode()
def test_a_video_is_there_whole_or_not_at_all_and_what_was_abandoned_goes(new_vae, tmp_path):
    file, video, sizes = tmp_path / "video.mp4", later(new_vae()), set()
    for name, age in ((".video.1.vace-part.mp4", 7200), (".other.2.vace-part.mp4", 0)):  # abandoned, and perhaps not
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    ended = child.run(
        lambda: video.save_to(str(file)), meanwhile=lambda _: sizes.add(file.stat().st_size if file.exists() else None)
    )
    assert ended.kind == child.DONE
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.2.vace-part.mp4", "video.mp4"]
    assert sizes <= {None, file.stat().st_size}


@torch.inference_mode()
def test_two_processes_that_save_one_video_do_not_write_into_one_file(new_vae, tmp_path, monkeypatch):
    file, video = tmp_path / "video.mp4", later(new_vae())
    video.save_to(str(file))
    whole, real = file.read_bytes(), type(video).parts_to_save

    def with_another_between(self, depth):
        parts = real(self, depth)
        yield next(parts)
        monkeypatch.setattr(type(video), "parts_to_save", real)
        with monkeypatch.context() as other:
            other.setattr(os, "getpid", lambda: 1)
            video.save_to(str(file))
        yield from parts

    monkeypatch.setattr(type(video), "parts_to_save", with_another_between)
    video.save_to(str(file))
    assert file.read_bytes() == whole and list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process that is limited is forked")
@torch.inference_mode()
def test_a_disk_that_takes_no_more_of_a_video_is_told(new_vae, tmp_path):
    import resource

    video = later(new_vae())

    def save():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        video.save_to(str(tmp_path / "video.mp4"))

    ended = child.run(save)
    assert ended.kind == child.SENTENCE, ended
    assert f"video.mp4 cannot be written to {tmp_path} (File too large)" in ended.text
    assert not list(tmp_path.iterdir())


@IN_PARTS
@torch.inference_mode()
def test_what_is_told_while_a_video_is_saved_is_in_the_log(decoding, new_vae, monkeypatch, caplog):
    real = decoding.decode_stream
    monkeypatch.setattr(decoding, "decode_stream", lambda *given: (part + 1e-3 for part in real(*given)))
    with caplog.at_level(logging.WARNING, "wan_vace"):
        saved(later(new_vae()))
    assert "decoded by ComfyUI's own decoder" in caplog.text


@torch.inference_mode()
def test_a_folder_that_is_gone_is_told_and_what_fails_elsewhere_is_not_laid_on_it(new_vae, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"video\.mp4 cannot be written to .*gone \(No such file or directory\)"):
        later(new_vae()).save_to(str(tmp_path / "gone" / "video.mp4"))
    network = tmp_path / "network"

    def unreadable(*_):
        raise OSError(errno.EIO, "Input/output error", str(network))

    vae = new_vae()
    vae.decode = vae.first_stage_model.decode = unreadable
    with pytest.raises(OSError, match="Input/output error") as raised:
        later(vae).save_to(str(tmp_path / "video.mp4"))
    assert raised.value.filename == str(network) and list(tmp_path.iterdir()) == []
