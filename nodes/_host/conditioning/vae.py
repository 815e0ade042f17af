"""The host's VAE object, as far as VACE needs it."""

import comfy.latent_formats
import comfy.ldm.wan.vae
import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.video import LATENT_CHANNELS
from ..types import VAE


def require_wan_vae(vae: VAE) -> None:
    """Refuse every VAE whose latents are not Wan 2.1's.

    Raises:
        VaceInputError: If ``vae`` is another one; Wan 2.2's 48 channels are told apart by name.
    """
    network = getattr(vae, "first_stage_model", None)
    channels = getattr(vae, "latent_channels", None)
    if isinstance(network, comfy.ldm.wan.vae.WanVAE) and channels == LATENT_CHANNELS:
        return
    found = f"{type(network).__name__} with {channels} latent channels"
    if channels == 48:
        found = "the Wan 2.2 5B VAE with 48 latent channels"
    raise VaceInputError(
        f"vae is {found}; VACE needs the Wan 2.1 VAE with {LATENT_CHANNELS}. "
        f"Load wan_2.1_vae.safetensors with Load VAE."
    )


def encode(vae: VAE, frames: Tensor) -> Tensor:
    """Latents [1, 16, t, h, w] of frames [T, H, W, 3] in [0, 1], in the VAE's own space."""
    return vae.encode(frames)


def decode(vae: VAE, latents: Tensor) -> Tensor:
    """Frames [B, T, H, W, 3] in [0, 1] of latents [B, 16, t, h, w]."""
    return vae.decode(latents)


def empty_latent() -> Tensor:
    """[1, 16, 1, 1, 1]: the VAE-space value that the model's normalisation turns into 0."""
    return comfy.latent_formats.Wan21().process_out(torch.zeros(1, LATENT_CHANNELS, 1, 1, 1))
