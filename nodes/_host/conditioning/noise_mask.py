"""The host's noise mask: where it is 0, every sampler holds ``samples`` still.

``noise_mask`` is resized to the latent (``reshape_mask`` in the host's ``comfy/utils.py``): with five axes and the
latent's own time, height and width nothing is resized; with four it would be over time, references included.
"""

import torch
from torch import Tensor

from ....vace_core.conditioning import reference_slots
from ....vace_core.vcu import Vcu
from ..types import Latent
from .latents import LATENT_FRAMES, NUM_REFERENCES, require_finite_latent
from .vae import empty_latent

NOISE_MASK = "noise_mask"


def num_references(latent: Latent, vcu: Vcu) -> int:
    """Leading reference latents of a LATENT that was made for this VCU.

    Raises:
        VaceInputError: If its size or length is not the VCU's, or a value is NaN or infinite.
    """
    samples = latent["samples"]
    length = samples.shape[2] if samples.ndim == 5 else None
    fresh = latent.get(LATENT_FRAMES, length) == length  # else another node has cut it and kept our counts
    count = reference_slots(samples, latent.get(NUM_REFERENCES) if fresh else None, vcu)
    require_finite_latent("latent", samples)
    return count


def hold_kept(latent: Latent, kept: Tensor, mask: Tensor) -> Latent:
    """A LATENT that the sampler changes only where the mask is 1.

    Args:
        latent: The host's LATENT to sample; what it holds where the mask is 1 stays.
        kept: [1, 16, t, h, w], the encoded source.
        mask: [1, 1, R + t, h, w].
    """
    samples = latent["samples"]
    if not samples.any():  # the host shifts only latents that hold something: then empty is no longer 0
        samples = empty_latent().to(samples).expand_as(samples)
    held = samples.clone()
    video = held[:, :, held.shape[2] - kept.shape[2] :]
    is_kept = mask[:, :, mask.shape[2] - kept.shape[2] :].to(held) == 0
    torch.where(is_kept, kept.to(held), video, out=video)
    return {**latent, "samples": held, NOISE_MASK: mask}
