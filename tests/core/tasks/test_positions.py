"""Where pictures go: words, an even spread, and snapping to what the mask channels see."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.tasks.positions import Keyframe, parse_positions, snap_keyframes, spread_evenly
from wan_vace.vace_core.vcu.timeline import visible_frames

LENGTHS = [*range(1, 21), 81, 121]
LONG = "9" * 5000  # more digits than Python reads as a number


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("12", [(12, 1)]),
        ("-1 -81", [(80, 1), (0, 1)]),
        ("0%, 50%,100%", [(0, 1), (40, 1), (80, 1)]),
        ("12.5%", [(10, 1)]),
        ("0s 1.5s .5s 5s", [(0, 1), (24, 1), (8, 1), (80, 1)]),
        ("First,LAST", [(0, 1), (80, 1)]),
        ("0x5 25%x2, 2sX3\nlast", [(0, 5), (20, 2), (32, 3), (80, 1)]),
        ("0 , 4 ;", [(0, 1), (4, 1)]),
    ],
)
def test_a_place_is_a_frame_a_share_a_time_or_a_word(text, places):
    assert parse_positions(text, 81, 16.0, 1) == places


def test_hold_is_for_places_that_do_not_say():
    assert parse_positions("0 8x2", 81, 16.0, 7) == [(0, 7), (8, 2)]


@pytest.mark.parametrize("length", LENGTHS)
def test_first_and_last_are_so_at_every_length(length):
    assert parse_positions("first last 100% -1", length, 16.0, 1) == [(0, 1), *[(length - 1, 1)] * 3]


@pytest.mark.parametrize(
    "word", ["middle", "1.5", "x5", "0x0", "5x-1", "-5%", "1.5m", "--1", LONG, f"{LONG}%", f"{LONG}s", f"0x{LONG}"]
)
def test_a_word_that_is_no_place_is_refused_with_examples(word):
    with pytest.raises(VaceInputError, match=rf"positions: '{word}' is no place\. Write a frame \(12, -1\).*0x5"):
        parse_positions(f"0, {word}", 81, 16.0, 1)


@pytest.mark.parametrize(
    ("word", "legal"),
    [
        ("81", "Use 0 to 80, or -81 to -1 from the end"),
        ("-82", "Use 0 to 80, or -81 to -1 from the end"),
        ("101%", "Use 0% to 100%"),
        ("5.1s", "Use 0s to 5s, or raise length"),
    ],
)
def test_a_place_outside_the_clip_is_refused_with_the_legal_range(word, legal):
    with pytest.raises(VaceInputError, match=rf"'{word}' lies outside the clip, which has 81 frames\. {legal}"):
        parse_positions(word, 81, 16.0, 1)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("hold", [1, 3])
def test_a_spread_goes_from_the_first_frame_to_the_last_without_overlap(length, hold):
    assert spread_evenly(1, length, hold) == [(0, hold)]
    for count in range(2, length // hold + 1):
        starts = [start for start, _ in spread_evenly(count, length, hold)]
        assert starts[0] == 0 and starts[-1] + hold == length
        steps = [later - earlier for earlier, later in pairwise(starts)]
        assert min(steps) >= hold and max(steps) - min(steps) <= 1


def test_a_spread_takes_the_nearest_frames():
    assert [start for start, _ in spread_evenly(4, 9)] == [0, 3, 5, 8]
    assert [start for start, _ in spread_evenly(3, 82)] == [0, 41, 81]


def test_of_two_ways_that_are_equally_long_the_later_one_is_taken():
    # of 81 frames 40 and 44 are read
    assert snap_keyframes([Keyframe("a", 42)], 81, "hold") == [Keyframe("a", 42, 3)]
    assert snap_keyframes([Keyframe("a", 42)], 81, "move") == [Keyframe("a", 44)]
    assert snap_keyframes([Keyframe("a", 41)], 81, "hold") == [Keyframe("a", 40, 2)]


def test_off_changes_nothing():
    keyframes = [Keyframe("a", 0), Keyframe("b", 80)]
    assert snap_keyframes(keyframes, 81, "off") == keyframes


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("snap", ["move", "hold"])
@pytest.mark.parametrize("hold", [1, 2])
def test_a_lone_keyframe_is_seen_after_the_smallest_change(length, snap, hold):
    seen = set(visible_frames(length))
    for start in range(length - hold + 1):
        (snapped,) = snap_keyframes([Keyframe("a", start, hold)], length, snap)
        assert seen & set(snapped.frames) and snapped.start >= 0 and snapped.frames.stop <= length
        assert snap != "hold" or set(range(start, start + hold)) <= set(snapped.frames)
        # the way by brute force: the distance from the run to the nearest seen frame
        distance = min(max(start - frame, frame - (start + hold - 1), 0) for frame in seen)
        changed = abs(snapped.start - start) if snap == "move" else snapped.hold - hold
        assert changed == distance


@settings(deadline=None)
@given(
    length=st.integers(1, 40),
    starts=st.lists(st.integers(0, 39), min_size=1, max_size=12, unique=True),
    snap=st.sampled_from(["move", "hold"]),
)
def test_snapping_never_makes_an_overlap_changes_the_order_or_leaves_the_clip(length, starts, snap):
    keyframes = [Keyframe(str(s), s) for s in starts if s < length]
    snapped = sorted(snap_keyframes(keyframes, length, snap), key=lambda k: k.start)
    assert [k.name for k in snapped] == [k.name for k in sorted(keyframes, key=lambda k: k.start)]
    assert all(a.frames.stop <= b.start for a, b in pairwise(snapped))
    assert all(0 <= k.start and k.frames.stop <= length for k in snapped)


def test_a_keyframe_with_no_room_stays_where_it_is():
    keyframes = [Keyframe("a", 0), Keyframe("b", 1), Keyframe("c", 2)]
    assert snap_keyframes(keyframes, 3, "move") == keyframes


def test_an_unknown_snap_is_refused():
    with pytest.raises(VaceInputError, match="snap must be one of off, move, hold, got on"):
        snap_keyframes([], 81, "on")
