"""Boxes that stand still or move through a clip, and the text that users write them in."""

import itertools
import re
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import VaceInputError

CURVED = "curved"  # the word before the boxes of a path
EASINGS = ("linear", "ease in", "ease out", "ease in-out")
EXAMPLE = (
    'Write left,top,right,bottom, such as "10,20,110,220", or a path such as "dog: 10,20,110,220 60%,20,90%,220@40".'
)

_NUMBER = r"[+-]?(?:\d{1,9}(?:\.\d*)?|\.\d+)%?"
_BOX = re.compile(rf"({_NUMBER}),({_NUMBER}),({_NUMBER}),({_NUMBER})(?:@(-?\d+(?:\.\d+)?%|-?\d+))?")


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, half-open: the pixels at ``right`` and ``bottom`` are outside."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """``(left, top, right, bottom)``."""
        return self.left, self.top, self.right, self.bottom

    def __str__(self) -> str:
        return ",".join(f"{side:g}" for side in self.sides)


@dataclass(frozen=True)
class BoxTrack:
    """The path of one object.

    Attributes:
        points: Where it is when: a position in the clip (0 first frame, 1 last), rising, and a box.
        label: What the object is called; may be empty.
        timed: Whether the user said for any box when it is reached.
        curved: Whether its middle goes through the boxes in a curve instead of from one to the next in a straight line.
    """

    points: tuple[tuple[float, Box], ...]
    label: str = ""
    timed: bool = False
    curved: bool = False


def parse_tracks(name: str, text: str, height: int, width: int, num_frames: int) -> list[BoxTrack]:
    """The paths that a text describes, one object per line or per part between semicolons.

    A line is an optional ``label:``, an optional ``curved``, then boxes ``left,top,right,bottom`` separated by
    spaces. Two boxes are the start and end of the official command line (``--bbox 'x1,y1,x2,y2 x1,y1,x2,y2'``).
    Numbers are pixels, or per cent of the frame with a ``%`` behind them. ``@12`` behind a box is the frame where it
    is reached, counted from 0, ``@50%`` the part of the clip; boxes without are spread evenly between those with.

    Args:
        name: The socket's name.
        text: What the user wrote; empty lines are skipped.
        height: Rows of the frame.
        width: Columns of the frame.
        num_frames: Frames of the clip.

    Raises:
        VaceInputError: If a line cannot be read, a box has no area, or a time is outside the clip or does not rise.
    """
    lines = [line.strip() for line in re.split(r"[\n;]", text)]
    return [
        _parse_line(f'{name}, line {number} ("{line}")', line, (width, height), num_frames)
        for number, line in enumerate(lines, start=1)
        if line
    ]


def _parse_line(where: str, line: str, size: tuple[int, int], num_frames: int) -> BoxTrack:
    label, colon, rest = line.partition(":")
    if not colon:
        label, rest = "", line
    words = re.sub(r"\s*([,@])\s*", r"\1", rest).split()
    curved = bool(words) and words[0].lower() == CURVED
    words = words[curved:]
    if not words:
        raise VaceInputError(f"{where}: there is no box. {EXAMPLE}")
    boxes, times = zip(*(_parse_box(where, word, size, num_frames) for word in words), strict=True)
    timed = any(time is not None for time in times)
    return BoxTrack(tuple(zip(_spread(where, list(times)), boxes, strict=True)), label.strip(), timed, curved)


def _parse_box(where: str, word: str, size: tuple[int, int], num_frames: int) -> tuple[Box, float | None]:
    match = _BOX.fullmatch(word)
    if not match:
        raise VaceInputError(f'{where}: "{word}" is not a box. {EXAMPLE}')
    *sides, time = match.groups()
    box = Box(*(_pixels(side, size[axis % 2]) for axis, side in enumerate(sides)))
    _require_area(where, box)
    return box, None if time is None else _position(where, time, num_frames)


def _pixels(number: str, whole: int) -> float:
    return float(number[:-1]) * whole / 100 if number.endswith("%") else float(number)


def _position(where: str, time: str, num_frames: int) -> float:
    number, whole = (time[:-1], 100) if time.endswith("%") else (time, num_frames - 1)
    if not 0 <= float(number) <= whole:
        raise VaceInputError(
            f"{where}: @{time} is outside the clip, whose frames are @0 to @{num_frames - 1}; "
            f"as a part of the clip that is @0% to @100%."
        )
    return float(number) / max(whole, 1)


def _spread(where: str, times: list[float | None]) -> list[float]:
    """Fill in the times that are not given, evenly between those that are."""
    times[0] = times[0] or 0.0
    if times[-1] is None:
        times[-1] = 1.0
    known = [i for i, time in enumerate(times) if time is not None]
    for a, b in itertools.pairwise(known):
        if times[b] <= times[a]:
            raise VaceInputError(
                f"{where}: the times must rise, but box {b + 1} is not after box {a + 1}. "
                f"Order them by time; the first box without @ is at the start, the last at the end."
            )
        for i in range(a + 1, b):
            times[i] = times[a] + (times[b] - times[a]) * (i - a) / (b - a)
    return times


def _require_area(where: str, box: Box) -> None:
    if not (box.right > box.left and box.bottom > box.top):
        raise VaceInputError(
            f"{where}: box {box} has no area: right must be greater than left and bottom greater than top. {EXAMPLE}"
        )


def _ease(u: float, easing: str) -> float:
    return {
        "linear": u,
        "ease in": u * u,
        "ease out": u * (2 - u),
        "ease in-out": u * u * (3 - 2 * u),
    }[easing]


def boxes_at(track: BoxTrack, num_frames: int, easing: str = "linear", reach_end: bool = True) -> list[Box]:
    """Where an object is in every frame; before its first box and after its last it stands still.

    Args:
        track: The path.
        num_frames: Frames of the clip.
        easing: One of `EASINGS`; acts between each two boxes, so that every box is reached when it says.
        reach_end: Whether the last frame is position 1. False is the official layout annotator, where a box
            moves by (end - start) / N per frame and so stops one step short of its end; a timed path, which that
            does not know, reaches its boxes when it says all the same.

    Returns:
        One box per frame, not clipped to the frame.

    Raises:
        VaceInputError: If ``easing`` is not one of `EASINGS`.
    """
    if easing not in EASINGS:
        raise VaceInputError(f"easing must be one of {', '.join(EASINGS)}, got {easing}.")
    steps = max(num_frames - 1, 1) if reach_end or track.timed else num_frames
    return [_box_at(track, k / steps, easing) for k in range(num_frames)]


def _box_at(track: BoxTrack, position: float, easing: str) -> Box:
    points = track.points
    after = next((i for i, (time, _) in enumerate(points) if time > position), len(points))
    if after in (0, len(points)):
        return points[min(after, len(points) - 1)][1]
    (start, a), (end, b) = points[after - 1 : after + 1]
    u = _ease((position - start) / (end - start), easing)
    if track.curved:
        return _on_curve(points, after, u)
    return Box(*(x + (y - x) * u for x, y in zip(a.sides, b.sides, strict=True)))


def _on_curve(points: tuple[tuple[float, Box], ...], after: int, u: float) -> Box:
    """Part ``u`` of the way to the box at index ``after``: its middle on a curve, its size as on a straight way.

    A cubic from point to point (Catmull and Rom, 1974), with the times of the points: at each one it has the velocity
    of the parabola through it and its neighbours, so that nothing jerks there; at the ends that of the straight way.
    """
    (start, a), (end, b) = points[after - 1 : after + 1]
    middle, size = [], []
    for axis in (0, 1):
        places = [(time, (box.sides[axis] + box.sides[axis + 2]) / 2) for time, box in points]
        (_, p), (_, q) = places[after - 1 : after + 1]
        v, w = (_velocity(places, i) * (end - start) for i in (after - 1, after))
        middle.append(p + u * (v + u * (3 * (q - p) - 2 * v - w + u * (v + w - 2 * (q - p)))))
        before, behind = (box.sides[axis + 2] - box.sides[axis] for box in (a, b))
        size.append(before + (behind - before) * u)
    (x, y), (width, height) = middle, size
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _velocity(places: list[tuple[float, float]], i: int) -> float:
    """How fast a coordinate changes at a point of a curve."""
    slopes = [(q - p) / (end - start) for (start, p), (end, q) in itertools.pairwise(places[max(i - 1, 0) : i + 2])]
    if len(slopes) == 1:
        return slopes[0]
    before, behind = places[i][0] - places[i - 1][0], places[i + 1][0] - places[i][0]
    return (slopes[0] * behind + slopes[1] * before) / (before + behind)


def bounding_spans(inside: Tensor) -> tuple[Tensor, Tensor]:
    """Where something is in each frame, row by row and column by column.

    Args:
        inside: [T, H, W], bool.

    Returns:
        ``(rows, columns)``, each [T, 2] int64: the first that holds something and the one after the last; equal where
        nothing is.
    """
    rows, columns = (_span(inside.any(axis)) for axis in (2, 1))
    return rows, columns


def _span(held: Tensor) -> Tensor:
    """[T, 2] of [T, N] bool."""
    first, behind = (side.int().argmax(1) for side in (held, held.flip(1)))
    return torch.stack([first, held.shape[1] - behind], 1) * held.any(1, keepdim=True)


def bounding_box(inside: Tensor) -> tuple[int, int, int, int] | None:
    """``(left, top, right, bottom)`` around what is in a frame [H, W] bool, half-open as in `Box`; None for nothing."""
    (top, bottom), (left, right) = (span[0].tolist() for span in bounding_spans(inside[None]))
    return (left, top, right, bottom) if right else None
