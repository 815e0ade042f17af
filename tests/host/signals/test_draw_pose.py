"""VACE Draw Pose in the real host: its pose type, its nodes before and after, sizes, files, inputs that do not fit."""

import json

import numpy as np
import pytest
import torch

from harness.inputs import skeletons
from wan_vace.annotators.pose.draw import Look, draw_people
from wan_vace.annotators.pose.people import LEFT_HAND, RIGHT_HAND, People, from_wholebody, read_people, to_keypoints

pytestmark = pytest.mark.host

SETTINGS = {
    "width": 0, "height": 0, "length": 0, "body": True, "face": True, "hands": False, "palette": "official",
    "smoothing": True, "fill_gaps": 5,
}  # fmt: skip
OFFICIAL = {"smoothing": False, "fill_gaps": 0}


@pytest.fixture
def draw(call):
    return lambda **inputs: call("VaceDrawPose", **{**SETTINGS, **inputs})


def walkers(num_frames=5, scale=0.1):
    """Two people on an 84 x 48 canvas, in the host's form."""
    points = np.stack([skeletons.walker(num_frames, 250), skeletons.walker(num_frames, 600, -40, 300)], 1)
    return to_keypoints(People(points * (scale, scale, 1), round(480 * scale), round(840 * scale)))


def drawn(keypoints, height, width, **look):
    return draw_people(read_people("pose_keypoints", keypoints), height, width, Look(**look))


def test_it_draws_at_the_size_of_the_canvas(draw):
    keypoints = walkers()
    control, video, points, report = draw(pose_keypoints=keypoints, **OFFICIAL)
    assert control.shape == (5, 48, 84, 3) and report == "" and points == keypoints
    assert torch.equal(control, drawn(keypoints, 48, 84)) and control.max() > 0.5
    parts = video.get_components()
    assert torch.equal(parts.images, control) and parts.frame_rate == 16 and parts.audio is None


def test_settings_are_passed_on(draw):
    keypoints = walkers()
    control = draw(pose_keypoints=keypoints, **OFFICIAL, body=False, hands=True, palette="openpose")[0]
    assert torch.equal(control, drawn(keypoints, 48, 84, body=False, hands=True, palette="openpose"))


def test_the_video_gives_size_length_rate_and_sound(call, draw):
    audio = {"waveform": torch.zeros(1, 1, 100), "sample_rate": 100}
    source = call("CreateVideo", images=torch.rand(7, 33, 59, 3), fps=25.0, audio=audio)[0]
    control, video, points, report = draw(pose_keypoints=walkers(), frames=source)
    assert control.shape == (7, 33, 59, 3) and len(points) == 7 and points[0]["canvas_width"] == 59
    parts = video.get_components()
    assert parts.frame_rate == 25 and parts.audio is audio and torch.equal(parts.images, control)
    assert report == "The pose has 5 frames, 7 are wanted; it is held in its last frame."
    assert torch.equal(control[4], control[6])


def test_size_and_length_can_be_asked_for(draw):
    control, _, points, report = draw(pose_keypoints=walkers(), width=80, height=32, length=3)
    assert control.shape == (3, 32, 80, 3) and (points[0]["canvas_height"], points[0]["canvas_width"]) == (32, 80)
    assert "people are stretched" in report and "it is cut" in report


def test_saved_poses_are_read_from_text(draw):
    keypoints = walkers()
    control, _, points, _ = draw(pose_json=json.dumps(keypoints), **OFFICIAL)
    assert torch.equal(control, drawn(keypoints, 48, 84)) and points == keypoints
    report = draw(pose_keypoints=keypoints, pose_json="[]", **OFFICIAL)[3]
    assert report == "pose_json is not used, because pose_keypoints is connected."


def test_poses_in_parts_of_the_picture_are_drawn_alike(draw):
    keypoints = walkers()
    parts = [
        {
            **frame,
            "people": [
                {
                    key: [v / (84, 48, 1)[i % 3] for i, v in enumerate(values)] if "pose" in key else None
                    for key, values in person.items()
                }
                for person in frame["people"]
            ],
        }
        for frame in keypoints
    ]
    control = draw(pose_keypoints=parts, face=False, **OFFICIAL)[0]
    assert (control - drawn(keypoints, 48, 84, face=False)).abs().mean() < 1e-3


