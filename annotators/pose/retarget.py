"""A moving skeleton given another person's proportions."""

from dataclasses import dataclass, replace

import numpy as np

from ...vace_core.errors import VaceInputError
from ...vace_core.notes import tell
from .draw import FINGERS
from .people import FACE, LEFT_HAND, RIGHT_HAND, SURE, People
from .smooth import link

# A length in the body: the bones that have it, right and left, each from one joint to another.
Span = tuple[tuple[int, int], ...]

NOSE, HIPS, FEET = 0, (8, 11), (10, 13, *range(18, 24))
# From the neck outwards.
BONES: dict[str, Span] = {
    "shoulders": ((1, 2), (1, 5)),
    "upper arms": ((2, 3), (5, 6)),
    "forearms": ((3, 4), (6, 7)),
    "torso": ((1, 8), (1, 11)),
    "thighs": ((8, 9), (11, 12)),
    "shins": ((9, 10), (12, 13)),
    "neck": ((1, 0),),
}
STATURE = ("neck", "torso", "thighs", "shins")  # what adds up to somebody's height
HEAD: tuple[Span, ...] = (((0, 14), (0, 15)), ((14, 16), (15, 17)))
JAW, CHIN_TO_BRIDGE, EYES_ACROSS = (24, 40), (32, 51), (60, 69)
FACES: tuple[Span, ...] = ((JAW,), (CHIN_TO_BRIDGE,), (EYES_ACROSS,))
TOES: tuple[Span, ...] = (((13, 18), (10, 21)), ((13, 19), (10, 22)), ((13, 20), (10, 23)))
HANDS: tuple[Span, ...] = tuple(
    tuple((hand.start + start, hand.start + end) for hand in (LEFT_HAND, RIGHT_HAND)) for start, end in FINGERS
)
WRISTS = (7, 4)  # left and right, as the hands
EXTENDED = 90  # per cent: in so many frames a bone is shorter, for it points towards the camera or away
LEAST = 1.0  # pixel; a shorter bone tells nothing


@dataclass(frozen=True)
class Factors:
    """By how much each part of somebody becomes longer.

    Attributes:
        bones: By the names of `BONES`.
        head: Of eyes, ears and face around the nose.
        hand: Of fingers around the wrist.
        foot: Of toes and heel around the ankle.
        seen: The bones that are in both; the others keep their length.
    """

    bones: dict[str, float]
    head: float
    hand: float
    foot: float
    seen: frozenset[str]


def retarget(people: People, reference: People) -> People:
    """People who move as before, with the proportions of others.

    Each bone keeps its direction in every frame and becomes longer or shorter by one factor, so angles stay, and what
    points at the camera stays short. How long a bone is, is seen where it is stretched out in the clip, and on the side
    where it is longer. Factors are scaled so that height stays. The hips stay where they are across the picture and the
    lowest foot stays on its row, so steps, jumps and the ground stay; where neither is seen, the neck stays.

    Args:
        people: Each at one place of the second axis, see `pose_smooth.link`.
        reference: Whose proportions: one person for all, or one for each of ``people`` in their order.

    Raises:
        VaceInputError: If the reference shows no bone that is also in the clip.
    """
    models = list(np.moveaxis(link(reference).points.astype(np.float64), 1, 0))
    everyone = list(np.moveaxis(people.points.astype(np.float64), 1, 0))
    if len(models) != len(everyone):
        whose = (
            "all get its proportions" if len(models) == 1 else "they are paired in their order, the last for the rest"
        )
        tell("people-paired", f"reference_pose shows {len(models)} and pose_keypoints {len(everyone)} people: {whose}.")
    factors = [factors_of(person, models[min(n, len(models) - 1)]) for n, person in enumerate(everyone)]
    known = [each for each in factors if each is not None]
    if not known:
        raise VaceInputError(
            "reference_pose shows no limb that pose_keypoints also shows, so there are no proportions to take. "
            "Use a picture of the whole person."
        )
    missing = [name for name in BONES if any(name not in each.seen for each in known)]
    if missing:
        tell(
            "limbs-unseen",
            f"Not seen in reference_pose, or in the clip, so kept as long as before: {', '.join(missing)}.",
        )
    shaped = [person if by is None else reshaped(person, by) for person, by in zip(everyone, factors, strict=True)]
    return replace(people, points=np.stack(shaped, 1))


