"""The six official mask augmentations, computed a second way with numpy and scipy."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, spatial

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.augment import MASK_MODES, augment_mask

H, W = 40, 56
MODES = {"original", "original_expand", "hull", "hull_expand", "bbox", "bbox_expand"}


def blobs(seed, num_frames=3, points=6):
    """Small random objects, each with three points that make an area."""
    generator = np.random.default_rng(seed)
    mask = np.zeros((num_frames, H, W), bool)
    for frame in mask:
        top, left = generator.integers(8, 14, 2)
        frame[top, left] = frame[top + 5, left] = frame[top, left + 7] = True
        frame[generator.integers(top, 30, points), generator.integers(left, 44, points)] = True
    return mask


def bounds(frame):
    rows, columns = np.nonzero(frame)
    return columns.min(), rows.min(), columns.max(), rows.max()


def beyond_hull(frame):
    """How far each pixel's centre is outside of scipy's hull, in pixels, at most; 0 or less inside."""
    planes = spatial.ConvexHull(np.argwhere(frame)).equations
    points = np.argwhere(np.ones_like(frame))
    return (points @ planes[:, :2].T + planes[:, 2]).max(1).reshape(frame.shape)


def hull(frame):
    """Ours; what it holds is tested by itself."""
    return augment_mask(torch.from_numpy(frame)[None].float(), "hull")[0].bool().numpy()


def bbox(frame):
    left, top, right, bottom = bounds(frame)
    box = np.zeros_like(frame)
    box[top : bottom + 1, left : right + 1] = True
    return box


def expand(frame, source, draws, ratio, iterations):
    """Section 2.6's growth by scipy's dilation, repeated."""
    left, top, right, bottom = bounds(source)
    width, height = (right - left + 1) * ratio, (bottom - top + 1) * ratio
    limits = min(width, left / 2), min(width, (W - right) / 2), min(height, top / 2), min(height, (H - bottom) / 2)
    steps = [int(draw * limit / iterations) for draw, limit in zip(draws, limits, strict=True)]
    (to_left, to_right, up, down), k = steps, max(steps)
    kernel = np.zeros((2 * k + 1, 2 * k + 1), bool)
    kernel[k - up : k + down + 1, k - to_left : k + to_right + 1] = True
    return ndimage.binary_dilation(frame, kernel, iterations=iterations)


SHAPES = {"original": lambda frame: frame, "hull": hull, "bbox": bbox}


@pytest.mark.parametrize("mode", MASK_MODES)
@pytest.mark.parametrize(("seed", "ratio", "iterations"), [(0, 0.3, 5), (1, 1.0, 1), (2, 0.7, 2)])
def test_every_mode_equals_scipy(mode, seed, ratio, iterations):
    mask = blobs(seed)
    draws = torch.rand(4, generator=torch.Generator().manual_seed(seed)).tolist()
    shape, _, grows = mode.partition("_")
    expected = np.stack([SHAPES[shape](frame) for frame in mask])
    if grows:
        expected = np.stack([expand(e, m, draws, ratio, iterations) for e, m in zip(expected, mask, strict=True)])
        assert iterations == 5 or (expected != mask).any()
    actual = augment_mask(torch.from_numpy(mask).float(), mode, seed=seed, ratio=ratio, iterations=iterations)
    assert np.array_equal(actual.numpy(), expected)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_a_hull_holds_scipys_and_at_most_half_a_pixel_more(seed):
    (frame,) = blobs(seed, 1)
    beyond = beyond_hull(frame)
    assert hull(frame)[beyond < 1e-9].all() and beyond[hull(frame)].max() <= 0.5


def test_these_are_the_official_modes():
    assert set(MASK_MODES) == MODES


def test_the_growth_of_a_box_by_hand():
    # A box of 10 x 8 at (20, 12): its sides may grow by min(10, 20 / 2) to the left, min(10, (56 - 29) / 2) to the
    # right, min(8, 12 / 2) up and min(8, (40 - 19) / 2) down.
    mask = torch.zeros(1, H, W)
    mask[:, 12:20, 20:30] = 1
    draws = torch.rand(4, generator=torch.Generator().manual_seed(5)).tolist()
    left, right, top, bottom = (int(d * limit) for d, limit in zip(draws, (10, 10, 6, 8), strict=True))
    assert min(left, right, top, bottom) > 0
    expected = torch.zeros(1, H, W)
    expected[:, 12 - top : 20 + bottom, 20 - left : 30 + right] = 1
    assert torch.equal(augment_mask(mask, "bbox_expand", seed=5, ratio=1.0, iterations=1), expected)


def test_a_hull_of_a_few_pixels_by_hand():
    mask = torch.zeros(3, 5, 5)
    mask[0, 0, 0] = mask[0, 4, 4] = 1  # a diagonal
    mask[1, 2, 3] = 1  # one pixel
    mask[2, 0, 0] = mask[2, 4, 0] = mask[2, 4, 4] = 1  # a triangle
    expected = torch.zeros(3, 5, 5)
    expected[0] = torch.eye(5)
    expected[1, 2, 3] = 1
    expected[2] = torch.ones(5, 5).tril()
    assert torch.equal(augment_mask(mask, "hull"), expected)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(MASK_MODES), st.floats(0, 5), st.integers(1, 10))
def test_no_side_grows_beyond_its_limit_and_nothing_is_lost(seed, mode, ratio, iterations):
    mask = blobs(seed % 97, 1)
    grown = augment_mask(torch.from_numpy(mask).float(), mode, seed=seed, ratio=ratio, iterations=iterations).numpy()
    assert set(np.unique(grown)) <= {0, 1} and (grown[0] >= mask[0]).all()
    (l0, t0, r0, b0), (l1, t1, r1, b1) = bounds(mask[0]), bounds(grown[0])
    width, height = (r0 - l0 + 1) * ratio, (b0 - t0 + 1) * ratio
    assert l0 - l1 <= min(width, l0 / 2) and r1 - r0 <= min(width, (W - r0) / 2)
    assert t0 - t1 <= min(height, t0 / 2) and b1 - b0 <= min(height, (H - b0) / 2)


def test_one_draw_serves_all_frames_so_a_still_object_does_not_flicker():
    mask = torch.from_numpy(blobs(3, 1)).float().repeat(9, 1, 1)
    grown = augment_mask(mask, "original_expand", seed=5, ratio=1.0)
    assert (grown == grown[:1]).all()
    assert torch.equal(grown, augment_mask(mask, "original_expand", seed=5, ratio=1.0))
    assert any(not torch.equal(grown, augment_mask(mask, "original_expand", seed=s, ratio=1.0)) for s in range(6, 12))


def test_frames_without_object_stay_empty_and_the_input_is_not_touched():
    mask = torch.zeros(3, H, W)
    mask[1, 10:20, 10:20] = 1
    before = mask.clone()
    for mode in MASK_MODES:
        assert augment_mask(mask, mode).flatten(1).any(1).tolist() == [False, True, False]
    assert torch.equal(mask, before)


def test_a_still_mask_takes_the_memory_of_one_frame():
    mask = torch.zeros(1, H, W)
    mask[:, 10:20, 10:20] = 1
    grown = augment_mask(mask.expand(81, -1, -1), "hull_expand")
    assert grown.shape == (81, H, W) and grown.untyped_storage().nbytes() == H * W * 4


def test_wrong_settings_are_refused():
    mask = torch.ones(1, 8, 8)
    with pytest.raises(VaceInputError, match=r"must be one of original, original_expand, hull, .* got blob"):
        augment_mask(mask, "blob")
    with pytest.raises(VaceInputError, match=r"ratio of 0 or more and at least 1 iteration, got -1 and 5"):
        augment_mask(mask, "hull", ratio=-1.0)
    with pytest.raises(VaceInputError, match=r"got 0\.3 and 0"):
        augment_mask(mask, "hull", iterations=0)


def test_a_side_near_the_right_and_lower_edge_grows_by_half_of_what_is_left():
    right, bottom = (torch.rand(4, generator=torch.Generator().manual_seed(5)).tolist()[k] for k in (1, 3))
    grown = set()
    for behind in range(4, 24):  # rows and columns behind the object
        mask = torch.zeros(1, H, W)
        mask[:, H - behind - 4 : H - behind, W - behind - 4 : W - behind] = 1
        _, _, columns, rows = bounds(augment_mask(mask, "bbox_expand", seed=5, ratio=9.0, iterations=1)[0].numpy())
        by = columns - (W - behind - 1), rows - (H - behind - 1)
        assert by == (int(right * (behind + 1) / 2), int(bottom * (behind + 1) / 2))
        grown.add(by)
    assert len(grown) > 5


def test_what_is_not_said_is_the_official_third_in_five_steps_of_seed_0():
    mask = torch.from_numpy(blobs(4)).float()
    plain = augment_mask(mask, "bbox_expand")
    assert torch.equal(plain, augment_mask(mask, "bbox_expand", seed=0, ratio=0.3, iterations=5))
    wide = augment_mask(mask, "bbox_expand", ratio=2.0)
    assert torch.equal(wide, augment_mask(mask, "bbox_expand", seed=0, ratio=2.0, iterations=5))
    assert not torch.equal(wide, augment_mask(mask, "bbox_expand", seed=1, ratio=2.0))


def test_a_pixel_of_one_half_is_no_object():
    mask = torch.zeros(1, H, W)
    mask[0, 5, 5], mask[0, 10, 10] = 1, 0.5
    assert augment_mask(mask, "bbox").nonzero().tolist() == [[0, 5, 5]]


@pytest.mark.parametrize("mode", ["hull", "original_expand"])
def test_an_augmentation_without_opencv_is_refused(mode, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(VaceInputError, match=r"^Making masks needs opencv-python-headless, which this ComfyUI"):
        augment_mask(torch.ones(1, 8, 8), mode)
