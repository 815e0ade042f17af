"""Fitting videos in the real host."""

from fractions import Fraction

import pytest
import torch

pytestmark = pytest.mark.host

SETTINGS = {"budget": "480p", "width": 0, "height": 0, "fit": "cover", "pick": "keep", "length": 0, "fps": 0.0}


def test_a_video_brings_its_frame_rate_and_sound(call):
    from comfy_api.latest import InputImpl, Types

    sound = {"waveform": torch.zeros(1, 1, 800), "sample_rate": 800}
    frames = torch.rand(30, 32, 48, 3)
    video = InputImpl.VideoFromComponents(Types.VideoComponents(images=frames, frame_rate=Fraction(24), audio=sound))
    fitted, fitted_video, mask, control, fps, audio, report = call(
        "VaceFitVideo", video=video, **{**SETTINGS, "pick": "resample"}
    )
    assert len(fitted) == 20 and (mask, control, fps) == (None, None, 16) and audio is sound
    parts = fitted_video.get_components()
    assert parts.images is fitted and parts.frame_rate == 16 and parts.audio is sound
    assert report == "video runs at 24 fps; 20 frames at 16 fps are taken from its 30."


def test_outputs_build_a_vcu_with_and_without_a_mask(call):
    build = {"references": {}, "width": 0, "height": 0, "length": 0, "fit": "cover", "inside_mask": "empty"}
    box = torch.zeros(9, 40, 56)
    box[:, 10:30, 10:40] = 1
    for given in (None, box):
        _, video, mask, *_ = call("VaceFitVideo", video=torch.rand(9, 40, 56, 3), mask=given, **SETTINGS)
        vcu, report = call("VaceBuildVcu", control_video=video, control_masks=mask, soft_mask=False, **build)
        assert vcu.kind == ("control" if given is None else "repaint") and report == ""


def test_a_control_video_takes_the_same_frames(call):
    video = torch.rand(20, 32, 48, 3)
    settings = {**SETTINGS, "pick": "spread", "length": 6}
    fitted, _, _, control, *_ = call("VaceFitVideo", video=video, control_video=1 - video, **settings)
    torch.testing.assert_close(control, 1 - fitted)
    assert len(fitted) == 6 and torch.equal(fitted[0], video[0]) and torch.equal(fitted[-1], video[-1])


def test_a_mask_of_another_video_is_refused_by_its_socket(call):
    with pytest.raises(ValueError, match=r"mask has 20 frames but video has 9"):
        call("VaceFitVideo", video=torch.rand(9, 32, 48, 3), mask=torch.ones(20, 32, 48), **SETTINGS)
