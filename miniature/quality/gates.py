"""What the miniature must reach in every task: what is aimed at, and how near the shipped weights come."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..locations import WEIGHTS

SHARE, DECIBEL, PIXEL = 0.2, 4.0, 4.0  # how far few seeds may lie from the mean of many
LIMITS = WEIGHTS / "limits.json"  # of the measures in which the shipped weights fall short of the aim
DOUBT = 2.5  # standard errors of the difference between two means: chance exceeds them once in 160 times


@dataclass(frozen=True)
class Gate:
    """What one measure's mean over the scenes must reach.

    Attributes:
        measure: Its name.
        aim: The least that is good; the most if ``lower``.
        lower: Whether less is better.
        beats: Whether it must also be better than the same model without the condition.
        reached: A looser limit for weights that fall short of the aim, see `reachable`.
    """

    measure: str
    aim: float
    lower: bool = False
    beats: bool = True
    reached: float | None = None

    @property
    def limit(self) -> float:
        """The least that passes; the most if ``lower``."""
        return self.aim if self.reached is None else self.reached

    @property
    def unit(self) -> float:
        """What limits are told in whole numbers of, and a quarter of the slack for a mean of one or two scenes."""
        return self.slack / 4

    @property
    def slack(self) -> float:
        """How much looser the limit is for a mean of one or two scenes."""
        return PIXEL if self.measure.endswith("px") else DECIBEL if self.measure.endswith("dB") else SHARE

    def passed(self, value: float, without: float | None, slack: float = 0.0) -> bool:
        """Whether a mean is good enough, and better than without the condition.

        Args:
            value: The mean.
            without: The same without the condition; None where that has no such measure.
            slack: How much looser the limit is.
        """
        sign = -1 if self.lower else 1
        enough = sign * value >= sign * self.limit - slack
        return enough and (not self.beats or without is None or sign * value > sign * without)


def reachable(gate: Gate, values: Sequence[float], scenes: int) -> float | None:
    """What the mean of other scenes misses by chance only, if that is less than the aim.

    Args:
        gate: With its aim.
        values: Of some scenes.
        scenes: How many the other mean is of.

    Returns:
        The mean of ``values`` less `DOUBT` standard errors of the difference between both means, rounded away from
        the aim; at least 0. None where the aim is no further.
    """
    count, sign = len(values), -1 if gate.lower else 1
    mean = sum(values) / count
    variance = sum((value - mean) ** 2 for value in values) / max(count - 1, 1)
    least = mean - sign * DOUBT * math.sqrt(variance * (1 / count + 1 / scenes))
    least = max(sign * math.floor(sign * least / gate.unit + 1e-9) * gate.unit, 0.0)
    return round(least, 6) if sign * least < sign * gate.aim else None


def _lower(measure: str, aim: float) -> Gate:
    return Gate(measure, aim, lower=True)


VAE_GATE = Gate("given back, dB", 30.0, beats=False)
# Aims of a larger miniature, by its profile, task and measure, where they are higher.
HIGHER = {"gpu": {"t2v": {"shape": 0.95}, "the VAE alone": {"given back, dB": 34.0}}}
_TOLD = Gate("colour", 0.8, beats=False)  # the caption says it, with the condition and without
_KEPT, _PASTED = Gate("kept, dB", 24.0), Gate("kept and pasted, dB", 34.0)

AIMS: dict[str, tuple[Gate, ...]] = {
    "t2v": (Gate("colour", 0.8), Gate("shape", 0.6), Gate("place", 0.8), Gate("motion", 0.8)),
    "reference": (Gate("colour", 0.8),),
    "gray": (Gate("outline IoU", 0.7),),
    "depth": (Gate("outline IoU", 0.7),),
    "flow": (Gate("outline IoU", 0.6),),
    "lineart": (Gate("outline IoU", 0.7),),
    "pose": (Gate("outline IoU", 0.5),),
    "layout": (Gate("box IoU", 0.6),),
    "inpaint": (_TOLD, Gate("outline IoU", 0.6), _KEPT, _PASTED),
    "outpaint": (
        Gate("outline IoU", 0.6),
        Gate("new ground, dB", 18.0, beats=False),
        Gate("seam", 0.5, beats=False),
        _KEPT,
        _PASTED,
    ),
    "first": (_KEPT, Gate("colour between", 0.8)),
    "last": (_KEPT, Gate("colour between", 0.8)),
    "first_last": (_KEPT, Gate("colour between", 0.8), _lower("path error, px", 5.0)),
    "keyframes": (_KEPT, Gate("colour between", 0.8), _lower("path error, px", 5.0)),
    "extend": (_KEPT, Gate("continuity", 0.6), _lower("path error, px", 6.0)),
    "swap": (Gate("colour", 0.8), _KEPT, _PASTED),
    "animate": (Gate("outline IoU", 0.5), Gate("colour", 0.8)),
    "move": (Gate("box IoU", 0.5), Gate("kept, dB", 20.0)),
    "expand": (Gate("new ground, dB", 16.0, beats=False), Gate("colour", 0.7), Gate("kept, dB", 20.0)),
    "guided_inpaint": (_TOLD, Gate("outline IoU", 0.6), _KEPT, _PASTED),
    "reference_layout": (Gate("box IoU", 0.6), Gate("colour", 0.8)),
    "long_video": (Gate("continuity", 0.5), _TOLD, Gate("stays, IoU", 0.6)),
}


def raised(gate: Gate, task: str, profile: str) -> Gate:
    """The gate with the aim of a profile, where it has a higher one."""
    return replace(gate, aim=HIGHER.get(profile, {}).get(task, {}).get(gate.measure, gate.aim))


def gates_of(task: str, profile: str | None = None) -> tuple[Gate, ...]:
    """A task's gates, with the limits of the shipped weights; with a profile the aims for what it trains."""
    if profile:
        return tuple(raised(gate, task, profile) for gate in AIMS[task])
    reached = json.loads(LIMITS.read_text("utf-8")).get(task, {}) if LIMITS.exists() else {}
    return tuple(replace(gate, reached=reached.get(gate.measure)) for gate in AIMS[task])
