"""Selfie segmentation: its arithmetic, and its published file beside what mediapipe itself finds."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.inputs import footage
from wan_vace.annotators.protocol import silent
from wan_vace.annotators.subject.person import AT_ONCE, PERSON_SIDE, SELFIE_FILE, PersonMask
from wan_vace.annotators.tflite import load_tflite

RECORDED = json.loads((Path(__file__).parents[1] / "recorded/mediapipe.json").read_text("utf-8"))
SQUARE = 25


def red(pixels):
    """A network for which what is red is a person."""
    return pixels[:, 0].flatten(1)


@pytest.mark.parametrize("name", [footage.DANCER, footage.WHITE_DRESS])
def test_the_person_is_where_mediapipe_finds_one(mediapipe_networks, name):
    network = load_tflite(mediapipe_networks / "selfie_segmentation.tflite", *SELFIE_FILE)
    frames = torch.from_numpy(footage.load(name, 1)).float() / 255
    with torch.inference_mode():
        mask = PersonMask(lambda: network, (), clean=False)(frames, silent)[0, ..., 0]
    shares = mask.unflatten(0, (-1, SQUARE)).unflatten(2, (-1, SQUARE)).mean((1, 3))
    theirs = np.array(RECORDED[name]["mask"])
    assert abs(shares.numpy() - theirs).mean() < 0.02 and 0.2 < theirs.mean() < 0.5


@pytest.mark.parametrize("count", [1, AT_ONCE + 3])
def test_every_frame_gets_its_own_mask_in_its_own_size(count):
    frames = torch.zeros(count, 40, 90, 3)
    for k in range(count):
        frames[k, 10:30, 10 + k : 40 + k, 0] = 1
    masks = PersonMask(lambda: red, ())(frames, silent)
    assert masks.shape == (count, 40, 90, 1) and masks.dtype == torch.float32
    assert ((masks > 0.5) != (frames[..., :1] > 0.5)).float().mean() < 0.01


def test_less_than_the_threshold_is_nobody():
    frames = torch.full((1, 8, 8, 3), 0.6)
    assert [float(PersonMask(lambda: red, (), t)(frames, silent).mean()) for t in (0.5, 0.7)] == [1, 0]


def test_islands_and_holes_go_unless_they_are_wanted():
    frames = torch.zeros(1, PERSON_SIDE, PERSON_SIDE, 3)
    frames[0, 50:200, 50:200, 0] = 1
    whole = frames.clone()
    frames[0, 100:104, 100:104] = 0
    frames[0, 230:240, 230:240, 0] = 1
    clean, raw = (PersonMask(lambda: red, (), clean=on)(frames, silent) for on in (True, False))
    assert (clean[0, ..., 0] == whole[0, ..., 0]).float().mean() > 0.999  # the corners are a pixel rounder
    assert torch.equal(raw[0, ..., 0], frames[0, ..., 0])


def test_identity_and_progress():
    done = []
    PersonMask(lambda: red, ())(torch.zeros(AT_ONCE + 1, 4, 4, 3), lambda at, of: done.append((at, of)))
    assert done == [(AT_ONCE, AT_ONCE + 1), (AT_ONCE + 1, AT_ONCE + 1)]
    settings = [(("a",), 0.5, True), (("b",), 0.5, True), (("a",), 0.6, True), (("a",), 0.5, False)]
    assert len({PersonMask(lambda: red, *each).identity for each in settings}) == 4
