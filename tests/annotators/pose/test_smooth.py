"""Smoothing, gaps and identity of people, on walkers whose true places are known."""

import sys

import numpy as np
import pytest

from harness.inputs import skeletons
from wan_vace.annotators.pose.people import BODY, NUM_POINTS, People
from wan_vace.annotators.pose.smooth import _likeness, link, smooth
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences

FRAMES = 81


def clip(*people):
    return People(np.stack(people, 1), skeletons.HEIGHT, skeletons.WIDTH)


def errors(people, truth):
    """[T, 18, 2] against the truth, NaN where a joint is missing."""
    joints = people.points[:, 0, BODY]
    return np.where(joints[..., 2:] > 0, joints[..., :2] - truth[:, BODY, :2], np.nan)


def jitter(wrong):
    """How far the error moves from frame to frame, in pixels."""
    return np.sqrt(np.nanmean(np.diff(wrong, axis=0) ** 2))


def rmse(wrong):
    return np.sqrt(np.nanmean(wrong**2))


def lag(people, truth):
    """Frames by which wrists and ankles are late: where the cross-correlation with the truth is largest."""
    best = []
    for joint in (4, 7, 10, 13):
        moves, true = (np.gradient(x[:, joint, 0]) for x in (people.points[:, 0], truth))
        moves, true = moves - moves.mean(), true - true.mean()
        match = [np.dot(true[8 - k : -8 - k], moves[8:-8]) for k in range(-4, 5)]
        k = int(np.argmax(match))
        before, at, after = match[k - 1 : k + 2]
        best.append(k - 4 + 0.5 * (before - after) / (before - 2 * at + after))
    return np.abs(best).max()


@pytest.mark.parametrize("seed", range(3))
def test_trembling_goes_and_nothing_lags(seed):
    truth = skeletons.walker(FRAMES)
    found = clip(skeletons.spoiled(truth, seed=seed))
    smoothed = smooth(found).people
    before, after = errors(found, truth), errors(smoothed, truth)
    print(
        f"RMSE {rmse(before):.2f} -> {rmse(after):.2f} px, jitter {jitter(before):.2f} -> {jitter(after):.2f} px, "
        f"lag {lag(smoothed, truth):.3f} frames"
    )
    assert jitter(after) < jitter(before) / 4
    assert rmse(after) < 2 < 5 < rmse(before)
    assert lag(smoothed, truth) < 0.5


def test_clean_motion_stays():
    truth = skeletons.walker(FRAMES)
    smoothed = smooth(clip(truth))
    assert smoothed.filled == smoothed.moved == 0 and rmse(errors(smoothed.people, truth)) < 0.6


def test_a_wrong_frame_is_put_back_and_told():
    truth = skeletons.walker(33)
    wrong = truth.copy()
    wrong[16, 4, :2] += 80
    smoothed = smooth(clip(wrong))
    assert np.abs(errors(smoothed.people, truth)[16, 4]).max() < 2
    assert "Put back where the frames around say: " in sentences(smoothed.notes())[-1] and smoothed.moved >= 1


@pytest.mark.parametrize("smoothing", [True, False])
@pytest.mark.parametrize(
    ("gap", "limit", "filled"), [(5, 5, 5), (6, 5, 0), (3, 2, 0), (2, 2, 2), (1, 0, 0), (9, 12, 9)]
)
def test_gaps_are_filled_up_to_the_limit(smoothing, gap, limit, filled):
    truth = skeletons.walker(33)
    holed = truth.copy()
    holed[10 : 10 + gap, 4] = 0
    smoothed = smooth(clip(holed), smoothing, limit)
    joint = smoothed.people.points[10 : 10 + gap, 0, 4]
    assert smoothed.filled == filled and (joint[:, 2] > 0).sum() == filled
    if filled:
        assert (joint[:, 2] == 1).all()
        assert sentences(smoothed.notes())[0] == f"Filled in from the frames around: {filled} missing joints."


@pytest.mark.parametrize(("gap", "error"), [(1, 2), (2, 6), (3, 14), (5, 28)])
def test_gaps_are_filled_along_the_motion(gap, error):
    truth = skeletons.walker(49)
    worst = {True: [], False: []}
    for start in range(8, 30, 3):
        holed = truth.copy()
        holed[start : start + gap, 4] = 0  # a hand that swings to and fro once a second
        for smoothing, far in worst.items():
            joint = smooth(clip(holed), smoothing).people.points[start : start + gap, 0, 4]
            far.append(np.abs(joint[:, :2] - truth[start : start + gap, 4, :2]).max())
    assert max(worst[True]) < error and np.mean(worst[True]) < 0.8 * np.mean(worst[False])


def test_doubtful_points_are_gaps():
    truth = skeletons.walker(17)
    doubtful = truth.copy()
    doubtful[8, 3] = 5, 5, 0.2
    joint = smooth(clip(doubtful)).people.points[8, 0, 3]
    assert joint[2] == 1 and np.abs(joint[:2] - truth[8, 3, :2]).max() < 3


