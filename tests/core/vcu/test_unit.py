"""Building a VCU: what is repaired, what is told, what is refused."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.vcu.build import build_vcu
from wan_vace.vace_core.vcu.unit import Vcu, empty_vcu
from wan_vace.vace_core.video import Target


def video(num_frames=5, height=32, width=48):
    return torch.rand(num_frames, height, width, 3)


def test_without_inputs_it_is_text_to_video():
    vcu = build_vcu()
    assert vcu.frames.shape == (81, 480, 832, 3) and vcu.mask.shape == (81, 480, 832)
    assert vcu.frames.unique().tolist() == [0.5] and vcu.mask.unique().tolist() == [1]
    assert vcu.references == () and sentences(vcu.notes) == []


def test_the_empty_vcu_takes_no_memory():
    vcu = empty_vcu(81, 720, 1280)
    assert vcu.frames.untyped_storage().nbytes() + vcu.mask.untyped_storage().nbytes() <= 8


def test_a_video_alone_is_all_control():
    frames = video()
    vcu = build_vcu(frames)
    assert vcu.frames is frames and vcu.mask.min() == 1 and sentences(vcu.notes) == []


def test_a_mask_makes_a_hole_unless_its_content_is_meant_as_control():
    mask = torch.ones(5, 32, 48)
    assert build_vcu(video(), mask).control_amount == 0
    assert build_vcu(video(), mask, inside_mask="control").control_amount == 1
    assert build_vcu(video(), inside_mask="empty").control_amount == 1
    with pytest.raises(VaceInputError, match="inside_mask must be one of empty, control, got hole"):
        build_vcu(video(), mask, inside_mask="hole")


def test_a_vcu_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        empty_vcu(1, 16, 16).frames = torch.zeros(1)


def test_one_mask_serves_every_frame_and_says_so():
    mask = torch.zeros(1, 32, 48)
    mask[:, :, 24:] = 1
    vcu = build_vcu(video(), mask)
    assert (vcu.mask == mask).all() and vcu.mask.shape[0] == 5
    assert sentences(vcu.notes) == ["control_masks has one frame; it is used for all 5."]


@pytest.mark.parametrize(("count", "how"), [(4, "extended by holding its last frame"), (6, "cut")])
def test_a_mask_off_by_less_than_a_latent_frame_is_repaired_and_told(count, how):
    mask = torch.ones(count, 32, 48)
    mask[-1, 0, 0] = 0
    vcu = build_vcu(video(), mask)
    assert vcu.mask.shape[0] == 5 and vcu.mask[4, 0, 0] == (0 if count == 4 else 1)
    assert sentences(vcu.notes) == [f"control_masks has {count} frames, control_video 5; the mask is {how}."]


@pytest.mark.parametrize("count", [40, 85])
def test_a_mask_of_another_length_is_refused_with_both_counts(count):
    message = rf"control_masks has {count} frames but control_video has 81\. Give it 81 frames, or one frame for all"
    with pytest.raises(VaceInputError, match=message):
        build_vcu(video(81), torch.ones(count, 32, 48))


@pytest.mark.parametrize(("frames", "masks"), [(9, 5), (5, 9), (9, 13), (9, 1)])
def test_length_cuts_video_and_mask_before_they_have_to_agree(frames, masks):
    clip, mask = video(frames), (torch.rand(masks, 32, 48) > 0.5).float()
    vcu = build_vcu(clip, mask, target=Target(length=5))
    assert torch.equal(vcu.frames, clip[:5]) and torch.equal(vcu.mask, mask[:5].expand(5, -1, -1))
    cut = ["control_video has 9 frames; the first 5 are used."] if frames == 9 else []
    still = ["control_masks has one frame; it is used for all 5."] if masks == 1 else []
    assert sentences(vcu.notes) == cut + still


def test_a_mask_of_another_shape_is_refused_with_both_sizes():
    message = r"control_masks is 48 x 48 but control_video is 48 x 32: a mask of another shape would land beside"
    with pytest.raises(VaceInputError, match=message):
        build_vcu(video(), torch.ones(5, 48, 48))


def test_a_mask_of_the_same_shape_is_resized_and_stays_in_place():
    mask = torch.zeros(5, 64, 96)
    mask[:, 32:, 48:] = 1
    vcu = build_vcu(video(), mask)
    expected = torch.zeros(5, 32, 48)
    expected[:, 16:, 24:] = 1
    assert ((vcu.mask > 0.5).float() == expected).all()
    assert sentences(vcu.notes) == ["control_masks is resized from 96 x 64 to the video's 48 x 32."]


def test_a_mask_without_video_is_refused():
    with pytest.raises(VaceInputError, match=r"control_masks is connected but control_video is not.*Connect the video"):
        build_vcu(None, torch.ones(5, 32, 48))


def test_a_black_mask_is_told_because_it_generates_nothing():
    assert "black everywhere" in sentences(build_vcu(video(), torch.zeros(5, 32, 48)).notes)[0]


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_frames_and_mask_stay_aligned_at_another_size(fit):
    # The mask marks exactly the white pixels, so it must still do so after both were fitted.
    mask = torch.zeros(5, 64, 64)
    mask[:, 16:48, 8:40] = 1
    frames = mask[..., None].expand(-1, -1, -1, 3).contiguous()
    vcu = build_vcu(frames, mask, target=Target(width=96, height=48, fit=fit))
    assert vcu.frames.shape == (5, 48, 96, 3)
    content = (vcu.frames[..., 0] != 0.5) | (vcu.mask != 1)  # not a generated bar
    torch.testing.assert_close(vcu.frames[..., 0][content], vcu.mask[content])
    assert any(f"({fit})" in note for note in sentences(vcu.notes))


def test_contain_adds_bars_that_are_generated():
    vcu = build_vcu(
        torch.zeros(1, 32, 32, 3), torch.zeros(1, 32, 32), target=Target(width=64, height=32, fit="contain")
    )
    bars = torch.ones(64, dtype=torch.bool)
    bars[16:48] = False
    assert (vcu.mask[:, :, bars] == 1).all() and (vcu.frames[:, :, bars] == 0.5).all()
    assert (vcu.mask[:, :, ~bars] == 0).all() and (vcu.frames[:, :, ~bars] == 0).all()


def test_a_size_off_the_grid_is_snapped_and_told():
    vcu = build_vcu(video(5, 350, 350))
    assert (vcu.height, vcu.width) == (352, 352)
    assert sentences(vcu.notes) == [
        "Size 350 x 350 becomes 352 x 352: the model needs multiples of 16.",
        "control_video is resized from 350 x 350 to 352 x 352 (cover).",
    ]


def test_one_given_side_keeps_the_shape():
    vcu = build_vcu(video(1, 240, 416), target=Target(width=832))
    assert (vcu.height, vcu.width) == (480, 832)


def test_a_longer_length_is_generated_after_the_video():
    frames = video(5)
    vcu = build_vcu(frames, torch.zeros(5, 32, 48), target=Target(length=9))
    assert vcu.num_frames == 9
    assert (vcu.frames[5:] == 0.5).all() and (vcu.mask[5:] == 1).all() and (vcu.mask[:5] == 0).all()
    assert "control_video has 5 frames; the 4 after it are generated freely." in sentences(vcu.notes)


def test_a_shorter_length_uses_the_first_frames():
    frames = video(9)
    vcu = build_vcu(frames, target=Target(length=5))
    assert (vcu.frames == frames[:5]).all()
    assert sentences(vcu.notes) == ["control_video has 9 frames; the first 5 are used."]


def test_an_odd_length_is_kept_and_its_padding_told():
    vcu = build_vcu(video(80))
    assert vcu.num_frames == 80
    assert sentences(vcu.notes) == [
        "80 frames are generated as 81 (the model needs 4n + 1); VACE Decode Latent gives 80 back."
    ]


def test_references_keep_their_order_over_sockets_and_batches():
    def shade(value):
        return torch.full((1, 8, 8, 3), value)

    references = [("reference_image_0", torch.cat([shade(0.1), shade(0.2)])), ("reference_image_3", shade(0.3))]
    vcu = build_vcu(references=references, target=Target(width=16, height=16, length=1))
    assert [round(p.image.mean().item(), 3) for p in vcu.references] == [0.1, 0.2, 0.3]


def test_more_than_three_references_are_allowed_and_told():
    vcu = build_vcu(
        references=[("reference_image_0", torch.ones(4, 8, 8, 3))], target=Target(width=16, height=16, length=1)
    )
    assert len(vcu.references) == 4
    assert sentences(vcu.notes) == ["4 references: the authors advise at most 3; leave out those that matter least."]


def test_a_vcu_off_the_grid_is_refused_with_the_nearest_size():
    with pytest.raises(VaceInputError, match=r"multiples of 16, got 70 x 40\. Use 64 x 48\."):
        empty_vcu(1, 40, 70)


@settings(max_examples=40, deadline=None)
@given(
    num_frames=st.integers(1, 12),
    height=st.integers(8, 70),
    width=st.integers(8, 70),
    length=st.integers(0, 14),
    fit=st.sampled_from(["cover", "contain", "stretch"]),
    target=st.tuples(st.integers(0, 64), st.integers(0, 64)),
)
def test_whatever_is_connected_the_vcu_is_legal(num_frames, height, width, length, fit, target):
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(num_frames, height, width, 3, generator=generator)
    mask = (torch.rand(num_frames, height, width, generator=generator) > 0.5).float()
    vcu = build_vcu(frames, mask, target=Target(width=target[0], height=target[1], length=length, fit=fit))
    assert vcu.num_frames == (length or num_frames)
    assert vcu.height % 16 == vcu.width % 16 == 0
    for part in (vcu.frames, vcu.mask):
        assert part.min() >= 0 and part.max() <= 1


def test_direct_construction_checks_the_mask():
    with pytest.raises(VaceInputError, match=r"mask must have shape \[1, 16, 16\], got \[2, 16, 16\]"):
        Vcu(torch.zeros(1, 16, 16, 3), torch.zeros(2, 16, 16))


@pytest.mark.parametrize("size", [(128, 128), (96, 128)])
def test_the_empty_mask_of_load_image_is_known(size):
    empty = torch.zeros(1, 64, 64)
    with pytest.raises(VaceInputError, match=r"^control_masks is Load Image's empty mask.*Connect a real mask\."):
        build_vcu(torch.rand(5, *size, 3), empty)
    assert not build_vcu(torch.rand(5, 64, 64, 3), empty).mask.any()  # of the video's size it may be meant


def test_materializing_keeps_kept_pixels_to_the_bit():
    frames = torch.arange(256).view(1, 16, 16, 1).expand(1, 16, 16, 3) / 255
    mask = torch.zeros(1, 16, 16)
    mask[:, :4] = 1
    made = Vcu(frames, mask, control_amount=0.25).materialized().frames
    assert torch.equal(made[:, 4:], frames[:, 4:])
    torch.testing.assert_close(made[:, :4], 0.5 + 0.25 * (frames[:, :4] - 0.5))


@pytest.mark.parametrize("shape", [(0, 16, 16, 3), (1, 0, 16, 3)])
def test_a_vcu_of_nothing_is_refused(shape):
    with pytest.raises(VaceInputError, match="frames must hold at least one frame, got"):
        Vcu(torch.zeros(shape), torch.zeros(shape[:3]))
