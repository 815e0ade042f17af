"""Mask tracks: against known masks of moving things, their limits, and what is said when one is lost."""

import cv2
import numpy as np
import pytest
import torch

from wan_vace.annotators.protocol import silent
from wan_vace.annotators.subject.track import ByFlow, ByPoints, MaskTrack, _between, carried, rigid_motion, track_notes
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences

HEIGHT, WIDTH, LENGTH = 160, 224, 49


def texture(seed, height, width, colour):
    rng = np.random.default_rng(seed)
    layers = (
        strength * cv2.resize(rng.normal(size=(height // cell + 2, width // cell + 2, 3)), (width, height))
        for cell, strength in ((24, 40), (8, 24), (3, 14))
    )
    return np.clip(sum(layers) + np.array(colour), 0, 255)


def clip(num_frames=LENGTH, speed=1.0, pan=1):
    """A textured shape that moves, turns and scales over a textured ground that pans; frames and masks, exact."""
    ground = texture(1, HEIGHT, WIDTH + pan * num_frames, (100, 115, 130))
    subject = texture(2, HEIGHT, WIDTH, (140, 112, 90))
    shape = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(shape, (112, 80), (34, 26), 0, 0, 360, 255, -1)
    cv2.circle(shape, (138, 60), 14, 255, -1)
    frames, masks = [], []
    for k in range(num_frames):
        u = speed * k
        place = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 20 * np.sin(u / 12), 1 + 0.15 * np.sin(u / 20))
        place[:, 2] += 40 * np.sin(u / 15), 18 * np.sin(u / 9)
        cover = cv2.warpAffine(shape, place, (WIDTH, HEIGHT))
        moved = cv2.warpAffine(subject, place, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        share = cover[..., None] / 255
        frames.append(share * moved + (1 - share) * ground[:, pan * k : pan * k + WIDTH])
        masks.append(cover > 127)
    return torch.from_numpy(np.stack(frames) / 255).float(), np.stack(masks)


@pytest.fixture(scope="module")
def known():
    return clip()


def track(frames, masks, keys=(0,), follower=None):
    given = torch.from_numpy(masks[list(keys)]).float()
    result = MaskTrack(tuple(keys), given, follower or ByFlow())(frames)
    assert result.shape == (*frames.shape[:3], 1) and set(result.unique().tolist()) <= {0.0, 1.0}
    return result[..., 0].numpy() > 0.5


def iou(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)


def ious(found, masks):
    return [iou(a, b) for a, b in zip(found, masks, strict=True)]


@pytest.mark.parametrize("follower", [ByFlow(), ByPoints()], ids=["flow", "points"])
def test_48_frames_on_the_mask_is_still_the_subject(known, follower):
    frames, masks = known
    scores = ious(track(frames, masks, follower=follower), masks)
    assert min(scores) > 0.97 and scores[48] > 0.97


def test_it_goes_both_ways_from_a_frame_in_the_middle(known):
    frames, masks = known[0][:17], known[1][:17]
    found = track(frames, masks, keys=(8,))
    assert min(ious(found, masks)) > 0.97 and np.array_equal(found[8], masks[8])
    mirrored = track(frames.flip(0), masks[::-1].copy(), keys=(8,))
    assert np.array_equal(mirrored[::-1], found)


def test_fast_motion_leaves_no_trail():
    frames, masks = clip(13, speed=4)  # about 12 pixels a frame
    assert min(ious(track(frames, masks), masks)) > 0.97


def test_edges_that_are_not_refined_wear_away(known):
    frames, masks = known[0][:25], known[1][:25]
    worn = ious(track(frames, masks, follower=ByFlow(refine=False)), masks)
    assert worn[1] > 0.9 and worn[24] < 0.9 < min(ious(track(frames, masks), masks))


def test_a_subject_that_comes_in_over_the_edge_grows():
    frames, masks = clip(1)
    left = [20 + 3 * k for k in range(16)]  # a window that moves over a still scene
    seen = torch.stack([frames[0, :, x : x + 90] for x in left])
    truth = np.stack([masks[0, :, x : x + 90] for x in left])
    assert truth[15].sum() > 1.5 * truth[0].sum()
    assert min(ious(track(seen, truth), truth)) > 0.95


def test_masks_given_stay_and_more_of_them_are_no_worse(known):
    frames, masks = known[0][:17], known[1][:17]
    found = track(frames, masks, keys=(0, 16))
    assert min(ious(found, masks)) > 0.97 and all(np.array_equal(found[k], masks[k]) for k in (0, 16))


def test_between_two_masks_the_outline_moves_over():
    still = torch.from_numpy(texture(3, 64, 64, (128, 128, 128)) / 255).float().expand(11, -1, -1, -1)
    disc = np.stack([cv2.circle(np.zeros((64, 64), np.uint8), (32, 32), r, 1, -1) for r in (10, 20)]) > 0
    masks = np.stack([disc[0]] + [disc[1]] * 10)
    found = track(still, masks, keys=(0, 10), follower=ByFlow(refine=False))
    areas = found.sum((1, 2))
    assert (np.diff(areas) >= 0).all() and abs(np.sqrt(areas[5] / np.pi) - 15) < 1


def test_a_black_mask_says_that_it_is_gone(known):
    frames, masks = known[0][:9], known[1][:9].copy()
    masks[6] = False
    found = track(frames, masks, keys=(0, 6))
    assert found[:6].any((1, 2)).all() and not found[6:].any()
    back = masks[::-1].copy()
    found = track(frames.flip(0), back, keys=(2, 8))
    assert not found[:3].any() and found[3:].any((1, 2)).all()


def test_a_subject_that_leaves_is_lost_and_told():
    frames, masks = clip(12, pan=0, speed=0)
    gone = frames.clone()
    gone[6:] = torch.from_numpy(texture(9, HEIGHT, WIDTH, (60, 160, 60)) / 255).float()
    for follower in (ByFlow(), ByPoints()):
        found = torch.from_numpy(track(gone, masks, follower=follower)).float()
        assert found[5].sum() > 0.9 * masks[5].sum() and found[7:].sum((1, 2)).max() < 0.2 * masks[0].sum()
        notes = sentences(track_notes(found, [0]))
        assert any(
            "The mask has less than 20% of its size in frames" in note and "and 1 more" in note for note in notes
        )


def test_what_is_told():
    masks = torch.zeros(4, 10, 10)
    masks[0, :1], masks[1, :1], masks[2, 0, :1], masks[3, :4] = 1, 1, 1, 1
    assert sentences(track_notes(masks, [0])) == [
        "The mask covers 1.0% to 40.0% of the frame.",
        "The mask has less than 20% of its size in frame 2: the subject is covered, leaves the frame or was lost. If "
        "it is still there, give a mask of such a frame too.",
        "The mask is more than 3 times as large as given in frame 3: it took in something else. Give a mask of such a "
        "frame too, or make edge_band smaller.",
    ]
    assert len(track_notes(masks[:2], [0])) == 1


def test_carried_by_hand():
    mask = np.zeros((40, 60), bool)
    mask[10:20, 10:20] = True
    forward = np.zeros((40, 60, 2), np.float32)
    forward[mask] = 6, 3
    back = np.zeros_like(forward)
    back[13:23, 16:26] = -6, -3
    moved = carried(mask, forward, back)
    assert np.array_equal(np.argwhere(moved).min(0), [13, 16]) and moved.sum() == 100  # and no trail at 10, 10
    assert np.array_equal(carried(mask, forward * 0, back * 0), mask)


def test_uncertain_places_within_stay():
    mask = np.zeros((40, 60), bool)
    mask[5:35, 5:55] = True
    forward, back = np.zeros((2, 40, 60, 2), np.float32)
    forward[15:20, 20:30] = 5  # there and back do not agree
    assert np.array_equal(carried(mask, forward, back), mask)


def test_rigid_motion_is_the_one_that_was_made():
    picture = texture(5, HEIGHT, WIDTH, (128, 128, 128)).mean(-1).astype(np.uint8)
    made = cv2.getRotationMatrix2D((100, 80), 4, 1.05) + np.array([[0, 0, 3], [0, 0, -2]])
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[40:120, 60:160] = True
    motion = rigid_motion(picture, cv2.warpAffine(picture, made, (WIDTH, HEIGHT)), mask)
    corners = np.array([[60, 40, 1], [160, 40, 1], [60, 120, 1], [160, 120, 1]]).T
    assert np.abs(motion @ corners - made @ corners).max() < 0.5
    assert rigid_motion(np.zeros_like(picture), picture, mask) is None


@pytest.mark.parametrize("size", [(33, 47), (20, 20), (9, 100)])
def test_odd_and_small_frames(size):
    frames = torch.rand(1, *size, 3).expand(3, -1, -1, -1)
    mask = np.zeros((3, *size), bool)
    mask[:, 2:6, 3:9] = True
    for follower in (ByFlow(), ByFlow(refine=False)):
        assert track(frames, mask, follower=follower).shape == (3, *size)


def test_a_whole_frame_and_an_even_clip_stay_as_they_are():
    frames = torch.full((3, 40, 50, 3), 0.5)
    whole = np.ones((3, 40, 50), bool)
    assert track(frames, whole).all()
    part = np.zeros((3, 40, 50), bool)
    part[:, 10:20, 10:20] = True
    assert min(ious(track(frames, part, follower=ByFlow(refine=False)), part)) == 1


def test_one_frame_is_refused_and_progress_is_told():
    with pytest.raises(VaceInputError, match="frames has 1 frame, but a mask track needs at least 2"):
        MaskTrack((0,), torch.ones(1, 8, 8), ByFlow())(torch.rand(1, 8, 8, 3), silent)
    mask, told = torch.zeros(1, 32, 32), []
    mask[:, 8:20, 8:20] = 1
    MaskTrack((1,), mask, ByFlow())(torch.rand(4, 32, 32, 3), lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]

    def stop(_done, _of):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        MaskTrack((1,), mask, ByFlow())(torch.rand(4, 32, 32, 3), stop)


def test_what_changes_the_result_changes_the_identity():
    mask = torch.ones(1, 4, 4)
    variants = [MaskTrack((0,), mask, each) for each in (ByFlow(), ByFlow(band=6), ByFlow(refine=False), ByPoints())]
    variants += [MaskTrack((1,), mask, ByFlow()), MaskTrack((0,), mask * 0, ByFlow())]
    assert len({repr(each.identity) for each in variants}) == len(variants)


def test_a_subject_that_is_lost_stays_lost_beyond_the_frames_that_are_worked_on_together():
    frames = torch.rand(1, 32, 48, 3).repeat(70, 1, 1, 1)
    lost = np.zeros((32, 48), bool)
    given = list(ByFlow().follow(frames, range(70), lost))
    assert len(given) == 69 and not any(mask.any() for mask in given)


@pytest.mark.parametrize(("frame", "stays"), [(1, True), (3, False)])
def test_of_two_masks_of_which_one_is_lost_the_nearer_counts(frame, stays):
    mask, gone = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    assert _between(frame, (4, gone), (0, mask)).all() == stays
