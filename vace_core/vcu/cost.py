"""What a run costs: tokens, memory of the context, and floating-point operations of a step."""

from dataclasses import dataclass

from ..video import LATENT_CHANNELS, MASK_CHANNELS, SPATIAL_STRIDE, TRAINED_SIZES

TEXT_LENGTH = 512
FLOAT_BYTES = 4
CONTEXT_CHANNELS = 2 * LATENT_CHANNELS + MASK_CHANNELS


@dataclass(frozen=True)
class Architecture:
    """Sizes of a Wan2.1-VACE model (its config.json).

    Attributes:
        dim: Width of a token.
        ffn_dim: Width of the feed-forward layer.
        num_layers: Blocks of the base.
        vace_layers: Blocks of the context adapter.
        trained_size: (rows, columns) of the largest video it was trained with.
    """

    dim: int
    ffn_dim: int
    num_layers: int
    vace_layers: int
    trained_size: tuple[int, int]


ARCHITECTURES = {
    "1.3B": Architecture(1536, 8960, 30, 15, TRAINED_SIZES["480p"]),
    "14B": Architecture(5120, 13824, 40, 8, TRAINED_SIZES["720p"]),
}


def block_flops(tokens: int, model: Architecture) -> int:
    """Floating-point operations of one DiT block: self-attention, attention to the text, feed-forward.

    Args:
        tokens: Length of the sequence.
        model: Its sizes.
    """
    linear = tokens * model.dim**2
    self_attention = 8 * linear + 4 * tokens**2 * model.dim
    text_attention = 4 * linear + 4 * TEXT_LENGTH * model.dim**2 + 4 * tokens * TEXT_LENGTH * model.dim
    return self_attention + text_attention + 4 * tokens * model.dim * model.ffn_dim


def base_flops(tokens: int, model: Architecture) -> int:
    """Operations of the text-to-video base in one forward pass (embeddings and head are under 0.1 %)."""
    return model.num_layers * block_flops(tokens, model)


def adapter_flops(tokens: int, model: Architecture) -> int:
    """Operations the context adapter adds for one VCU: its blocks and their projections."""
    projections = (model.vace_layers + 1) * 2 * tokens * model.dim**2
    return model.vace_layers * block_flops(tokens, model) + projections


def context_bytes(latent_frames: int, height: int, width: int) -> int:
    """Memory of one VCU's context, 96 channels in float32, references included."""
    return CONTEXT_CHANNELS * latent_frames * (height // SPATIAL_STRIDE) * (width // SPATIAL_STRIDE) * FLOAT_BYTES
