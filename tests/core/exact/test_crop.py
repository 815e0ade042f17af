"""The crop's place and size, and what comes back of it."""

import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.exact.crop import crop_vcu, plan_crop
from wan_vace.vace_core.exact.crop_path import mask_path, mask_spans, smooth_path
from wan_vace.vace_core.exact.stitch import make_crop
from wan_vace.vace_core.notes import Note, sentences
from wan_vace.vace_core.vcu.references import Reference
from wan_vace.vace_core.vcu.unit import REPAINT, Vcu, empty_vcu
from wan_vace.vace_core.video.grid import num_tokens

H, W = 96, 160
WHOLE = (0, 0, W, H)


def clip_of(boxes, height=H, width=W, **settings):
    """A VCU of noise whose mask is one box (left, top, right, bottom) per frame, or none."""
    mask = torch.zeros(len(boxes), height, width)
    for frame, box in zip(mask, boxes, strict=True):
        if box is not None:
            left, top, right, bottom = box
            frame[top:bottom, left:right] = 1
    frames = torch.rand(len(boxes), height, width, 3, generator=torch.Generator().manual_seed(1))
    return Vcu(frames, mask, kind=REPAINT, control_amount=0.0, **settings)


def sliding(count, step, side=16, left=10, top=40):
    return [(left + step * t, top, left + step * t + side, top + side) for t in range(count)]


def columns_of(plan):
    return torch.tensor(plan.corners)[:, 1].double()


def jerk(path):
    return path.diff().diff().square().mean().sqrt()


@st.composite
def boxes(draw):
    left, top = draw(st.integers(0, W - 2)), draw(st.integers(0, H - 2))
    return left, top, draw(st.integers(left + 1, W)), draw(st.integers(top + 1, H))


# Where it is


@settings(max_examples=100, deadline=None)
@given(
    path=st.lists(st.none() | boxes(), min_size=1, max_size=9).filter(any),
    margin=st.sampled_from([0.0, 25.0, 50.0, 300.0]),
    scale=st.sampled_from(["1:1", "custom"]),
    smoothing=st.integers(0, 12),
)
def test_every_generated_pixel_and_its_margin_are_inside_and_the_crop_is_in_the_frame(path, margin, scale, smoothing):
    vcu = clip_of(path)
    plan = plan_crop(vcu, margin, scale, 0.01, smoothing)
    rows, columns = plan.box
    space = round(margin / 100 * max(max(b[2] - b[0], b[3] - b[1]) for b in path if b))
    assert rows % 16 == columns % 16 == 0 and plan.size[0] % 16 == plan.size[1] % 16 == 0
    assert len(plan.corners) == len(path)
    for box, (top, left) in zip(path, plan.corners, strict=True):
        assert 0 <= top <= H - rows and 0 <= left <= W - columns
        if box:
            assert left <= max(box[0] - space, 0) and left + columns >= min(box[2] + space, W)
            assert top <= max(box[1] - space, 0) and top + rows >= min(box[3] + space, H)
    assert plan.cut(vcu.mask).sum() == vcu.mask.sum()
    cropped = crop_vcu(vcu, plan)
    assert cropped.frames.shape == (len(path), *plan.size, 3) and cropped.mask.max() > 0.5


def test_a_line_of_one_pixel_is_still_generated_in_a_smaller_crop():
    vcu = clip_of([(0, 88, 19, 89)])
    plan = plan_crop(vcu, 300.0, "custom", 0.01, 0)
    assert plan.size[0] < plan.box[0]
    seen = crop_vcu(vcu, plan).mask > 0.5
    assert seen.any() and int(seen.any(2).sum()) <= 2  # rows
    still = replace(vcu, frames=vcu.frames.expand(9, -1, -1, -1), mask=vcu.mask.expand(9, -1, -1))
    cropped = crop_vcu(still, plan_crop(still, 300.0, "custom", 0.01, 0)).mask
    assert cropped.stride(0) == 0 and torch.equal(cropped[:1] > 0.5, seen)  # scaled once


@pytest.mark.parametrize("step", [2, 3, 5])
def test_a_steady_motion_is_followed_steadily_and_without_lag(step):
    boxes = sliding(33, step, left=60)
    plan = plan_crop(clip_of(boxes, width=320), margin=25)
    middle = columns_of(plan) + plan.box[1] / 2
    assert plan.box == (32, 32) and not plan.still
    assert (middle - torch.tensor([(b[0] + b[2]) / 2 for b in boxes])).abs().max() <= 0.5
    assert columns_of(plan).diff().diff().abs().max() <= 1


