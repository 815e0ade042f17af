"""What a VCU keeps, put back over what the model made of it, and how far the model had moved away from it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..masks import binarize, distance_to
from ..notes import Note, tell
from ..vcu import Vcu
from ..video import MID_GREY, legal_frames

OUTSIDE, INSIDE = SIDES = ("outside", "inside")
DEFAULT_FEATHER = 4.0
BORDER = 4  # pixels; how far from the mask the join is judged
STEPS = 255  # differences are told in steps of an 8-bit picture
CHANNELS = ("red", "green", "blue")
_NOTHING_KEPT = (
    "The VCU keeps no pixel: all of the video is generated (or control), so nothing is pasted and the frames come "
    "back as they were."
)

Colour = tuple[float, float, float]


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


def paste_back(
    frames: Tensor, vcu: Vcu, feather: float = DEFAULT_FEATHER, side: str = OUTSIDE
) -> tuple[Tensor, PasteReport]:
    """Decoded frames in which everything that the VCU keeps is the VCU's own pixel again.

    The official code gives back what the VAE decodes; kept pixels and frames are then only similar. A mask pixel
    above 0.5 is generated, as where the model's frames are split. Frames that are kept whole are pasted whole.
    One frame is worked on at a time, so beyond the result only a few single frames take memory.

    Args:
        frames: [T, H, W, 3], the decoded video, in [0, 1].
        vcu: The unit it was made from.
        feather: Pixels over which the join fades, 0 for a hard one.
        side: Where it fades. ``outside`` blends the model's pixels over the kept ones next to the mask, and only
            beyond the feather are these exact; ``inside`` keeps every one of them exact and blends the source into
            the generated area, where there is a source: what is empty (exactly mid-grey) stays the model's.

    Returns:
        ``(frames, report)``: [T, H, W, 3] float32, and the measurements.

    Raises:
        VaceInputError: If the frames are not as many or not as large as the VCU's, or the mask covers a control
            signal, which the feather inside would show.
    """
    _require_settings(feather, side)
    frames = legal_frames("frames", frames)
    _require_same_shape(frames, vcu)
    pasted = torch.empty(vcu.frames.shape, device=vcu.frames.device)
    measured = _Measured()
    for t, join in enumerate(_joins(vcu, feather, side)):
        source, made = vcu.frames[t].float(), frames[t].to(vcu.frames.device)
        weight = _with_source(join, source, vcu, measured) if side == INSIDE else join.weight
        torch.lerp(source, made, weight[..., None], out=pasted[t])
        measured.add(join, source, made, pasted[t])
    report = measured.report()
    _tell_blank(measured)
    if not report.kept_share:
        tell("nothing-kept", _NOTHING_KEPT)
    return pasted, report


@dataclass(frozen=True, eq=False)
class _Join:
    """How the two pictures of one frame meet; [H, W] each."""

    kept: Tensor  # bool
    border: Tensor  # bool
    weight: Tensor  # of the model's pixels, in [0, 1]; exactly 0 and 1 outside the feather


def _joins(vcu: Vcu, feather: float, side: str) -> Iterator[_Join]:
    """One for each frame; a still mask, one frame expanded to T, is worked out once."""
    join = None
    for t in range(vcu.num_frames):
        if join is None or vcu.mask.stride(0):
            join = _join(vcu.mask, t, feather + 1, side)
        yield join


def _join(mask: Tensor, t: int, reach: float, side: str) -> _Join:
    """The first pixel beyond an edge is at distance 1, the last that fades at most ``reach`` - 1."""
    around = binarize(mask[max(t - 1, 0) : t + 2]).bool()
    generated = around[min(t, 1)]
    distance = distance_to(generated)
    weight = 1 - distance / reach if side == OUTSIDE else distance_to(~generated) / reach
    return _Join(~generated, ~generated & ((distance <= BORDER) | around.any(0)), weight.clamp(0, 1))


def _with_source(join: _Join, source: Tensor, vcu: Vcu, measured: "_Measured") -> Tensor:
    """The weight of a feather inside, 1 where there is no source to blend to."""
    band = (join.weight > 0) & (join.weight < 1)
    empty = band & (source == MID_GREY).all(-1)
    count, blank = band.sum().item(), empty.sum().item()
    if vcu.control_amount == 1 and blank < count:
        raise VaceInputError(
            "feather_side is inside, but what this VCU holds under its mask is control (a pose, say), which would "
            "show through the feather. Set feather_side to outside, or feather to 0."
        )
    measured.band += count
    measured.blank += blank
    return torch.where(empty, 1.0, join.weight)


@dataclass
class _Measured:
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

    def add(self, join: _Join, source: Tensor, made: Tensor, pasted: Tensor) -> None:
        """One more frame, [H, W, 3] each."""
        exact = join.kept & (join.weight == 0)
        kept, border = join.kept.sum().item(), join.border.sum().item()
        self.pixels += join.kept.numel()
        self.exact += exact.sum().item()
        self.outside = max(self.outside, ((pasted - source).abs() * exact[..., None]).max().item())
        if kept:
            change = made - source
            drift = (change * join.kept[..., None]).sum((0, 1), dtype=torch.float64).cpu()
            self.kept += kept
            self.drift_sum += drift
            self.frame_drifts.append(drift / kept)
            self.border += border
            self.border_sum += (change.abs() * join.border[..., None]).sum(dtype=torch.float64).item()

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


def _tell_blank(measured: _Measured) -> None:
    if measured.blank:
        tell(
            "hard-join",
            f"{measured.blank / measured.band:.0%} of the feather lies where the VCU is empty, as around an outpainted "
            f"video: there is no source to blend to, so the model's own pixels stay there and the join is hard. Set "
            f"feather_side to outside for a soft one.",
        )


def _require_settings(feather: float, side: str) -> None:
    if side not in SIDES:
        raise VaceInputError(f"feather_side must be one of {', '.join(SIDES)}, got {side}.")
    if feather < 0:
        raise VaceInputError(f"feather must be 0 or more, got {feather:g}. 0 is a hard join.")


def _require_same_shape(frames: Tensor, vcu: Vcu) -> None:
    T, H, W, _ = frames.shape
    if vcu.num_frames != T:
        raise VaceInputError(
            f"frames has {T} frames but vcu has {vcu.num_frames}. Connect all frames of VACE Decode Latent, uncut, and "
            f"the VCU they were made from; of a batch, paste back each video by itself."
        )
    if (vcu.height, vcu.width) != (H, W):
        raise VaceInputError(
            f"frames is {W} x {H} but vcu is {vcu.width} x {vcu.height}. Connect the frames at the size that was "
            f"generated, and resize after pasting."
        )
