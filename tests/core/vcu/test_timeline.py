"""What of a clip is kept, and what of that the mask channels see."""

import pytest
import torch
import torch.nn.functional as F

from wan_vace.vace_core.vcu.timeline import Piece, assemble, frame_ranges, unseen_keyframes, visible_frames

LENGTHS = [*range(1, 21), 81, 121]


def mask_with(kept, num_frames):
    mask = torch.ones(num_frames, 16, 16)
    mask[kept] = 0
    return mask


def seen_by_the_model(mask):
    """Whether any of the 64 channels holds a kept pixel: pad, fold every frame, nearest-exact in time."""
    T = len(mask)
    padded = -(-(T - 1) // 4) * 4 + 1
    mask = torch.cat([mask, mask[-1:].expand(padded - T, -1, -1)])
    folded = torch.stack([mask[:, y::8, x::8] for y in range(8) for x in range(8)])  # [64, T, h, w]
    channels = F.interpolate(folded[None], size=((padded + 3) // 4, 2, 2), mode="nearest-exact")
    return bool((channels <= 0.5).any())


@pytest.mark.parametrize("num_frames", [*LENGTHS, 17, 33, 49])
def test_a_single_kept_frame_is_seen_exactly_if_it_reaches_a_mask_channel(num_frames):
    seen = [k for k in range(num_frames) if seen_by_the_model(mask_with([k], num_frames))]
    assert sorted(set(visible_frames(num_frames))) == seen
    assert [k for k in range(num_frames) if unseen_keyframes(mask_with([k], num_frames)) == [k]] == [
        k for k in range(num_frames) if k not in seen
    ]


@pytest.mark.parametrize("num_frames", [17, 33, 49, 81, 121])
def test_a_single_first_or_last_frame_is_never_seen(num_frames):
    assert unseen_keyframes(mask_with([0, -1], num_frames)) == [0, num_frames - 1]


@pytest.mark.parametrize(("run", "seen"), [(range(2), True), (range(2, 5), False), (range(41, 44), False)])
def test_a_run_counts_as_a_whole(run, seen):
    mask = mask_with(list(run), 81)
    assert unseen_keyframes(mask) == ([] if seen else list(run))
    assert seen_by_the_model(mask) == seen


def test_a_partly_kept_frame_is_a_keyframe():
    mask = torch.ones(81, 16, 16)
    mask[0, 3, 5] = 0
    assert unseen_keyframes(mask) == [0]


def test_pieces_land_where_they_are_put_and_all_else_is_empty():
    pieces = [Piece(k, torch.full((n, 16, 16, 3), value), torch.zeros(n, 16, 16)) for k, n, value in
              ((1, 2, 0.25), (3, 1, 0.75), (6, 1, 1.0))]  # fmt: skip
    frames, mask = assemble(pieces, 8)
    assert frames[:, 0, 0, 0].tolist() == [0.5, 0.25, 0.25, 0.75, 0.5, 0.5, 1, 0.5]
    assert mask[:, 0, 0].tolist() == [1, 0, 0, 0, 1, 1, 0, 1]


def test_filler_goes_between_the_pieces_in_order():
    filler = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 16, 16, 3) / 10
    frames, mask = assemble([Piece(2, torch.ones(2, 16, 16, 3), torch.zeros(2, 16, 16))], 8, filler)
    torch.testing.assert_close(frames[:, 0, 0, 0], torch.tensor([0, 0.1, 1, 1, 0.2, 0.3, 0.4, 0.5]))
    assert mask[:, 0, 0].tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("frames", "text"), [([3], "frame 3"), ([0, 1, 2], "frames 0 to 2"), ([0, 4, 5, 9], "frames 0, 4 to 5, 9")]
)
def test_frames_are_named_as_runs(frames, text):
    assert frame_ranges(frames) == text


def test_a_long_list_of_frames_ends_in_a_count():
    assert frame_ranges(range(0, 40, 2)) == "frames 0, 2, 4, 6, 8, 10, 12, 14, and 12 more"
