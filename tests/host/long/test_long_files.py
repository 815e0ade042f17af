"""VACE Sample Long Video from a file and to a file: the same frames as from memory, with rate and sound."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from .three_segments import BUILD, DEFAULTS

pytestmark = pytest.mark.host


def save(call, path, frames, fps=12):
    from comfy_api.latest import InputImpl, Types

    audio = {"waveform": torch.sin(torch.arange(8000) / 8)[None, None] * 0.5, "sample_rate": 8000}
    parts = Types.VideoComponents(images=frames, audio=audio, frame_rate=Fraction(fps))
    InputImpl.VideoFromComponents(parts).save_to(str(path))
    return InputImpl.VideoFromFile(str(path))


def test_from_a_file_as_from_memory(make, call, video, mask, tmp_path):
    film = save(call, tmp_path / "clip.mp4", video)
    masks = save(call, tmp_path / "mask.mp4", mask[..., None].expand(-1, -1, -1, 3))
    settings = {key: value for key, value in BUILD.items() if key != "length"}
    long_vcu, _ = call("VaceBuildLongVcu", video=film, mask=masks, inside_mask="empty", **settings)
    assert (long_vcu.num_frames, long_vcu.fps) == (13, 12.0)
    read = long_vcu.segment(0, 13)
    loaded = film.get_components()
    assert (read.frames - loaded.images).abs().max() <= 0.51 / 255
    sound = long_vcu.audio["waveform"]  # all of it; older hosts read the first packet alone
    assert sound.shape[-1] >= 8000 and torch.equal(sound[..., :1024], loaded.audio["waveform"][..., :1024])
    same, *_ = call(
        "VaceBuildVcu", control_video=read.frames, control_masks=read.mask, inside_mask="empty",
        **{**BUILD, "soft_mask": True},
    )  # fmt: skip
    from_file, _ = make("file", long_vcu)
    from_memory, _ = make("memory", same)
    assert torch.equal(from_file, from_memory)


def test_the_film_is_saved_frame_by_frame_with_rate_and_sound(make, call, video, tmp_path, runs, vace_model, vae, clip):
    film = save(call, tmp_path / "clip.mp4", video)
    settings = {key: value for key, value in BUILD.items() if key != "length"}
    long_vcu, _ = call("VaceBuildLongVcu", video=film, inside_mask="empty", **settings)
    inputs = {**DEFAULTS, "model": vace_model, "clip": clip, "vae": vae, "vcu": long_vcu, "run": "saved"}
    made, _ = call("VaceSampleLongVideo", **inputs)
    made.save_to(str(tmp_path / "out.mp4"))
    from comfy_api.latest import InputImpl

    again = InputImpl.VideoFromFile(str(tmp_path / "out.mp4")).get_components()
    assert (len(again.images), again.frame_rate) == (13, 12)
    assert again.audio is not None and again.audio["sample_rate"] == 8000
    assert (made.get_frame_count(), made.get_dimensions(), made.get_duration()) == (
        13,
        (48, 32),
        pytest.approx(13 / 12),
    )
    whole = save(call, tmp_path / "whole.mp4", made.get_components().images + 0.25 / 255).get_components()
    assert torch.equal(again.images, whole.images)
    assert json.loads((runs / "saved" / "manifest.json").read_text())["fps"] == 12.0


def test_one_mask_serves_all_frames_of_a_file(call, video, mask, tmp_path):
    film = save(call, tmp_path / "clip.mp4", video)
    settings = {"inside_mask": "empty", **{key: value for key, value in BUILD.items() if key != "length"}}
    one, each = (
        call("VaceBuildLongVcu", video=film, mask=given, **settings)[0].segment(0, 13)
        for given in (mask[3:4], mask[3:4].expand(13, -1, -1))
    )
    assert torch.equal(one.frames, each.frames) and torch.equal(one.mask, each.mask) and 0 < one.mask.mean() < 1


def test_a_temp_folder_that_takes_nothing_is_told(call, video, tmp_path, monkeypatch):
    import folder_paths

    film = save(call, tmp_path / "clip.mp4", video)
    (tmp_path / "vace_long").write_text("a file where the folder would be", "utf-8")
    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path))
    with pytest.raises(ValueError, match=f"vace_long cannot be written to {tmp_path}"):
        call("VaceBuildLongVcu", video=film, inside_mask="empty", **{k: v for k, v in BUILD.items() if k != "length"})


def test_a_video_that_the_host_cannot_encode_is_told(call, video):
    (film,) = call("CreateVideo", images=video, fps=12.0, audio="no sound")
    with pytest.raises(ValueError, match=r"video cannot be read .* The node that made it was given something"):
        call("VaceBuildLongVcu", video=film, inside_mask="empty", **{k: v for k, v in BUILD.items() if k != "length"})


def test_the_file_goes_with_the_vcu(call, video, tmp_path):
    import folder_paths

    film = save(call, tmp_path / "clip.mp4", video)
    settings = {key: value for key, value in BUILD.items() if key != "length"}
    folder = Path(folder_paths.get_temp_directory()) / "vace_long"
    before = set(folder.glob("*")) if folder.is_dir() else set()
    long_vcu, _ = call("VaceBuildLongVcu", video=film, inside_mask="empty", **settings)
    assert len(set(folder.glob("*")) - before) == 1
    del long_vcu
    assert not set(folder.glob("*")) - before
