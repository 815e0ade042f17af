"""Poses drawn as the official annotator draws them: its pixels, colours, widths and order."""

import warnings

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.inputs import skeletons
from wan_vace.annotators.pose import draw
from wan_vace.annotators.pose.people import NUM_POINTS, People
from wan_vace.annotators.pose.tiles import Grid, canvas_size
from wan_vace.annotators.protocol import on_levels, silent
from wan_vace.vace_core.errors import VaceInputError

SIDE = 1024  # here the canvas is the video, so nothing is resized

# VACE's colours, RGB, as written in its specification: of limbs before dimming (OpenPose's joints, counted from 1).
LIMB_COLOURS = {
    (2, 3): (0, 0, 255), (2, 6): (0, 85, 255), (3, 4): (0, 170, 255), (4, 5): (0, 255, 255), (6, 7): (0, 255, 170),
    (7, 8): (0, 255, 85), (2, 9): (0, 255, 0), (9, 10): (85, 255, 0), (10, 11): (170, 255, 0), (2, 12): (255, 255, 0),
    (12, 13): (255, 170, 0), (13, 14): (255, 85, 0), (2, 1): (255, 0, 0), (1, 15): (255, 0, 85),
    (15, 17): (255, 0, 170), (1, 16): (255, 0, 255), (16, 18): (170, 0, 255),
}  # fmt: skip
JOINT_COLOURS = [*LIMB_COLOURS.values(), (85, 0, 255)]


def people(places, side=SIDE, confidence=1.0):
    """One person with the points given, {index: (x, y)}, in one frame."""
    points = np.zeros((1, 1, NUM_POINTS, 3))
    for index, place in places.items():
        points[0, 0, index] = *place, confidence
    return People(points, side, side)


def pixels(control):
    return (control * 255).round().to(torch.uint8).numpy()


def drawn(places, side=SIDE, confidence=1.0, **look):
    return pixels(draw.draw_people(people(places, confidence=confidence), side, side, draw.Look(**look)))[0]


def dimmed(colour):
    return [int(part * 0.6) for part in colour]


@pytest.mark.parametrize("limb", range(17))
def test_every_limb_has_its_colour_dimmed_and_its_width(limb):
    (first, second), colour = list(LIMB_COLOURS.items())[limb]
    picture = drawn({first - 1: (300, 500), second - 1: (500, 500)})
    assert picture[500, 400].tolist() == dimmed(colour)
    lit = picture.any(-1)
    assert np.flatnonzero(lit[:, 400]).tolist() == list(range(496, 505))  # half width 4
    assert np.flatnonzero(lit[:, 320]).size < 9  # an ellipse: thinner at the ends
    assert lit[500, 300:501].all() and not lit[500, :296].any() and not lit[500, 505:].any()


@pytest.mark.parametrize("joint", range(18))
def test_every_joint_is_a_disc_in_full_colour(joint):
    picture = drawn({joint: (400, 300)})
    lit = picture.any(-1)
    assert (picture[lit] == JOINT_COLOURS[joint]).all()
    assert np.flatnonzero(lit[300]).tolist() == list(range(396, 405)) and 45 < lit.sum() < 65  # radius 4


def test_joints_lie_over_limbs_and_later_limbs_over_earlier():
    picture = drawn({1: (300, 500), 2: (500, 500), 5: (480, 503)})
    assert picture[500, 300].tolist() == [*JOINT_COLOURS[1]] and picture[500, 500].tolist() == [*JOINT_COLOURS[2]]
    assert picture[501, 400].tolist() == dimmed(LIMB_COLOURS[2, 6])  # over (2, 3)


def test_a_face_is_white_dots_over_the_body():
    picture = drawn({0: (400, 300), 24: (400, 300), 91: (500, 300), 92: (600, 300)})
    assert picture[300, 400].tolist() == picture[300, 500].tolist() == [255] * 3
    assert np.flatnonzero(picture[300, :, 1]).tolist() == [*range(397, 404), *range(497, 504)]  # radius 3; no pupils
    assert picture[300, 396].tolist() == [0, 0, 255]  # of the nose, below


