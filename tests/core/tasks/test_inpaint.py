"""Inpainting: which pixels are generated, what the model sees there, what is told and refused."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.conditioning.halves import split_for_encoding
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.augment import augment_mask
from wan_vace.vace_core.masks.region import RegionShape
from wan_vace.vace_core.masks.semantics import decouple
from wan_vace.vace_core.masks.shape import draw_box_mask, feather_mask, grow_mask
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.tasks import Region
from wan_vace.vace_core.tasks.inpaint import inpaint_vcu
from wan_vace.vace_core.vcu.preflight import preflight
from wan_vace.vace_core.vcu.unit import REPAINT
from wan_vace.vace_core.video import Target

H, W = 32, 48


def video(num_frames=5, height=H, width=W):
    return torch.rand(num_frames, height, width, 3)


def square(num_frames=5):
    mask = torch.zeros(num_frames, H, W)
    mask[:, 8:16, 20:30] = 1
    return mask


def test_a_masked_region_becomes_a_hole_of_exact_grey_and_the_rest_stays():
    frames, mask = video(), square()
    vcu = inpaint_vcu(frames, Region(mask))
    assert vcu.frames is frames and torch.equal(vcu.mask, mask) and vcu.kind == REPAINT and sentences(vcu.notes) == []
    inactive, reactive, channels = split_for_encoding(vcu)
    assert torch.equal(inactive, decouple(frames, mask)[0]) and (inactive[mask == 1] == 0.5).all()
    assert (reactive == 0.5).all() and torch.equal(channels, mask)


def test_the_hole_is_the_official_one_but_for_grey_128():
    frames, mask = video(), square()
    official = torch.where(mask[..., None] > 0, torch.tensor(128 / 255), frames)
    for half, theirs in zip(
        split_for_encoding(inpaint_vcu(frames, Region(mask))), decouple(official, mask), strict=False
    ):
        assert (half - theirs).abs().max() <= 0.004 / 2


def test_keep_amount_mixes_the_old_content_with_grey():
    frames, mask = video(), square()
    _, reactive, _ = split_for_encoding(inpaint_vcu(frames, Region(mask), keep_amount=0.25))
    assert torch.allclose(reactive[mask == 1], 0.5 + 0.25 * (frames[mask == 1] - 0.5))
    with pytest.raises(VaceInputError, match=r"keep_amount must be in \[0, 1\], got 1.5"):
        inpaint_vcu(frames, Region(mask), keep_amount=1.5)


def test_boxes_alone_and_with_a_mask():
    frames = video()
    text = "0,0,8,8 40,0,48,8"
    assert torch.equal(inpaint_vcu(frames, Region(boxes=text)).mask, draw_box_mask(text, H, W, 5))
    both = inpaint_vcu(frames, Region(square(), text)).mask
    assert torch.equal(both, torch.maximum(square(), draw_box_mask(text, H, W, 5)))
    assert torch.equal(
        inpaint_vcu(frames, Region(boxes=text, easing="ease in")).mask, draw_box_mask(text, H, W, 5, easing="ease in")
    )


def test_boxes_are_in_pixels_of_the_connected_video_and_of_the_frames_that_are_used():
    vcu = inpaint_vcu(
        video(9, 64, 96), Region(boxes="0,0,16,16 80,0,96,16@4"), target=Target(width=48, height=32, length=5)
    )
    centres = [frame.nonzero().float().mean(0).tolist() for frame in (vcu.mask > 0.5)]
    assert centres[0] == [3.5, 3.5] and centres[4] == [3.5, 43.5]
    with pytest.raises(VaceInputError, match="@8 is outside the clip, whose frames are @0 to @4"):
        inpaint_vcu(video(9), Region(boxes="0,0,9,9@8"), target=Target(length=5))


def test_the_region_is_grown_then_augmented_then_feathered():
    shape = RegionShape(grow=2, feather=3, augment="hull_expand", seed=6, ratio=0.8)
    expected = feather_mask(augment_mask(grow_mask(square(), 2), "hull_expand", seed=6, ratio=0.8), 3)
    assert torch.equal(inpaint_vcu(video(), Region(square(), shape=shape)).mask, expected)


def test_per_cent_of_the_object():
    shape = RegionShape(grow=20, unit="% of object")  # of sqrt(80), 1.8 pixels
    assert torch.equal(inpaint_vcu(video(), Region(square(), shape=shape)).mask, grow_mask(square(), 1.8))


def test_the_region_is_shaped_at_the_size_that_is_generated():
    large = torch.nn.functional.interpolate(square()[:, None], scale_factor=2)[:, 0]
    vcu = inpaint_vcu(video(5, 64, 96), Region(large, shape=RegionShape(grow=4)), target=Target(width=48))
    expected = grow_mask(inpaint_vcu(video(5, 64, 96), Region(large), target=Target(width=48)).mask, 4)
    assert torch.equal(vcu.mask, expected)
    assert sentences(vcu.notes) == ["video is resized from 96 x 64 to 48 x 32 (cover)."]


def test_bars_and_frames_after_the_end_are_generated_and_take_no_part_in_the_shape():
    shape = RegionShape(augment="bbox")
    vcu = inpaint_vcu(
        video(), Region(square(), shape=shape), target=Target(width=96, height=32, length=9, fit="contain")
    )
    expected = torch.ones(9, H, 96)
    expected[:5, :, 24:72] = square()
    assert torch.equal(vcu.mask, expected)
    assert (vcu.frames[:, :, :24] == 0.5).all() and (vcu.frames[5:] == 0.5).all()
    assert "video has 5 frames; the 4 after it are generated freely." in sentences(vcu.notes)


def test_control_is_shown_in_the_region_only():
    frames, control, mask = video(), video(), square()
    vcu = inpaint_vcu(frames, Region(mask, shape=RegionShape(feather=4)), control=control)
    inside = vcu.mask > 0.5
    assert torch.equal(vcu.frames[inside], control[inside]) and torch.equal(vcu.frames[~inside], frames[~inside])
    assert vcu.control_amount == 1 and inside.sum() > mask.sum() and sentences(vcu.notes) == []


def test_control_changes_size_and_length_with_the_video():
    vcu = inpaint_vcu(
        torch.zeros(9, 64, 96, 3),
        Region(boxes="0,0,50%,100%"),
        control=torch.ones(9, 64, 96, 3),
        target=Target(width=48, length=5),
    )
    assert vcu.frames.shape == (5, 32, 48, 3)
    assert torch.equal(vcu.frames[..., 0], (vcu.mask > 0.5).float())


def test_keep_amount_beside_control_is_told():
    vcu = inpaint_vcu(video(), Region(square()), control=video(), keep_amount=0.5)
    assert sentences(vcu.notes) == ["keep_amount is not used: the region shows control."] and vcu.control_amount == 1


def test_control_that_does_not_belong_to_the_video_is_refused():
    with pytest.raises(VaceInputError, match="control has 4 frames but video has 5"):
        inpaint_vcu(video(), Region(square()), control=video(4))
    with pytest.raises(VaceInputError, match="control is 64 x 32 but video is 48 x 32"):
        inpaint_vcu(video(), Region(square()), control=video(5, 32, 64))


@pytest.mark.parametrize("boxes", ["", " \n;"])
def test_neither_mask_nor_boxes(boxes):
    with pytest.raises(VaceInputError, match="There is no mask and boxes is empty: nothing says what is to be"):
        inpaint_vcu(video(), Region(boxes=boxes))


def test_an_empty_mask_is_refused_but_may_be_empty_on_some_frames():
    mask = square()
    mask[:4] = 0
    assert torch.equal(inpaint_vcu(video(), Region(mask)).mask, mask)
    with pytest.raises(VaceInputError, match=r"^mask is black in all 4 frames: nothing would be generated\. White is"):
        inpaint_vcu(video(), Region(mask), target=Target(length=4))
    assert inpaint_vcu(video(), Region(torch.zeros(5, H, W), "0,0,9,9")).mask.any()


def test_a_region_that_shrinks_to_nothing_is_refused():
    with pytest.raises(
        VaceInputError, match=r"Nothing is left of the region .* \(grow is -9 pixels\)\. Shrink it less"
    ):
        inpaint_vcu(video(), Region(square(), shape=RegionShape(grow=-9)))
    with pytest.raises(VaceInputError, match=r"feather must be 0 or more, got -1"):
        RegionShape(feather=-1)


def test_a_region_that_is_everything_or_looks_inverted_is_told():
    everything, most = inpaint_vcu(video(), Region(torch.ones(5, H, W))), inpaint_vcu(video(), Region(1 - square()))
    (note,) = sentences(everything.notes)
    assert note.startswith("The region is the whole video: nothing of it is kept. To generate freely, use VACE Build")
    (note,) = sentences(most.notes)
    assert (
        note
        == "95% of the video is generated. White is generated; if the mask is the wrong way round, use Invert Mask."
    )
    assert preflight(everything).warnings == preflight(most).warnings == ()  # told before
    assert preflight(replace(most, notes=())).warnings == (note,)
    assert sentences(inpaint_vcu(video(), Region(boxes="0,0,38,100%")).notes) == []


def test_boxes_outside_the_frame_are_refused_or_cut_and_told():
    with pytest.raises(VaceInputError, match="box 50,0,60,9 is wholly outside the frame of 48 x 32"):
        inpaint_vcu(video(), Region(boxes="50,0,60,9"))
    (note,) = sentences(inpaint_vcu(video(), Region(boxes="40,0,60,9")).notes)
    assert note == "boxes: box 40,0,60,9 reaches out of the frame of 48 x 32; only the part inside counts."


def test_messages_speak_of_this_nodes_sockets():
    with pytest.raises(VaceInputError, match="mask is 48 x 48 but video is 48 x 32"):
        inpaint_vcu(video(), Region(torch.ones(5, 48, 48)))
    assert sentences(inpaint_vcu(video(), Region(square(4))).notes) == [
        "mask has 4 frames, video 5; the mask is extended by holding its last frame.",
    ]
    with pytest.raises(VaceInputError, match="mask looks like a picture"):
        inpaint_vcu(video(), Region(torch.full((5, H, W), 0.7)))
    assert inpaint_vcu(video(), Region(torch.full((5, H, W), 0.7), soft_mask=True)).mask.max() == pytest.approx(0.7)


def test_a_still_region_stays_one_frame_in_memory():
    vcu = inpaint_vcu(video(), Region(square(1), "0,0,9,9", shape=RegionShape(2, 2, augment="hull")))
    assert vcu.mask.shape == (5, H, W) and vcu.mask.untyped_storage().nbytes() == H * W * 4


def test_references_and_an_odd_length_come_along():
    picture = torch.rand(1, 20, 20, 3)
    vcu = inpaint_vcu(video(6), Region(square(1)), [("reference_image_0", picture)])
    assert torch.equal(vcu.references[0].image, picture[0])
    assert sentences(vcu.notes)[-1].startswith("6 frames are generated as 9")


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 9),
    st.integers(0, 9),
    st.integers(-3, 9),
    st.integers(0, 9),
    st.sampled_from(["original", "hull_expand", "bbox"]),
)
def test_kept_pixels_survive_bit_for_bit_and_the_mask_is_one(num_frames, length, grow, feather, augment):
    frames = video(num_frames)
    before = frames.clone()
    vcu = inpaint_vcu(
        frames, Region(square(1), shape=RegionShape(grow, feather, augment=augment)), target=Target(length=length)
    )
    used = min(length or num_frames, num_frames)
    assert vcu.num_frames == (length or num_frames) and torch.equal(frames, before)
    assert torch.equal(vcu.frames[:used], frames[:used])
    assert 0 <= vcu.mask.min() and vcu.mask.max() <= 1
    inactive, _, _ = split_for_encoding(vcu)
    kept = vcu.mask[:used] <= 0.5
    assert torch.allclose(inactive[:used][kept], frames[:used][kept], atol=1e-7)
