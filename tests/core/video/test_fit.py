"""Fitting against the arithmetic of the official loader, written down from what it is known to do.

ComfyUI's WanVaceToVideo does otherwise: it cuts the source to the wanted shape and resizes that bilinearly.
"""

import random

import numpy as np
import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.video.fit import fit_video, resize, without_repeats


def ramp(height, width):
    """Frames [1, H, W, 3] whose channels tell the row and the column of each pixel."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([rows, columns, rows * columns], -1)[None]


def official_crop(size, target):
    """The size that a picture is resized to, and where its crop begins: (rows, columns) and (top, left).

    Wan-Video/Wan2.1, wan/utils/vace_processor.py, VaceVideoProcessor.resize_crop: the larger of both scales, sides
    rounded, and a crop that begins at half of what overhangs, rounded down.
    """
    scale = max(wanted / given for given, wanted in zip(size, target, strict=True))
    resized = [round(scale * given) for given in size]
    return resized, [int(np.floor((side - wanted) / 2)) for side, wanted in zip(resized, target, strict=True)]


def test_full_hd_is_cropped_10_columns_from_the_left():
    assert official_crop((1080, 1920), (480, 832)) == ([480, 853], [0, 10])
    frames = ramp(1080, 1920)
    fitted, _ = fit_video(frames, frames[..., 0], 480, 832, "cover")
    assert torch.equal(fitted, resize(frames, 480, 853)[:, :, 10:842])


def test_cover_crops_where_the_official_loader_does():
    dice, odd = random.Random(11), 0
    for _ in range(200):
        size, target = ([dice.randint(16, 200) for _ in range(2)] for _ in range(2))
        resized, (top, left) = official_crop(size, target)
        frames = ramp(*size)
        fitted, mask = fit_video(frames, frames[..., 0], *target, "cover")
        whole = resize(frames, *resized)
        assert torch.equal(fitted, whole[:, top : top + target[0], left : left + target[1]])
        assert torch.equal(mask, fitted[..., 0])
        odd += any((side - wanted) % 2 for side, wanted in zip(resized, target, strict=True))
    assert odd > 50  # else the test proves nothing


def test_cover_is_within_a_level_of_the_official_loader_which_resizes_bytes():
    dice = random.Random(12)
    for _ in range(20):
        size, target = ([dice.randint(16, 200) for _ in range(2)] for _ in range(2))
        resized, (top, left) = official_crop(size, target)
        pixels = (ramp(*size) * 255).round().byte()
        planes = torch.nn.functional.interpolate(pixels.movedim(-1, 1), resized, mode="bicubic", antialias=True)
        official = planes.movedim(1, -1)[:, top : top + target[0], left : left + target[1]]
        fitted, _ = fit_video(pixels.float() / 255, pixels[..., 0].float() / 255, *target, "cover")
        assert (fitted * 255 - official.float()).abs().max() < 1.5


def test_contain_adds_the_odd_column_on_the_right_and_the_odd_row_at_the_bottom():
    frames = torch.full((1, 32, 32, 3), 0.25)
    for size in ((32, 63), (63, 32)):
        fitted, mask = fit_video(frames, torch.zeros(1, 32, 32), *size, "contain")  # at a scale of 1
        top, left = ((side - 32) // 2 for side in size)
        assert (max(top, left), min(top, left)) == (15, 0)
        assert (fitted[:, top : top + 32, left : left + 32] == 0.25).all()
        assert (mask[:, top : top + 32, left : left + 32] == 0).all() and mask.sum() == 32 * 31


def test_repeats_in_memory_are_left_out_and_the_range_stays():
    still = torch.rand(1, 4, 1).expand(5, 4, 6)
    assert without_repeats(still).shape == (1, 4, 1)
    assert without_repeats(still).aminmax() == still.aminmax()
    written_out = still.contiguous()
    assert without_repeats(written_out).shape == still.shape


def test_a_fit_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(VaceInputError, match="fit must be one of cover, contain, stretch, got crop"):
        fit_video(torch.zeros(1, 4, 4, 3), torch.zeros(1, 4, 4), 8, 8, "crop")
