"""Every wrong input has its own sentence, and every repair is told."""

import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.shape import feather_mask
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.video.inputs import legal_frames, legal_mask


def spoiled(value):
    frames = torch.rand(4, 8, 8, 3)
    frames[2, 3, 4, 1] = value
    return frames


WRONG_FRAMES = {
    "no frames": (torch.zeros(0, 8, 8, 3), r"holds no frames \(shape \[0, 8, 8, 3\]\)\. Check the node that loads"),
    "no pixels": (torch.zeros(2, 0, 8, 3), r"holds no pixels"),
    "a mask": (torch.zeros(5, 8, 8), r"must have shape \[T, H, W, C\], got \[5, 8, 8\]"),
    "NaN": (spoiled(float("nan")), r"holds NaN or infinite values, first in frame 2\. .*float32"),
    "infinite": (spoiled(float("inf")), r"holds NaN or infinite values, first in frame 2"),
    "alpha": (torch.rand(1, 8, 8, 4), r"has 4 channels \(RGB with alpha\), it must have 3\. Use Split Image"),
    "two channels": (torch.rand(1, 8, 8, 2), r"has 2 channels, it must have 3 \(RGB\)\. Connect an ordinary IMAGE"),
    "integers": (torch.zeros(1, 8, 8, 3, dtype=torch.uint8), r"holds whole numbers \(uint8\).*in \[0, 1\]. Divide it"),
    "0 to 255": (
        torch.full((1, 8, 8, 3), 255.0),
        r"holds values from 255 to 255.*Divide them by 255",
    ),
    "-1 to 1": (torch.full((1, 8, 8, 3), -1.0), r"holds values from -1 to -1.*\(x \+ 1\) / 2"),
}


@pytest.mark.parametrize("case", WRONG_FRAMES)
def test_wrong_frames_are_refused_by_name(case):
    frames, message = WRONG_FRAMES[case]
    with pytest.raises(VaceInputError, match="^control_video " + message):
        legal_frames("control_video", frames)


def test_filter_overshoot_is_clamped_and_told(notes):
    frames = legal_frames("control_video", spoiled(1.03).clamp(min=0.25))
    assert frames.max() == 1
    assert sentences(notes) == ["control_video went from 0.250 to 1.030; it is clamped to [0, 1]."]


def test_one_channel_is_used_as_grey_and_told(notes):
    assert legal_frames("control_video", torch.rand(2, 8, 8, 1)).shape == (2, 8, 8, 3)
    assert sentences(notes) == ["control_video has one channel; it is used as grey RGB."]


def test_good_frames_pass_untouched_and_untold(notes):
    frames = torch.rand(2, 8, 8, 3)
    assert legal_frames("control_video", frames) is frames and notes == []


WRONG_MASKS = {
    "no frames": (torch.zeros(0, 8, 8), r"holds no frames"),
    "an image": (torch.zeros(1, 8, 8, 3), r"must have shape \[T, H, W\], got \[1, 8, 8, 3\]"),
    "NaN": (torch.full((1, 8, 8), float("nan")), r"holds NaN or infinite values, first in frame 0"),
    "booleans": (torch.zeros(1, 8, 8, dtype=torch.bool), r"holds whole numbers \(bool\)"),
    "a grey video": (
        torch.linspace(0, 0.9, 64).view(1, 8, 8),
        r"looks like a picture, not a mask: 8.%.*Threshold Mask.*soft_mask",
    ),
}


@pytest.mark.parametrize("case", WRONG_MASKS)
def test_wrong_masks_are_refused_by_name(case):
    mask, message = WRONG_MASKS[case]
    with pytest.raises(VaceInputError, match="^control_masks " + message):
        legal_mask("control_masks", mask)


def test_a_grey_mask_passes_when_it_is_meant():
    assert legal_mask("control_masks", torch.full((1, 8, 8), 0.5), soft=True).shape == (1, 8, 8)


def test_a_single_mask_without_a_frame_axis_counts_as_one_frame():
    assert legal_mask("control_masks", torch.ones(8, 8)).shape == (1, 8, 8)


def test_a_feathered_mask_is_still_a_mask():
    mask = torch.zeros(1, 32, 32)
    mask[:, 8:24, 8:24] = 1
    mask[:, 7], mask[:, 24] = 0.5, 0.5
    assert legal_mask("control_masks", mask) is mask


@pytest.mark.parametrize(("size", "feather"), [(30, 200), (60, 100), (60, 200), (120, 200)])
def test_a_mostly_grey_mask_with_a_white_core_and_black_beyond_is_a_mask(size, feather):
    mask = torch.zeros(1, 480, 480)
    mask[:, 240 - size // 2 :, 240 - size // 2 :][:, :size, :size] = 1
    soft = feather_mask(mask, feather)
    assert torch.equal(legal_mask("mask", soft), soft)
    for half in (soft.clamp(max=0.95), soft.clamp(min=0.15)):  # without white, without black
        if ((half > 0.1) & (half < 0.9)).float().mean() > 0.5:
            with pytest.raises(VaceInputError, match="looks like a picture"):
                legal_mask("mask", half)