def test_half_a_pixel_per_frame_becomes_whole_pixels_evenly():
    boxes = [(50 + t // 2, 40, 66 + (t + 1) // 2, 56) for t in range(65)]  # the middle moves by exactly 0.5
    assert columns_of(plan_crop(clip_of(boxes, width=320), margin=0)).diff().unique().tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(4))
def test_the_jitter_of_a_mask_is_taken_out_of_the_crop(seed):
    shake = torch.randint(-4, 5, (49,), generator=torch.Generator().manual_seed(seed)).tolist()
    boxes = [(60 + 3 * t + s, 40, 100 + 3 * t + s, 80) for t, s in enumerate(shake)]
    vcu = clip_of(boxes, height=144, width=320)
    smooth, exact = (columns_of(plan_crop(vcu, smoothing=frames)) for frames in (8, 0))
    path = torch.tensor([b[0] for b in boxes]).double()
    assert jerk(smooth) * 4 < jerk(path)
    assert jerk(exact) > 0.5 * jerk(path)


def test_frames_without_a_mask_are_on_the_straight_line_between_their_neighbours():
    mask = torch.zeros(8, 40, 60)
    mask[2, 4:9, 3:10], mask[6, 11:20, 30:41] = 1, 1  # middles 6.5 and 15.5 down, 6.5 and 35.5 across
    rows, columns = mask_spans(mask)
    assert rows[2].tolist() == [4, 9] and columns[6].tolist() == [30, 41] and rows[[0, 1, 3, 7]].isnan().all()
    for span, first, last in ((rows, 6.5, 15.5), (columns, 6.5, 35.5)):
        line = [first] * 3 + [first + (last - first) * k / 4 for k in (1, 2, 3)] + [last] * 2
        torch.testing.assert_close(mask_path(span, 0), torch.tensor(line).double(), rtol=1e-14, atol=0)


def test_smoothing_leaves_a_line_alone_and_fits_lines_by_least_squares():
    generator = torch.Generator().manual_seed(2)
    line = 3.7 + 1.3 * torch.arange(12).double()
    torch.testing.assert_close(smooth_path(line, 5), line)
    noisy = torch.randn(12, generator=generator).double()
    t = torch.arange(12).double()
    for k in (0, 5, 11):  # a second way: the weighted normal equations of each frame, kernel cut where ours is
        weight = torch.exp(-2 * ((t - k) / 4) ** 2) * ((t - k).abs() <= 6)
        design = torch.stack([torch.ones(12).double(), t - k], 1) * weight.sqrt()[:, None]
        fit = torch.linalg.lstsq(design, (noisy * weight.sqrt())[:, None]).solution
        torch.testing.assert_close(smooth_path(noisy, 4)[k], fit[0, 0])
    assert torch.equal(smooth_path(noisy, 0), noisy) and torch.equal(smooth_path(noisy[:1], 4), noisy[:1])


def test_a_crop_that_can_stand_still_at_no_cost_stands_still():
    shaky = [(60 + t % 2, 40, 80 + t % 2, 60) for t in range(9)]
    plan = plan_crop(clip_of(shaky), margin=25, smoothing=0)
    assert plan.still and plan.box == (32, 32) and "standing still" in sentences(plan.notes)[0]
    across = plan_crop(clip_of(sliding(9, 8)), margin=25)
    assert len({top for top, _ in across.corners}) == 1 and len({left for _, left in across.corners}) == 9


def test_frames_without_a_mask_lie_between_their_neighbours_and_are_told():
    boxes = sliding(9, 12, left=30)
    whole = plan_crop(clip_of(boxes, width=320), margin=0, smoothing=0)
    holes = plan_crop(clip_of([None, *boxes[1:3], None, None, *boxes[5:8], None], width=320), margin=0, smoothing=0)
    assert holes.corners[1:8] == whole.corners[1:8]
    assert holes.corners[0] == holes.corners[1] and holes.corners[8] == holes.corners[7]
    assert any(note.startswith("4 frames have an empty mask") for note in sentences(holes.notes))


def test_a_mask_that_jumps_is_followed_closely_instead_of_making_the_crop_huge():
    boxes = [(8, 40, 24, 56)] * 6 + [(280, 40, 296, 56)] * 6
    plan = plan_crop(clip_of(boxes, width=320), margin=50)
    assert plan.box == (32, 48) and len(set(plan.corners)) > 1


def test_a_vcu_of_one_frame_is_cropped():
    cropped, crop = make_crop(clip_of([(60, 40, 76, 56)]), margin=0)
    assert cropped.frames.shape == (1, 16, 16, 3) and crop.plan.corners == ((40, 60),)


# What is decided


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (WHOLE, r"The mask spans the whole frame in every frame \(first in frame 0\), so cropping would save too"),
        ((0, 0, W, H - 3), r"The mask with its margin needs 100% of the frame"),
    ],
)
def test_a_mask_of_nearly_everything_keeps_the_whole_frame_and_says_so(box, message):
    vcu = clip_of([box] * 3)
    cropped, crop = make_crop(vcu, margin=0)
    assert crop.plan.whole and cropped.frames is vcu.frames and cropped.mask is vcu.mask
    assert re.match(message, sentences(cropped.notes)[0])


