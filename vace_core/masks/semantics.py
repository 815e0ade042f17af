"""Masks: pixels the model generates (1) and pixels it keeps (0)."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import require_shape
from ..video import MASK_CHANNELS, MID_GREY, SPATIAL_STRIDE, latent_length, without_repeats

# A subject rarely fills more of the frame; a larger region is usually a mask the wrong way round.
MOST_OF_FRAME = 0.8
LARGE_REGION, WHOLE_REGION = "large-region", "whole-region"  # codes of the notes about them
INVERTED = "White is generated; if the mask is the wrong way round, use Invert Mask."
WHOLE = (
    "The region is the whole video: nothing of it is kept. To generate freely, use VACE Build VCU without a "
    "video; to follow this one, connect it there as control_video."
)


def binarize(mask: Tensor) -> Tensor:
    """1 above 0.5 and 0 elsewhere, as the official ``vace_encode_frames`` does before splitting.

    Args:
        mask: Any shape, in [0, 1].

    Returns:
        Same shape and dtype, 0 or 1.
    """
    return (mask > 0.5).to(mask.dtype)


def decouple(frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Split frames into what the model keeps and what it generates.

    VACE (arXiv:2503.07598), "Concept Decoupling": F_k = F * (1 - M), F_c = F * M. The official
    code works in [-1, 1], where a blanked pixel is 0; in [0, 1] that is mid-grey. It also sets
    the mask to 1 above 0.5 and to 0 elsewhere first; pass a binary mask for its exact result.

    Args:
        frames: [T, H, W, C], in [0, 1].
        mask: [T, H, W], in [0, 1]; 1 generates.

    Returns:
        ``(inactive, reactive)``, each [T, H, W, C] in [0, 1].

    Raises:
        VaceInputError: If the mask does not cover the frames.
    """
    T, H, W, _ = frames.shape
    require_shape("mask", mask, "T H W", (T, H, W))
    return keep(frames, 1 - mask), keep(frames, mask)


def keep(frames: Tensor, amount: Tensor) -> Tensor:
    """Frames faded to mid-grey where ``amount`` is below 1.

    Args:
        frames: [T, H, W, C], in [0, 1].
        amount: [T, H, W], in [0, 1].
    """
    return (frames - MID_GREY) * amount[..., None] + MID_GREY


def seen_frames(num_frames: int) -> list[int]:
    """Pixel frames whose mask the model reads, one for each latent frame.

    ``vace_encode_masks`` in Wan2.1's ``wan/vace.py`` resizes the mask in time by nearest-exact, so
    latent k reads frame floor((k + 0.5) * T / t). For 81 frames these are 1, 5, 9, ... 75, 79:
    the first and the last frame are never read, and a single kept frame usually is not either.

    Args:
        num_frames: T, 4n + 1.

    Raises:
        VaceInputError: If ``num_frames`` is not 4n + 1.
    """
    t = latent_length(num_frames)
    return [(2 * k + 1) * num_frames // (2 * t) for k in range(t)]


def fold_mask(mask: Tensor, num_frames: int | None = None, num_references: int = 0) -> Tensor:
    """Fold each 8 x 8 pixel cell of a mask into 64 channels on the latent grid.

    Same result as ``vace_encode_masks`` in Wan2.1's ``wan/vace.py``: in space nothing is averaged;
    in time one frame stands for each latent frame, picked by nearest-exact (see `seen_frames`).
    The frames are picked first, so the cost is a quarter of folding them all; each is written where it belongs, so
    nothing but the result takes memory. Where each of them is all of one value, as without a mask or in extension, the
    result is expanded from these values and takes none either.

    Args:
        mask: [T, H, W], in [0, 1]; H and W are multiples of 8.
        num_frames: 4n + 1, the length to which the mask's last frame is held; T without it.
        num_references: R, latent frames of 0 in front.

    Returns:
        [64, R + t, h, w], same dtype and device as ``mask``.

    Raises:
        VaceInputError: If the length is not 4n + 1.
    """
    T, H, W = mask.shape
    seen = [mask[min(frame, T - 1)] for frame in seen_frames(num_frames or T)]
    size = MASK_CHANNELS, num_references + len(seen), H // SPATIAL_STRIDE, W // SPATIAL_STRIDE
    if all(_is_one_value(frame) for frame in seen):
        values = torch.stack([frame[0, 0] for frame in seen])
        return F.pad(values, (num_references, 0))[None, :, None, None].expand(size)
    folded = mask.new_zeros(size)
    for k, frame in enumerate(seen, num_references):
        cells = rearrange(frame, "(h y) (w x) -> y x h w", y=SPATIAL_STRIDE, x=SPATIAL_STRIDE)
        folded[:, k].view_as(cells).copy_(cells)
    return folded


def _is_one_value(pixels: Tensor) -> bool:
    low, high = without_repeats(pixels).aminmax()
    return bool(low == high)


def large_region_sentence(share: float) -> str | None:
    """What to tell of a mask that is suspiciously large; None when it is not.

    Args:
        share: How much of the video is generated, in [0, 1].
    """
    return f"{share:.0%} of the video is generated. {INVERTED}" if share > MOST_OF_FRAME else None