def test_a_clip_does_not_begin_or_end_with_a_guess():
    holed = skeletons.walker(17)
    holed[:2, 4] = holed[-1:, 4] = 0
    assert smooth(clip(holed)).people.points[[0, 1, 16], 0, 4].max() == 0


def test_off_changes_nothing():
    found = clip(skeletons.spoiled(skeletons.walker(17)))
    off = smooth(found, smoothing=False, max_gap=0)
    assert np.array_equal(off.people.points, found.points) and sentences(off.notes()) == []


@pytest.mark.parametrize("num_frames", range(1, 9))
def test_short_clips_are_no_trouble(num_frames):
    truth = skeletons.walker(num_frames)
    smoothed = smooth(clip(truth)).people
    assert smoothed.points.shape == (num_frames, 1, NUM_POINTS, 3)
    assert np.abs(smoothed.points[:, 0, BODY, :2] - truth[:, BODY, :2]).max() < 8


def test_a_still_point_is_not_taken_for_an_outlier_when_it_moves_a_pixel():
    still = np.repeat(skeletons.walker(1), 17, 0)
    still[8:, 4, 0] += 1
    assert smooth(clip(still)).moved == 0


def shuffled(people, seed=1):
    """The same people in another order in every frame, as detectors give them."""
    random = np.random.default_rng(seed)
    order = [random.permutation(people.points.shape[1]) for _ in people.points]
    points = np.stack([frame[each] for frame, each in zip(people.points, order, strict=True)])
    return People(points, people.height, people.width)


def test_people_keep_their_place_whatever_their_order():
    everyone = clip(
        *(skeletons.walker(33, x, speed, tall) for x, speed, tall in ((150, 30, 300), (420, -20, 360), (650, 15, 240)))
    )
    linked = link(shuffled(everyone))
    assert linked.points.shape == everyone.points.shape
    first = [
        int(np.abs(everyone.points[0] - person[0]).max((1, 2)).argmin()) for person in np.moveaxis(linked.points, 1, 0)
    ]
    assert np.array_equal(linked.points, everyone.points[:, first])


def test_people_who_pass_each_other_keep_their_identity():
    everyone = clip(skeletons.walker(49, 250, 90, 360), skeletons.walker(49, 520, -90, 270))
    linked = link(shuffled(everyone)).points
    start = int(np.abs(everyone.points[0] - linked[0, 0]).max((1, 2)).argmin())
    assert np.array_equal(linked[:, 0], everyone.points[:, start]) and linked.shape[1] == 2


def test_who_is_away_for_long_comes_back_as_somebody_new():
    one, other = skeletons.walker(33), skeletons.walker(33, 600, 0)
    for away, people in ((5, 2), (6, 3)):
        seen = other.copy()
        seen[10 : 10 + away] = 0
        assert link(clip(one, seen)).points.shape[1] == people


def test_somebody_elsewhere_is_somebody_else():
    one, other = skeletons.walker(9, 100, 0), skeletons.walker(9, 700, 0)
    points = np.zeros((9, 2, NUM_POINTS, 3))
    points[:4, 0], points[4:, 0] = one[:4], other[4:]
    points[0, 1] = skeletons.walker(1, 400, 0)[0]
    linked = link(People(points, 480, 832))
    assert linked.present.sum(0).tolist() == [4, 1, 5]


def test_people_without_a_body_are_followed_by_their_faces():
    faces = clip(skeletons.walker(9, 200, 20), skeletons.walker(9, 600, 20)).points.copy()
    faces[:, :, :24] = faces[:, :, 94:] = 0
    linked = link(shuffled(People(faces, 480, 832))).points
    assert linked.shape[1] == 2 and np.abs(np.diff(linked[:, :, 30, 0], axis=0)).max() < 20


@pytest.mark.parametrize(
    ("module", "purpose"), [("scipy.optimize", "Following several people"), ("scipy.signal", "Smoothing a pose")]
)
def test_a_missing_library_is_named(module, purpose, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(VaceInputError, match=rf"{purpose} needs scipy, .*pip install scipy"):
        smooth(clip(skeletons.walker(9), skeletons.walker(9, 600)))


def test_people_of_whom_nothing_is_seen_at_once_are_not_alike():
    one, other = np.zeros((2, NUM_POINTS, 3))
    one[BODY.start : BODY.start + 4], other[BODY.start + 6 : BODY.start + 9] = (5, 5, 1), (5, 5, 1)
    assert _likeness(one, other) == 0
    other[BODY.start] = 5, 5, 1
    assert _likeness(one, other) > 0.9


def test_a_point_that_is_never_found_stays_away():
    walk = np.zeros((9, NUM_POINTS, 3))
    walk[:, BODY] = np.arange(9)[:, None, None] + (3, 4, 0)
    walk[:, BODY, 2] = 1
    points = smooth(clip(walk)).people.points[:, 0]
    assert (points[:, BODY, 2] > 0).all() and not points[:, BODY.stop :].any()
