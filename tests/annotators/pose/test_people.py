"""People read from what nodes, files and detectors give, and written back."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.hearing import heard
from wan_vace.annotators.pose import people as pd
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences

SIZES = {key: part.stop - part.start for key, part in pd.PARTS.items()}


def person(value=10.0, **parts):
    """A person in the host's form, all points at one place unless given."""
    whole = {key: [value, value + 1, 0.9] * size for key, size in SIZES.items()}
    return {**whole, **parts}


def frame(*people, width=64, height=48):
    return {"canvas_width": width, "canvas_height": height, "people": list(people)}


def read(*frames):
    return heard(pd.read_people, "pose_keypoints", list(frames))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(any), st.integers(0, 999))
def test_what_is_read_is_written_back(counts, seed):
    random = np.random.default_rng(seed)
    points = np.zeros((len(counts), max(counts), pd.NUM_POINTS, 3), np.float32)
    for t, count in enumerate(counts):
        points[t, :count] = random.uniform(3, 40, (count, pd.NUM_POINTS, 3))
        points[t, :count, :, 2] = random.uniform(0.05, 1, (count, pd.NUM_POINTS))
    people = pd.People(points, 48, 64)
    frames = pd.to_keypoints(people)
    assert [len(each["people"]) for each in frames] == counts
    again, notes = read(*frames)
    assert notes == [] and (again.height, again.width) == (48, 64)
    np.testing.assert_array_equal(again.points, points)
    np.testing.assert_array_equal(pd.parse_people("pose_json", json.dumps(frames)).points, points)


def test_a_clip_of_people_does_not_change():
    source = np.ones((1, 1, pd.NUM_POINTS, 3))
    people = pd.People(source, 4, 4)
    source[:] = 5
    assert people.points.max() == 1
    with pytest.raises(ValueError, match="read-only"):
        people.points[0] = 2
    with pytest.raises(ValueError, match=r"points must be \[T, N, 136, 3\], got \[1, 2, 3\]"):
        pd.People(np.zeros((1, 2, 3)), 4, 4)


def test_parts_of_the_picture_become_pixels_and_what_was_not_looked_for_is_not_there():
    body = [0.5, 0.25, 1.0] * 17 + [1.1, -0.05, 1.0]  # a joint may be outside
    people, notes = read(frame({"pose_keypoints_2d": body, "face_keypoints_2d": None, "hand_left_keypoints_2d": []}))
    assert notes == [] and people.points[0, 0, 0].tolist() == [32, 12, 1]
    np.testing.assert_allclose(people.points[0, 0, 17, :2], [70.4, -2.4], rtol=1e-6)
    assert people.found.sum() == 18


def test_pixels_stay_though_some_are_small():
    body = [1.0, 1.0, 1.0] * 17 + [3.0, 0.5, 1.0]
    assert read(frame(person(pose_keypoints_2d=body)))[0].points[0, 0, 0, 0] == 1


def test_a_face_of_68_gets_the_eyes_of_the_body():
    body = [float(i) for i in range(54)]
    people, _ = read(frame(person(pose_keypoints_2d=body, face_keypoints_2d=[5.0, 6.0, 0.5] * 68)))
    np.testing.assert_array_equal(people.points[0, 0, 92:94], people.points[0, 0, [14, 15]])


def test_files_of_openpose_have_feet_among_25_points():
    body = [value for i in range(25) for value in (i + 3, i + 4, 0.5)]
    people, _ = read(frame({"pose_keypoints_2d": body}))
    x = people.points[0, 0, :, 0] - 3
    assert x[:18].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
    assert x[18:24].tolist() == [19, 20, 21, 22, 23, 24]


@pytest.mark.parametrize(
    "place", [(-1, -1, 0.9), (float("nan"), 5, 0.9), (1e300, 5, 0.9), (5, 5, 0), (5, 5, float("nan"))]
)
def test_points_that_are_nowhere_are_not_found(place):
    people, _ = read(frame(person(pose_keypoints_2d=[*place] + [7.0, 8.0, 0.9] * 17)))
    assert people.points[0, 0, 0].tolist() == [0, 0, 0] and people.found[0, 0, 1:].all()


def test_frames_of_another_canvas_are_brought_to_the_first():
    people, notes = read(frame(person(10.0)), frame(person(20.0), width=128, height=96))
    assert notes == ["pose_keypoints: the canvas changes size; all frames are brought to the first one's."]
    np.testing.assert_allclose(people.points[1, 0, 0], [10, 10.5, 0.9], rtol=1e-6)


