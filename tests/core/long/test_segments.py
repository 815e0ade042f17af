"""Long videos in segments: plans, prompts, seeds, and the VCU of one segment."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.conditioning.halves import split_for_encoding
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.long import segments as s
from wan_vace.vace_core.notes import Note, sentences
from wan_vace.vace_core.vcu.references import Reference
from wan_vace.vace_core.vcu.unit import CONTROL, EMPTY, EXTENSION, REPAINT, Vcu, empty_vcu

MANY = settings(max_examples=300, deadline=None)


@st.composite
def settings_of_a_plan(draw):
    length = draw(st.integers(s.MIN_LENGTH, 130))
    return draw(st.integers(1, 2000)), length, draw(st.integers(1, length - 1))


@MANY
@given(settings_of_a_plan())
def test_every_frame_is_made_and_every_segment_suits_the_model(asked):
    num_frames, length, overlap = asked
    plan = s.plan_segments(num_frames, length, overlap)
    assert (plan[0].start, plan[0].overlap, plan[-1].stop) == (0, 0, num_frames)
    assert [segment.index for segment in plan] == list(range(len(plan)))
    fresh = [segment.num_frames - segment.overlap for segment in plan]
    assert sum(fresh) == num_frames
    for before, segment in itertools.pairwise(plan):
        assert segment.overlap == before.stop - segment.start and segment.overlap % 4 == 1
        assert segment.start % 4 == 0 and before.num_frames % 4 == 1
        assert segment.start > before.start and segment.stop > before.stop
    assert max(segment.num_frames for segment in plan) <= length
    if num_frames % 4 == 1:
        assert all(segment.num_frames % 4 == 1 for segment in plan)
    if len(plan) > 1:
        assert max(fresh[1:]) - min(fresh[1:]) <= 7  # a step of four, and up to three frames that the end lacks
        kept, longest = plan[1].overlap, (length - 1) // 4 * 4 + 1
        assert kept + (len(plan) - 1) * (longest - kept) < num_frames  # one segment less would not do


@pytest.mark.parametrize(
    ("asked", "bounds"),
    [
        ((81, 81, 17), [(0, 81)]),
        ((3, 81, 17), [(0, 3)]),  # shorter than the overlap: one segment needs none
        ((82, 81, 17), [(0, 53), (36, 82)]),
        ((240, 81, 17), [(0, 73), (56, 129), (112, 185), (168, 240)]),
        ((13, 5, 1), [(0, 5), (4, 9), (8, 13)]),
    ],
)
def test_plans_as_worked_out_by_hand(asked, bounds, notes):
    plan = s.plan_segments(*asked)
    assert [(segment.start, segment.stop) for segment in plan] == bounds
    assert notes == []


def test_a_plan_in_words():
    assert s.plan_sentence(s.plan_segments(9, 81, 17)) == "9 frames fit into one segment."
    assert s.plan_sentence(s.plan_segments(82, 81, 17)) == (
        "82 frames in 2 segments of 46 to 53 frames; each keeps 17 of the one before."
    )
    assert "3 segments of 5 frames" in s.plan_sentence(s.plan_segments(13, 5, 1))


@pytest.mark.parametrize(
    ("length", "overlap", "used", "told"),
    [
        (81, 16, 17, ["overlap is 16; 17 is used (whole latent frames are 4n + 1)."]),
        (81, 15, 17, ["overlap is 15; 17 is used (whole latent frames are 4n + 1)."]),
        (81, 14, 13, ["overlap is 14; 13 is used (whole latent frames are 4n + 1)."]),
        (81, 2, 1, ["overlap is 2; 1 is used (whole latent frames are 4n + 1)."]),
        (80, 17, 17, ["segment_length is 80; 77 is used (the model needs 4n + 1)."]),
        (
            12,
            11,
            5,
            [
                "segment_length is 12; 9 is used (the model needs 4n + 1).",
                "overlap is 11; 5 is used (whole latent frames are 4n + 1).",
            ],
        ),
    ],
)
def test_settings_are_brought_to_whole_latent_frames_and_told(length, overlap, used, told, notes):
    plan = s.plan_segments(500, length, overlap)
    assert {segment.overlap for segment in plan[1:]} == {used}
    assert sentences(notes) == told


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((0, 81, 17), "The video has 0 frames"),
        ((100, 4, 1), "segment_length is 4, it must be at least 5"),
        ((100, 81, 0), "overlap is 0: a segment would know nothing"),
        ((100, 81, 81), "overlap is 81 but segment_length is 81"),
        ((100, 81, 90), "overlap is 90 but segment_length is 81.*at most 40"),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused(asked, message):
    with pytest.raises(VaceInputError, match=message):
        s.plan_segments(*asked)


def test_prompts_are_dealt_out_and_the_last_goes_on():
    assert s.segment_prompts("a cat", 3) == ("a cat",) * 3
    assert s.segment_prompts("a cat\nruns\n---\r\na dog --- barks\n  -----  \nend\n", 4) == (
        "a cat\nruns",
        "a dog --- barks",
        "end",
        "end",
    )


@pytest.mark.parametrize(
    ("text", "count", "message"),
    [
        ("a\n---\nb", 1, "holds 2 prompts but the video has 1 segment. Remove 1"),
        ("a\n---\nb\n---\nc", 2, "holds 3 prompts but the video has 2 segments"),
        ("a\n---\n \n---\nc", 3, "prompt 2 of 3 is empty"),
        ("a\n---", 3, "prompt 2 of 2 is empty"),
        (" \n", 3, "prompts: it is empty"),
    ],
)
def test_prompts_that_do_not_fit_are_refused(text, count, message):
    with pytest.raises(VaceInputError, match=message):
        s.segment_prompts(text, count)


def test_redo_is_read():
    assert s.parse_redo("", 3) == s.parse_redo(" , ", 3) == {}
    assert s.parse_redo("3", 3) == {2: None}
    assert s.parse_redo(" 3:1234, 5 : 77;1\n2", 5) == {2: 1234, 4: 77, 0: None, 1: None}
    assert s.parse_redo(f"1:{s.MAX_SEED}", 1) == {0: s.MAX_SEED}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "redo holds 'x'"),
        ("2:", "redo holds '2:'"),
        ("2:-1", "redo holds '2:-1'"),
        ("1-3", "redo holds '1-3'"),
        ("9" * 5000, "redo holds '999"),
        ("2:" + "9" * 5000, "redo holds '2:999"),
        ("2²", "redo holds '2²'"),
        ("0", "redo names segment 0, the video has 5. Use numbers from 1 to 5"),
        ("6:1", "redo names segment 6, the video has 5"),
        ("2, 2:7", "redo names segment 2 twice"),
        (f"2:{2**64}", "seed 18446744073709551616, it must be at most"),
    ],
)
def test_redo_that_says_nothing_sensible_is_refused(text, message):
    with pytest.raises(VaceInputError, match=message):
        s.parse_redo(text, 5)


def test_seeds_differ_and_a_segment_made_again_gets_another_one():
    redo = s.parse_redo("2, 3:7", 4)
    assert [s.segment_seed(10, i, redo) for i in range(4)] == [10, 11, 7, 13]
    assert s.segment_seed(10, 1, redo, made_with=11) == 11 + s.REDO_STEP
    assert s.segment_seed(10, 2, redo, made_with=12) == 7
    assert s.segment_seed(10, 3, redo, made_with=99) == 13
    assert s.segment_seed(s.MAX_SEED, 1, {}) == 0
    assert s.segment_seed(0, 0, {0: None}, s.MAX_SEED) == s.REDO_STEP - 1
    assert [s.needs_redo(redo, i, seed) for i, seed in ((0, 10), (1, 11), (2, 12), (2, 7))] == [0, 1, 1, 0]


def source(kind=REPAINT, T=9, amount=0.3, soft=False):
    mask = torch.rand(T, 16, 32)
    mask = mask if soft else (mask > 0.5).float()
    pictures = (Reference(torch.rand(8, 8, 3)),)
    return Vcu(torch.rand(T, 16, 32, 3), mask, pictures, kind, amount, fps=24.0, notes=(Note("any", "a note"),))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(("o", "p"), [(5, 0), (0, 3), (5, 3)])
def test_finished_frames_are_kept_where_the_source_keeps_nothing(o, p, soft):
    vcu, head, tail = source(soft=soft), torch.rand(o, 16, 32, 3), torch.rand(p, 16, 32, 3)
    before = vcu.frames.clone(), vcu.mask.clone()
    made = s.segment_vcu(vcu, head if o else None, tail)
    ends = {t: head[t] for t in range(o)} | {9 - p + t: tail[t] for t in range(p)}
    for t in range(9):
        if t not in ends:
            assert torch.equal(made.frames[t], vcu.frames[t]) and torch.equal(made.mask[t], vcu.mask[t])
            continue
        assert not made.mask[t].any()
        generated = vcu.mask[t] > 0.5
        assert torch.equal(made.frames[t][generated], ends[t][generated])
        assert torch.equal(made.frames[t][~generated], vcu.frames[t][~generated])
    assert torch.equal(vcu.frames, before[0]) and torch.equal(vcu.mask, before[1])
    assert (made.kind, made.fps, sentences(made.notes)) == (EXTENSION, 24.0, ["a note"])
    assert made.references is vcu.references
    weight = s.known_weight(made, vcu)
    kept = vcu.mask <= 0.5
    assert (weight[kept] == 1).all()
    assert (weight[~kept] == torch.where(made.mask[~kept] == 0, s.NEIGHBOUR_WEIGHT, 0.0)).all()


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
def test_the_model_sees_as_much_of_the_rest_as_without_neighbours(amount):
    vcu, head = source(amount=amount), torch.rand(5, 16, 32, 3)
    alone = split_for_encoding(vcu)
    inactive, reactive, mask = split_for_encoding(s.segment_vcu(vcu, head))
    for was, now in zip(alone, (inactive, reactive, mask), strict=True):
        assert torch.equal(was[5:], now[5:])
    hole = vcu.mask[:5] == 1
    assert torch.equal(inactive[:5][hole], head[hole]) and (reactive[:5] == 0.5).all()
    # The same with what is generated worked into the frames first.
    worked_in = split_for_encoding(s.segment_vcu(vcu.materialized(), head))
    for was, now in zip(worked_in, (inactive, reactive, mask), strict=True):
        torch.testing.assert_close(was, now)


def test_an_empty_source_goes_on_from_its_head_and_stays_exactly_grey():
    vcu = empty_vcu(9, 16, 16)
    assert s.segment_vcu(vcu) is vcu and s.segment_vcu(vcu, torch.rand(0, 16, 16, 3)) is vcu
    made = s.segment_vcu(vcu, torch.rand(5, 16, 16, 3))
    _, reactive, mask = split_for_encoding(made)
    assert made.kind == EXTENSION != EMPTY and (made.frames[5:] == 0.5).all()
    assert not any(reactive.stride())  # a constant, so nothing is encoded twice
    assert not mask[:5].any() and mask[5:].all()


def test_control_is_replaced_by_what_is_finished():
    vcu = Vcu(torch.rand(9, 16, 16, 3), torch.ones(9, 16, 16), kind=CONTROL)
    head = torch.rand(5, 16, 16, 3)
    inactive, reactive, _ = split_for_encoding(s.segment_vcu(vcu, head))
    assert torch.equal(inactive[:5], head) and torch.equal(reactive[5:], vcu.frames[5:])


def test_neighbours_that_leave_nothing_or_do_not_fit_are_refused():
    with pytest.raises(VaceInputError, match="segment of 9 frames would keep 5 at its head and 4 at its tail"):
        s.segment_vcu(source(), torch.rand(5, 16, 32, 3), torch.rand(4, 16, 32, 3))
    with pytest.raises(VaceInputError, match=r"tail must have shape \[T, 16, 32, 3\]"):
        s.segment_vcu(source(), None, torch.rand(2, 16, 16, 3))


def test_a_fade_is_a_straight_ramp_and_leaves_equal_pixels_alone():
    before, after = torch.randint(0, 256, (2, 3, 2, 2, 3), dtype=torch.uint8)
    assert torch.equal(s.crossfade(before, before, 3), before)
    ramp = torch.tensor([0.25, 0.5, 0.75]).view(3, 1, 1, 1)
    faded = s.crossfade(before, after, 3)
    assert (faded - torch.lerp(before.float(), after.float(), ramp)).abs().max() <= 0.5
    assert torch.equal(s.crossfade(before[1:], after[1:], 3, 1), faded[1:])
    black, white = torch.zeros(3, 1, 1, 3, dtype=torch.uint8), torch.full((3, 1, 1, 3), 202, dtype=torch.uint8)
    assert s.crossfade(black, white, 3)[:, 0, 0, 0].tolist() == [51, 101, 152]  # 50.5 and 151.5 go up
