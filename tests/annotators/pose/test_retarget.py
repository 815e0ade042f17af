"""Other proportions for people who go on moving as they did."""

import numpy as np
import pytest

from harness.inputs import skeletons
from wan_vace.annotators.pose.draw import LIMBS
from wan_vace.annotators.pose.people import BODY, FACE, LEFT_HAND, RIGHT_HAND, People
from wan_vace.annotators.pose.retarget import BONES, retarget
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences

FRAMES = 33
HEAD = [14, 15, 16, 17, *range(FACE.start, FACE.stop)]
# What hangs on the far end of each limb, to move along when the limb is stretched.
BELOW = {2: [3, 4, *range(115, 136)], 3: [4, *range(115, 136)], 4: [*range(115, 136)], 5: [6, 7, *range(94, 115)],
         6: [7, *range(94, 115)], 7: [*range(94, 115)], 8: [9, 10, 21, 22, 23], 9: [10, 21, 22, 23], 10: [21, 22, 23],
         11: [12, 13, 18, 19, 20], 12: [13, 18, 19, 20], 13: [18, 19, 20], 0: HEAD}  # fmt: skip


def clip(*people, height=480, width=832):
    return People(np.stack(people, 1), height, width)


def stretched(person, **factors):
    """A person [T, 136, 3] some of whose bones are longer."""
    person = person.copy()
    for name, factor in factors.items():
        for start, end in BONES[name]:
            more = (factor - 1) * (person[:, [end], :2] - person[:, [start], :2])
            person[:, [end, *BELOW[end]], :2] += more
    return person


def bones(points):
    """[T, 17, 2], limbs as vectors."""
    starts, ends = np.transpose(LIMBS)
    return points[:, ends, :2] - points[:, starts, :2]


def angles(points):
    across, along = np.moveaxis(bones(points).astype(float), -1, 0)
    return np.arctan2(along, across)


def lengths(points):
    return np.linalg.norm(bones(points), axis=-1)


def lanky():
    """A picture of somebody with long legs, a short trunk and narrow shoulders, larger than those in the clip."""
    person = stretched(skeletons.walker(1, 200, 0, 500), thighs=1.3, shins=1.2, torso=0.8, shoulders=0.6, forearms=1.1)
    return clip(person, height=700, width=500)


def test_bones_get_the_reference_s_ratios_and_keep_their_angles(notes):
    walker, reference = clip(skeletons.walker(FRAMES)), lanky()
    result = retarget(walker, reference)
    before, after, wanted = (lengths(each.points[:, 0]) for each in (walker, result, reference))
    ratio = after.max(0) / wanted[0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=2e-3)  # the same for every bone
    np.testing.assert_allclose(after / before, np.broadcast_to((after / before)[:1], after.shape), rtol=2e-3)
    np.testing.assert_allclose(angles(result.points[:, 0]), angles(walker.points[:, 0]), atol=2e-3)
    assert notes == [] and (result.height, result.width) == (480, 832)


def test_height_ground_and_way_stay():
    walker = clip(skeletons.walker(FRAMES))
    result = retarget(walker, lanky())
    old, new = walker.points[:, 0], result.points[:, 0]

    def stature(points):
        long = lengths(points).max(0)
        return sum(long[LIMBS.index(bone)] for bone in ((1, 0), (1, 8), (8, 9), (9, 10)))

    assert stature(new) == pytest.approx(stature(old), rel=1e-3)
    feet = [10, 13, *range(18, 24)]
    np.testing.assert_allclose(new[:, feet, 1].max(1), old[:, feet, 1].max(1), atol=1e-3)
    np.testing.assert_allclose(new[:, [8, 11], 0].mean(1), old[:, [8, 11], 0].mean(1), atol=1e-3)


def test_a_jump_stays_a_jump():
    person = skeletons.walker(FRAMES, speed=0)
    person[10:20, :, 1] -= 60
    feet = [10, 13, *range(18, 24)]
    result = retarget(clip(person), lanky()).points[:, 0]
    np.testing.assert_allclose(result[:, feet, 1].max(1), person[:, feet, 1].max(1), atol=1e-3)


@pytest.mark.parametrize("scale", [1, 0.5])
def test_one_s_own_proportions_change_nothing(scale):
    walker = skeletons.spoiled(skeletons.walker(FRAMES))
    itself = walker * (scale, scale, 1)
    result = retarget(clip(walker), clip(itself, height=480 * scale, width=832 * scale))
    np.testing.assert_allclose(result.points, clip(walker).points, atol=1e-3)


