"""The host's VAE object, as far as VACE needs it."""

from collections.abc import Iterable

import comfy.latent_formats
import comfy.ldm.wan.vae
import comfy.model_management
import comfy.sd
import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.video import LATENT_CHANNELS
from ..types import VAE

OF_HOST = ("cuda_device_context", "raise_non_oom", "throw_exception_if_processing_interrupted")
OF_VAE = ("disable_offload", "patcher", "vae_output_dtype")


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


def is_of_known_build(vae: VAE, method: str, attributes: Iterable[str]) -> bool:
    """Whether a VAE is the host's own, and both have what is used of them to go on in parts; older hosts lack some.

    Args:
        vae: The VAE; one whose ``method`` another pack replaced is not the host's own.
        method: ``encode`` or ``decode``.
        attributes: What is used of the VAE.
    """
    used = [*((comfy.model_management, name) for name in OF_HOST), *((vae, name) for name in (*OF_VAE, *attributes))]
    return type(vae) is comfy.sd.VAE and method not in vars(vae) and all(hasattr(*each) for each in used)


def load(vae: VAE, needed: float) -> None:
    """Have the host make room and load the VAE.

    Args:
        vae: Of the known build.
        needed: Bytes, by the VAE's own estimate.
    """
    comfy.model_management.load_models_gpu([vae.patcher], memory_required=needed, force_full_load=vae.disable_offload)


def empty_latent() -> Tensor:
    """[1, 16, 1, 1, 1]: the VAE-space value that the model's normalisation turns into 0."""
    return comfy.latent_formats.Wan21().process_out(torch.zeros(1, LATENT_CHANNELS, 1, 1, 1))
