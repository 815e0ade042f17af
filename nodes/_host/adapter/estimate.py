"""The adapters' work in the host's two memory estimates: when models are loaded, and when prompts are batched."""

from collections.abc import Callable, Sequence

# The host counts a fifth more memory for its merged VACE model, whatever the number of VCUs.
MEMORY_PER_VCU = 0.2


def shape_with_vcus(shape: Sequence, vcus: int) -> list:
    """A latent's shape, its batch as large as the work of ``vcus`` VCUs makes it."""
    return [shape[0] * (1 + MEMORY_PER_VCU * vcus), *shape[1:]]


def memory_with_vcus(previous: Callable, count: Callable[[int], int]) -> Callable:
    """``memory_required`` of the base, by which the host decides how many prompts run in one call, with the VCUs.

    Args:
        previous: The base's own.
        count: From the number of VCUs in the conditioning to that of VCUs times adapters at work.
    """

    def memory_required(input_shape: Sequence, cond_shapes: dict | None = None) -> float:
        contexts = (cond_shapes or {}).get("vace_context", [])  # [B, VCUs, 96, t, h, w]; none while models are loaded
        vcus = count(max(shape[1] for shape in contexts)) if contexts else 0
        return previous(shape_with_vcus(input_shape, vcus), cond_shapes=cond_shapes or {})

    return memory_required