def factors_of(person: np.ndarray, model: np.ndarray) -> Factors | None:
    """By how much the parts of a person [T, 136, 3] become longer to have the proportions of a model [t, 136, 3].

    None when no bone is in both.
    """
    own, wanted = (_lengths(points, tuple(BONES.values())) for points in (person, model))
    ratios = dict(zip(BONES, wanted / own, strict=True))
    seen = frozenset(name for name, ratio in ratios.items() if np.isfinite(ratio))
    if not seen:
        return None
    height = [i for i, name in enumerate(BONES) if name in seen and name in STATURE]
    scale = wanted[height].sum() / own[height].sum() if height else np.median([ratios[name] for name in seen])
    bones = {name: float(ratios[name] / scale) if name in seen else 1.0 for name in BONES}

    def part(spans: tuple[Span, ...], otherwise: float) -> float:
        ratio = _ratio(person, model, spans)
        return otherwise if ratio is None else ratio / scale

    head = part(FACES, part(HEAD, 1.0))
    return Factors(bones, head, part(HANDS, bones["forearms"]), part(TOES, bones["shins"]), seen)


def reshaped(person: np.ndarray, factors: Factors) -> np.ndarray:
    """A person [T, 136, 3] with longer or shorter parts, hips and feet where they were."""
    before, sure = person[..., :2], person[..., 2] > SURE
    shift = np.zeros_like(before)  # of each point against the neck

    def follow(root: int, points: slice | list[int], factor: float) -> None:
        away = (before[:, points] - before[:, [root]]) * sure[:, root, None, None]
        shift[:, points] = shift[:, [root]] + (factor - 1) * away * sure[:, points, None]

    for name, span in BONES.items():
        for start, end in span:
            follow(start, [end], factors.bones[name])
    follow(NOSE, [14, 15, 16, 17, *range(FACE.start, FACE.stop)], factors.head)
    for side, ankle in enumerate((13, 10)):
        follow(ankle, [span[side][1] for span in TOES], factors.foot)
    for hand, wrist in zip((LEFT_HAND, RIGHT_HAND), _wrists(before, sure), strict=True):
        follow(wrist, hand, factors.hand)
    shift += _anchor(before, before + shift, sure)[:, None]
    return np.concatenate([before + shift * (person[..., 2:] > 0), person[..., 2:]], -1)


def _lengths(points: np.ndarray, spans: tuple[Span, ...]) -> np.ndarray:
    """[spans], in pixels; NaN where a span is in no frame."""
    longest = [[_length(points, *bone) for bone in span] for span in spans]
    return np.array([max(sides) or np.nan for sides in longest])


def _length(points: np.ndarray, start: int, end: int) -> float:
    both = (points[:, [start, end], 2] > SURE).all(1)
    lengths = np.linalg.norm(points[both, start, :2] - points[both, end, :2], axis=1)
    longest = float(np.percentile(lengths, EXTENDED)) if len(lengths) else 0.0
    return longest if longest >= LEAST else 0.0


def _ratio(person: np.ndarray, model: np.ndarray, spans: tuple[Span, ...]) -> float | None:
    own, wanted = _lengths(person, spans), _lengths(model, spans)
    both = np.isfinite(own) & np.isfinite(wanted)
    return float(wanted[both].sum() / own[both].sum()) if both.any() else None


def _wrists(places: np.ndarray, sure: np.ndarray) -> list[int]:
    """The wrists that the two hands are at: some nodes call the right hand the left one."""
    left, right = WRISTS
    straight, crossed = 0.0, 0.0
    for hand, wrist, other in ((LEFT_HAND, left, right), (RIGHT_HAND, right, left)):
        seen = sure[:, [hand.start, left, right]].all(1)
        root = places[seen, hand.start]
        straight += np.linalg.norm(root - places[seen, wrist], axis=1).sum()
        crossed += np.linalg.norm(root - places[seen, other], axis=1).sum()
    return [left, right] if straight <= crossed else [right, left]


def _anchor(before: np.ndarray, after: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """[T, 2], what brings the hips back across the picture and the lowest foot back to its row."""
    hips, feet = sure[:, HIPS].all(1), sure[:, FEET]
    across = (before - after)[:, HIPS, 0].mean(1)
    down = [np.where(feet, places[:, FEET, 1], -np.inf).max(1) for places in (before, after)]
    grounded = feet.any(1)
    return np.stack(
        [_held(across, hips), _held(np.subtract(*down, where=grounded, out=np.zeros(len(feet))), grounded)], 1
    )


def _held(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values [T] with those that are not known in between or as the nearest; 0 when none is."""
    at = np.flatnonzero(known)
    return np.interp(np.arange(len(values)), at, values[at]) if len(at) else np.zeros(len(values))
