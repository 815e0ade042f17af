"""VACE Annotate Pose by BlazePose and VACE Mask Subject by selfie segmentation: the published files on real clips."""

import importlib
import shutil
import sys
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
import torch

from harness.inputs import footage
from wan_vace.annotators.pose.people import BODY, read_people

pytestmark = [pytest.mark.usefixtures("empty_folders"), pytest.mark.host]

BLAZE = {"method": "blazepose", "person_score": 0.5}
SELFIE = {"method": "selfie", "threshold": 0.5, "clean": True, "which_frames": "all"}
DRAWING = {"body": True, "face": True, "hands": False, "palette": "official", "smoothing": True, "fill_gaps": 5}
FINDER, POINTS, PERSON = "pose_detection.tflite", "pose_landmark_full.tflite", "selfie_segmentation.tflite"
PLACE = r"https://pypi\.org/project/mediapipe/0\.10\.14/#files \(it is in any of the wheels, which are zip files\)"
LIMBS = [2, 5, 8, 11]  # shoulders and hips


@pytest.fixture
def models(tmp_path, mediapipe_networks):
    """The models folder, with the published files in it."""
    folder = tmp_path / "models/vace_annotators"
    shutil.copytree(mediapipe_networks, folder)
    return folder


@pytest.fixture
def installed(tmp_path, mediapipe_networks, monkeypatch):
    """A mediapipe as it lies in a folder of packages, which cannot be imported."""
    packages = tmp_path / "packages"
    for name, folder in ((FINDER, "pose_detection"), (POINTS, "pose_landmark"), (PERSON, "selfie_segmentation")):
        (packages / "mediapipe/modules" / folder).mkdir(parents=True)
        shutil.copy(mediapipe_networks / name, packages / "mediapipe/modules" / folder)
    (packages / "mediapipe/__init__.py").write_text("raise AssertionError")
    (packages / "mediapipe-0.10.14.dist-info").mkdir()
    (packages / "mediapipe-0.10.14.dist-info/METADATA").write_text("Name: mediapipe\nVersion: 0.10.14\n")
    monkeypatch.syspath_prepend(packages)
    return packages / "mediapipe/modules"


@pytest.fixture
def without_mediapipe(host, monkeypatch):
    """Whoever runs this may have it."""

    def missing(name):
        raise PackageNotFoundError(name)

    files = importlib.import_module("wan_vace.nodes._host.signals.files")
    monkeypatch.setattr(files, "distribution", missing)


def clip(name, count):
    return torch.from_numpy(footage.load(name, count)).float() / 255


def pose(call, frames, method=BLAZE, **drawing):
    return call("VaceAnnotatePose", frames=frames, method=method, **{**DRAWING, **drawing})


def subject(call, frames, **settings):
    return call("VaceMaskSubject", frames=frames, method={**SELFIE, **settings})


def test_a_dancer_is_found_drawn_and_told(call, models):
    frames = clip(footage.DANCER, 6)
    control, video, keypoints, report = pose(call, frames)
    people = read_people("pose", keypoints).points
    assert people.shape[:2] == (6, 1) and (people[:, 0, [0, 1, 2, 5], 2] > 0.5).all()
    assert control.shape == frames.shape and all(frame.max() > 0.5 for frame in control)
    assert torch.equal(video.get_components().images, control)
    assert report.startswith(
        "People: 1 in 6 of 6 frames.\nBlazePose follows one person, whoever it is surest of. Of a face it gives seven "
        "points, of a hand four, and no more are drawn.\nPeople are found by pose_detection.tflite and "
        "pose_landmark_full.tflite."
    )
    short = pose(call, frames, face=False)[3]
    assert "BlazePose follows one person, whoever it is surest of.\n" in short


def test_poses_are_smoothed_and_given_another_build(call, models):
    frames = clip(footage.DANCER, 12)
    found, steady = (read_people("pose", pose(call, frames, smoothing=on)[2]).points for on in (False, True))
    trembling = [np.abs(np.diff(people[:, 0, LIMBS, :2], n=2, axis=0)).mean() for people in (found, steady)]
    assert trembling[1] < 0.6 * trembling[0]
    assert np.linalg.norm(found[..., LIMBS, :2] - steady[..., LIMBS, :2], axis=-1).max() < 12
    keypoints = pose(call, frames)[2]
    lean = pose(call, torch.nn.functional.pad(clip(footage.DANCER, 1), (0, 0, 0, 0, 120, 0)))[2]  # lower in the picture
    drawing = {**DRAWING, "smoothing": False, "fill_gaps": 0, "width": 0, "height": 0, "length": 0}
    control, _, shaped, report = call("VaceDrawPose", pose_keypoints=keypoints, reference_pose=lean, **drawing)
    assert control.any() and len(shaped) == 12
    moved = read_people("pose", shaped).points[:, 0, LIMBS, :2] - steady[:, 0, LIMBS, :2]
    assert np.isfinite(moved).all() and "limb" not in report


def test_files_of_an_installed_mediapipe_are_used_and_it_is_not_imported(call, installed):
    report = pose(call, clip(footage.DANCER, 1))[3]
    assert "pose_detection.tflite and pose_landmark_full.tflite" in report and "mediapipe" not in sys.modules
    assert subject(call, clip(footage.DANCER, 1))[0].mean() > 0.05


