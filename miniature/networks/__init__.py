"""The miniature's networks: ComfyUI's own Wan classes, narrow, and their files in the real layouts.

Clips [B, T, H, W, 3] go in and latents [B, 16, t, h, w] come out of the VAE, and the other way round; the transformers
are trained and sampled by whoever holds them.
It imports `world` for the width of its words, training/ and the host.
"""

from .models import (
    CONFIG,
    FILES,
    compile_blocks,
    decode_clips,
    encode_clips,
    encode_raw,
    new_dit,
    new_vae,
    start_temporal_convolutions,
    weights_hash,
)
from .sizes import LARGE, SMALL, Sizes
from .vae_pass import decode_whole, encode_whole

__all__ = [
    "CONFIG",
    "FILES",
    "LARGE",
    "SMALL",
    "Sizes",
    "compile_blocks",
    "decode_clips",
    "decode_whole",
    "encode_clips",
    "encode_raw",
    "encode_whole",
    "new_dit",
    "new_vae",
    "start_temporal_convolutions",
    "weights_hash",
]