def test_face_fingers_and_toes_go_along_at_their_own_scale():
    tall = skeletons.walker(1)
    child = tall.copy()
    child[:, HEAD, :2] = tall[:, [0], :2] + 1.8 * (tall[:, HEAD, :2] - tall[:, [0], :2])
    walker = clip(skeletons.walker(FRAMES))
    old, new = walker.points[:, 0], retarget(walker, clip(child)).points[:, 0]
    np.testing.assert_allclose(
        new[:, HEAD, :2] - new[:, [0], :2], 1.8 * (old[:, HEAD, :2] - old[:, [0], :2]), rtol=1e-3, atol=0.01
    )
    np.testing.assert_allclose(new[:, BODY][:, :14], old[:, BODY][:, :14], atol=1e-3)
    for hand, wrist in ((LEFT_HAND, 7), (RIGHT_HAND, 4)):
        np.testing.assert_allclose(
            new[:, hand, :2] - new[:, [wrist], :2], old[:, hand, :2] - old[:, [wrist], :2], atol=1e-3
        )


def test_hands_that_are_called_the_wrong_way_round_stay_at_their_wrists():
    crossed = skeletons.walker(FRAMES)
    crossed[:, [*range(94, 136)]] = crossed[:, [*range(115, 136), *range(94, 115)]]
    result = retarget(clip(crossed), lanky()).points[:, 0]
    for hand, wrist in ((LEFT_HAND.start, 4), (RIGHT_HAND.start, 7)):
        assert np.linalg.norm(result[:, hand, :2] - result[:, wrist, :2], axis=1).max() < 12


def test_what_a_portrait_does_not_show_keeps_its_length(notes):
    portrait = lanky().points.copy()
    portrait[:, :, [8, 9, 10, 11, 12, 13, *range(18, 24)]] = 0
    walker = clip(skeletons.walker(FRAMES))
    result = retarget(walker, People(portrait, 700, 500))
    assert sentences(notes) == [
        "Not seen in reference_pose, or in the clip, so kept as long as before: torso, thighs, shins."
    ]
    kept = [LIMBS.index(bone) for bone in ((1, 8), (8, 9), (9, 10))]
    np.testing.assert_allclose(lengths(result.points[:, 0])[:, kept], lengths(walker.points[:, 0])[:, kept], rtol=1e-3)


def test_without_hips_and_feet_the_neck_stays():
    bust = skeletons.walker(FRAMES)
    bust[:, [*range(8, 14), *range(18, 24)]] = 0
    result = retarget(clip(bust), lanky())
    np.testing.assert_allclose(result.points[:, 0, 1], bust[:, 1], atol=1e-3)
    assert not result.points[:, 0, [*range(8, 14)]].any()


def test_people_are_paired_in_their_order(notes):
    one, other = skeletons.walker(FRAMES, 200), skeletons.walker(FRAMES, 600)
    pair = clip(one, other)
    alone = [retarget(clip(one), lanky()).points[:, 0], retarget(clip(other), lanky()).points[:, 0]]
    both = retarget(pair, lanky()).points
    assert sentences(notes) == ["reference_pose shows 1 and pose_keypoints 2 people: all get its proportions."]
    for n in range(2):
        np.testing.assert_allclose(both[:, n], alone[n], atol=1e-3)
    references = clip(skeletons.walker(1, 200), stretched(skeletons.walker(1, 600), thighs=1.4))
    result = retarget(pair, references).points
    np.testing.assert_allclose(result[:, 0], one, atol=0.5)
    assert np.abs(result[:, 1] - other).max() > 5 and len(notes) == 1
    three = clip(*(skeletons.walker(1, x) for x in (100, 400, 700)))
    retarget(pair, three)
    assert (
        sentences(notes)[-1]
        == "reference_pose shows 3 and pose_keypoints 2 people: they are paired in their order, the last for the rest."
    )


def test_a_reference_without_limbs_is_refused():
    face = lanky().points.copy()
    face[:, :, :14] = 0
    with pytest.raises(VaceInputError, match=r"reference_pose shows no limb that pose_keypoints also shows"):
        retarget(clip(skeletons.walker(FRAMES)), People(face, 700, 500))


def test_a_passer_by_of_whom_little_is_seen_stays():
    ghost = np.zeros((FRAMES, 136, 3))
    ghost[3, 4] = 700, 100, 0.9
    result = retarget(clip(skeletons.walker(FRAMES), ghost), lanky())
    np.testing.assert_allclose(result.points[:, 1], ghost, atol=1e-6)