def test_hands_are_a_rainbow_with_red_discs_only_when_wanted():
    hand = {94 + i: (100 + 40 * (i // 4), 100 + 40 * (i % 4)) for i in range(21)}
    assert not drawn(hand).any()
    picture = drawn(hand, hands=True)
    assert picture[100, 100].tolist() == [255, 0, 0]  # VACE's order of channels
    assert picture[120, 100].tolist() == [0, 0, 255] and picture[160, 100].tolist() == [0, 77, 255]
    colours = {tuple(colour) for colour in picture.reshape(-1, 3).tolist()} - {(0, 0, 0)}
    assert len(colours) == 21
    assert drawn({115 + i: place for i, place in enumerate(hand.values())}, hands=True).any()


def test_the_other_palette_is_openpose():
    places = {1: (300, 500), 2: (500, 500), 4: (100, 100), 94: (50, 50), 95: (90, 50)}
    official, openpose = (drawn(places, hands=True, palette=name) for name in draw.PALETTES)
    assert np.array_equal(official[..., ::-1], openpose) and openpose[500, 400].tolist() == [153, 0, 0]


def test_parts_are_drawn_one_by_one():
    places = {1: (300, 500), 2: (500, 500), 18: (700, 700), 24: (100, 100), 94: (50, 50), 115: (60, 900)}
    parts = [drawn(places, body=b, face=f, hands=h).any(-1) for b, f, h in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert [part.sum() > 0 for part in parts] == [True] * 3 and not (parts[0] & parts[1]).any()
    assert np.array_equal(drawn(places, hands=True).any(-1), parts[0] | parts[1] | parts[2])
    assert not drawn(places, hands=True)[690:710, 690:710].any()  # feet are not


@pytest.mark.parametrize(("confidence", "body", "face"), [(0.29, False, False), (0.3, False, True), (0.31, True, True)])
def test_doubtful_points_are_left_out(confidence, body, face):
    picture = drawn({1: (300, 500), 2: (500, 500), 24: (100, 100)}, confidence=confidence)
    assert (picture[500, 400].any(), picture[100, 100].any()) == (body, face)


def official(points, height, width, source):
    """The official steps with controlnet-aux's drawing, which is the same code: [H, W, 3]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from controlnet_aux.dwpose import util
    rows, columns = canvas_size(height, width)
    where, sure = points[..., :2].astype(np.float64) / source[::-1], points[..., 2]
    index = np.arange(len(points) * 18).reshape(-1, 18)
    body = np.where(sure[:, :18] > np.float32(0.3), index, -1)
    canvas = util.draw_bodypose(np.zeros((rows, columns, 3), np.uint8), where[:, :18].reshape(-1, 2), body)
    canvas = util.draw_facepose(canvas, np.where(sure[:, 24:92, None] < np.float32(0.3), -1, where[:, 24:92]))
    how = cv2.INTER_LANCZOS4 if height * width > rows * columns else cv2.INTER_AREA
    return cv2.resize(np.ascontiguousarray(canvas[..., ::-1]), (width, height), interpolation=how)


def crowd(num_frames=2, seed=0):
    """Two people, some of their points doubtful or beyond the picture."""
    points = np.stack([skeletons.walker(num_frames), skeletons.walker(num_frames, 780, -50, 300)], 1)
    points = skeletons.spoiled(points, noise=4, dropouts=0.1, seed=seed)
    points[..., 2] *= np.random.default_rng(seed).uniform(0.2, 1, points.shape[:-1])
    return People(points, skeletons.HEIGHT, skeletons.WIDTH)


@pytest.mark.parametrize(
    "size",
    [(480, 832), (832, 480), (720, 1280), (512, 512), (64, 48), (481, 833), (350, 350), (1030, 1000), (1088, 1920)],
)
def test_the_pixels_are_those_of_the_official_way(size):
    clip = crowd()
    ours = pixels(draw.draw_people(clip, *size)).astype(int)
    theirs = np.stack([official(frame, *size, (clip.height, clip.width)) for frame in clip.points])
    difference = np.abs(ours - theirs)
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-4  # in fact equal; a filter's weights may round
    assert 0.002 < theirs.any(-1).mean() < 0.3


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99), st.booleans())
def test_tiles_leave_nothing_out(rows, columns, seed, hands):
    size = 16 * rows, 16 * columns
    if not 0.25 <= rows / columns <= 4:
        return
    clip, look = crowd(1, seed), draw.Look(hands=hands)
    canvas = canvas_size(*size)
    points = clip.points.astype(np.float64) * (canvas[1] / clip.width, canvas[0] / clip.height, 1)
    whole = np.zeros((1, *size, 3), np.float32)
    draw.Pen(cv2, look, Grid(size, canvas, (1, 1))).draw(points, whole)
    difference = np.abs(whole - draw.draw_people(clip, *size, look).numpy())
    assert difference.max() <= 1.01 / 255 and (difference > 0).mean() < 1e-3


@pytest.mark.parametrize(
    ("size", "canvas"),
    [
        ((480, 832), (1024, 1792)),
        ((720, 1280), (1024, 1792)),
        ((1280, 720), (1792, 1024)),
        ((1024, 1024), (1024, 1024)),
    ],
)
def test_the_canvas_is_1024_on_its_short_side(size, canvas):
    assert canvas_size(*size) == canvas


def test_frames_do_not_leave_traces_on_each_other():
    clip = crowd(20)
    together = draw.draw_people(clip, 96, 160)
    alone = [draw.draw_people(People(frame[None], clip.height, clip.width), 96, 160) for frame in clip.points]
    assert torch.equal(together, torch.cat(alone)) and torch.equal(on_levels(together), together)


def test_points_far_away_are_no_trouble():
    picture = drawn({1: (400, 400), 2: (1e12, 400), 3: (-1e12, -1e12), 24: (1e9, 1e9)})
    assert picture[400, 400].any() and picture[400, 1000].any()


def test_it_is_an_annotator_of_the_size_of_its_frames():
    clip, told = crowd(70), []
    annotator = draw.DrawPose(clip)
    control = annotator(torch.zeros(1, 1, 1, 1).expand(70, 33, 47, 3), lambda *at: told.append(at))
    assert torch.equal(control, draw.draw_people(clip, 33, 47)) and told == [(64, 70), (70, 70)]
    others = [draw.DrawPose(clip, draw.Look(hands=True)), draw.DrawPose(crowd(70, 1)), draw.DrawPose(crowd(70))]
    assert [each.identity == annotator.identity for each in others] == [False, False, True]


def test_nothing_to_draw_and_unknown_palettes_are_refused():
    with pytest.raises(VaceInputError, match=r"body, face and hands are all off"):
        draw.draw_people(crowd(1), 32, 48, draw.Look(False, False, False), silent)
    with pytest.raises(VaceInputError, match=r"palette must be one of official, openpose, got rgb"):
        draw.draw_people(crowd(1), 32, 48, draw.Look(palette="rgb"))
