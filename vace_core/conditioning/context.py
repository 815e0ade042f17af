"""What the context adapter reads: latents of both halves, the folded mask, and the references before them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor

from ..errors import require_shape
from ..masks import fold_mask
from ..video import LATENT_CHANNELS, MASK_CHANNELS, PATCH_SIZE, SPATIAL_STRIDE, num_pixel_frames


@dataclass(frozen=True, eq=False)
class VaceContext:
    """An encoded VCU. With the mask it makes the 96 channels that ``vace_patch_embedding`` reads.

    Attributes:
        latents: [1, 32, R + t, h, w], inactive then reactive, in the VAE's own space as the host's
            ``vace_frames`` wants it (the model normalises).
        mask: [1, 64, R + t, h, w], in [0, 1]; expanded where each frame of it is of one value.
        num_references: R, latent frames before the video; dropped again before decoding.
        num_frames: Frames the user asked for, at most what t latent frames decode to.
        reference_strengths: A factor on the strength for each of the R references; empty for 1 throughout.
        fps: Frames per second of the source, None when it had none.
        audio: The source's sound in the host's form.
        latent_space: Weights that tell the VAE which encoded it from others; None when not known.
        told: Codes of what the user was told of the VCU and still holds.
    """

    latents: Tensor
    mask: Tensor
    num_references: int
    num_frames: int
    reference_strengths: tuple[float, ...] = ()
    fps: float | None = None
    audio: object | None = None
    latent_space: Tensor | None = None
    told: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _, _, length, h, w = self.latents.shape
        require_shape("latents", self.latents, "B C t h w", (1, 2 * LATENT_CHANNELS, length, h, w))
        require_shape("mask", self.mask, "B C t h w", (1, MASK_CHANNELS, length, h, w))

    @property
    def video_length(self) -> int:
        """t, latent frames without the references."""
        return self.latents.shape[2] - self.num_references

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.latents.shape[3] * SPATIAL_STRIDE, self.latents.shape[4] * SPATIAL_STRIDE


def assemble_context(
    inactive: Tensor,
    reactive: Tensor,
    mask: Tensor,
    references: Sequence[Tensor],
    empty: Tensor,
    num_frames: int,
) -> VaceContext:
    """The context of encoded parts, references first and in order.

    Source: ``vace_encode_frames``, ``vace_encode_masks`` and ``vace_latent`` in Wan2.1's
    ``wan/vace.py``: a reference has an empty reactive half and mask 0.

    Args:
        inactive: [1, 16, t, h, w], the encoded inactive half.
        reactive: [1, 16, t, h, w], the encoded reactive half.
        mask: [T, H, W], in [0, 1]; one that is shorter than 4(t - 1) + 1 frames holds its last.
        references: Encoded pictures, each [1, 16, 1, h, w].
        empty: [1, 16, 1, 1, 1], the latent that the model's normalisation turns into 0.
        num_frames: Frames the user asked for.
    """
    latents = join_latents(inactive, reactive, references, empty)
    return context_of(latents, mask, len(references), num_frames)


def join_latents(inactive: Tensor, reactive: Tensor, references: Sequence[Tensor], empty: Tensor) -> Tensor:
    """Both halves in one, [1, 32, R + t, h, w], references first; see `assemble_context`."""
    latents = begin_latents(inactive, references, empty)
    for number, half in enumerate((inactive, reactive)):
        halves_of(latents, len(references))[number].copy_(half)  # looked up anew, for gradients
    return latents


def begin_latents(half: Tensor, references: Sequence[Tensor], empty: Tensor) -> Tensor:
    """What `join_latents` gives, with nothing written yet in its `halves_of`.

    Args:
        half: [1, 16, t, h, w], of the size, type and device of both.
        references: Encoded pictures, each [1, 16, 1, h, w].
        empty: See `assemble_context`.
    """
    (_, _, t, h, w), R = half.shape, len(references)
    latents = half.new_empty(1, 2 * LATENT_CHANNELS, R + t, h, w)
    for k, picture in enumerate(references):
        latents[:, :LATENT_CHANNELS, k : k + 1] = picture
        latents[:, LATENT_CHANNELS:, k : k + 1] = empty
    return latents


def halves_of(latents: Tensor, num_references: int) -> tuple[Tensor, Tensor]:
    """Where the inactive and the reactive half lie in joined latents, [1, 16, t, h, w] each."""
    video = latents[:, :, num_references:]
    return video[:, :LATENT_CHANNELS], video[:, LATENT_CHANNELS:]  # also where gradients are kept, unlike a chunk


def context_of(latents: Tensor, mask: Tensor, num_references: int, num_frames: int) -> VaceContext:
    """The context of joined latents; takes what `join_latents` gives, and the mask as `assemble_context` does."""
    t = latents.shape[2] - num_references
    folded = fold_mask(mask, num_pixel_frames(t), num_references)[None]
    return VaceContext(latents, folded.to(latents), num_references, num_frames)


def pad_references(latents: Tensor, mask: Tensor, have: int, want: int, empty: Tensor) -> tuple[Tensor, Tensor]:
    """A context with empty reference slots added after its own, so that several fit one model call.

    Args:
        latents: [1, 32, have + t, h, w].
        mask: [1, 64, have + t, h, w].
        have: Reference slots it has.
        want: Reference slots it must have, at least ``have``.
        empty: [1, 16, 1, 1, 1], the latent that the model's normalisation turns into 0.

    Returns:
        ``(latents, mask)`` with want + t latent frames.
    """
    if want == have:
        return latents, mask
    _, _, _, h, w = latents.shape
    blank = torch.cat([empty, empty], dim=1).to(latents).expand(1, -1, want - have, h, w)
    latents = torch.cat([latents[:, :, :have], blank, latents[:, :, have:]], dim=2)
    zeros = mask.new_zeros(1, MASK_CHANNELS, want - have, h, w)
    return latents, torch.cat([mask[:, :, :have], zeros, mask[:, :, have:]], dim=2)


def token_strength(strength: float, references: Sequence[float], length: int, h: int, w: int) -> float | Tensor:
    """The context scale of one VCU, for each token where its references differ in strength.

    Args:
        strength: The VCU's scale.
        references: A factor for each leading reference.
        length: R + t, latent frames.
        h: Latent rows.
        w: Latent columns.

    Returns:
        ``strength`` itself when every factor is 1, else [1, tokens, 1], one value for each token in time order.
    """
    if all(factor == 1 for factor in references):
        return strength
    per_frame = torch.full((length,), float(strength))
    per_frame[: len(references)] *= torch.tensor(references)
    tokens = (h // PATCH_SIZE) * (w // PATCH_SIZE)
    return repeat(per_frame, "t -> 1 (t tokens) 1", tokens=tokens)
