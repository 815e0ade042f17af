"""How much memory the training of an adapter takes, reckoned before it starts."""

from dataclasses import dataclass

from ...vace_core.video import latent_length, num_tokens

FULL, HALF = 4, 2  # bytes of a number
GIB = 1 << 30
CONTEXT_PATCH = 96 * 4  # numbers that the context's embedder reads for a token

# Measured with autograd's hooks for saved tensors on Wan's blocks: numbers kept for each token of a block, in multiples
# of the width, beside one of the feed-forward width. In half precision some of them are still float32.
KEPT_WIDTHS = 16
MIXED = 1.25
TEXT_WIDTHS = 6  # likewise for each token of the text
AT_WORK = 1.5  # of one block's activations, while its gradient is computed


@dataclass(frozen=True)
class TrainingLoad:
    """What a training holds.

    Attributes:
        dim: Width of the base.
        ffn_dim: Width inside its feed-forward layers.
        base_layers: Blocks of the base.
        vace_layers: Blocks of the adapter.
        base_bytes: Of the base's file.
        tokens: Of one batch.
        text_tokens: Likewise.
        compute: Bytes of a number in activations.
    """

    dim: int
    ffn_dim: int
    base_layers: int
    vace_layers: int
    base_bytes: int
    tokens: int
    text_tokens: int
    compute: int

    @property
    def base_block(self) -> int:
        """Weights of a block of the base; vectors are left out."""
        return 8 * self.dim**2 + 2 * self.dim * self.ffn_dim

    @property
    def adapter_block(self) -> int:
        """Weights of a block of the adapter."""
        return self.base_block + self.dim**2

    @property
    def adapter(self) -> int:
        """Weights of the adapter."""
        return self.vace_layers * self.adapter_block + self.dim**2 + CONTEXT_PATCH * self.dim

    @property
    def kept_by_block(self) -> int:
        """Bytes of activations that one block's gradient needs."""
        numbers = self.tokens * (KEPT_WIDTHS * self.dim + self.ffn_dim) + self.text_tokens * TEXT_WIDTHS * self.dim
        return int(numbers * self.compute * (MIXED if self.compute == HALF else 1))


def count_tokens(width: int, height: int, length: int, batch: int) -> int:
    """Tokens of a batch of videos, a reference each counted in."""
    return batch * num_tokens(latent_length(length) + 1, height, width)


def estimate_memory(load: TrainingLoad, recompute: bool) -> dict[str, int]:
    """Bytes by what they are for.

    Args:
        load: What is trained.
        recompute: Whether blocks keep only what goes into them.
    """
    blocks = load.base_layers + load.vace_layers
    casts = _casts(load, recompute)
    if recompute:
        activations = blocks * load.tokens * load.dim * load.compute + AT_WORK * load.kept_by_block
    else:
        activations = (blocks + AT_WORK - 1) * load.kept_by_block
    return {
        "base weights": load.base_bytes,
        "adapter weights": load.adapter * FULL,
        "gradients": load.adapter * FULL,
        "Adam's moments": 2 * load.adapter * FULL,
        "average of the weights": load.adapter * FULL,
        "weights as computed with": casts,
        "activations": int(activations),
    }


def _casts(load: TrainingLoad, recompute: bool) -> int:
    """Weights in another precision than the activations are copied, and the copies kept for the gradient."""
    stored = load.base_bytes / max(load.base_layers * load.base_block, 1)
    of_base = load.base_block * load.compute if abs(stored - load.compute) > 0.5 else 0
    of_adapter = load.adapter_block * load.compute if load.compute != FULL else 0
    return max(of_base, of_adapter) if recompute else load.base_layers * of_base + load.vace_layers * of_adapter


def memory_table(rows: dict[str, int]) -> str:
    """Lines of what is needed for what, and the sum."""
    lines = [f"  {name:26}{size / GIB:8.2f} GiB" for name, size in rows.items()]
    return "\n".join([*lines, f"  {'in all':26}{sum(rows.values()) / GIB:8.2f} GiB"])


def memory_advice(rows: dict[str, int], batch: int) -> str:
    """What to change where memory is short, most helpful first."""
    by_clips = rows["activations"] > 0.3 * sum(rows.values())
    clips = "a smaller --size or --length" if batch == 1 else "a smaller --batch, --size or --length"
    layers = "fewer --layers (such as 0,10,20), or a machine with more memory"
    return f"Choose {clips}, or {layers}." if by_clips else f"Choose {layers}; the clips' size matters little here."
