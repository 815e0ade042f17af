"""What the miniature must reach in every task, in one table."""

from dataclasses import dataclass

SHARE, DECIBEL, PIXEL = 0.2, 4.0, 4.0  # how far few seeds may lie from the mean of many


@dataclass(frozen=True)
class Gate:
    """What one measure's mean over the seeds must reach.

    Attributes:
        measure: Its name.
        limit: The least that passes; the most if ``lower``.
        lower: Whether less is better.
        aim: What it should reach one day, if that is more than these weights do; the limit then lies between the mean
            and the worst of the scenes that the shipped weights were measured on.
        beats: Whether it must also be better than the same model without the condition.
    """

    measure: str
    limit: float
    lower: bool = False
    beats: bool = True
    aim: float | None = None

    @property
    def slack(self) -> float:
        """How much looser the limit is for a mean of one or two seeds."""
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


def _lower(measure: str, limit: float) -> Gate:
    return Gate(measure, limit, lower=True)


VAE_GATE = Gate("given back, dB", 30.0, beats=False)
_KEPT, _PASTED = Gate("kept, dB", 24.0), Gate("kept and pasted, dB", 34.0)

GATES: dict[str, tuple[Gate, ...]] = {
    "t2v": (Gate("colour", 0.8), Gate("shape", 0.15, aim=0.6), Gate("place", 0.8), Gate("motion", 0.8)),
    "reference": (Gate("colour", 0.3, aim=0.8),),
    "gray": (Gate("outline IoU", 0.5, aim=0.7),),
    "depth": (Gate("outline IoU", 0.7),),
    "flow": (Gate("outline IoU", 0.6),),
    "lineart": (Gate("outline IoU", 0.7),),
    "pose": (Gate("outline IoU", 0.44, aim=0.5),),
    "layout": (Gate("box IoU", 0.6),),
    "inpaint": (Gate("colour", 0.8), _KEPT, _PASTED),
    "outpaint": (
        Gate("outline IoU", 0.6),
        Gate("new ground, dB", 18.0, beats=False),
        Gate("seam", 0.5, beats=False),
        _KEPT,
        _PASTED,
    ),
    "first": (_KEPT, Gate("colour between", 0.8)),
    "last": (_KEPT, Gate("colour between", 0.55, aim=0.8)),
    "first_last": (_KEPT, Gate("colour between", 0.8), _lower("path error, px", 5.0)),
    "keyframes": (_KEPT, Gate("colour between", 0.8), _lower("path error, px", 5.0)),
    "extend": (_KEPT, Gate("continuity", 0.4, aim=0.6), _lower("path error, px", 6.0)),
    "swap": (Gate("colour", 0.8), _KEPT, _PASTED),
    "animate": (Gate("outline IoU", 0.2, aim=0.5), Gate("colour", 0.8)),
    "move": (Gate("box IoU", 0.5), Gate("kept, dB", 20.0)),
    "expand": (Gate("new ground, dB", 16.0, beats=False), Gate("colour", 0.7), Gate("kept, dB", 20.0)),
    "guided_inpaint": (Gate("outline IoU", 0.6), Gate("colour", 0.8), _KEPT, _PASTED),
    "reference_layout": (Gate("box IoU", 0.4, aim=0.6), Gate("colour", 0.8)),
    "long_video": (Gate("continuity", 0.5), Gate("colour", 0.8, beats=False), Gate("stays, IoU", 0.6)),
}
