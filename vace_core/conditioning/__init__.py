"""What the model reads: the context of a VCU, and the mask that holds the latent still.

A VCU is split into inactive and reactive halves; once the VAE has encoded them, the context is put together with the
folded mask. It imports `video`, `masks` and `vcu`; the VAE itself belongs to the host.
"""

from .context import (
    VaceContext,
    assemble_context,
    begin_latents,
    context_of,
    halves_of,
    join_latents,
    pad_references,
    token_strength,
)
from .halves import MASK_EDGES, HalfFrames, channel_mask, is_constant, split_for_encoding, split_halves
from .noise_mask import held_notes, kept_frames, latent_noise_mask, reference_slots

__all__ = [
    "MASK_EDGES",
    "HalfFrames",
    "VaceContext",
    "assemble_context",
    "begin_latents",
    "channel_mask",
    "context_of",
    "halves_of",
    "held_notes",
    "is_constant",
    "join_latents",
    "kept_frames",
    "latent_noise_mask",
    "pad_references",
    "reference_slots",
    "split_for_encoding",
    "split_halves",
    "token_strength",
]
