"""The official mask augmentations: a mask made coarser, so that the model need not keep to its outline."""

import numpy as np
import torch
from torch import Tensor

from ..errors import VaceInputError
from ..optional import opencv
from ..video import bounding_box
from .semantics import binarize
from .shape import PURPOSE, as_opencv, each_frame

MASK_MODES = ("original", "original_expand", "hull", "hull_expand", "bbox", "bbox_expand")


def augment_mask(mask: Tensor, mode: str, *, seed: int = 0, ratio: float = 0.3, iterations: int = 5) -> Tensor:
    """A mask replaced by its convex hull or box and, or, grown by a random amount per side.

    Source: ``MaskAugAnnotator`` in VACE's ``vace/annotators/maskaug.py``. Each side grows by
    ``draw * min(ratio * box side, margin / 2)``, where the box is the object's, the margin is from it to the frame's
    edge and the draw is in [0, 1). A hull is drawn by OpenCV as there, with the pixels that its sides pass through: up
    to half a pixel beyond the hull of the pixels' centres, in which OpenCV's versions differ. Where we differ: the
    draw depends on ``seed`` alone and is one for all frames, where the official inpainting draws again for every frame
    and flickers; growth to the left and up is not one pixel short per step.

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
        VaceInputError: If ``mode`` is not one of `MASK_MODES`, or a number is out of range, or OpenCV is missing.
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
        bounds = bounding_box(inside)
        if bounds is None:
            return binarize(frame)
        shaped = _reshaped(inside, shape, bounds)
        if expand:
            shaped = _dilate(shaped, *_growth(bounds, *frame.shape, draws, ratio, iterations))
        return shaped.to(frame)

    return each_frame(mask, change)


def _reshaped(inside: Tensor, shape: str, bounds: tuple[int, int, int, int]) -> Tensor:
    if shape == "original":
        return inside
    if shape == "hull":
        return _hull(inside)
    left, top, right, bottom = bounds
    filled = torch.zeros_like(inside)
    filled[top:bottom, left:right] = True
    return filled


def _hull(inside: Tensor) -> Tensor:
    """[H, W], bool: the polygon around all outlines, filled by OpenCV as in the official code."""
    cv2, pixels = opencv(PURPOSE), as_opencv(inside)
    outlines, _ = cv2.findContours(pixels, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    polygon = cv2.convexHull(np.concatenate(outlines))
    return torch.from_numpy(cv2.fillPoly(np.zeros_like(pixels), [polygon], 1) > 0).to(inside.device)


def _growth(
    bounds: tuple[int, int, int, int], height: int, width: int, draws: list[float], ratio: float, iterations: int
) -> tuple[int, int, int, int]:
    """Pixels to grow by to the left, up, right and down."""
    left, top, right, bottom = bounds
    sides = (right - left, bottom - top) * 2
    margins = (left, top, width - right + 1, height - bottom + 1)  # officially to the last row and column inside
    # The official draws are in the order left, right, top, bottom.
    steps = (
        int(draw * min(ratio * side, margin / 2) / iterations)
        for draw, side, margin in zip((draws[0], draws[2], draws[1], draws[3]), sides, margins, strict=True)
    )
    return tuple(step * iterations for step in steps)


def _dilate(inside: Tensor, left: int, up: int, right: int, down: int) -> Tensor:
    """Grown by a rectangle; n dilations by one equal a single one n times as far."""
    rectangle = np.ones((up + 1 + down, left + 1 + right), np.uint8)
    # OpenCV looks for the object from each pixel, so growth to the left is a look to the right.
    grown = opencv(PURPOSE).dilate(as_opencv(inside), rectangle, anchor=(right, down))
    return torch.from_numpy(grown > 0).to(inside.device)
