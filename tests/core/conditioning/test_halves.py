"""Halves of a VCU in parts: the same numbers as all at once, at any length and with any mask."""

import pytest
import torch

from wan_vace.vace_core.conditioning.halves import (
    MASK_EDGES,
    HalfFrames,
    channel_mask,
    split_for_encoding,
    split_halves,
)
from wan_vace.vace_core.masks.semantics import fold_mask
from wan_vace.vace_core.vcu.unit import Vcu, empty_vcu
from wan_vace.vace_core.video.fit import hold_last


def official_halves(vcu, edges, length):
    """``vace_encode_frames`` in Wan2.1's ``wan/vace.py``, in [0, 1], over the whole clip."""
    frames, mask = hold_last(vcu.frames, length), hold_last(vcu.mask, length)[..., None]
    mask = mask if edges == "soft" else torch.where(mask > 0.5, 1.0, 0.0)
    return (frames - 0.5) * (1 - mask) + 0.5, (frames - 0.5) * (mask * vcu.control_amount) + 0.5


def unit(num_frames, amount=1.0, soft=True):
    torch.manual_seed(num_frames)
    mask = torch.rand(num_frames, 16, 32)
    return Vcu(torch.rand(num_frames, 16, 32, 3), mask if soft else mask.round(), control_amount=amount)


@pytest.mark.parametrize("edges", MASK_EDGES)
@pytest.mark.parametrize("amount", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("num_frames", [1, 2, 5, 8, 13])
def test_parts_equal_the_official_halves_of_the_whole_clip(num_frames, amount, edges):
    vcu = unit(num_frames, amount)
    for half, whole in zip(
        split_halves(vcu, edges), official_halves(vcu, edges, -(-(num_frames - 1) // 4) * 4 + 1), strict=True
    ):
        assert half.shape == tuple(whole.shape)
        for chunk in (1, 2, 3, len(whole)):
            starts = range(0, len(whole), chunk)
            parts = [half.part(start, min(start + chunk, len(whole))) for start in starts]
            assert torch.equal(torch.cat(parts), whole)
        for height in (1, 7, 16):
            bands = [half.part(0, len(whole), rows=slice(top, top + height)) for top in range(0, 16, height)]
            assert torch.equal(torch.cat(bands, dim=1), whole)


@pytest.mark.parametrize("edges", MASK_EDGES)
@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 0.7, 1.0])
def test_a_half_is_known_to_be_empty_exactly_where_it_is_grey_throughout(value, edges):
    vcu = Vcu(torch.rand(5, 16, 16, 3) * 0.4, torch.full((5, 16, 16), value))
    for half, whole in zip(split_halves(vcu, edges), official_halves(vcu, edges, 5), strict=True):
        assert half.is_empty == half.is_grey() == bool((whole == 0.5).all())
        assert torch.equal(half.whole(), whole)
    assert all(half.is_empty for half in split_halves(empty_vcu(5, 16, 16)))


@pytest.mark.parametrize("edges", MASK_EDGES)
def test_a_grey_fill_out_of_a_file_is_empty_where_it_is_asked_for_and_only_under_the_mask(edges):
    frames = torch.tensor([126, 127, 128, 129, 127])[:, None, None, None].expand(-1, 16, 16, 3) / 255
    frames = frames.clone()
    frames[4, 0, 0, 1] = 100 / 255  # one channel of another value: not grey
    mask = torch.ones(5, 16, 16)
    mask[:, 8:] = 0
    vcu = Vcu(frames, mask)
    for before, after in zip(split_halves(vcu, edges), split_halves(vcu, edges, snap_grey=True), strict=True):
        expected = before.whole().clone()
        if before.reactive:
            expected[1:3, :8] = 0.5
            expected[4, :8] = 0.5
            expected[4, 0, 0] = before.whole()[4, 0, 0]
        assert torch.equal(after.whole(), expected)
    fill = Vcu(torch.full((5, 16, 16, 3), 128 / 255), torch.ones(5, 16, 16))
    assert [split_halves(fill, edges, snap)[1].is_grey() for snap in (False, True)] == [False, True]


@pytest.mark.parametrize("num_frames", [1, 3, 6, 9])
@pytest.mark.parametrize("edges", MASK_EDGES)
def test_the_folded_mask_of_a_shorter_clip_is_that_of_the_held_one(num_frames, edges):
    vcu = unit(num_frames)
    held = split_for_encoding(vcu, edges)[2]
    assert torch.equal(fold_mask(channel_mask(vcu, edges), len(held)), fold_mask(held))


def test_a_part_reads_no_more_than_its_frames():
    vcu = unit(9)
    (inactive, _), watched = split_halves(vcu), vcu.frames.clone()
    before = inactive.part(2, 4)
    vcu.frames[:2], vcu.frames[4:] = float("nan"), float("nan")
    assert torch.equal(inactive.part(2, 4), before) and watched.isfinite().all()


def test_grey_content_is_found_where_only_looking_tells():
    grey, mask = torch.full((9, 16, 16, 3), 0.5), torch.ones(9, 16, 16)
    mask[:, 4:8] = 0
    frames = torch.where(mask[..., None] == 1, grey, torch.rand(9, 16, 16, 3))
    inactive, reactive = split_halves(Vcu(frames, mask))
    assert (inactive.is_grey(), reactive.is_grey(), reactive.is_empty) == (False, True, False)
    frames[8, 15, 15, 2] = 0.5 + 2**-24
    assert not split_halves(Vcu(frames, mask))[1].is_grey()


def test_the_kept_half_comes_first_and_says_so():
    assert [half.reactive for half in split_halves(unit(5))] == [False, True]


def test_parts_of_an_empty_half_are_where_they_are_asked_for():
    for half in split_halves(empty_vcu(6, 16, 32)):
        part = half.part(4, 9, torch.device("meta"))
        assert part.device.type == "meta" and part.shape == (5, 16, 32, 3)
        assert half.part(4, 9).device.type == "cpu"


def test_looking_for_grey_takes_one_frame_at_a_time_and_stops_at_the_first_that_is_not():
    looked = []

    class Watched(HalfFrames):
        def part(self, start, stop, *rest):
            looked.append((start, stop))
            return super().part(start, stop, *rest)

    frames = torch.full((7, 16, 16, 3), 0.5)
    frames[2] = 0.75
    assert not Watched(frames, torch.ones(7, 16, 16), 9, reactive=True).is_grey()
    assert looked == [(0, 1), (1, 2), (2, 3)]
