"""The host's VAE, CONDITIONING and LATENT, as far as VACE needs them.

A VCU is encoded into a context, the context goes into the conditioning, and a latent is decoded into frames.
It imports the host, this layer's `video`, and the core's `conditioning`, `vcu` and `video`.
"""

from .encoding import encode_vcu, latent_space
from .keys import FRAMES, MASK, REFERENCES, STRENGTH, TOLD, apply_context, strengths_of
from .latents import (
    ContextShape,
    decode_later,
    decode_video,
    decoded_clip,
    empty_video_latent,
    fit_latent,
    sampled_latent,
    trim_references,
)
from .noise_mask import NOISE_MASK, hold_kept, num_references
from .vae import encode, require_wan_vae

__all__ = [
    "FRAMES",
    "MASK",
    "NOISE_MASK",
    "REFERENCES",
    "STRENGTH",
    "TOLD",
    "ContextShape",
    "apply_context",
    "decode_later",
    "decode_video",
    "decoded_clip",
    "empty_video_latent",
    "encode",
    "encode_vcu",
    "fit_latent",
    "hold_kept",
    "latent_space",
    "num_references",
    "require_wan_vae",
    "sampled_latent",
    "strengths_of",
    "trim_references",
]