def test_smoothing_fills_gaps_and_says_so(draw):
    keypoints = walkers(9)
    for person in keypoints[4]["people"]:
        person["pose_keypoints_2d"][12:15] = [0.0, 0.0, 0.0]  # the right wrist
    _, _, points, report = draw(pose_keypoints=keypoints)
    assert "Filled in from the frames around: 2 missing joints." in report
    assert all(person["pose_keypoints_2d"][14] > 0.3 for person in points[4]["people"])
    assert draw(pose_keypoints=keypoints, **OFFICIAL)[2] == keypoints


def test_people_get_the_proportions_of_the_reference(draw):
    reference = walkers(1)
    one = [{**frame, "people": frame["people"][:1]} for frame in walkers()]
    for person in reference[0]["people"]:
        person["pose_keypoints_2d"][28::3] = [y + 3 for y in person["pose_keypoints_2d"][28::3]]
    _, _, points, report = draw(pose_keypoints=one, reference_pose=reference, **OFFICIAL)
    assert report.startswith("reference_pose shows 2 and pose_keypoints 1 people: ")
    assert points != one and len(points) == 5
    itself, report = draw(pose_keypoints=one, reference_pose=one, **OFFICIAL)[2:]
    moved = np.subtract(itself[2]["people"][0]["pose_keypoints_2d"], one[2]["people"][0]["pose_keypoints_2d"])
    assert np.abs(moved).max() < 1e-3 and report == ""


def test_the_host_s_own_keypoints_are_read_as_its_detector_means_them(host):
    from comfy_extras.nodes_sdpose import _to_openpose_frames

    random = np.random.default_rng(0)
    points = random.uniform(5, 40, (2, 3, 133, 3)).astype(np.float32)
    points[..., 2] = random.uniform(0.1, 1, points.shape[:-1])
    frames = _to_openpose_frames(points[..., :2], points[..., 2], 48, 64)
    ours, theirs = from_wholebody(list(points), 48, 64).points.copy(), read_people("pose_keypoints", frames).points
    # The host calls the hands the other way round than COCO-WholeBody, whose order it has.
    ours[:, :, [*range(LEFT_HAND.start, RIGHT_HAND.stop)]] = ours[:, :, [*range(115, 136), *range(94, 115)]]
    nobody = ours[..., 2] == 0  # a neck without shoulders
    np.testing.assert_allclose(np.where(nobody[..., None], 0, ours), theirs, rtol=1e-5)


@pytest.mark.since("0.26.0", reason="before, the host draws no head of its own")
def test_the_host_draws_what_comes_out(call, draw):
    points = draw(pose_keypoints=walkers())[2]
    picture = call(
        "SDPoseDrawKeypoints", keypoints=points, draw_body=True, draw_hands=True, draw_face=True, draw_feet=True,
        stick_width=1, face_point_size=1, score_threshold=0.3, draw_head=True,
    )[0]  # fmt: skip
    assert picture.shape == (5, 48, 84, 3) and picture.max() > 0.5
    boxes = call("SDPoseFaceBBoxes", keypoints=points, scale=1.5, force_square=True)[0]
    assert [len(frame) for frame in boxes] == [2] * 5


def test_a_drawing_leads_a_generation(call, draw, vae):
    control = draw(pose_keypoints=walkers(), width=48, height=32)[0]
    vcu = call(
        "VaceBuildVcu", references={}, control_video=control, width=0, height=0, length=0, fit="cover",
        inside_mask="control", soft_mask=False,
    )[0]  # fmt: skip
    assert vcu.kind == "control" and torch.equal(vcu.frames, control)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"pose_keypoints is not connected and pose_json is empty\. Connect a node that finds poses"),
        ({"pose_json": "no"}, r"pose_json is not JSON"),
        ({"pose_keypoints": "x"}, r"pose_keypoints is a str"),
        ({"pose_keypoints": [{"canvas_width": 8, "canvas_height": 8, "people": []}]}, r"no person in any of its 1"),
        ({"pose_keypoints": walkers(), "reference_pose": []}, r"reference_pose holds no frames"),
        ({"pose_keypoints": walkers(), "body": False, "face": False}, r"body, face and hands are all off"),
        ({"pose_keypoints": walkers(), "frames": torch.rand(2, 8, 8, 4)}, r"frames has 4 channels \(RGB with alpha\)"),
        ({"pose_keypoints": walkers(), "frames": torch.rand(2, 8, 8)}, r"frames must have shape \[T, H, W, C\]"),
    ],
)  # fmt: skip
def test_inputs_that_cannot_be_drawn_are_refused(draw, inputs, message):
    with pytest.raises(ValueError, match=message):
        draw(**inputs)
