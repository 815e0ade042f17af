"""How far a picture grows on each side: in pixels, as a part of its size, or to an aspect."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import VaceInputError

ANCHORS = ("centre", "left", "right", "top", "bottom")


@dataclass(frozen=True)
class Margins:
    """Growth in pixels, added on each side; 0 or more."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def __post_init__(self) -> None:
        for side, amount in vars(self).items():
            _require_growth(side, amount)

    @property
    def columns(self) -> int:
        """Columns added in all."""
        return self.left + self.right

    @property
    def rows(self) -> int:
        """Rows added in all."""
        return self.top + self.bottom

    def margins(self, height: int, width: int) -> "Margins":
        """Themselves, whatever the picture."""
        return self


@dataclass(frozen=True)
class Ratio:
    """Growth as a part of the picture's width (left, right) and height (top, bottom); 0 or more."""

    left: float = 0.25
    right: float = 0.25
    top: float = 0.0
    bottom: float = 0.0

    def __post_init__(self) -> None:
        for side, amount in vars(self).items():
            _require_growth(side, amount)

    def margins(self, height: int, width: int) -> Margins:
        """Rounded down, as in VACE's ``vace/annotators/outpainting.py``."""
        return Margins(
            int(self.left * width), int(self.right * width), int(self.top * height), int(self.bottom * height)
        )


@dataclass(frozen=True)
class Aspect:
    """Growth to an aspect, wider or higher, never smaller.

    Attributes:
        aspect: Such as ``16:9`` or ``2.39``.
        anchor: Where the picture lies on the canvas, one of `ANCHORS`; one across the growth means the centre.
    """

    aspect: str = "16:9"
    anchor: str = "centre"

    def margins(
        self,
        height: int,
        width: int,
        name: str = "video",
        advice: str = "Choose another aspect, or grow it by ratio or pixels.",
    ) -> Margins:
        """For a picture of this size.

        Args:
            height: Its rows.
            width: Its columns.
            name: What the user calls it: its socket.
            advice: What to do when it has the aspect already.

        Raises:
            VaceInputError: If the aspect cannot be read or is the picture's own, or the anchor is unknown.
        """
        if self.anchor not in ANCHORS:
            raise VaceInputError(f"anchor must be one of {', '.join(ANCHORS)}, got {self.anchor}.")
        target = parse_aspect(self.aspect)
        columns, rows = max(round(height * target) - width, 0), max(round(width / target) - height, 0)
        if not (columns or rows):
            raise VaceInputError(
                f"The {name} is {width} x {height}, which is {self.aspect} already: nothing would be added. {advice}"
            )
        left = {"left": 0, "right": columns}.get(self.anchor, columns // 2)
        top = {"top": 0, "bottom": rows}.get(self.anchor, rows // 2)
        return Margins(left, columns - left, top, rows - top)


Growth = Margins | Ratio | Aspect
# The first has no fields: beside a growing group of sockets the front end needs that to keep their wires.
GROWTHS: dict[str, type[Growth]] = {"wider": Ratio, "ratio": Ratio, "pixels": Margins, "aspect": Aspect}


def growth_from(by: Mapping[str, object] | None) -> Growth:
    """The growth that a user chose.

    Args:
        by: ``by`` is one of `GROWTHS`, the other keys are its fields.

    Raises:
        VaceInputError: If it is not one of these, or a number is negative.
    """
    chosen = dict(by or {})
    kind = chosen.pop("by", None)
    if kind not in GROWTHS:
        raise VaceInputError(f"by must be one of {', '.join(GROWTHS)}, got {kind}.")
    return GROWTHS[kind](**chosen)


def parse_aspect(text: str) -> float:
    """Width over height of ``16:9``, ``16/9``, ``16x9`` or ``1.78``.

    Raises:
        VaceInputError: If it is none of these, or 0.
    """
    number = r"(\d{1,9}(?:\.\d+)?)"
    match = re.fullmatch(rf"{number}(?:\s*[:/x]\s*{number})?", text.strip())
    width, height = (float(part or 1) for part in match.groups()) if match else (0, 0)
    if not (width and height):
        raise VaceInputError(f'aspect must be like "16:9", "9:16" or "2.39", got "{text}".')
    return width / height


def _require_growth(side: str, amount: float) -> None:
    if amount < 0:
        raise VaceInputError(f"{side} must be 0 or more, got {amount:g}. To cut something off, crop the video.")