def test_one_frame_that_is_generated_wholly_is_named():
    _, crop = make_crop(clip_of([(60, 40, 76, 56)] * 3 + [WHOLE] * 2))
    assert sentences(crop.plan.notes)[0].startswith(
        "The mask spans the whole frame in 2 of 5 frames (first in frame 3), so"
    )


def test_the_tokens_are_those_of_both_sizes_references_included():
    vcu = clip_of([(60, 40, 76, 56)] * 6, references=(Reference(torch.rand(8, 8, 3)),))
    assert f"{num_tokens(4, 32, 32)} tokens instead of {num_tokens(4, H, W)}:" in sentences(plan_crop(vcu).notes)[-1]


@pytest.mark.parametrize(("scale", "pixels"), [("480p", 480 * 832), ("720p", 720 * 1280), ("custom", 250_000)])
@pytest.mark.parametrize("box", [(60, 40, 76, 56), (10, 40, 90, 50), (60, 10, 64, 90)])
def test_a_scaled_crop_has_the_pixels_asked_for_in_its_own_shape(scale, pixels, box):
    plan = plan_crop(clip_of([box]), 10, scale, 0.25)
    (rows, columns), (height, width) = plan.box, plan.size
    assert 0.8 * pixels <= height * width <= 1.02 * pixels
    assert abs(height * columns / (width * rows) - 1) < 0.02
    assert sentences(plan.notes)[1] == f"It is generated at {width} x {height}, {width / columns:.3g} times as large."


def test_a_small_crop_is_advised_to_be_enlarged_and_an_enlarged_one_is_not():
    vcu = clip_of([(60, 40, 76, 56)])
    assert any("32 x 32 is far below the 480p" in note for note in sentences(plan_crop(vcu).notes))
    assert not any("far below" in note for note in sentences(plan_crop(vcu, scale="480p").notes))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"margin": -1}, "margin must be 0 or more, got -1"),
        ({"smoothing": -2}, "smoothing must be 0 or more, got -2"),
        ({"scale": "4k"}, "scale must be one of 1:1, 480p, 720p, custom, got 4k"),
        ({"scale": "custom", "megapixels": 0}, r"megapixels must be in \[0.001, 100\], got 0"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(VaceInputError, match=message):
        plan_crop(clip_of([(60, 40, 76, 56)]), **setting)


def test_an_empty_mask_is_refused():
    with pytest.raises(VaceInputError, match="vcu generates nothing: its mask is black in all 3 frames"):
        plan_crop(clip_of([None] * 3))


# What is cropped


def test_at_one_to_one_the_pixels_are_slices_and_a_still_crop_is_a_view():
    vcu = clip_of([(60, 40, 76, 56)] * 3)
    cropped, crop = make_crop(vcu)
    top, left = crop.plan.corners[0]
    assert torch.equal(cropped.frames, vcu.frames[:, top : top + 32, left : left + 32])
    assert cropped.frames.data_ptr() == vcu.frames[:, top:, left:].data_ptr()
    vcu = clip_of(sliding(5, 20))
    moving, crop = make_crop(vcu)
    for t, (top, left) in enumerate(crop.plan.corners):
        assert torch.equal(moving.frames[t], vcu.frames[t, top : top + 32, left : left + 32])


def test_what_is_expanded_stays_expanded():
    still = clip_of([(60, 40, 76, 56)])
    vcu = Vcu(torch.full((1, 1, 1, 1), 0.5).expand(40, H, W, 3), still.mask.expand(40, -1, -1), kind=REPAINT)
    for scale in ("1:1", "480p"):
        cropped, _ = make_crop(vcu, scale=scale)
        assert cropped.frames.stride(0) == cropped.mask.stride(0) == 0 and len(cropped.mask) == 40
    moving = Vcu(torch.full((1, 1, 1, 1), 0.5).expand(5, H, W, 3), clip_of(sliding(5, 20)).mask, kind=REPAINT)
    assert make_crop(moving)[0].frames.stride() == (0, 0, 0, 0)
    free = empty_vcu(9, H, W)
    assert make_crop(free)[0].frames is free.frames


def test_everything_but_the_pixels_goes_along():
    sound, reference = object(), Reference(torch.rand(20, 30, 3))
    vcu = clip_of(
        [(60, 40, 76, 56)] * 3, references=(reference,), fps=24.0, audio=sound, notes=(Note("any", "Before."),)
    )
    cropped, crop = make_crop(vcu, scale="480p")
    assert cropped.references == (reference,) and cropped.fps == 24 and cropped.audio is sound
    assert cropped.kind == REPAINT and cropped.control_amount == 0
    assert sentences(cropped.notes) == ["Before.", *sentences(crop.plan.notes)]
