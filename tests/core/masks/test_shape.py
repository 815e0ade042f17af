"""Masks grown, feathered and drawn, against scipy's distance transform and plain loops."""

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.shape import (
    distance_to,
    draw_box_mask,
    feather_mask,
    fill_holes,
    grow_mask,
    in_pixels,
    note_black,
    rasterize_boxes,
    steady_mask,
)
from wan_vace.vace_core.notes import Note, collect_notes
from wan_vace.vace_core.video.boxes import boxes_at, parse_tracks

H, W = 24, 36


def noise(seed, share=0.03, num_frames=2):
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.rand(num_frames, H, W, generator=generator) < share).float()
    mask[:, 8:14, 10:20] = 1
    return mask


def distances(mask):
    """To the nearest 1 of each frame, by scipy."""
    return np.stack([ndimage.distance_transform_edt(frame == 0) for frame in mask.numpy()])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.floats(0.5, 60))
def test_growing_is_by_a_disc_and_shrinking_grows_the_rest(seed, radius):
    mask = noise(seed)
    assert np.array_equal(grow_mask(mask, radius).numpy(), distances(mask) <= radius)
    assert np.array_equal(grow_mask(mask, -radius).numpy(), distances(1 - mask) > radius)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999), st.floats(0.5, 40))
def test_a_feather_falls_evenly_outside_and_leaves_the_inside(seed, width):
    mask = noise(seed)
    soft = feather_mask(mask, width)
    expected = np.clip(1 - distances(mask) / (width + 1), 0, 1)
    assert np.allclose(soft.numpy(), expected, atol=1e-6)
    assert (soft[mask == 1] == 1).all() and 0 <= soft.min() and soft.max() <= 1


def test_distances_are_exact_to_the_last_bit_over_a_whole_frame():
    mask = torch.rand(480, 832, generator=torch.Generator().manual_seed(0)) < 2e-5  # a few pixels, far apart
    exact = ndimage.distance_transform_edt(~mask.numpy())
    assert exact.max() > 250 and torch.equal(distance_to(mask), torch.from_numpy(exact).square().round().float().sqrt())
    corner = torch.zeros(480, 832, dtype=torch.bool)
    corner[0, 0] = True
    assert distance_to(corner)[479, 831] == math.hypot(479, 831) and distance_to(~corner).max() == 1
    assert distance_to(corner & ~corner).isinf().all()


def test_masks_without_opencv_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    for change in (lambda: grow_mask(noise(0), 2), lambda: feather_mask(noise(0), 2), lambda: fill_holes(noise(0))):
        with pytest.raises(VaceInputError, match="Making masks needs opencv-python-headless, which this ComfyUI"):
            change()


def test_a_feather_of_three_pixels_by_hand():
    mask = torch.zeros(1, 1, 9)
    mask[..., 0] = 1
    assert feather_mask(mask, 3)[0, 0].tolist() == [1, 0.75, 0.5, 0.25, 0, 0, 0, 0, 0]


def test_soft_pixels_survive_and_the_input_is_not_touched():
    mask = torch.zeros(1, 9, 9)
    mask[0, 4, 4], mask[0, 0, 0] = 0.8, 0.25
    before = mask.clone()
    grown = grow_mask(mask, 1)
    assert grown[0, 4, 3:6].tolist() == [1, 1, 1] and grown[0, 0, 0] == 0.25
    assert grow_mask(mask, -1).max() == 0 and torch.equal(mask, before)
    assert grow_mask(mask, 0) is mask and feather_mask(mask, 0) is mask


def test_a_pixel_of_one_half_is_no_object():
    mask = torch.zeros(1, 5, 5)
    mask[0, 2, 2] = 0.5
    assert torch.equal(grow_mask(mask, 1), mask) and torch.equal(feather_mask(mask, 1), mask)
    assert in_pixels(mask, 10, "% of object") == 0
    ones = torch.ones(1, 5, 5)
    ones[0, 2, 2] = 0.5
    assert (grow_mask(ones, -1) == 0).sum() == 5
    ring = torch.zeros(1, 5, 5)
    ring[0, 1:4, 1:4] = 0.5
    ring[0, 2, 2] = 0
    assert torch.equal(fill_holes(ring), ring)


@pytest.mark.parametrize(
    "change", [lambda m: grow_mask(m, 2), lambda m: grow_mask(m, -1), lambda m: feather_mask(m, 2)]
)
def test_the_precision_of_a_mask_stays(change):
    mask = noise(0)
    assert change(mask.half()).dtype == torch.float16
    assert torch.equal(change(mask.half()), change(mask).half())


def test_an_empty_mask_stays_empty_and_a_full_one_full():
    for amount in (5, -5):
        assert not grow_mask(torch.zeros(2, 8, 8), amount).any() and grow_mask(torch.ones(2, 8, 8), amount).all()
    assert not feather_mask(torch.zeros(2, 8, 8), 5).any()


