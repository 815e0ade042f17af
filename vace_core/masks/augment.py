"""The official mask augmentations: a mask made coarser, so that the model need not keep to its outline."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import VaceInputError
from .semantics import binarize
from .shape import each_frame

MASK_MODES = ("original", "original_expand", "hull", "hull_expand", "bbox", "bbox_expand")


def augment_mask(mask: Tensor, mode: str, *, seed: int = 0, ratio: float = 0.3, iterations: int = 5) -> Tensor:
    """A mask replaced by its convex hull or box and, or, grown by a random amount per side.

    Source: ``MaskAugAnnotator`` in VACE's ``vace/annotators/maskaug.py``. Each side grows by
    ``draw * min(ratio * box side, margin / 2)``, where the box is the object's, the margin is from it to the frame's
    edge and the draw is in [0, 1). Where we differ: the draw depends on ``seed`` alone and is one for all frames,
    where the official inpainting draws again for every frame and flickers; the hull holds exactly the pixels whose
    centres it covers; growth to the left and up is not one pixel short per step.

    Args:
        mask: [T, H, W], in [0, 1]; above 0.5 is the object.
        mode: One of `MASK_MODES`: the shape, and whether it grows.
        seed: Chooses how far each side grows.
        ratio: Largest growth, as a part of the object's width or height; 0 or more.
        iterations: The growth is rounded down to a multiple of this, as by the official repeated dilation; 1 follows
            a moving object most smoothly.

    Returns:
        [T, H, W], 0 or 1; frames without object stay empty.

    Raises:
        VaceInputError: If ``mode`` is not one of `MASK_MODES`, or a number is out of range.
    """
    if mode not in MASK_MODES:
        raise VaceInputError(f"Mask augmentation must be one of {', '.join(MASK_MODES)}, got {mode}.")
    if ratio < 0 or iterations < 1:
        raise VaceInputError(
            f"Mask augmentation needs a ratio of 0 or more and at least 1 iteration, got {ratio:g} and {iterations}."
        )
    shape, _, expand = mode.partition("_")
    draws = torch.rand(4, generator=torch.Generator().manual_seed(seed)).tolist()

    def change(frame: Tensor) -> Tensor:
        inside = frame > 0.5
        bounds = _bounds(inside)
        if bounds is None:
            return binarize(frame)
        shaped = _reshaped(inside, shape, bounds)
        if expand:
            shaped = _dilate(shaped, *_growth(bounds, *frame.shape, draws, ratio, iterations))
        return shaped.to(frame)

    return each_frame(mask, change)


def _bounds(inside: Tensor) -> tuple[int, int, int, int] | None:
    """``(left, top, right, bottom)`` of the object, the last two included; None without object."""
    rows, columns = inside.any(1).nonzero(), inside.any(0).nonzero()
    if not len(rows):
        return None
    return columns[0].item(), rows[0].item(), columns[-1].item(), rows[-1].item()


def _reshaped(inside: Tensor, shape: str, bounds: tuple[int, int, int, int]) -> Tensor:
    if shape == "original":
        return inside
    left, top, right, bottom = bounds
    filled = torch.zeros_like(inside)
    if shape == "bbox":
        filled[top : bottom + 1, left : right + 1] = True
    else:
        low, high = (torch.tensor(edge, device=inside.device)[:, None] for edge in _hull(inside))
        x = torch.arange(inside.shape[1], device=inside.device)
        filled[top : bottom + 1] = (low <= x) & (x <= high)
    return filled


def _hull(inside: Tensor) -> tuple[list[int], list[int]]:
    """First and last column of the convex hull, for every row from the object's first to its last."""
    W = inside.shape[1]
    rows = inside.any(1).nonzero()[:, 0]
    first = inside[rows].byte().argmax(1)
    last = W - 1 - inside[rows].flip(1).byte().argmax(1)
    left = _left_edge(rows.tolist(), first.tolist())
    right = _left_edge(rows.tolist(), (-last).tolist())
    return left, [-x for x in right]


def _left_edge(rows: list[int], columns: list[int]) -> list[int]:
    """Andrew's monotone chain on one side of a shape, filled in for every row: the smallest column inside."""
    chain: list[tuple[int, int]] = []
    for y, x in zip(rows, columns, strict=True):
        while len(chain) > 1 and _bulges(*chain[-2:], (y, x)):
            chain.pop()
        chain.append((y, x))
    edge = [chain[0][1]]
    for (y0, x0), (y1, x1) in pairwise(chain):
        edge += [-((x0 * (y - y1) - x1 * (y - y0)) // (y1 - y0)) for y in range(y0 + 1, y1 + 1)]  # rounded up
    return edge


def _bulges(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Whether b is no corner: it lies on the line from a to c or inside of it."""
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])


def _growth(
    bounds: tuple[int, int, int, int], height: int, width: int, draws: list[float], ratio: float, iterations: int
) -> tuple[int, int, int, int]:
    """Pixels to grow by to the left, up, right and down."""
    left, top, right, bottom = bounds
    sides = (right - left + 1, bottom - top + 1) * 2
    margins = (left, top, width - right, height - bottom)
    # The official draws are in the order left, right, top, bottom.
    steps = (
        int(draw * min(ratio * side, margin / 2) / iterations)
        for draw, side, margin in zip((draws[0], draws[2], draws[1], draws[3]), sides, margins, strict=True)
    )
    return tuple(step * iterations for step in steps)


def _dilate(inside: Tensor, left: int, top: int, right: int, bottom: int) -> Tensor:
    """Grown by a rectangle; n dilations by one equal a single one n times as far."""
    return _dilate_rows(_dilate_rows(inside, left, right).T, top, bottom).T


def _dilate_rows(inside: Tensor, left: int, right: int) -> Tensor:
    """Running sums find a pixel in a window of any width at the same cost."""
    width = inside.shape[1]
    sums = F.pad(inside.cumsum(1, dtype=torch.int32), (1, 0))
    x = torch.arange(width, device=inside.device)
    return sums[:, (x + left + 1).clamp(max=width)] > sums[:, (x - right).clamp(min=0)]
