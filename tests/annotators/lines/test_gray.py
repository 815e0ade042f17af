"""Gray, against golden pixels of the official weights and the official function."""

import sys

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wan_vace.annotators.lines.gray import BT601_LUMA, OFFICIAL_LUMA, Gray, gray
from wan_vace.annotators.protocol import BAND, CHUNK, on_levels, silent

# ali-vilab/VACE at 48eb44f, GrayAnnotator: cv2.COLOR_BGR2GRAY applied to RGB, Y = 0.114 R + 0.587 G + 0.299 B.
OFFICIAL = {(1, 0, 0): 0.114, (0, 1, 0): 0.587, (0, 0, 1): 0.299, (1, 1, 1): 1.0, (1, 1, 0): 0.701, (0, 0, 0): 0.0}


@pytest.mark.parametrize("colour", OFFICIAL)
def test_gray_has_the_official_value(colour):
    out = gray(torch.tensor(colour, dtype=torch.float32).expand(2, 3, 4, 3))
    assert out.shape == (2, 3, 4, 3)
    torch.testing.assert_close(out, torch.full_like(out, OFFICIAL[colour]))


@given(st.tuples(*[st.floats(0, 1, width=32)] * 3))
def test_swapping_red_and_blue_turns_one_look_into_the_other(colour):
    frame = torch.tensor(colour)[None, None, None]
    torch.testing.assert_close(gray(frame), gray(frame.flip(-1), BT601_LUMA))


def fixed_point(frames, weights=(3735, 19235, 9798)):
    """OpenCV's grey levels [T, H, W, 1] of frames [T, H, W, 3], in whole numbers."""
    levels = np.rint(frames.clamp(0, 1).numpy() * np.float32(255)).astype(np.int64)
    return torch.from_numpy((levels @ np.array(weights) + (1 << 14)) >> 15)[..., None]


@pytest.mark.parametrize(("luma", "code"), [(OFFICIAL_LUMA, cv2.COLOR_BGR2GRAY), (BT601_LUMA, cv2.COLOR_RGB2GRAY)])
def test_the_levels_are_those_of_opencv(luma, code):
    dice, different = np.random.default_rng(5), 0
    for _ in range(200):
        pixels = dice.integers(0, 256, (1, *dice.integers(8, 90, 2), 3), dtype=np.uint8)
        control = Gray(luma)(torch.from_numpy(pixels).float() / 255, silent)
        levels = (control * 255).round().int()
        different += (levels.numpy()[0] != cv2.cvtColor(pixels[0], code)[..., None]).sum()
        if luma == OFFICIAL_LUMA:
            different += (levels != fixed_point(torch.from_numpy(pixels) / 255)).sum().item()
    assert different == 0


def test_every_level_of_grey_stays():
    levels = torch.arange(256).reshape(1, 16, 16, 1).expand(-1, -1, -1, 3) / 255
    for luma in (OFFICIAL_LUMA, BT601_LUMA, (1, 0, 0), (1 / 3, 1 / 3, 1 / 3)):
        assert torch.equal(Gray(luma)(levels, silent), levels)


@pytest.mark.parametrize("size", [(2, 301, 503), (CHUNK + 1, 37, 20), (1, 2, BAND + 1)])
def test_bands_and_chunks_leave_no_seams(size):
    frames = 1.4 * torch.rand(*size, 3) - 0.2
    before, told = frames.clone(), []
    control = Gray()(frames, lambda done, total: told.append((done, total)))
    assert torch.equal(control, (fixed_point(frames) / 255).expand_as(control))
    assert torch.equal(control, on_levels(control)) and torch.equal(frames, before)
    assert told == [(done, size[0]) for done in (*range(CHUNK, size[0], CHUNK), size[0])]


def test_gray_is_the_same_without_opencv(monkeypatch):
    frames = torch.rand(2, 30, 40, 3)
    control = Gray()(frames, silent)
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert torch.equal(Gray()(frames, silent), control)


def test_other_weights_are_another_identity():
    assert Gray().identity == Gray(OFFICIAL_LUMA).identity != Gray(BT601_LUMA).identity
