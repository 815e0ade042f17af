"""Strength curves: typed, listed or drawn."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import Protocol

from ..errors import VaceInputError

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_POINT = re.compile(rf"^({NUMBER})(%?):({NUMBER})$")
EXAMPLE = "'1' for all, '1, 1, 0.5, 0' spread evenly, or points such as '0:1, 40%:1, 60%:0'"
MAX_STRENGTH = 1000.0
# Straight pieces between two points of a drawn curve: the worst cubic is met to a thousandth of its rise there.
PIECES = 32


@dataclass(frozen=True)
class Curve:
    """A value over [0, 1], linear between its points and constant outside them.

    Attributes:
        points: (place, value), places rising; two at one place make a jump.
    """

    points: tuple[tuple[float, float], ...] = ((0.0, 1.0),)

    def at(self, place: float) -> float:
        """The value at a place; at a jump, the later one."""
        after = bisect_right(self.points, place, key=lambda point: point[0])
        if after in (0, len(self.points)):
            return self.points[max(after - 1, 0)][1]
        (x0, y0), (x1, y1) = self.points[after - 1 : after + 1]
        return y0 + (y1 - y0) * (place - x0) / (x1 - x0)

    @property
    def is_one(self) -> bool:
        """Whether it changes nothing."""
        return all(value == 1 for _, value in self.points)


class DrawnCurve(Protocol):
    """What the host's curve editor gives."""

    points: Sequence[tuple[float, float]]

    def interp(self, x: float) -> float:
        """The value at a place."""


def chosen_curve(name: str, text: str, wired: object | None) -> Curve:
    """What is typed, or what is connected to the socket beside it.

    Args:
        name: The text's socket; the other one's has ``_curve`` behind it.
        text: As `parse_curve` takes it.
        wired: As `wired_curve` takes it; None when nothing is connected.

    Raises:
        VaceInputError: If both say something, or one of them nothing that can be used.
    """
    typed = parse_curve(name, text)
    if wired is None:
        return typed
    if not typed.is_one:
        raise VaceInputError(
            f"{name} is '{text.strip()}' and {name}_curve is connected, but only one of them can count. "
            f"Set {name} to 1, or disconnect {name}_curve."
        )
    return wired_curve(f"{name}_curve", wired)


def parse_curve(name: str, text: str) -> Curve:
    """A curve from what a user typed.

    Args:
        name: The socket's name.
        text: A number, several spread evenly from 0 to 1, or ``place:value`` points; empty is 1 throughout.

    Raises:
        VaceInputError: If it is none of these, falls back in place, or leaves the range of strengths.
    """
    words = split_words(text)
    if not words:
        return Curve()
    if all(re.fullmatch(NUMBER, word) for word in words):
        return _spread(name, [float(word) for word in words])
    points = tuple(_point(name, word) for word in words)
    for (before, _), (after, _) in pairwise(points):
        if after < before:
            raise VaceInputError(f"{name}: place {after:g} comes after {before:g}; places must rise from 0 to 1.")
    return _checked(name, points)


def wired_curve(name: str, value: object) -> Curve:
    """A curve from what another node gives: drawn, one number, or numbers spread evenly from 0 to 1.

    Args:
        name: The socket's name.
        value: A `DrawnCurve`, a number, or a list, tensor or array of numbers, as packs send it through one wire.

    Raises:
        VaceInputError: If it is none of these, is empty, or leaves the range of strengths.
    """
    if hasattr(value, "interp") and hasattr(value, "points"):
        return _drawn(name, value)
    plain = _plain(value)
    numbers = [_plain(each) for each in plain] if isinstance(plain, list | tuple) else [plain]
    if not numbers or not all(isinstance(number, Real) for number in numbers):
        what = "an empty list" if not numbers else f"a {type(value).__name__} that holds no plain numbers"
        raise VaceInputError(
            f"{name} is {what}; it must be a drawn curve, a number or a list of numbers. "
            f"Connect Curve Editor, or a node that gives floats."
        )
    return _spread(name, [float(number) for number in numbers])


def split_words(text: str) -> list[str]:
    """What a user separated by commas, semicolons or blanks."""
    return [word for word in re.split(r"[,;\s]+", text.strip()) if word]


def require_strength(name: str, value: float) -> None:
    """Refuse NaN and what is no strength.

    Raises:
        VaceInputError: If ``value`` is not in [0, 1000].
    """
    if not 0 <= value <= MAX_STRENGTH:
        raise VaceInputError(f"{name} holds {value:g}; a strength must be in [0, {MAX_STRENGTH:g}].")


def _plain(value: object) -> object:
    return value.tolist() if hasattr(value, "tolist") else value


def _spread(name: str, values: Sequence[float]) -> Curve:
    last = max(len(values) - 1, 1)
    return _checked(name, tuple((k / last, value) for k, value in enumerate(values)))


def _checked(name: str, points: tuple[tuple[float, float], ...]) -> Curve:
    for _, value in points:
        require_strength(name, value)
    return Curve(points)


def _drawn(name: str, drawn: DrawnCurve) -> Curve:
    """Its own points, so that straight lines and jumps stay exact, and what it has between them."""
    points = sorted(((float(x), float(y)) for x, y in drawn.points), key=lambda point: point[0])
    if not points:
        raise VaceInputError(f"{name} is a curve without points. Draw at least one in Curve Editor.")
    outside = next((x for x, _ in points if not 0 <= x <= 1), None)
    if outside is not None:
        raise VaceInputError(f"{name} has a point at {outside:g}; places must be in [0, 1].")
    for (x0, _), (x1, _) in pairwise(tuple(points)):
        places = [x0 + (x1 - x0) * k / PIECES for k in range(1, PIECES)] if x1 > x0 else []
        points += [(place, float(drawn.interp(place))) for place in places]
    return _checked(name, tuple(sorted(points, key=lambda point: point[0])))


def _point(name: str, word: str) -> tuple[float, float]:
    match = _POINT.match(word)
    if not match:
        raise VaceInputError(f"{name}: '{word}' is no point. Write {EXAMPLE}.")
    place = float(match[1]) / (100 if match[2] else 1)
    if not 0 <= place <= 1:
        raise VaceInputError(f"{name}: place {word.partition(':')[0]} is outside the clip of 0 to 1 (0 % to 100 %).")
    return place, float(match[3])
