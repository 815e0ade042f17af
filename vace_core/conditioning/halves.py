"""Both halves of a VCU's frames, worked out a few frames at a time, so that no copy of a whole clip is made."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..masks import binarize, keep
from ..vcu import EMPTY, Vcu
from ..video import MID_GREY, hold_last, padded_length, without_repeats

MASK_EDGES = ("official", "hard", "soft")
SNAP_WITHIN = 0.501 / 255  # of mid-grey, which lies between 127 and 128 of 255


@dataclass(frozen=True, eq=False)
class HalfFrames:
    """One half of a VCU: its frames where they belong to it, and mid-grey elsewhere.

    Attributes:
        frames: [T', H, W, 3], in [0, 1], the unit's own.
        mask: [T', H, W], in [0, 1], the unit's own.
        num_frames: T = 4n + 1, at least T'; what is missing holds the last frame and its mask.
        reactive: Whether it is the half that is generated, or the one that is kept.
        soft: Whether a grey mask blends, instead of being cut at 0.5.
        amount: How much of the content there is, in [0, 1].
        is_empty: Whether all of it is known to be mid-grey.
        snaps_grey: Whether a pixel that is 127 or 128 of 255 in every channel is mid-grey.
    """

    frames: Tensor
    mask: Tensor
    num_frames: int
    reactive: bool
    soft: bool = False
    amount: float = 1.0
    is_empty: bool = False
    snaps_grey: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""
        return self.num_frames, *self.frames.shape[1:]

    def part(self, start: int, stop: int, device: torch.device | None = None, rows: slice = slice(None)) -> Tensor:
        """Some of its frames.

        Args:
            start: The first.
            stop: The one behind the last, at most T.
            device: Where they are worked out; where the frames lie without it.
            rows: Which of their H rows.

        Returns:
            [stop - start, rows, W, 3] in [0, 1]; of an empty half an expanded constant, which takes no memory.
        """
        frames = _held(self.frames, start, stop)[:, rows]
        if self.is_empty:
            return self.frames.new_full((1, 1, 1, 1), MID_GREY, device=device).expand(frames.shape)
        mask = _held(self.mask, start, stop)[:, rows].to(device or frames.device)
        split = mask if self.soft else binarize(mask)
        frames = frames.to(mask.device)
        frames = _snapped(frames) if self.snaps_grey else frames
        return keep(frames, split * self.amount if self.reactive else 1 - split)

    def is_grey(self) -> bool:
        """Whether all of it is exactly mid-grey; looked at up to the first frames that are not."""
        return self.is_empty or all((self.part(k, k + 1) == MID_GREY).all() for k in range(self.num_frames))

    def whole(self) -> Tensor:
        """All of it, [T, H, W, 3]."""
        return self.part(0, self.num_frames)


def split_halves(vcu: Vcu, edges: str = "official", snap_grey: bool = False) -> tuple[HalfFrames, HalfFrames]:
    """Inactive and reactive half, at an encodable length.

    A count that is not 4n + 1 is extended by holding the last frame and its mask, so that the
    latent frame which they share holds no jump.

    Args:
        vcu: The unit to encode.
        edges: See `split_for_encoding`.
        snap_grey: Whether generated pixels that are 127 or 128 of 255 in every channel, as grey is in files, are
            taken as mid-grey: they hold nothing then. Changes these by 0.002; what is kept stays as it is.

    Raises:
        VaceInputError: If ``edges`` is not one of `MASK_EDGES`.
    """
    if edges not in MASK_EDGES:
        raise VaceInputError(f"mask_edges must be one of {', '.join(MASK_EDGES)}, got {edges}.")
    soft, (low, high) = edges == "soft", without_repeats(vcu.mask).aminmax()
    nothing_kept, nothing_made = (low == 1, high == 0) if soft else (low > 0.5, high <= 0.5)
    no_control = vcu.kind == EMPTY or vcu.control_amount == 0 or bool(nothing_made)
    shared = {"frames": vcu.frames, "mask": vcu.mask, "num_frames": padded_length(vcu.num_frames), "soft": soft}
    return (
        HalfFrames(**shared, reactive=False, is_empty=bool(nothing_kept)),
        HalfFrames(**shared, reactive=True, amount=vcu.control_amount, is_empty=no_control, snaps_grey=snap_grey),
    )


def channel_mask(vcu: Vcu, edges: str) -> Tensor:
    """[T', H, W]: the mask that the mask channels are folded of, at the unit's own length."""
    return binarize(vcu.mask) if edges == "hard" else vcu.mask


def split_for_encoding(vcu: Vcu, edges: str = "official") -> tuple[Tensor, Tensor, Tensor]:
    """Both halves of the frames and the mask that goes with them, whole, see `split_halves`.

    Args:
        vcu: The unit to encode.
        edges: What a mask pixel between 0 and 1 means. ``official`` splits the frames at 0.5 and
            hands the channels the soft value, as the official code does; ``hard`` cuts both at
            0.5; ``soft`` blends both, as the host's WanVaceToVideo does. Equal for a binary mask.

    Returns:
        ``(inactive, reactive, mask)``: [T, H, W, 3] twice and [T, H, W], T = 4n + 1. A half that holds nothing is
        an expanded constant, which takes no memory.

    Raises:
        VaceInputError: If ``edges`` is not one of `MASK_EDGES`.
    """
    inactive, reactive = split_halves(vcu, edges)
    return inactive.whole(), reactive.whole(), hold_last(channel_mask(vcu, edges), inactive.num_frames)


def is_constant(frames: Tensor) -> bool:
    """Whether frames are one expanded value, as an empty half of `split_for_encoding` is."""
    return not any(frames.stride())


def _snapped(frames: Tensor) -> Tensor:
    is_grey = ((frames - MID_GREY).abs() <= SNAP_WITHIN).all(-1, keepdim=True)
    return frames.masked_fill(is_grey, MID_GREY)


def _held(pixels: Tensor, start: int, stop: int) -> Tensor:
    """Frames from ``start`` to ``stop``, the last one again where there are no more."""
    if stop <= len(pixels):
        return pixels[start:stop]
    return pixels[torch.arange(start, stop, device=pixels.device).clamp(max=len(pixels) - 1)]
