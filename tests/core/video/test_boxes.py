"""Boxes and paths: the text users write, where boxes are in each frame, what is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.video.boxes import EASINGS, Box, BoxTrack, bounding_box, bounding_spans, boxes_at, parse_tracks

A, B = Box(0, 0, 10, 20), Box(80, 40, 90, 60)


def parse(text, num_frames=81):
    return parse_tracks("boxes", text, 480, 832, num_frames)


def test_the_official_command_line_form_is_start_and_end():
    assert parse("10,20,110,220 300,40,400,240") == [
        BoxTrack(((0, Box(10, 20, 110, 220)), (1, Box(300, 40, 400, 240))))
    ]


def test_labels_per_cent_spaces_and_two_ways_to_separate_objects():
    tracks = parse("big dog: 50%, 25%,100% ,75%\n\n cat:1,2,3,4;5.5,.5,7,8;")
    assert [t.label for t in tracks] == ["big dog", "cat", ""]
    assert tracks[0].points == ((0, Box(416, 120, 832, 360)),)
    assert tracks[2].points == ((0, Box(5.5, 0.5, 7, 8)),)


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("0,0,9,9", [0]),
        ("0,0,9,9@40", [0.5]),
        ("0,0,9,9 1,0,9,9 2,0,9,9", [0, 0.5, 1]),
        ("0,0,9,9 1,0,9,9 2,0,9,9@40 3,0,9,9", [0, 0.25, 0.5, 1]),
        ("0,0,9,9 @ 20 1,0,9,9 2,0,9,9@75%", [0.25, 0.5, 0.75]),
    ],
)
def test_boxes_without_a_time_are_spread_between_those_with_one(text, positions):
    assert [time for time, _ in parse(text)[0].points] == positions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3,4\n10 20 30 40", r'boxes, line 2 \("10 20 30 40"\): "10" is not a box\. Write left,top,right'),
        ("1,2,3", r'line 1 \("1,2,3"\): "1,2,3" is not a box'),
        (f"0,0,{'9' * 400},9", r"is not a box"),
        ("cat:", r'line 1 \("cat:"\): there is no box'),
        ("9,2,3,4", r"box 9,2,3,4 has no area: right must be greater than left"),
        ("0,9,3,9", r"box 0,9,3,9 has no area"),
        ("1,2,3,4@81", r"@81 is outside the clip, whose frames are @0 to @80"),
        ("1,2,3,4@-1", r"@-1 is outside the clip"),
        ("1,2,3,4@101%", r"@101% is outside the clip"),
        ("1,2,3,4@40 1,2,3,4@40", r"the times must rise, but box 2 is not after box 1"),
        ("1,2,3,4 1,2,3,4@0", r"the times must rise"),
    ],
)  # fmt: skip
def test_errors_name_the_line_and_show_the_right_form(text, message):
    with pytest.raises(VaceInputError, match=message):
        parse(text)


def test_a_clip_of_one_frame_has_only_frame_0():
    assert boxes_at(parse("0,0,10,20@0 80,40,90,60", 1)[0], 1) == [A]
    with pytest.raises(VaceInputError, match="@1 is outside the clip, whose frames are @0 to @0"):
        parse("0,0,9,9@1", 1)


def test_a_linear_path_reaches_its_end_and_the_official_layout_does_not():
    track = BoxTrack(((0, A), (1, B)))
    assert [b.left for b in boxes_at(track, 5)] == [0, 20, 40, 60, 80]
    assert [b.left for b in boxes_at(track, 5, reach_end=False)] == [0, 16, 32, 48, 64]


@pytest.mark.parametrize(
    ("easing", "middle"),
    [("linear", [20, 60]), ("ease in", [5, 45]), ("ease out", [35, 75]), ("ease in-out", [12.5, 67.5])],
)
def test_easing_bends_time_and_keeps_the_ends(easing, middle):
    lefts = [b.left for b in boxes_at(BoxTrack(((0, A), (1, B))), 5, easing)]
    assert [lefts[1], lefts[3]] == middle and (lefts[0], lefts[4]) == (0, 80)


def test_a_box_stands_still_before_and_after_its_path():
    boxes = boxes_at(BoxTrack(((0.25, A), (0.5, B))), 9)
    assert boxes[:3] == [A] * 3 and boxes[4:] == [B] * 5 and boxes[3].left == 40


@given(st.integers(2, 121), st.sampled_from(EASINGS), st.data())
def test_every_box_is_reached_exactly_at_its_frame(num_frames, easing, data):
    frame = data.draw(st.integers(0, num_frames - 1))
    track = parse(f"7,7,9,9@{frame}" if frame == 0 else f"1,1,2,2 7,7,9,9@{frame}", num_frames)[0]
    boxes = boxes_at(track, num_frames, easing)
    assert len(boxes) == num_frames and boxes[frame] == Box(7, 7, 9, 9)


def test_an_unknown_easing_is_refused():
    with pytest.raises(
        VaceInputError, match="easing must be one of linear, ease in, ease out, ease in-out, got bounce"
    ):
        boxes_at(BoxTrack(((0, A),)), 5, "bounce")


def test_a_timed_path_is_on_time_with_the_official_motion_too():
    timed, untimed = (parse(text, 81)[0] for text in ("0,0,10,10 100,0,110,10@40 0,0,10,10", "0,0,10,10 100,0,110,10"))
    assert timed.timed and not untimed.timed
    lefts = [box.left for box in boxes_at(timed, 81, reach_end=False)]
    assert lefts[40] == max(lefts) == 100 and lefts[80] == 0
    assert boxes_at(untimed, 81, reach_end=False)[80].left == pytest.approx(100 * 80 / 81)


@given(st.integers(0, 9999), st.sampled_from([0.0, 0.01, 0.1, 1.0]))
def test_the_bounding_box_is_what_numpy_finds(seed, share):
    inside = np.random.default_rng(seed).random((3, 9, 14)) < share
    rows, columns = bounding_spans(torch.from_numpy(inside))
    for frame, down, across in zip(inside, rows.tolist(), columns.tolist(), strict=True):
        y, x = np.nonzero(frame)
        found = (x.min(), y.min(), x.max() + 1, y.max() + 1) if len(x) else None
        assert bounding_box(torch.from_numpy(frame)) == found
        assert (across[0], down[0], across[1], down[1]) == (found or (0, 0, 0, 0))


def middles(text, num_frames=81, easing="linear"):
    (track,) = parse(text, num_frames)
    sides = np.array([box.sides for box in boxes_at(track, num_frames, easing)])
    return (sides[:, :2] + sides[:, 2:]) / 2, sides[:, 2:] - sides[:, :2]


CURVE = "dog: Curved 0,0,20,20 100,200,140,240@20 300,40,320,60@60 400,300,420,320"
STRAIGHT = CURVE.replace("Curved ", "")


def test_a_curve_goes_through_its_boxes_with_the_sizes_of_the_straight_way():
    (track,) = parse(CURVE)
    assert track.curved
    assert track.points == parse(STRAIGHT)[0].points
    (curve, size), (line, straight_size) = middles(CURVE), middles(STRAIGHT)
    for frame in (0, 20, 60, 80):
        np.testing.assert_allclose(curve[frame], line[frame], atol=1e-9)
    np.testing.assert_allclose(size, straight_size, atol=1e-9)
    assert np.abs(curve - line).max() > 20


def test_a_curve_is_the_hermite_spline_of_scipy():
    scipy = pytest.importorskip("scipy.interpolate")
    times, places = np.array([0, 20, 60, 80]) / 80, np.array([[10, 10], [120, 220], [310, 50], [410, 310]], float)
    slopes = np.diff(places, axis=0) / np.diff(times)[:, None]
    spans = np.diff(times)[:, None]
    inner = (slopes[:-1] * spans[1:] + slopes[1:] * spans[:-1]) / (spans[1:] + spans[:-1])
    spline = scipy.CubicHermiteSpline(times, places, np.concatenate([slopes[:1], inner, slopes[-1:]]))
    np.testing.assert_allclose(middles(CURVE)[0], spline(np.arange(81) / 80), atol=1e-9)


def test_a_curve_does_not_jerk_at_its_boxes_where_a_straight_way_does():
    def turn(text, parts):  # of the way from frame to frame, with frames so many times as close
        scaled = text.replace("@20", "@25%").replace("@60", "@75%")
        return np.abs(np.diff(middles(scaled, 80 * parts + 1)[0], 2, axis=0)).max()

    assert turn(CURVE, 10) / turn(CURVE, 20) > 3.5  # a smooth way: a quarter with half the step
    assert turn(STRAIGHT, 10) / turn(STRAIGHT, 20) < 2.1  # a corner: half of it


def test_a_curve_of_two_boxes_is_straight_and_a_label_may_be_called_curved():
    np.testing.assert_allclose(middles("curved 0,0,9,9 60,20,99,39")[0], middles("0,0,9,9 60,20,99,39")[0], atol=1e-9)
    (track,) = parse("curved: 0,0,9,9 60,20,99,39")
    assert (track.label, track.curved) == ("curved", False)
    with pytest.raises(VaceInputError, match="there is no box"):
        parse("a: curved")


def test_a_curved_path_has_area_all_the_time():
    (track,) = parse("curved 0,0,400,400 100,100,101,101 200,100,201,101 300,0,700,400")
    assert all(box.right > box.left and box.bottom > box.top for box in boxes_at(track, 201))
