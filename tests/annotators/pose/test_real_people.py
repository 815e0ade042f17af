"""BlazePose with its published files on real clips, beside what mediapipe itself finds there."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.inputs import footage
from wan_vace.annotators.pose.blazepose import BLAZE_FILES, PLACES, BlazePose
from wan_vace.annotators.pose.detect import Found
from wan_vace.annotators.pose.people import SURE
from wan_vace.annotators.pose.runtimes import Runtime
from wan_vace.annotators.protocol import silent
from wan_vace.annotators.tflite import load_tflite

RECORDED = json.loads((Path(__file__).parents[1] / "recorded/mediapipe.json").read_text("utf-8"))
FILES = ("pose_detection.tflite", "pose_landmark_full.tflite")
THEIRS = [next(place for place, theirs in PLACES.items() if theirs == point) for point in range(33)]
# COCO's points of the body, and the same with left and right exchanged.
BODY, MIRRORED = list(range(17)), [0, *(k + 1 if k % 2 else k - 1 for k in range(1, 17))]


@pytest.fixture(scope="module")
def networks(mediapipe_networks):
    networks = [load_tflite(mediapipe_networks / name, *what) for name, what in zip(FILES, BLAZE_FILES, strict=True)]
    return tuple(Runtime(name, net, (net.values,), 1, True) for name, net in zip(FILES, networks, strict=True))


def clip(name, count):
    return torch.from_numpy(footage.load(name, count)).float() / 255


def find(networks, frames, **settings):
    with torch.inference_mode():
        return Found(**BlazePose(lambda: networks, (), **settings)(frames, silent))


@pytest.mark.parametrize("name", [footage.DANCER, footage.WHITE_DRESS])
def test_points_are_where_mediapipe_finds_them(networks, name):
    theirs = np.array(RECORDED[name]["points"])
    found = find(networks, clip(name, len(theirs)))
    assert found.counts.tolist() == [1] * len(theirs)
    ours, seen = found.points.numpy()[:, THEIRS], theirs[..., 2] > 0.5
    away = np.linalg.norm(ours[..., :2] - theirs[..., :2], axis=-1)
    # Of 350: it cuts pictures half a pixel off, reads a person once in the first frame, and smooths what it looks at.
    assert away[seen].mean() < 5 and np.quantile(away[seen], 0.95) < 13
    assert ((ours[..., 2] > SURE) == seen).mean() > 0.95


def test_who_is_mirrored_has_left_and_right_exchanged(networks):
    frames = clip(footage.DANCER, 4)
    ours, mirrored = (find(networks, each).points[:, BODY] for each in (frames, frames.flip(2)))
    mirrored = mirrored[:, MIRRORED]
    mirrored[..., 0] = frames.shape[2] - mirrored[..., 0]
    seen = (ours[..., 2] > SURE) & (mirrored[..., 2] > SURE)
    away = torch.linalg.vector_norm(ours[..., :2] - mirrored[..., :2], dim=-1)[seen]
    assert seen.float().mean() > 0.5 and away.mean() < 7


@pytest.mark.parametrize(("scale", "left", "top"), [(0.5, 0, 0), (0.4, 200, 100), (2.0, 0, 0)])
def test_a_person_is_found_anywhere_and_at_any_size(networks, scale, left, top):
    frames = clip(footage.DANCER, 2)
    size = [round(350 * scale)] * 2
    pictures = torch.nn.functional.interpolate(frames.permute(0, 3, 1, 2), size, mode="bilinear", antialias=True)
    wide = torch.full((2, max(size[0] + top, 240), max(size[1] + left, 416), 3), 0.5)
    wide[:, top : top + size[0], left : left + size[1]] = pictures.permute(0, 2, 3, 1)
    found, ours = find(networks, wide), find(networks, frames)
    assert found.counts.tolist() == [1, 1]
    moved = (found.points[:, [0, 5, 6, 7, 9], :2] - torch.tensor([float(left), float(top)])) / scale
    assert torch.linalg.vector_norm(moved - ours.points[:, [0, 5, 6, 7, 9], :2], dim=-1).mean() < 14


@pytest.mark.parametrize("name", [footage.CAR, footage.DRAGON])
def test_nobody_is_found_where_nobody_is(networks, name):
    assert not find(networks, clip(name, 22)[14:]).counts.any()


def test_a_lower_score_finds_whom_the_finder_doubts(networks):
    """A boy of a cartoon: the points are right once somebody says that he is one."""
    frames = clip(footage.BOY_AND_DOG, 3)
    assert find(networks, frames).counts.tolist() == [0, 0, 0]
    found = find(networks, frames, person_score=0.1)
    assert found.counts.sum() >= 2
    nose, ankles = found.points[-1, 0, :2], found.points[-1, [15, 16], 1]
    assert 130 < nose[0] < 230 and 50 < nose[1] < 130 and (ankles > 230).all()


def test_who_leaves_comes_back(networks):
    frames = clip(footage.DANCER, 6)
    frames[2:4] = frames[:1].mean((1, 2), keepdim=True)
    assert find(networks, frames).counts.tolist() == [1, 1, 0, 0, 1, 1]
