"""Cores of LoRAs for convolutions multiplied into one of their factors, which gives the same change in a plain form.

A Tucker product holds a convolution's kernel in a core of its own, ``[r, r, *kernel]``: ``W[o, i, *kernel]`` is the
sum over ``p`` and ``q`` of ``up[o, p] core[p, q, *kernel] down[q, i]`` (LyCORIS, ``rebuild_tucker`` and
``tucker_weight_from_conv`` in lycoris/functional/general.py). The host knows two kernel axes, Wan's patch embeddings
have three. With ``core`` times ``down`` as the new ``down`` no core is left, and rank and alpha stay what they are.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

# By the core: the factor on its rows, that on its columns, and whether the first is saved as [r, rows].
CORES = {
    "lora_mid.weight": ("lora_up.weight", "lora_down.weight", False),
    "hada_t1": ("hada_w1_a", "hada_w1_b", True),
    "hada_t2": ("hada_w2_a", "hada_w2_b", True),
    "lokr_t2": ("lokr_w2_a", "lokr_w2_b", True),
    "bm.weight": ("b1.weight", "b2.weight", False),
}

Shape = Sequence[int]


def without_cores(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parts of one layer without cores, and a whole factor of LoKr with its kernel in its columns.

    Args:
        parts: By the host's endings; they go together, see `require_fit`.

    Returns:
        The same change in parts that the host multiplies right.
    """
    plain = dict(parts)
    for core, (left, right, turned) in CORES.items():
        if core in plain:
            kernel = plain.pop(core).float()
            plain[right] = torch.einsum("pq..., qi -> pi...", kernel, plain[right].float().flatten(1)).flatten(1)
            plain[left] = plain[left].T if turned else plain[left]
    if "lokr_w2" in plain:
        plain["lokr_w2"] = plain["lokr_w2"].flatten(1)
    return plain


def shapes_without_cores(shapes: Mapping[str, Shape], kernel: Shape) -> dict[str, Shape] | None:
    """Shapes that `without_cores` gives, told before anything is multiplied.

    Args:
        shapes: Of the parts of one layer.
        kernel: The last axes of the weight that they change; none for a linear layer.

    Returns:
        By the host's endings; None if a core does not fit its factors or the kernel.
    """
    plain, kernel = dict(shapes), tuple(kernel)
    for core, (left, right, turned) in CORES.items():
        if core in plain:
            rank, columns, *size = plain.pop(core)
            rows, into = reversed(_matrix(plain[left])) if turned else _matrix(plain[left])
            if not rank == columns == into == plain[right][0] or tuple(size) != kernel:
                return None
            plain[left], plain[right] = (rows, into), (rank, _matrix(plain[right])[1] * math.prod(kernel))
    if "lokr_w2" in plain:
        if tuple(plain["lokr_w2"][2:]) not in ((), kernel):
            return None
        plain["lokr_w2"] = _matrix(plain["lokr_w2"])
    return plain


def _matrix(shape: Shape) -> tuple[int, int]:
    return shape[0], math.prod(shape[1:])
