"""The host's LATENT dictionary for VACE: sampled video latents with the references before them.

``samples`` is [B, 16, R + t, h, w]. The ``vace_`` keys are ours; the host's samplers copy keys they do not know, but
saving a latent to a file loses them.
"""

import comfy.model_management
import torch

from ...vace_core.context import VaceContext
from ...vace_core.errors import VaceInputError, require_shape
from ...vace_core.grid import LATENT_CHANNELS, num_pixel_frames
from .vae import decode

NUM_REFERENCES, NUM_FRAMES = "vace_num_references", "vace_num_frames"
LATENT_FRAMES = "vace_latent_frames"  # R + t; a latent that is shorter was trimmed by another node
FPS, AUDIO = "vace_fps", "vace_audio"


def empty_video_latent(context: VaceContext, num_references: int, batch_size: int) -> dict:
    """The LATENT to sample on, with the counts, frame rate and sound that decoding needs.

    Args:
        context: Gives size and length.
        num_references: Leading reference latents.
        batch_size: Videos at once.
    """
    _, _, _, h, w = context.latents.shape
    shape = batch_size, LATENT_CHANNELS, num_references + context.video_length, h, w
    samples = torch.zeros(shape, device=comfy.model_management.intermediate_device())
    counts = {NUM_REFERENCES: num_references, NUM_FRAMES: context.num_frames, LATENT_FRAMES: shape[2]}
    return {"samples": samples, **counts, FPS: context.fps, AUDIO: context.audio}


def trim_references(latent: dict, num_references: int | None) -> dict:
    """A LATENT without its reference latents, in ``samples`` and ``noise_mask`` alike.

    Args:
        latent: The host's LATENT.
        num_references: Leading latent frames to drop; None reads the count that the latent carries.

    Raises:
        VaceInputError: If the count is unknown, or leaves nothing.
    """
    samples = latent["samples"]
    require_shape("samples", samples, "B C t h w", (None, LATENT_CHANNELS, None, None, None))
    length = samples.shape[2]
    count = _count(latent, NUM_REFERENCES, num_references, "trim_latent")
    if num_references is None and length == latent.get(LATENT_FRAMES, length) - count:
        count = 0  # another node, such as the host's TrimVideoLatent, has dropped them and kept our counts
    if count >= length:
        raise VaceInputError(
            f"trim_latent is {count} but samples has {length} latent frames, so nothing would be left. "
            f"Set it to the number of references."
        )
    trimmed = {**latent, "samples": samples[:, :, count:], NUM_REFERENCES: 0, LATENT_FRAMES: length - count}
    if "noise_mask" in latent:
        trimmed["noise_mask"] = _trim_mask(latent["noise_mask"], length, count)
    return trimmed


def decode_video(vae: object, latent: dict, num_references: int | None, num_frames: int | None) -> torch.Tensor:
    """Frames [B * T, H, W, 3] of a sampled LATENT: references dropped, T as asked.

    Args:
        vae: The Wan 2.1 VAE.
        latent: The host's LATENT.
        num_references: Leading latent frames to drop; None reads the count that the latent carries.
        num_frames: T; None reads the count that the latent carries.

    Raises:
        VaceInputError: If a count is unknown or does not fit the latent.
    """
    samples = trim_references(latent, num_references)["samples"]
    wanted = _count(latent, NUM_FRAMES, num_frames, "length")
    available = num_pixel_frames(samples.shape[2])
    if not 1 <= wanted <= available:
        raise VaceInputError(
            f"length is {wanted} but samples decodes to {available} frames. "
            f"Sample the latent that VACE Apply Context gives, or set length to at most {available}."
        )
    return decode(vae, samples)[:, :wanted].flatten(0, 1)


def _count(latent: dict, key: str, given: int | None, socket: str) -> int:
    if given is not None:
        return given
    if key not in latent:
        raise VaceInputError(
            f"samples does not say what {socket} is (it did not come from VACE Apply Context, or went through "
            f"a file). Set {socket} on this node."
        )
    return latent[key]


def _trim_mask(mask: torch.Tensor, length: int, count: int) -> torch.Tensor:
    """The host's noise mask, whose time axis is the third of [B, 1, t, H, W], else the first, else absent."""
    axis = 2 if mask.ndim == 5 else 0
    return mask.narrow(axis, count, length - count) if mask.shape[axis] == length else mask
