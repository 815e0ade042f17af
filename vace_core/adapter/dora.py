"""Scales of DoRA: their layouts in the files of trainers, and the one that the host spreads over the right axis."""

import math
from collections.abc import Sequence

Shape = Sequence[int]


def dora_scale_shape(scale: Shape, weight: Shape) -> tuple[int, ...] | None:
    """The layout in which the host applies a scale to a weight.

    PEFT's are vectors, and ``[1, rows, 1, 1, 1]`` for convolutions (tuners/lora/dora.py); LyCORIS's are
    ``[rows, 1, ...]`` or, without ``wd_on_output``, ``[1, channels, ...]`` (modules/locon.py). A scale that could be
    both is LyCORIS's, which is so of no layer of Wan: its convolutions give more channels than they take.

    Args:
        scale: Shape of the scale.
        weight: Shape of the weight, ``[rows, channels, *kernel]``.

    Returns:
        ``[rows, 1, ...]`` or ``[1, channels, ...]``, as many axes as the weight; None if it has neither one value for
        each row nor one for each input channel.
    """
    if len(weight) < 2:
        return None
    rows, channels, *kernel = weight
    count, ones = math.prod(scale), (1,) * len(kernel)
    if tuple(scale[:2]) == (1, channels) and count == channels:
        return (1, channels, *ones)
    return (rows, 1, *ones) if rows in scale and count == rows else None
