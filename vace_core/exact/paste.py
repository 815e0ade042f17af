"""What a VCU keeps, put back over what the model made of it, and how far the model had moved away from it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..masks import distance_to
from ..notes import Note, tell, tell_again
from ..vcu import Vcu
from ..video import MID_GREY, legal_frames
from .paste_report import BORDER, Join, Measured, PasteReport

OUTSIDE, INSIDE = SIDES = ("outside", "inside")
DEFAULT_FEATHER = 4.0
_NOTHING_KEPT = (
    "The VCU keeps no pixel: all of the video is generated (or control), so nothing is pasted and the frames come "
    "back as they were."
)


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
    frames = legal_frames("frames", frames)
    require_same_shape(frames.shape, vcu)
    pasting = Pasting(vcu, feather, side)
    pasted = torch.empty(vcu.frames.shape, device=vcu.frames.device)
    for place, picture in zip(pasted, pasting.over(frames), strict=True):
        place.copy_(picture)
    return pasted, pasting.report()


def paste_parts(
    parts: Iterable[Tensor],
    vcu: Vcu,
    feather: float = DEFAULT_FEATHER,
    side: str = OUTSIDE,
    measured: Callable[[Sequence[Note]], None] = tell_again,
) -> Iterator[Tensor]:
    """`paste_back` of frames that come a few at a time.

    Args:
        parts: [n, H, W, 3] each, in [0, 1], T in all.
        vcu: As there, as are the errors.
        feather: As there.
        side: As there.
        measured: Is given the numbers in words, behind the last frame.

    Yields:
        [1, H, W, 3] float32, so that no more than a few frames lie in memory.
    """
    pasting = Pasting(vcu, feather, side)
    for picture in pasting.over(single_frames(parts)):
        yield picture[None]
        del picture
    measured(pasting.report().notes())


def single_frames(parts: Iterable[Tensor]) -> Iterator[Tensor]:
    """[H, W, 3] of each frame of [n, H, W, 3], as `legal_frames` wants them."""
    for part in parts:
        yield from legal_frames("frames", part)
        del part  # nobody holds it while the next is made


@dataclass(frozen=True, eq=False)
class PasteRegion:
    """A part of each frame of a VCU, or all of it.

    Attributes:
        vcu: Of the whole frames.
        cut: From [T, H, W, ...] and two frame numbers to that part of the frames from the one to before the other.
        still: Whether it is the same part, and the same mask, in all frames.
    """

    vcu: Vcu
    cut: Callable[[Tensor, int, int], Tensor]
    still: bool

    @classmethod
    def whole(cls, vcu: Vcu) -> "PasteRegion":
        """All of it."""
        return cls(vcu, lambda pixels, start, stop: pixels[start:stop], not vcu.mask.stride(0))

    def source(self, t: int) -> Tensor:
        """[H, W, 3] float32 of a frame."""
        return self.cut(self.vcu.frames, t, t + 1)[0].float()

    def mask_around(self, t: int) -> tuple[Tensor, int]:
        """[n, H, W] of a frame and those before and after it, as far as there are any, and which of them it is."""
        start = max(t - 1, 0)
        return self.cut(self.vcu.mask, start, t + 2), t - start


class Pasting:
    """Frames pasted one after the other, and measured meanwhile."""

    def __init__(self, vcu: Vcu, feather: float, side: str, region: PasteRegion | None = None) -> None:
        _require_settings(feather, side)
        self._vcu, self._feather, self._side = vcu, feather, side
        self._region = PasteRegion.whole(vcu) if region is None else region
        self._measured = Measured()

    def over(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """[H, W, 3] float32 of each of T frames [H, W, 3], in order; none is held while the next is made."""
        join, number = None, count()  # `enumerate` holds what it gave
        for made in frames:
            t = next(number)
            if join is None or not self._region.still:
                join = _join(*self._region.mask_around(t), self._feather + 1, self._side)
            pasted = self._pasted(made, self._region.source(t), join)
            del made
            yield pasted
            del pasted

    def _pasted(self, made: Tensor, source: Tensor, join: Join) -> Tensor:
        made, inside = made.to(source.device), self._side == INSIDE
        weight = _with_source(join, source, self._vcu, self._measured) if inside else join.weight
        pasted = torch.lerp(source, made, weight[..., None])
        self._measured.add(join, source, made, pasted)
        return pasted

    def report(self) -> PasteReport:
        """What was measured, once all frames are pasted; what may surprise is told."""
        report = self._measured.report()
        _tell_blank(self._measured)
        if not report.kept_share:
            tell("nothing-kept", _NOTHING_KEPT)
        return report


def _join(mask: Tensor, index: int, reach: float, side: str) -> Join:
    """The first pixel beyond an edge is at distance 1, the last that fades at most ``reach`` - 1.

    Args:
        mask: [n, H, W], of the frame and its neighbours in time.
        index: Which of them the frame is.
        reach: Pixels.
        side: One of `SIDES`.
    """
    around = mask > 0.5  # as `binarize` has it
    kept = ~around[index]
    distance = distance_to(around[index])
    border = kept & ((distance <= BORDER) | around.any(0))
    weight = distance.div_(-reach).add_(1) if side == OUTSIDE else distance_to(kept).div_(reach)
    return Join(kept, border, weight.clamp_(0, 1))


def _with_source(join: Join, source: Tensor, vcu: Vcu, measured: Measured) -> Tensor:
    """The weight of a feather inside, 1 where there is no source to blend to."""
    band = (join.weight > 0) & (join.weight < 1)
    empty = band & (source == MID_GREY).all(-1)
    pixels, blank = band.sum().item(), empty.sum().item()
    if vcu.control_amount == 1 and blank < pixels:
        raise VaceInputError(
            "feather_side is inside, but what this VCU holds under its mask is control (a pose, say), which would "
            "show through the feather. Set feather_side to outside, or feather to 0."
        )
    measured.band += pixels
    measured.blank += blank
    return torch.where(empty, 1.0, join.weight)


def _tell_blank(measured: Measured) -> None:
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


def require_same_shape(shape: Sequence[int], vcu: Vcu) -> None:
    """Refuse frames [T, H, W, 3] that are not as many or not as large as those of the VCU."""
    T, H, W, _ = shape
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
