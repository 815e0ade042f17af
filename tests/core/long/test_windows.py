"""Window sizes, spans of references, and the count of references, against plain enumeration."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.hearing import heard
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.long.windows import WindowSettings, count_references, parse_plan, resolve_settings, window_size
from wan_vace.vace_core.notes import sentences


def plan(text):
    return parse_plan("references_per_window", text)


def pixels(latent_frame):
    """The frames that the VAE makes of a latent frame: the first alone, then four each."""
    return {0} if latent_frame == 0 else set(range(4 * latent_frame - 3, 4 * latent_frame + 1))


@given(t=st.integers(1, 40), first=st.integers(0, 200), more=st.integers(0, 200), window=st.sets(st.integers(0, 39)))
def test_frames_are_seen_where_a_window_holds_one_of_them(t, first, more, window):
    window = {frame for frame in window if frame < t}
    held = set().union(*map(pixels, window))
    assert plan(f"1: {first}-{first + more}").seen(1, t, window) == [0] * bool(
        held & set(range(first, first + more + 1))
    )


@given(t=st.integers(1, 40), cut=st.integers(0, 100))
def test_two_shares_meet_in_at_most_one_latent_frame(t, cut):
    both = plan(f"1: 0-{cut}%, 2: {cut}%-100%")
    seen = [both.seen(2, t, [frame]) for frame in range(t)]
    assert all(seen) and sum(len(each) == 2 for each in seen) <= 1
    assert seen == sorted(seen)  # first reference 1, then both, then reference 2


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("1: 0-50%", [0, 1, 2, 3, 4, 5]),  # 5.5 of 11 latent frames
        ("1: 50%-100%", [5, 6, 7, 8, 9, 10]),
        ("1: 0%-100%", list(range(11))),
        ("1: 100%-100%", [10]),
        ("1:0-0", [0]),
        ("1: 1-4", [1]),
        ("1: 4 - 5", [1, 2]),
        ("1: 36-400", [9, 10]),
        ("1: 0-0; 1: 40-40", [0, 10]),
        ("1: ALL", list(range(11))),
        ("1: none", []),
        ("2: none\n", list(range(11))),
        ("", list(range(11))),
        (" , ", list(range(11))),
    ],
)
def test_spans_in_latent_frames(text, frames):
    assert [k for k in range(11) if 0 in plan(text).seen(2, 11, [k])] == frames


def test_references_that_are_not_named_are_seen_in_order_and_only_none_hides():
    spans = plan("3: 0-0, 1: none")
    assert spans.seen(4, 9, [5, 6]) == [1, 3] and spans.seen(4, 9, [0, 1]) == [1, 2, 3]
    assert spans.hides and not plan("3: 0-0").hides and not plan("").hides


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("50%", "references_per_window: '50%' is no reference with a span. Write '1: all, 2: 50%-100%', frames"),
        ("1: 0-40, 60-80", "'60-80' is no reference with a span"),
        ("1: -5-3", "'1: -5-3' is no reference with a span"),
        ("0: all", "'0: all' names reference 0; references are numbered from 1"),
        ("1: 50%-80", "'1: 50%-80' mixes per cent and frames. Write 50%-100%, or 40-80 for frames"),
        ("1: 0.5-3", "'1: 0.5-3' has a part of a frame. Frames are whole numbers"),
        ("1: 9-3", "'1: 9-3' ends before it starts"),
        ("9" * 5000 + ": all", "is no reference with a span"),
        ("1: 0-" + "9" * 5000, "is no reference with a span"),
        ("1: 50-101%", "'1: 50-101%' goes beyond 100 %, the end of the video"),
        ("2: none, 2: 0-4", "hides reference 2 with 'none' and shows it as well. Keep one"),
    ],
)
def test_texts_that_are_refused(text, message):
    with pytest.raises(VaceInputError, match=re.escape(message)):
        plan(text)


@pytest.mark.parametrize(
    ("text", "references", "message"),
    [
        ("1: all, 3: 0-4", 2, "references_per_window names reference 3, but there are 2. They are numbered from 1"),
        ("1: none", 0, "names reference 1, but there is none."),
        ("2: 41-60", 2, "gives reference 2 the frames 41-60, but the video has 41. Frames count from 0"),
    ],
)
def test_plans_that_do_not_fit(text, references, message):
    plan("1: 40-60").require_fit(1, 11)
    with pytest.raises(VaceInputError, match=re.escape(message)):
        plan(text).require_fit(references, 11)


@given(length=st.integers(1, 400), overlap=st.integers(0, 400))
def test_window_sizes_hold_what_was_asked_and_windows_move_on(length, overlap):
    if overlap >= length:
        with pytest.raises(VaceInputError, match=f"overlap is {overlap} but a window holds {length} frames"):
            window_size(length, overlap)
        return
    (frames, shared), notes = heard(window_size, length, overlap)
    assert 0 <= shared < frames
    assert length <= 4 * frames - 3 < length + 4 and overlap - 4 < 4 * shared <= overlap
    assert len(notes) == (length % 4 != 1) + (overlap % 4 != 0)


def test_repairs_are_told(notes):
    assert window_size(80, 30) == (21, 7)
    assert sentences(notes) == [
        "Windows hold 81 frames, not 80: the model works in 4n + 1.",
        "Windows overlap by 28 frames, not 30: they move in steps of 4.",
    ]


def test_windows_of_nothing_and_windows_that_stand_still_are_refused():
    with pytest.raises(VaceInputError, match="length is 0; a window must hold at least 1 frame"):
        window_size(0, 0)
    with pytest.raises(VaceInputError, match=r"overlap is 81 but a window holds 81 .* Set overlap between 0 and 80, "):
        window_size(81, 81)
    with pytest.raises(VaceInputError, match="overlap is -4 but"):
        window_size(81, -4)


@pytest.mark.parametrize(
    ("schedule", "overlap", "closed", "settled", "told"),
    [
        ("static", 2, False, 2, []),
        ("loop", 2, True, 2, []),
        ("static", 2, True, 2, ["closed_loop has no effect: it is for schedule loop."]),
        ("batch", 2, False, 0, ["overlap has no effect: schedule batch cuts the video without overlap."]),
        ("batch", 0, False, 0, []),
    ],
)
def test_settings_without_effect_are_told(schedule, overlap, closed, settled, told, notes):
    settings = WindowSettings(5, overlap, schedule, "flat", closed_loop=closed)
    assert resolve_settings(settings, "loop", "batch").overlap == settled
    assert sentences(notes) == told


@pytest.mark.parametrize(
    ("ours", "foreign", "given", "expected"),
    [
        ([], False, None, 0),
        ([2, 2], False, None, 2),
        ([0, 0], False, None, 0),
        ([], True, 1, 1),
        ([], False, 1, 1),
        ([2], False, 2, 2),
        ([1], True, 1, 1),
    ],
)
def test_count_of_references(ours, foreign, given, expected):
    assert count_references(ours, foreign, given, 6) == expected


@pytest.mark.parametrize(
    ("ours", "foreign", "given", "message"),
    [
        ([], True, None, "references is -1, but the conditioning holds a VCU that does not say .* Connect that node's"),
        ([1], True, None, "references is -1"),
        ([2], False, 1, "references is 1 but the conditioning has 2. Set it to -1"),
        ([0], False, 1, "references is 1 but the conditioning has 0"),
        ([], True, 6, "references is 6 but the latent that is sampled has 6 latent frames, so no video would be left"),
    ],
)
def test_counts_that_are_refused(ours, foreign, given, message):
    with pytest.raises(VaceInputError, match=message):
        count_references(ours, foreign, given, 6)
