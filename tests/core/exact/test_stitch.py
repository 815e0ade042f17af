"""What comes back of a crop: exact outside the mask, all new inside, and told where it ends."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.hearing import heard
from harness.letting_go import watched
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.exact.crop import CropPlan
from wan_vace.vace_core.exact.paste import paste_back
from wan_vace.vace_core.exact.stitch import Crop, make_crop, stitch_crop, stitch_parts
from wan_vace.vace_core.masks.shape import feather_mask

from .test_crop import H, W, boxes, clip_of, sliding


@settings(max_examples=40, deadline=None)
@given(
    path=st.lists(st.none() | boxes(), min_size=1, max_size=7).filter(any),
    margin=st.sampled_from([0.0, 50.0]),
    feather=st.integers(0, 30),
    scale=st.sampled_from(["1:1", "custom"]),
)
def test_outside_the_mask_and_its_feather_all_is_bit_equal_and_inside_all_is_new(path, margin, feather, scale):
    vcu = clip_of(path)
    cropped, crop = make_crop(vcu, margin=margin, scale=scale, megapixels=0.01)
    made = torch.full_like(cropped.frames, 0.25)
    stitched, _ = heard(stitch_crop, made, crop, feather)
    inside, near = vcu.mask > 0.5, feather_mask(vcu.mask, feather) > 0
    assert torch.equal(stitched[~near], vcu.frames[~near])
    torch.testing.assert_close(stitched[inside], torch.full_like(stitched[inside], 0.25))


@pytest.mark.parametrize("path", [[(60, 40, 76, 56)], sliding(6, 20), [*sliding(4, 20), None]])
def test_what_nobody_changed_comes_back_bit_equal_at_one_to_one(path):
    vcu = clip_of(path)
    cropped, crop = make_crop(vcu)
    before = vcu.frames.clone()
    stitched, _ = heard(stitch_crop, cropped.frames, crop)
    assert torch.equal(stitched, before) and torch.equal(vcu.frames, before) and stitched is not vcu.frames


@pytest.mark.parametrize("scale", ["1:1", "custom"])
def test_no_part_is_held_while_the_next_is_made(scale):
    cropped, crop = make_crop(clip_of(sliding(5, 20)), scale=scale, megapixels=0.01)
    held, made = [], torch.rand_like(cropped.frames)
    stitched = stitch_parts(watched(made.split(2), held), made.shape, crop, measured=list)
    assert sum(map(len, stitched)) == 5 and held == [0, 0, 0]


def test_stitching_equals_pasting_the_whole_frame():
    vcu = clip_of(sliding(5, 20))
    cropped, crop = make_crop(vcu, margin=100)
    made = torch.rand_like(cropped.frames)
    whole = vcu.frames.clone()
    for frame, picture, (top, left) in zip(whole, made, crop.plan.corners, strict=True):
        frame[top : top + crop.plan.box[0], left : left + crop.plan.box[1]] = picture
    assert torch.equal(heard(stitch_crop, made, crop, 6)[0], paste_back(whole, vcu, 6)[0])


def test_the_feather_ends_with_the_crop_and_the_report_says_so():
    _, crop = make_crop(clip_of([(60, 40, 76, 56)]), margin=50)
    stitched, notes = heard(stitch_crop, torch.zeros(1, 32, 32, 3), crop, 20)
    assert notes[0] == "feather is 8 instead of 20: the crop ends there. A larger margin allows more."
    assert torch.equal(stitched, heard(stitch_crop, torch.zeros(1, 32, 32, 3), crop, 8)[0])


def test_the_feather_is_free_where_the_crop_ends_with_the_frame():
    _, crop = make_crop(clip_of([(0, 0, 16, H)]), margin=0)
    notes = heard(stitch_crop, torch.zeros(1, *crop.plan.box, 3), crop, 5)[1]
    assert crop.plan.box == (H, 16) and notes[0].startswith("feather is 0 instead of 5")  # its right side has none
    plan = CropPlan((H, W), (H, 32), (H, 32), ((0, 0),))
    notes = heard(stitch_crop, torch.zeros(1, H, 32, 3), Crop(plan, crop.vcu), 16)[1]
    assert not any(note.startswith("feather") for note in notes)


def test_an_enlarged_result_is_scaled_back_and_told():
    cropped, crop = make_crop(clip_of([(60, 40, 76, 56)] * 3))
    large = cropped.frames.repeat_interleave(2, 1).repeat_interleave(2, 2)
    stitched, notes = heard(stitch_crop, large, crop, 0)
    assert notes[0] == "frames is 64 x 64 where 32 x 32 was generated; it is scaled to the crop's 32 x 32."
    torch.testing.assert_close(stitched, crop.vcu.frames, atol=0.5, rtol=0)
    assert torch.equal(stitched[crop.vcu.mask < 0.5], crop.vcu.frames[crop.vcu.mask < 0.5])


def test_a_whole_frame_is_stitched_as_pasting_does():
    vcu = clip_of([(0, 0, W, H - 3)] * 3)
    made = torch.rand_like(vcu.frames)
    stitched, notes = heard(stitch_crop, made, make_crop(vcu, margin=0)[1], 2)
    assert torch.equal(stitched, paste_back(made, vcu, 2)[0]) and not any("Outside the crop" in n for n in notes)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 32, 32, 3), "frames has 4 frames but crop has 3. Connect all frames"),
        ((3, 32, 48, 3), "frames is 48 x 32, which has not the shape of the crop, 32 x 32"),
        ((3, H, W, 3), "frames is 160 x 96, which has not the shape"),
    ],
)
def test_frames_that_are_not_the_crops_are_refused(shape, message):
    _, crop = make_crop(clip_of([(60, 40, 76, 56)] * 3))
    with pytest.raises(VaceInputError, match=message):
        stitch_crop(torch.zeros(shape), crop)
