"""How well what is pasted fitted: measured frame by frame, and told in words."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..notes import Note

BORDER = 4  # pixels; how far from the mask the join is judged
STEPS = 255  # differences are told in steps of an 8-bit picture
ROWS = 32  # of a frame, measured at a time
CHANNELS = ("red", "green", "blue")

Colour = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Join:
    """How the two pictures of one frame meet; [H, W] each."""

    kept: Tensor  # bool
    border: Tensor  # bool, of what is kept
    weight: Tensor  # of the model's pixels, in [0, 1]; exactly 0 and 1 outside the feather


@dataclass(frozen=True)
class PasteReport:
    """What was pasted, and how well it fitted. All differences are in steps of 1/255.

    Attributes:
        outside_difference: Largest difference from the source outside the mask and its feather, after pasting.
        border_error: Mean difference, before pasting, over the kept pixels within `BORDER` pixels of a generated
            one or generated in the frame before or after: what the join has to hide. None without any.
        drift: Mean signed change of red, green and blue over all kept pixels, before pasting; the VAE's own loss
            included. None when nothing is kept.
        worst_drift: For each channel the same of the one frame where it is largest.
        kept_share: Pixels that the VCU keeps, in [0, 1].
        exact_share: Pixels that are the source's own, in [0, 1]: the kept ones without the feather.
    """

    outside_difference: float
    border_error: float | None
    drift: Colour | None
    worst_drift: Colour | None
    kept_share: float
    exact_share: float

    @property
    def largest_drift(self) -> float:
        """Size of the mean change in the channel where it is largest; 0 when nothing is kept."""
        return max(map(abs, self.drift or (0.0,)))

    def notes(self) -> list[Note]:
        """The numbers in words; none when nothing is kept."""
        if self.drift is None or self.worst_drift is None:
            return []
        border = "What is kept touches nothing that is generated, so there is no border to judge."
        if self.border_error is not None:
            border = (
                f"At the border the model's own pixels differ from the source by {self.border_error:.1f} of 255 "
                f"on average; that is what the join has to hide."
            )
        kept = f"The VCU keeps {self.kept_share:.1%} of the video; {self.exact_share:.1%} is now exactly the source."
        outside = (
            f"The largest difference from the source outside the mask and its feather is "
            f"{self.outside_difference:g} of 255."
        )
        drift = (
            f"Before pasting, the colour of what is kept had changed by {_told(self.drift)} of 255 on average, "
            f"and in the worst frame by {_told(self.worst_drift)}."
        )
        told = {"kept-share": kept, "outside-difference": outside, "border": border, "drift": drift}
        return [Note(code, text) for code, text in told.items()]


@dataclass
class Measured:
    """Sums over the frames so far."""

    pixels: int = 0
    kept: int = 0
    exact: int = 0
    border: int = 0
    band: int = 0
    blank: int = 0
    outside: float = 0.0
    border_sum: float = 0.0
    drift_sum: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))
    frame_drifts: list[Tensor] = field(default_factory=list)

    def add(self, join: Join, source: Tensor, made: Tensor, pasted: Tensor) -> None:
        """One more frame, [H, W, 3] each; a few rows at a time, so that it takes next to no memory."""
        kept, drift = 0, torch.zeros(3, dtype=torch.float64)
        pictures = (join.kept, join.border, join.weight, source, made, pasted)
        for rows in zip(*(picture.split(ROWS) for picture in pictures), strict=True):
            count, change = self._add_rows(Join(*rows[:3]), *rows[3:])
            kept, drift = kept + count, drift + change
        if kept:
            self.kept += kept
            self.drift_sum += drift
            self.frame_drifts.append(drift / kept)

    def _add_rows(self, join: Join, source: Tensor, made: Tensor, pasted: Tensor) -> tuple[int, Tensor]:
        """How many of their pixels are kept, and the sum of how each channel of these changed."""
        exact = join.kept & (join.weight == 0)
        self.pixels += join.kept.numel()
        self.exact += exact.sum().item()
        self.outside = max(self.outside, (pasted - source).abs_().mul_(exact[..., None]).max().item())
        change = (made - source).mul_(join.kept[..., None])
        drift = change.sum((0, 1), dtype=torch.float64).cpu()
        self.border += join.border.sum().item()
        self.border_sum += change.abs_().mul_(join.border[..., None]).sum(dtype=torch.float64).item()
        return join.kept.sum().item(), drift

    def report(self) -> PasteReport:
        """The sums as shares, means and extremes."""
        drift = worst = None
        if self.kept:
            drifts = torch.stack(self.frame_drifts)
            drift = _colour(self.drift_sum / self.kept)
            worst = _colour(drifts.gather(0, drifts.abs().argmax(0, keepdim=True))[0])
        border = STEPS * self.border_sum / (len(CHANNELS) * self.border) if self.border else None
        shares = self.kept / self.pixels, self.exact / self.pixels
        return PasteReport(STEPS * self.outside, border, drift, worst, *shares)


def _colour(change: Tensor) -> Colour:
    red, green, blue = (STEPS * change).tolist()
    return red, green, blue


def _told(colour: Colour) -> str:
    return ", ".join(f"{name} {value:+.1f}" for name, value in zip(CHANNELS, colour, strict=True))
