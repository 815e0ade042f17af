"""Masks, against formulas written a second way and the official code's recorded behaviour."""

import pytest
import torch
import torch.nn.functional as F

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.semantics import (
    INVERTED,
    binarize,
    decouple,
    fold_mask,
    large_region_sentence,
    seen_frames,
)

# Wan-Video/Wan2.1 at 9737cba, wan/vace.py, vace_encode_masks: index that nearest-exact picks, worked out by
# running F.interpolate(torch.arange(T).view(1, 1, T, 1, 1), size=(t, 1, 1), mode="nearest-exact").
OFFICIAL_PICKS = {
    1: [0],
    5: [1, 3],
    9: [1, 4, 7],
    17: [1, 5, 8, 11, 15],
    81: [1, 5, 9, 13, 17, 21, 25, 28, 32, 36, 40, 44, 48, 52, 55, 59, 63, 67, 71, 75, 79],
}


@pytest.mark.parametrize("num_frames", OFFICIAL_PICKS)
def test_fold_mask_picks_the_frames_the_official_code_picks(num_frames):
    mask = torch.arange(num_frames, dtype=torch.float32)[:, None, None].expand(-1, 8, 8)
    assert fold_mask(mask)[0, :, 0, 0].tolist() == OFFICIAL_PICKS[num_frames]
    assert seen_frames(num_frames) == OFFICIAL_PICKS[num_frames]


def test_seen_frames_is_what_nearest_exact_picks_at_every_length():
    for num_frames in range(1, 1282, 4):
        index = torch.arange(num_frames, dtype=torch.float32)[None, None]
        picked = F.interpolate(index, size=((num_frames - 1) // 4 + 1,), mode="nearest-exact")
        assert seen_frames(num_frames) == picked[0, 0].int().tolist(), num_frames


def test_fold_mask_puts_pixel_y_x_of_a_cell_in_channel_8y_plus_x():
    mask = torch.rand(1, 32, 48)
    by_slicing = torch.stack([mask[:, y::8, x::8] for y in range(8) for x in range(8)])
    torch.testing.assert_close(fold_mask(mask), by_slicing, rtol=0, atol=0)


@pytest.mark.parametrize("num_frames", OFFICIAL_PICKS)
def test_fold_mask_equals_folding_every_frame_and_picking_afterwards(num_frames):
    mask = torch.rand(num_frames, 16, 32)
    cells = torch.stack([mask[:, y::8, x::8] for y in range(8) for x in range(8)])  # [64, T, h, w]
    size = ((num_frames - 1) // 4 + 1, 2, 4)
    expected = F.interpolate(cells[None], size=size, mode="nearest-exact")[0]
    torch.testing.assert_close(fold_mask(mask), expected, rtol=0, atol=0)


@pytest.mark.parametrize("references", [0, 2])
def test_a_mask_of_one_value_in_each_frame_takes_no_memory_and_is_folded_the_same(references):
    mask = torch.linspace(0, 1, 17)[:, None, None].repeat(1, 16, 32)
    folded = fold_mask(mask, num_references=references)
    assert folded.untyped_storage().nbytes() == (references + 5) * 4
    mask[5, 3, 4] += 0.5  # now a frame that is seen has two
    other = fold_mask(mask, num_references=references)
    assert folded.shape == other.shape and other.is_contiguous()
    assert (folded != other).nonzero().tolist() == [[8 * 3 + 4, references + 1, 0, 0]]


@pytest.mark.parametrize("num_frames", [17, 33, 49, 81, 121])
@pytest.mark.parametrize("kept", [0, -1])
def test_a_kept_first_or_last_frame_is_not_seen_by_the_mask(num_frames, kept):
    mask = torch.ones(num_frames, 16, 16)
    mask[kept] = 0
    assert fold_mask(mask).min() == 1


@pytest.mark.parametrize(("kept", "latents_seen"), [(5, 1), (9, 2), (17, 4), (25, 6), (29, 8)])
def test_a_kept_first_clip_is_seen_one_latent_short_up_to_25_frames(kept, latents_seen):
    mask = torch.ones(81, 8, 8)
    mask[:kept] = 0
    assert (fold_mask(mask)[0, :, 0, 0] == 0).sum() == latents_seen


def test_decouple_parts_add_up_to_the_frames():
    frames, mask = torch.rand(5, 8, 8, 3), torch.rand(5, 8, 8)
    inactive, reactive = decouple(frames, mask)
    torch.testing.assert_close(inactive + reactive - 0.5, frames)


def test_decouple_blanks_to_mid_grey_and_not_to_black():
    frames, mask = torch.rand(1, 8, 8, 3), torch.zeros(1, 8, 8)
    mask[:, :, :4] = 1
    inactive, reactive = decouple(frames, mask)
    assert (inactive[:, :, :4] == 0.5).all() and (reactive[:, :, 4:] == 0.5).all()
    torch.testing.assert_close(inactive[:, :, 4:], frames[:, :, 4:])
    torch.testing.assert_close(reactive[:, :, :4], frames[:, :, :4])


def test_decouple_equals_the_official_formula_in_its_own_range():
    frames, mask = torch.rand(5, 8, 8, 3).double(), binarize(torch.rand(5, 8, 8)).double()
    official = frames * 2 - 1  # [-1, 1], where empty is 0
    inactive, reactive = decouple(frames, mask)
    torch.testing.assert_close(inactive * 2 - 1, official * (1 - mask[..., None]))
    torch.testing.assert_close(reactive * 2 - 1, official * mask[..., None])


def test_binarize_puts_one_half_on_the_kept_side():
    assert binarize(torch.tensor([0.0, 0.25, 0.5, 0.500001, 1.0])).tolist() == [0, 0, 0, 1, 1]


def test_fold_mask_names_the_usable_length():
    with pytest.raises(VaceInputError, match=r"4n \+ 1.*got 80.*Set length to 77"):
        fold_mask(torch.zeros(80, 16, 16))


def test_decouple_names_the_socket_and_both_shapes():
    with pytest.raises(VaceInputError, match=r"mask must have shape \[5, 8, 8\], got \[4, 8, 8\]"):
        decouple(torch.zeros(5, 8, 8, 3), torch.zeros(4, 8, 8))


def test_a_region_is_large_above_eight_tenths():
    assert large_region_sentence(0.8) is None and large_region_sentence(0.1) is None
    assert large_region_sentence(0.811) == f"81% of the video is generated. {INVERTED}"
    assert INVERTED == "White is generated; if the mask is the wrong way round, use Invert Mask."