def test_one_frame_may_come_without_its_list():
    assert len(pd.read_people("pose_keypoints", frame(person())).points) == 1


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ("text", r"pose_keypoints is a str\. It must be what pose nodes give"),
        (None, r"pose_keypoints is a NoneType\."),
        ([], r"pose_keypoints holds no frames\."),
        ([frame(), frame()], r"holds no person in any of its 2 frames\. Use a video with a person"),
        ([frame(person(pose_keypoints_2d=[0.0] * 54, **dict.fromkeys(list(SIZES)[1:])))], r"holds no person in any"),
        ([frame(person()), []], r"frame 1 has no list of people\."),
        ([{"people": [person()]}], r"frame 0: canvas_height is None, it must be the picture's size in pixels"),
        ([frame(person(), width=0)], r"frame 0: canvas_width is 0"),
        ([frame([1, 2])], r"frame 0, person 0 is a list\."),
        (
            [frame(person(pose_keypoints_2d=[1.0] * 50))],
            r"person 0: pose_keypoints_2d holds 50 numbers, it must hold 54 \(18 points of x, y, confidence\) or 75",
        ),
        ([frame(person(face_keypoints_2d=[1.0] * 9))], r"face_keypoints_2d holds 9 .* must hold 204 .* or 210"),
        ([frame(person(hand_left_keypoints_2d=[1.0] * 9))], r"hand_left_keypoints_2d holds 9 .* must hold 63 \("),
        ([frame(person(pose_keypoints_2d=["a"] * 54))], r"pose_keypoints_2d holds more than numbers"),
    ],
)  # fmt: skip
def test_other_forms_are_refused(frames, message):
    with pytest.raises(VaceInputError, match=message):
        pd.read_people("pose_keypoints", frames)


@pytest.mark.parametrize("text", ["{'people'}", "[" * 100000])
def test_text_that_is_not_json_is_refused(text):
    with pytest.raises(VaceInputError, match=r"pose_json is not JSON \(.*\)\. Paste the whole text"):
        pd.parse_people("pose_json", text)


def coco(seed=0, count=1):
    points = np.random.default_rng(seed).uniform(5, 60, (count, pd.NUM_WHOLEBODY, 3))
    points[..., 2] = 0.8
    return points.astype(np.float32)


def test_wholebody_points_get_a_neck_between_the_shoulders():
    found = coco()
    found[0, 5, 2] = 0.6
    body = pd.from_wholebody([found], 48, 64).points[0, 0]
    np.testing.assert_allclose(body[1], [*found[0, 5:7, :2].mean(0), 0.6], rtol=1e-6)
    names = {
        0: 0,
        2: 6,
        3: 8,
        4: 10,
        5: 5,
        6: 7,
        7: 9,
        8: 12,
        9: 14,
        10: 16,
        11: 11,
        12: 13,
        13: 15,
        14: 2,
        15: 1,
        16: 4,
    }
    for ours, theirs in names.items():
        np.testing.assert_array_equal(body[ours], found[0, theirs])
    np.testing.assert_array_equal(body[17:92], found[0, [3, *range(17, 91)]])
    np.testing.assert_array_equal(body[94:], found[0, 91:])


def test_a_neck_needs_both_shoulders():
    found = coco()
    found[0, 6, 2] = 0.3
    assert pd.from_wholebody([found], 48, 64).points[0, 0, 1, 2] == 0


def test_frames_may_hold_different_numbers_of_people():
    people = pd.from_wholebody([coco(0, 2), np.zeros((0, 133, 3)), coco(1, 1)], 48, 64)
    assert people.present.tolist() == [[True, True], [False, False], [True, False]]
    with pytest.raises(VaceInputError, match=r"No person was found in any of the 2 frames"):
        pd.from_wholebody([[], []], 48, 64)


def test_another_size_moves_points_along(notes):
    people = read(frame(person(16.0)))[0]
    doubled = pd.resized(people, 96, 128)
    assert doubled.points[0, 0, 0, :2].tolist() == [32, 34] and notes == []
    assert pd.resized(people, 48, 64) is people
    stretched = pd.resized(people, 48, 128)
    assert stretched.points[0, 0, 0, :2].tolist() == [32, 17]
    assert sentences(notes) == [
        "The pose is of a 64 x 48 picture and drawn at 128 x 48: people are stretched. Give width and height of the "
        "same shape."
    ]


def test_another_length_cuts_or_holds(notes):
    people = read(frame(person(1.0)), frame(person(20.0)))[0]
    assert pd.people_at_length(people, 4).points[:, 0, 0, 0].tolist() == [1, 20, 20, 20]
    assert pd.people_at_length(people, 1).points[:, 0, 0, 0].tolist() == [1]
    assert sentences(notes) == [
        "The pose has 2 frames, 4 are wanted; it is held in its last frame.",
        "The pose has 2 frames, 1 are wanted; it is cut.",
    ]
    assert len(pd.people_at_length(read(frame(person()))[0], 9).points) == 9 and len(notes) == 2


def test_a_crowd_that_cannot_be_followed_is_refused_with_how_many_can(monkeypatch):
    monkeypatch.setattr(pd, "MOST_PLACES", 5)
    assert len(read(frame(person()), frame(person(), person()))[0].points) == 2
    said = r"holds 3 frames and up to 2 people in one of them, .* Give at most 1 people in each of so many frames\."
    with pytest.raises(VaceInputError, match=said):
        read(frame(person()), frame(person(), person()), frame())


def test_a_pose_of_as_many_frames_as_asked_for_stays_as_it_is():
    people, _ = read(frame(person()), frame(person(20.0)))
    assert heard(pd.people_at_length, people, 2) == (people, [])


def test_a_frame_in_which_a_detector_found_nobody_may_be_empty():
    someone = np.full((1, 133, 3), 5, np.float32)
    people = pd.from_wholebody([someone, []], 48, 64)
    assert people.points.shape[:2] == (2, 1) and not people.points[1].any() and people.points[0].any()
