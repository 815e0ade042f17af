"""The path of a crop: where a mask is in each frame, smoothed, and the pixels that follow from it.

Everything here is one direction, rows or columns, at a time. A span is the first pixel of a mask and the one after its
last in each frame, [T, 2] float64, NaN where a frame has none.
"""

from math import ceil, exp, floor

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..video import MID_GREY, bounding_spans

# How much longer the crop may become so that its path can be smooth; a mask that jumps further is followed closely.
SMOOTHING_ROOM = 0.25


def mask_spans(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The bounding box of each frame's generated pixels.

    Args:
        mask: [T, H, W], in [0, 1].

    Returns:
        ``(rows, columns)``, each [T, 2] float64: first pixel and the one after the last, NaN where a frame has none.
    """
    seen = mask[: 1 if mask.stride(0) == 0 else None] > MID_GREY
    spans = (span.double().cpu() for span in bounding_spans(seen))
    rows, columns = (span.masked_fill(span[:, :1] == span[:, 1:], torch.nan).expand(len(mask), 2) for span in spans)
    return rows, columns


def mask_path(span: Tensor, smoothing: int) -> Tensor:
    """[T], the middle of the mask in each frame, smoothed."""
    return smooth_path(_fill_gaps(span.mean(1)), smoothing)


def _fill_gaps(path: Tensor) -> Tensor:
    """[T] with NaN replaced: between its neighbours in time evenly, before the first and after the last held."""
    known, index = path.isfinite().numpy(), np.arange(len(path))
    return torch.from_numpy(np.interp(index, index[known], path.numpy()[known]))


def smooth_path(path: Tensor, frames: int) -> Tensor:
    """A path smoothed without lag: at each frame the straight line that fits its neighbours best.

    Local linear regression with Gaussian weights of deviation ``frames`` / 2. Unlike a plain Gaussian it leaves a
    steady motion exactly as it is, at both ends of the clip too.

    Args:
        path: [T].
        frames: Frames to each side that count; 0 changes nothing.
    """
    if not frames or len(path) == 1:
        return path
    reach = ceil(1.5 * frames)
    steps = torch.arange(-reach, reach + 1).double()
    weights = torch.tensor([exp(-2 * (step / frames) ** 2) for step in steps.tolist()]).double()

    def moment(values: Tensor, power: int) -> Tensor:
        return F.conv1d(values[None, None], (weights * steps**power)[None, None], padding=reach)[0, 0]

    ones = torch.ones_like(path)
    n, s, ss = (moment(ones, power) for power in (0, 1, 2))
    return (ss * moment(path, 0) - s * moment(path, 1)) / (n * ss - s * s)


def needed_length(span: Tensor, path: Tensor, length: int, space: int) -> int:
    """Pixels that a crop needs to hold the mask and its margin to both sides of a path.

    Args:
        span: Where the mask is.
        path: [T], the middle of the crop.
        length: Pixels of the frame, which the result does not exceed.
        space: The margin, in pixels.
    """
    low, high = _reach(span, length, space)
    wanted = 2 * torch.maximum(path - low, high - path).nan_to_num(0).max().item()
    tight = (span[:, 1] - span[:, 0]).nan_to_num(0).max().item() + 2 * space
    return min(ceil(min(wanted, tight * (1 + SMOOTHING_ROOM)) - 1e-6), length)


def crop_starts(span: Tensor, path: Tensor, length: int, size: int, space: int) -> list[int]:
    """The crop's first pixel in each frame: on the path as far as mask and margin stay inside it, and it in the frame.

    Args:
        span: Where the mask is.
        path: [T], the middle of the crop.
        length: Pixels of the frame.
        size: Pixels of the crop, at least `needed_length`.
        space: The margin, in pixels.
    """
    low, high = _reach(span, length, space)
    first, last = low.nan_to_num(torch.inf).min().item(), high.nan_to_num(0).max().item()
    if last - first <= size:
        return [int(min(max(floor((first + last - size) / 2), 0), length - size))] * len(path)
    start = (path - size / 2).clamp(0, length - size)
    start = torch.minimum(torch.maximum(start, (high - size).nan_to_num(0)), low.nan_to_num(length - size))
    return (start + 0.5 + 1e-6).floor().int().tolist()


def _reach(span: Tensor, length: int, space: int) -> tuple[Tensor, Tensor]:
    """[T] each: the first and the last-but-one pixel that must be inside, margin included."""
    return (span[:, 0] - space).clamp(min=0), (span[:, 1] + space).clamp(max=length)