def test_per_cent_are_of_the_object_where_it_is_seen():
    mask = torch.zeros(3, 32, 32)
    mask[0, :10, :10], mask[2, :10, :20] = 1, 1  # areas 100 and 200
    assert in_pixels(mask, 10, "% of object") == pytest.approx(0.1 * 150**0.5)
    assert in_pixels(mask, 10, "pixels") == 10
    speck = torch.zeros(2, 8, 8)
    speck[0, 1, 1] = 1
    assert in_pixels(speck, 50, "% of object") == 0.5
    assert in_pixels(torch.zeros(2, 8, 8), 10, "% of object") == 0
    with pytest.raises(VaceInputError, match="unit must be one of pixels, % of object, got inch"):
        in_pixels(mask, 10, "inch")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 23), min_size=8, max_size=8), st.integers(1, 9))
def test_boxes_are_half_open_and_follow_their_path(sides, num_frames):
    a, b = sides[:4], sides[4:]
    text = f"{a[0]},{a[1]},{a[0] + a[2] + 1},{a[1] + a[3] + 1} {b[0]},{b[1]},{b[0] + b[2] + 1},{b[1] + b[3] + 1}"
    (track,) = parse_tracks("boxes", text, H, W, num_frames)
    mask = rasterize_boxes([track], num_frames, H, W)
    for frame, box in zip(mask, boxes_at(track, num_frames), strict=True):
        for y, x in ((0, 0), (a[1], a[0]), (b[1], b[0]), (H - 1, W - 1), (11, 17)):
            inside = box.left <= x + 0.5 < box.right and box.top <= y + 0.5 < box.bottom
            assert frame[y, x] == inside


def test_whole_pixels_are_the_official_slice_and_objects_unite():
    mask = draw_box_mask("3,4,10,12\n20,0,100%,50%", H, W, 5)
    expected = torch.zeros(5, H, W)
    expected[:, 4:12, 3:10] = 1
    expected[:, 0:12, 20:36] = 1
    assert torch.equal(mask, expected) and mask.untyped_storage().nbytes() == H * W * 4


def test_a_path_may_leave_the_frame_and_that_is_told(notes):
    mask = draw_box_mask("0,0,10,10 36,0,46,10", H, W, 3)
    assert mask.sum((1, 2)).tolist() == [100, 100, 0]
    told = "boxes: box 36,0,46,10 reaches out of the frame of 36 x 24; only the part inside counts."
    assert notes == [Note("box-outside", told)]


@pytest.mark.parametrize("box", ["-1,2,9,9", "2,-1,9,9", "2,2,37,9", "2,2,9,25"])
def test_a_box_that_leaves_by_one_side_is_told(box):
    with collect_notes() as told:
        draw_box_mask(box, H, W, 1)
    assert [note.code for note in told] == ["box-outside"]


def test_a_box_of_the_whole_frame_does_not_leave_it(notes):
    assert draw_box_mask("0,0,36,24", H, W, 1).all() and notes == []


@pytest.mark.parametrize("box", ["36,0,46,9", "0,24,9,34", "-9,0,0,9", "0,-9,9,0"])
def test_a_box_that_only_touches_the_frame_is_outside(box):
    with pytest.raises(VaceInputError, match=f"^boxes: box {box} is wholly outside the frame of 36 x 24 pixels"):
        draw_box_mask(box, H, W, 1)


def test_a_centre_on_the_left_or_upper_side_is_inside_and_on_the_others_outside():
    drawn = draw_box_mask("3.5,4.5,6.5,9.5", H, W, 1)[0]
    assert drawn.sum() == 15 and drawn[4:9, 3:6].all()


def test_a_text_that_cannot_be_read_is_refused_by_socket_and_line_and_times_are_of_the_clip():
    with pytest.raises(VaceInputError, match=r'^boxes, line 1 \("here"\): "here" is not a box'):
        draw_box_mask("here", H, W, 5)
    with pytest.raises(VaceInputError, match=r"whose frames are @0 to @4;"):
        draw_box_mask("0,0,4,4 8,0,12,4@5", H, W, 5)


def test_a_path_that_is_never_seen_and_an_empty_text_are_refused():
    with pytest.raises(
        VaceInputError, match=r"boxes: box 40,0,50,10 is wholly outside the frame of 36 x 24 pixels\. Boxes are"
    ):
        draw_box_mask("40,0,50,10 60,0,70,10", H, W, 3)
    with pytest.raises(VaceInputError, match=r"boxes is empty: there is nothing to draw\. Write left,top"):
        draw_box_mask(" ; \n", H, W, 3)


def test_easing_reaches_the_boxes():
    text = "0,0,4,4 32,0,36,4"
    linear, eased = (draw_box_mask(text, H, W, 5, easing) for easing in ("linear", "ease in"))
    assert linear[1, 0].nonzero()[0] == 8 and eased[1, 0].nonzero()[0] == 2


