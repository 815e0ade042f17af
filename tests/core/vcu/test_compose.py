"""Composition by the official table, computed a second way pixel by pixel, and what a chain keeps."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import Note, sentences
from wan_vace.vace_core.vcu.compose import _mixed, compose, compose_all, mix_controls
from wan_vace.vace_core.vcu.references import Reference
from wan_vace.vace_core.vcu.unit import CONTROL, EMPTY, EXTENSION, REPAINT, Vcu, empty_vcu

KINDS = (EXTENSION, REPAINT, CONTROL)
# Of three kinds in a row, those where the official table gives one result for both ways to put parentheses.
ASSOCIATIVE = {"EEE", "EER", "EEC", "ERC", "ECC", "RRR", "RRE", "RCC", "CCC", "CCE"}
SMALL = settings(max_examples=30, deadline=None)


def vcu_of(kind, seed=0, T=3, H=16, W=16, **fields):
    """Random pixels; control is control everywhere, the other kinds keep about half."""
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.rand(T, H, W, generator=generator) > 0.5).float()
    mask = torch.ones_like(mask) if kind == CONTROL else mask
    return Vcu(torch.rand(T, H, W, 3, generator=generator), mask, kind=kind, **fields)


def by_the_table(first, second):
    """The rows of the official table with numpy, one pixel after the other."""
    (f1, m1), (f2, m2) = ((v.frames.numpy(), v.mask.numpy()) for v in (first, second))
    frames, mask = np.empty_like(f1), np.empty_like(m1)
    for p in np.ndindex(m1.shape):
        if first.kind == EXTENSION:
            frames[p], mask[p] = (f2[p] if m1[p] else f1[p]), (m1[p] and m2[p])
        elif {first.kind, second.kind} == {REPAINT, CONTROL}:
            repaint, control, hole = (f1, f2, m1) if first.kind == REPAINT else (f2, f1, m2)
            frames[p], mask[p] = (control[p] if hole[p] else repaint[p]), hole[p]
        else:
            frames[p], mask[p] = (f2[p] if m2[p] else f1[p]), (m1[p] or m2[p])
    return frames, mask


def same(a, b):
    return torch.equal(a.frames, b.frames) and torch.equal(a.mask, b.mask)


@pytest.mark.parametrize(("first", "second"), [*itertools.product(KINDS, KINDS)])
def test_every_row_of_the_official_table(first, second):
    a, b = vcu_of(first, 1), vcu_of(second, 2)
    frames, mask = by_the_table(a, b)
    composed = compose(a, b)
    np.testing.assert_array_equal(composed.frames.numpy(), frames)
    np.testing.assert_array_equal(composed.mask.numpy(), mask)
    assert composed.kind == min(first, second, key=KINDS.index) and composed.control_amount == 1


@pytest.mark.parametrize("kinds", [*itertools.product(KINDS, repeat=3)], ids=lambda k: "-".join(k))
def test_parentheses_change_nothing_in_exactly_the_orders_that_are_listed(kinds):
    a, b, c = (vcu_of(kind, seed) for seed, kind in enumerate(kinds))
    left, right = compose(compose(a, b), c), compose(a, compose(b, c))
    name = "".join({EXTENSION: "E", REPAINT: "R", CONTROL: "C"}[kind] for kind in kinds)
    assert same(left, right) == (name in ASSOCIATIVE)
    assert left.kind == right.kind


def test_only_repaint_with_control_is_free_of_order():
    free = {
        (p, q) for p, q in itertools.product(KINDS, KINDS)
        if same(compose(vcu_of(p, 1), vcu_of(q, 2)), compose(vcu_of(q, 2), vcu_of(p, 1)))
    }  # fmt: skip
    assert free == {(REPAINT, CONTROL), (CONTROL, REPAINT)}


@SMALL
@given(kind=st.sampled_from(KINDS), before=st.booleans(), amount=st.sampled_from([0.0, 0.4, 1.0]), soft=st.booleans())
def test_the_empty_vcu_changes_nothing_and_adds_its_references(kind, before, amount, soft):
    vcu = replace(vcu_of(kind, references=(Reference(torch.zeros(4, 4, 3)),)), control_amount=amount)
    if soft:
        vcu = replace(vcu, mask=vcu.mask * 0.7)
    empty = empty_vcu(3, 16, 16, [Reference(torch.ones(4, 4, 3))])
    composed = compose(empty, vcu) if before else compose(vcu, empty)
    assert composed.frames is vcu.frames and composed.mask is vcu.mask
    assert (composed.kind, composed.control_amount, sentences(composed.notes)) == (kind, amount, [])
    assert [r.image.mean().item() for r in composed.references] == ([1, 0] if before else [0, 1])


def test_size_and_length_of_an_empty_vcu_do_not_count_and_that_is_told():
    control = vcu_of(CONTROL)
    for pair in ((empty_vcu(81, 480, 832), control), (control, empty_vcu(81, 480, 832))):
        composed = compose(*pair)
        assert composed.frames is control.frames
        (note,) = sentences(composed.notes)
        assert "has no video, so its 832 x 480 pixels and 81 frames do not count" in note
        assert "the 16 x 16 pixels and 3 frames of" in note


def test_two_empty_vcus_are_empty():
    composed = compose(empty_vcu(5, 16, 16), empty_vcu(5, 16, 16))
    assert composed.kind == EMPTY and composed.num_frames == 5 and sentences(composed.notes) == []


@SMALL
@given(
    kinds=st.lists(st.sampled_from((*KINDS, EMPTY)), min_size=2, max_size=4),
    lengths=st.lists(st.integers(1, 5), min_size=4, max_size=4),
    size=st.sampled_from([(16, 16), (16, 32)]),
    amount=st.sampled_from([0.0, 0.3, 1.0]),
    soft=st.booleans(),
)
def test_a_chain_is_legal_and_keeps_only_pixels_that_were_kept(kinds, lengths, size, amount, soft):
    parts = []
    for seed, (kind, T) in enumerate(zip(kinds, lengths, strict=False)):
        part = empty_vcu(T, *size) if kind == EMPTY else vcu_of(kind, seed, T, *size, control_amount=amount)
        parts.append(replace(part, mask=part.mask * 0.8) if soft else part)
    vcu = compose_all([(f"vcu_{i}", part) for i, part in enumerate(parts)])
    filled = [part for part in parts if part.kind != EMPTY] or parts[:1]
    assert vcu.num_frames == min(part.num_frames for part in filled)
    assert (vcu.height, vcu.width) == size
    assert vcu.frames.min() >= 0 and vcu.frames.max() <= 1
    assert len(filled) == 1 or set(vcu.mask.unique().tolist()) <= {0.0, 1.0}
    T, kept = vcu.num_frames, vcu.mask <= 0.5
    origin = [((part.mask[:T] <= 0.5) & (part.frames[:T] == vcu.frames).all(-1)) for part in filled]
    assert torch.stack(origin).any(0)[kept].all()


@pytest.mark.parametrize("second", [*KINDS, EMPTY])
@pytest.mark.parametrize("first", KINDS)
def test_kept_pixels_survive_what_does_not_repaint_them(first, second):
    a, b = vcu_of(first, 1), empty_vcu(3, 16, 16) if second == EMPTY else vcu_of(second, 2)
    composed = compose(a, b)
    untouched = a.mask == 0
    if first != EXTENSION and (first, second) != (REPAINT, CONTROL):
        untouched &= (b.mask == 0) | (b.kind == EMPTY)
    assert (composed.mask[untouched] == 0).all()
    if (first, second) != (CONTROL, REPAINT):
        assert torch.equal(composed.frames[untouched], a.frames[untouched])


@pytest.mark.parametrize("others", [*itertools.product(KINDS, repeat=2)], ids=lambda k: "-".join(k))
def test_what_an_extension_at_the_head_keeps_survives_the_whole_chain(others):
    head = vcu_of(EXTENSION, 1)
    chain = compose_all([("vcu_0", head), *((f"vcu_{k}", vcu_of(kind, 5 + k)) for k, kind in enumerate(others, 1))])
    kept = head.mask == 0
    assert (chain.mask[kept] == 0).all() and torch.equal(chain.frames[kept], head.frames[kept])


def test_a_hole_comes_as_grey_and_a_soft_mask_as_hard_and_that_is_told():
    hole = vcu_of(REPAINT, 1, control_amount=0.0)
    soft = replace(vcu_of(EXTENSION, 2), mask=torch.full((3, 16, 16), 0.6))
    composed = compose(soft, hole, ("vcu_0", "vcu_1"))
    assert (composed.frames[hole.mask == 1] == 0.5).all()
    assert torch.equal(composed.frames[hole.mask == 0], hole.frames[hole.mask == 0])
    assert sentences(composed.notes) == [
        "vcu_0: the soft part of its mask is cut at 0.5, because each pixel comes from one VCU."
    ]


def test_inputs_are_left_alone():
    a, b = vcu_of(REPAINT, 1, control_amount=0.0), vcu_of(REPAINT, 2)
    before = [t.clone() for v in (a, b) for t in (v.frames, v.mask)]
    compose(a, b)
    assert all(torch.equal(x, y) for x, y in zip(before, (a.frames, a.mask, b.frames, b.mask), strict=True))


def test_the_shorter_one_sets_the_length():
    composed = compose(vcu_of(EXTENSION, T=5), vcu_of(CONTROL, T=3), ("vcu_0", "vcu_1"))
    assert composed.num_frames == 3
    assert sentences(composed.notes) == ["vcu_0 has 5 frames, vcu_1 3; the first 3 are used."]


def test_other_sizes_are_refused_with_both_and_who_came_before():
    wide = vcu_of(CONTROL, W=32)
    with pytest.raises(VaceInputError, match=r"vcu_1 is 32 x 16 but vcu_0 is 16 x 16.*same width and height"):
        compose_all([("vcu_0", vcu_of(REPAINT)), ("vcu_1", wide)])
    with pytest.raises(VaceInputError, match=r"vcu_4 is 32 x 16 but vcu_0 to vcu_2 is 16 x 16"):
        compose_all([("vcu_0", vcu_of(REPAINT)), ("vcu_2", vcu_of(CONTROL)), ("vcu_4", wide)])
    with pytest.raises(VaceInputError, match="vcus is empty: connect at least one VCU"):
        compose_all([])


def test_frame_rate_and_sound_are_the_first_that_are_known():
    sound = {"sample_rate": 8}
    quiet, loud = vcu_of(REPAINT), vcu_of(CONTROL, fps=24.0, audio=sound)
    for pair in ((quiet, loud), (loud, quiet), (empty_vcu(3, 16, 16), loud)):
        composed = compose(*pair)
        assert composed.fps == 24 and composed.audio is sound and sentences(composed.notes) == []
    composed = compose(loud, replace(quiet, fps=16.0), ("vcu_0", "vcu_1"))
    assert composed.fps == 24
    assert "vcu_0 has 24 frames per second, vcu_1 16" in sentences(composed.notes)[0]


def test_notes_are_kept_once_and_padding_is_that_of_the_result():
    padding = "6 frames are generated as 9 (the model needs 4n + 1); VACE Decode Latent gives 6 back."
    shared = Note("any", "shared")
    long = vcu_of(CONTROL, T=6, notes=(shared, Note("padded", padding)))
    short = vcu_of(REPAINT, T=3, notes=(shared, Note("any", "own")))
    assert sentences(compose_all([("vcu_0", long), ("vcu_1", short)]).notes) == [
        "shared",
        "own",
        "vcu_0 has 6 frames, vcu_1 3; the first 3 are used.",
        "3 frames are generated as 5 (the model needs 4n + 1); VACE Decode Latent gives 3 back.",
    ]


def test_more_than_three_references_together_are_told():
    two = (Reference(torch.ones(4, 4, 3)),) * 2
    composed = compose_all([("vcu_0", vcu_of(CONTROL, T=1, references=two)), ("vcu_1", empty_vcu(1, 16, 16, two))])
    assert len(composed.references) == 4
    assert sentences(composed.notes) == [
        "4 references: the authors advise at most 3; leave out those that matter least."
    ]


def test_a_mix_of_controls_takes_each_pixel_from_one(notes):
    inside, outside = torch.rand(3, 16, 16, 3), torch.rand(3, 16, 16, 3)
    mask = torch.rand(3, 16, 16)
    mixed = mix_controls(inside, outside, (mask > 0.4).float() * 0.9 + 0.05)
    expected = np.where((mask > 0.4).numpy()[..., None], inside.numpy(), outside.numpy())
    np.testing.assert_array_equal(mixed.numpy(), expected)
    assert notes == []


def test_one_mask_frame_mixes_every_frame(notes):
    mask = torch.zeros(1, 16, 16)
    mask[:, :8] = 1
    mixed = mix_controls(torch.ones(3, 16, 16, 3), torch.zeros(3, 16, 16, 3), mask)
    assert (mixed[:, :8] == 1).all() and (mixed[:, 8:] == 0).all()
    assert sentences(notes) == ["mask has one frame; it is used for all 3."]


@pytest.mark.parametrize(
    ("outside", "mask", "message"),
    [
        ((3, 16, 32, 3), (3, 16, 16), r"outside is 32 x 16 but inside is 16 x 16"),
        ((3, 16, 16, 3), (3, 32, 16), r"mask is 16 x 32 but inside is 16 x 16"),
        ((2, 16, 16, 3), (3, 16, 16), r"outside has 2 frames but inside has 3\. Make both from the same video"),
        ((3, 16, 16, 3), (2, 16, 16), r"mask has 2 frames but inside has 3"),
    ],
)
def test_controls_that_do_not_fit_are_refused_with_both_numbers(outside, mask, message):
    with pytest.raises(VaceInputError, match=message):
        mix_controls(torch.zeros(3, 16, 16, 3), torch.zeros(*outside), torch.zeros(*mask))


@pytest.mark.parametrize(("first", "second"), [*itertools.product(KINDS, KINDS)])
def test_the_result_is_where_the_first_is(first, second):
    away, here = (torch.rand(1, 16, 16, 3, device="meta"), torch.ones(1, 16, 16, device="meta")), vcu_of(second, T=1)
    frames, mask = _mixed((first, second), away, (here.frames, here.mask))
    assert frames.device == mask.device == torch.device("meta")


@pytest.mark.parametrize(
    ("first", "second", "rate"), [(16, 16, 16), (None, 24, 24), (16, None, 16), (None, None, None)]
)
def test_rates_that_do_not_differ_are_kept_and_nothing_is_told(first, second, rate, notes):
    one, two = vcu_of(CONTROL, fps=first), vcu_of(CONTROL, seed=1, fps=second)
    assert compose(one, two).fps == rate
    assert not [note for note in notes if note.code == "frame-rates"]
