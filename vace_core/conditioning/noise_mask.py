"""Which cells of the latent the sampler holds still, because all that they cover is kept."""

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor

from ..errors import VaceInputError, require_shape
from ..masks import binarize
from ..notes import Note
from ..vcu import Vcu, frame_ranges
from ..video import (
    LATENT_CHANNELS,
    SPATIAL_STRIDE,
    TEMPORAL_STRIDE,
    hold_last,
    latent_length,
    num_pixel_frames,
    padded_length,
)
from .halves import split_halves


def latent_noise_mask(vcu: Vcu, num_references: int = 0, grow: int = 0) -> Tensor:
    """1 for every latent cell that covers anything generated, 0 only where all of it is kept.

    A cell covers 8 x 8 pixels of four frames (latent 0 of one frame), as the VAE groups them. The official code has no
    such mask; its ``vace_encode_masks``, which the context keeps to, looks at one frame of the four. Reference
    slots are 1: the model denoises them and they are dropped.

    Args:
        vcu: The unit; a count that is not 4n + 1 is extended by its last frame, as for encoding.
        num_references: R, latent frames before the video.
        grow: Cells by which what is generated grows inside each latent frame, 0 or more.

    Returns:
        [1, 1, R + t, h, w], float32, 0 or 1.

    Raises:
        VaceInputError: If ``grow`` is negative.
    """
    if grow < 0:
        raise VaceInputError(f"grow must be 0 or more, got {grow}: a cell that is partly generated cannot be held.")
    cells = binarize(F.max_pool2d(vcu.mask[:, None].float(), SPATIAL_STRIDE))  # [T, 1, h, w]
    cells = hold_last(cells, padded_length(vcu.num_frames))
    grouped = reduce(cells[1:], "(t frame) c h w -> t c h w", "max", frame=TEMPORAL_STRIDE)
    mask = torch.cat([cells[:1], grouped])  # [t, 1, h, w]
    if grow:
        mask = F.max_pool2d(mask, 2 * grow + 1, stride=1, padding=grow)
    mask = torch.cat([mask.new_ones(num_references, *mask.shape[1:]), mask])
    return rearrange(mask, "t c h w -> 1 c t h w")


def kept_frames(vcu: Vcu) -> Tensor:
    """[T, H, W, 3] with T = 4n + 1, what is generated mid-grey: the inactive half that the context encodes too."""
    return split_halves(vcu)[0].whole()


def reference_slots(samples: Tensor, carried: int | None, vcu: Vcu) -> int:
    """Leading reference latents of the latent to sample, after a check that it is this VCU's.

    Args:
        samples: [B, 16, R + t, h, w].
        carried: R as the latent tells it; None when it does not, then what is longer than the video are references.
        vcu: Gives t, h and w.

    Raises:
        VaceInputError: If size or length differ.
    """
    require_shape("latent", samples, "B C t h w", (None, LATENT_CHANNELS, None, None, None))
    length, h, w = samples.shape[2:]
    t = latent_length(padded_length(vcu.num_frames))
    count = length - t if carried is None else carried
    if count < 0 or length - count != t or (h * SPATIAL_STRIDE, w * SPATIAL_STRIDE) != (vcu.height, vcu.width):
        raise VaceInputError(
            f"latent is {w * SPATIAL_STRIDE} x {h * SPATIAL_STRIDE} with {num_pixel_frames(length - max(count, 0))} "
            f"frames, but vcu is {vcu.width} x {vcu.height} with {num_pixel_frames(t)}. Connect the latent of the "
            f"VACE Apply Context that got this VCU."
        )
    return count


def held_notes(vcu: Vcu, mask: Tensor, num_references: int) -> list[Note]:
    """What is held and what is not.

    Args:
        vcu: The unit.
        mask: [1, 1, R + t, h, w] of `latent_noise_mask`.
        num_references: R.
    """
    held = mask[0, 0, num_references:] == 0  # [t, h, w]
    if not held.any():
        text = (
            "Nothing is held: every latent cell (8 x 8 pixels of 4 frames) covers something that is generated. The "
            "latent is given on as it was; VACE Paste Back still returns what is kept."
        )
        return [Note("nothing-held", text)]
    share = held.float().mean().item()
    notes = [Note("held", f"{share:.1%} of the latent is held at the source; the rest is sampled.")]
    if held.all():
        text = "All of it is held, so nothing will be generated. White is generated; check the mask."
        notes.append(Note("nothing-generated", text))
    whole = ~(vcu.mask > 0.5).flatten(1).any(1)
    loose = [f for f in whole.nonzero()[:, 0].tolist() if not held[(f + TEMPORAL_STRIDE - 1) // TEMPORAL_STRIDE].all()]
    if loose:
        text = (
            f"Kept but not held: {frame_ranges(loose)}. Generated frames share these latents; "
            f"VACE Paste Back returns what is kept."
        )
        notes.append(Note("not-held", text, tuple(loose)))
    return notes