def test_a_black_result_is_told(notes):
    note_black(torch.ones(1, 2, 2))
    assert not notes
    note_black(torch.zeros(1, 2, 2))
    note_black(torch.full((1, 2, 2), 0.5))
    assert notes == [Note("black-mask", "The mask is black in every frame: nothing would be generated.")] * 2


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 9999), st.floats(0.05, 0.8))
def test_holes_are_filled_as_by_scipy(seed, share):
    mask = noise(seed, share)
    expected = np.stack([ndimage.binary_fill_holes(frame) for frame in mask.numpy() > 0.5])
    assert np.array_equal(fill_holes(mask).numpy() > 0.5, expected)


def spiral(size=41):
    """A wall wound up, whose corridor the background has to walk to its end."""
    wall = np.ones((size, size), bool)
    y, x, dy, dx, seen = 1, 0, 0, 1, 0
    wall[1, 0] = False
    while seen < 2:
        ahead = y + 2 * dy, x + 2 * dx
        inside = all(0 < c < size - 1 for c in (y + dy, x + dx)) and all(0 <= c < size for c in ahead)
        if inside and wall[ahead]:
            y, x, seen = y + dy, x + dx, 0
            wall[y, x] = False
        else:
            dy, dx, seen = dx, -dy, seen + 1
    return wall


@pytest.mark.parametrize("shape", [~np.eye(41, dtype=bool), spiral(), ~spiral()], ids=["diagonal", "spiral", "way"])
def test_the_background_is_followed_around_every_corner(shape):
    filled = fill_holes(torch.from_numpy(shape)[None].float())[0].bool().numpy()
    np.testing.assert_array_equal(filled, ndimage.binary_fill_holes(shape))


def test_the_spiral_is_long_enough_to_test_anything():
    corridor = ~spiral()
    assert corridor.sum() > 300 and not (corridor & ndimage.binary_fill_holes(spiral())).any()


def test_a_winding_way_in_is_no_hole_and_soft_pixels_stay():
    spiral = torch.tensor([[int(c) for c in row] for row in ("11111", "10001", "10101", "10111", "10000")]).float()
    closed = spiral.clone()
    closed[4, 1] = 1
    assert torch.equal(fill_holes(spiral[None])[0], spiral)
    assert fill_holes(closed[None])[0, :4].all() and not fill_holes(closed[None])[0, 4, 2:].any()
    soft = torch.zeros(1, 5, 5)
    soft[0, 0, 0], soft[0, 1:4, 1:4] = 0.3, 0.9
    soft[0, 2, 2] = 0.1
    filled = fill_holes(soft)
    assert filled[0, 2, 2] == 1 and filled[0, 0, 0] == 0.3 and filled[0, 1, 1] == 0.9 and soft[0, 2, 2] == 0.1


def test_a_still_mask_is_filled_once():
    ring = torch.zeros(1, 5, 5)
    ring[0, 1:4, 1:4], ring[0, 2, 2] = 1, 0
    filled = fill_holes(ring.expand(7, -1, -1))
    assert filled.shape == (7, 5, 5) and filled.stride(0) == 0 and filled[:, 2, 2].all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 9999), st.integers(1, 9), st.sampled_from([1, 3, 5, 7]))
def test_steady_is_a_median_over_frames(seed, num_frames, frames):
    mask = torch.rand(num_frames, 3, 4, generator=torch.Generator().manual_seed(seed))
    steady = steady_mask(mask, frames).numpy()
    for k in range(num_frames):
        reach = min(frames // 2, k, num_frames - 1 - k)
        assert np.array_equal(steady[k], np.median(mask.numpy()[k - reach : k + reach + 1], 0))


def test_one_frame_and_a_still_mask_are_given_on_as_they_are():
    mask = torch.rand(5, 3, 4)
    still = mask[:1].expand(5, -1, -1)
    assert steady_mask(mask, 1) is mask and steady_mask(still, 3) is still


def test_a_flash_and_a_gap_go_and_what_moves_on_stays():
    mask = torch.zeros(7, 1, 8)
    mask[:, 0, :2] = 1
    mask[3, 0, :] = torch.tensor([0, 0, 0, 0, 0, 0, 0, 1.0])
    assert torch.equal(steady_mask(mask, 3), mask[:1].expand(7, -1, -1))
    moving = torch.stack([torch.arange(8)[None] >= k for k in range(7)]).float()
    assert torch.equal(steady_mask(moving, 5), moving)


@pytest.mark.parametrize("frames", [0, 2, -1])
def test_steady_needs_a_middle(frames):
    with pytest.raises(VaceInputError, match=f"steady must be an odd number of frames, 1 or more, got {frames}"):
        steady_mask(torch.zeros(3, 4, 4), frames)
