"""Decoding a few frames at a time: the host's frames bit for bit, files to the byte, and what else can happen."""

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
from wan_vace.vace_core.notes import collect_notes

pytestmark = pytest.mark.host
T = 29


@pytest.fixture
def decoding(host_nodes):
    return pack_module("nodes._host.conditioning.decoding")


def latents(num_frames, size=4, batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 16, (num_frames - 1) // 4 + 1, size, size, generator=generator)


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
@pytest.mark.parametrize(
    ("dtype", "lengths"), [(torch.float32, (1, 5, 9, 13, 29, 81)), (torch.bfloat16, (1, 9, 13))], ids=str
)
@torch.inference_mode()
def test_every_length_is_decoded_as_by_the_host(decoding, new_vae, dtype, lengths):
    vae = new_vae(dtype)
    for num_frames in lengths:
        samples = latents(num_frames)
        expected = vae.decode(samples)
        parts = list(decoding.decode_parts(vae, samples, num_frames))
        assert torch.equal(torch.cat(parts, dim=1), expected)
        assert max(part.shape[1] for part in parts) <= 8
        frames = decoding.decode_frames(vae, samples, num_frames)
        assert torch.equal(frames, expected[0]) and frames.dtype == expected.dtype and frames.is_contiguous()


@torch.inference_mode()
def test_frames_beyond_the_count_are_left_out_of_each_video_of_a_batch(decoding, new_vae):
    vae, samples = new_vae(), latents(9, batch=3)
    expected = vae.decode(samples)[:, :7].flatten(0, 1)
    assert torch.equal(decoding.decode_frames(vae, samples, 7), expected)


@torch.inference_mode()
def test_latents_of_fewer_frames_than_are_asked_for_give_all_they_have(decoding, new_vae):
    vae, samples = new_vae(), latents(9)
    assert torch.equal(torch.cat(list(decoding.decode_parts(vae, samples, 99)), dim=1), vae.decode(samples))


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
@torch.inference_mode()
def test_a_batch_that_does_not_fit_into_memory_is_decoded_one_by_one(decoding, new_vae, monkeypatch):
    """It is asked how many do while another model is still there."""
    vae, samples, real, asked = new_vae(), latents(9, batch=3), decoding.load, []

    def load(vae, needed):
        asked.append(needed)
        if len(asked) == 1:
            raise torch.OutOfMemoryError("of the device")
        real(vae, needed)

    monkeypatch.setattr(decoding, "load", load)
    frames = decoding.decode_frames(vae, samples, 9).unflatten(0, (3, 9))
    assert len(asked) == 4
    assert all(torch.equal(frames[k], vae.decode(samples[k : k + 1])[0]) for k in range(3))


def video_of(call, vae, num_frames=T, **latent):
    samples = {"samples": latents(T, **latent), "vace_num_references": 0, "vace_num_frames": num_frames}
    return call("VaceDecodeVideo", samples=samples, vae=vae, fps=24.0, trim_latent=-1, length=-1)[0], samples["samples"]


@pytest.fixture
def decoder_runs(new_vae):
    """A VAE, and a list that grows with each run of its decoder."""
    vae, runs = new_vae(), []
    vae.first_stage_model.decoder.conv1.register_forward_hook(lambda *_: runs.append(1))
    return vae, runs


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


def other_numbers(stream):
    return (part + 1e-3 for part in stream)


def looked_at_again(stream):
    """As from a decoder that goes on from what it gave, which is written into meanwhile."""
    before = 0.0
    for part in stream:
        given = part + 0 * before
        yield given
        before = given[:, :, -1:]


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
@pytest.mark.parametrize("changed", [other_numbers, looked_at_again])
@torch.inference_mode()
def test_a_device_that_gives_other_numbers_is_left_to_the_host_and_told(decoding, new_vae, monkeypatch, changed):
    vae, samples, real = new_vae(), latents(9), decoding.decode_stream
    monkeypatch.setattr(decoding, "decode_stream", lambda *given: changed(real(*given)))
    with collect_notes() as notes:
        frames = [decoding.decode_frames(vae, samples, 9) for _ in range(2)]
        assert torch.equal(torch.cat(list(decoding.decode_parts(vae, samples, 99)), dim=1), vae.decode(samples))
    assert all(torch.equal(given, vae.decode(samples)[0]) for given in frames)
    (note,) = notes
    assert note.code == "decode-check" and "decoded by ComfyUI's own decoder" in note.text


@torch.inference_mode()
def test_a_network_that_another_pack_changed_is_left_to_the_host(decoding, new_vae):
    vae, samples = new_vae(), latents(9)
    vae.first_stage_model.decode = lambda z, inner=vae.first_stage_model.decode: inner(z) * 0.5
    assert torch.equal(decoding.decode_frames(vae, samples, 9), vae.decode(samples)[0])
    assert torch.equal(next(decoding.decode_parts(vae, samples, 9)), vae.decode(samples))


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
@torch.inference_mode()
def test_out_of_memory_goes_on_with_the_hosts_own_decoder_and_is_told(decoding, new_vae, monkeypatch):
    vae, samples = new_vae(), latents(21)
    expected = vae.decode(samples)
    real, calls = decoding.decode_stream, []

    def runs_out(network, given):
        for part in real(network, given):
            calls.append(part)
            if len(calls) == 2 and given.shape[-1] == samples.shape[-1] and given.shape[2] == samples.shape[2]:
                raise torch.OutOfMemoryError("of the device")
            yield part

    assert decoding.is_exact(vae, "decode", decoding._try_out, decoding.INEXACT)
    monkeypatch.setattr(decoding, "decode_stream", runs_out)
    with collect_notes() as notes:
        parts = list(decoding.decode_parts(vae, samples, 21))
    assert torch.equal(torch.cat(parts, dim=1), expected) and len(parts) == 2
    assert [note.code for note in notes] == ["decode-memory"]


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
def test_an_interrupt_ends_decoding_between_parts(decoding, new_vae):
    import comfy.model_management

    stream = decoding.decode_parts(new_vae(), latents(29), 29)
    with torch.inference_mode():
        next(stream)
        comfy.model_management.interrupt_current_processing()
        with pytest.raises(comfy.model_management.InterruptProcessingException):
            next(stream)


def later(vae):
    """A video that is decoded when it is saved, in the pack that these tests reach into."""
    return pack_module("nodes._host.conditioning.decoded_video").DecodedVideo(vae=vae, samples=latents(T), num_frames=T)


@torch.inference_mode()
def test_a_video_that_is_decoded_as_it_is_read_is_read_no_further_than_it_is_used(decoding, new_vae):
    video = later(new_vae())
    clip = pack_module("nodes._host.video").read_clip(video, 5)
    assert torch.equal(clip.frames, video.get_components().images[:5]) and clip.fps == float(video.get_frame_rate())
    assert [note.text for note in clip.notes] == ["video has more than 5 frames; the first 5 are used."]


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
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


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
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


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
@torch.inference_mode()
def test_what_is_told_while_a_video_is_saved_is_in_the_log(decoding, new_vae, monkeypatch, caplog):
    real = decoding.decode_stream
    monkeypatch.setattr(decoding, "decode_stream", lambda *given: (part + 1e-3 for part in real(*given)))
    with caplog.at_level(logging.WARNING, "wan_vace"):
        saved(later(new_vae()))
    assert "decoded by ComfyUI's own decoder" in caplog.text


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
@torch.inference_mode()
def test_nothing_beyond_the_frames_asked_for_is_decoded(decoding, decoder_runs):
    vae, runs = decoder_runs
    list(decoding.decode_parts(vae, latents(5), 5))
    runs.clear()
    list(decoding.decode_parts(vae, latents(81), 9))
    assert len(runs) == 2


def test_nothing_is_logged_for_a_known_vae(decoding, new_vae, caplog):
    with torch.inference_mode(), caplog.at_level(logging.INFO, "wan_vace"):
        decoding.decode_frames(new_vae(), latents(5), 5)
    assert not [record for record in caplog.records if record.name == "wan_vace"]


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