def test_the_models_folder_goes_before_an_installed_mediapipe(call, installed, models):
    (models / FINDER).write_bytes(b"<html>")
    with pytest.raises(ValueError, match=rf"{FINDER} cannot be read \(it is no TensorFlow Lite file\)"):
        pose(call, clip(footage.DANCER, 1))


@pytest.mark.usefixtures("without_mediapipe")
def test_missing_files_are_named_with_their_place(call, tmp_path):
    message = rf"The pose method blazepose needs {FINDER}, which.*{PLACE}.*{POINTS}"
    with pytest.raises(ValueError, match=message) as error:
        pose(call, torch.zeros(1, 8, 8, 3))
    assert str(error.value).endswith(f"put it into {tmp_path / 'models/vace_annotators'}.")
    with pytest.raises(ValueError, match=rf"The method selfie needs {PERSON}, which.*{PLACE}"):
        subject(call, torch.zeros(1, 8, 8, 3))


@pytest.mark.usefixtures("without_mediapipe")
def test_only_the_missing_file_is_named(call, models):
    (models / POINTS).unlink()
    with pytest.raises(ValueError, match=POINTS) as error:
        pose(call, torch.zeros(1, 8, 8, 3))
    assert FINDER not in str(error.value)


def test_another_pose_method_names_it_when_its_files_are_here(call, models):
    with pytest.raises(ValueError, match=r"needs yolox_l.*Or choose blazepose, whose files are here\."):
        pose(call, torch.zeros(1, 8, 8, 3), {"method": "dwpose", "person_score": 0.3, "without_person": "nobody"})


@pytest.mark.parametrize("damage", ["html", "cut", "another"])
@pytest.mark.parametrize("name", [FINDER, POINTS, PERSON])
def test_a_damaged_or_another_file_is_told(call, models, name, damage):
    if damage == "another":
        shutil.copy(models / (FINDER if name != FINDER else POINTS), models / name)
    else:
        data = (models / name).read_bytes()
        (models / name).write_bytes(b"<html>" if damage == "html" else data[: len(data) // 2])
    said = "is another network than its name says" if damage == "another" else "cannot be read"
    with pytest.raises(ValueError, match=rf"^{name} {said}"):
        (subject if name == PERSON else pose)(call, clip(footage.DANCER, 1))


@pytest.mark.parametrize("name", [footage.CAR, footage.DRAGON])
def test_nobody_is_invented(call, models, name):
    with pytest.raises(ValueError, match=r"No person was found in any of the 5 frames"):
        pose(call, clip(name, 5))


def test_who_leaves_is_not_drawn_until_back(call, models):
    frames = clip(footage.DANCER, 6)
    frames[2:4] = clip(footage.CAR, 1)[0, :350, :350].mean((0, 1))
    control, _, keypoints, report = pose(call, frames, fill_gaps=0, smoothing=False)
    assert [len(frame["people"]) for frame in keypoints] == [1, 1, 0, 0, 1, 1]
    assert not control[2:4].any() and "Nobody was found in frame 2, 3." in report
    filled = pose(call, frames)[2]
    assert [len(frame["people"]) for frame in filled] == [1] * 6


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 300), (16, 16)])
def test_tiny_pictures_hold_nobody(call, models, height, width):
    with pytest.raises(ValueError, match=r"No person was found in any of the 1 frames"):
        pose(call, torch.rand(1, height, width, 3))
    assert subject(call, torch.rand(1, height, width, 3))[0].shape == (1, height, width)


def test_a_person_is_masked(call, models):
    frames = clip(footage.DANCER, 4)
    mask, preview, which, report = subject(call, frames, which_frames="0, -1")
    assert mask.shape == (2, 350, 350) and which == "0, 3" and set(mask.unique().tolist()) == {0, 1}
    assert report.startswith("The subject is what selfie_segmentation.tflite takes for a person.\nThe subject covers ")
    inside = read_people("pose", pose(call, frames)[2]).points[[0, 3], 0]
    for one, points in zip(mask, inside, strict=True):
        x, y = points[[1, 0, 2, 5], :2].round().astype(int).T
        assert one[y, x].all()  # neck, nose, shoulders
    assert subject(call, frames, threshold=0.9)[0].mean() < subject(call, frames, threshold=0.1)[0].mean()
    assert (preview[mask == 0] == 0.5).all()


def test_no_person_is_told(call, models):
    report = subject(call, clip(footage.CAR, 1), threshold=0.99)[3]
    assert "Nothing was found in frame 0. Nobody is near enough there; lower threshold, or try" in report


def test_what_was_found_is_kept(call, models, tmp_path):
    frames = clip(footage.DANCER, 2)
    pose(call, frames)
    pose(call, frames, palette="openpose")
    assert len(list((tmp_path / "temp/vace_annotations").iterdir())) == 1
    pose(call, frames, {**BLAZE, "person_score": 0.6})
    assert len(list((tmp_path / "temp/vace_annotations").iterdir())) == 2


def test_the_body_is_drawn_as_far_as_it_is_seen(call, models):
    """The dancer is cut off at the knees: what lies beyond the picture is not drawn."""
    keypoints = pose(call, clip(footage.DANCER, 3), smoothing=False, fill_gaps=0)[2]
    people = read_people("pose", keypoints).points[:, 0, BODY]
    drawn = people[people[..., 2] > 0.3]
    assert len(drawn) > 20 and (drawn[:, :2] > -10).all() and (drawn[:, :2] < 360).all()
