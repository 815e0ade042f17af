"""Masks grown, shrunk, feathered, filled and steadied, and masks drawn of boxes."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import VaceInputError
from ..notes import tell
from ..optional import opencv
from ..video import EXAMPLE, Box, BoxTrack, boxes_at, parse_tracks

PIXELS, PERCENT = UNITS = ("pixels", "% of object")
PURPOSE = "Making masks"  # what needs OpenCV


def each_frame(mask: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """``change`` of every frame [H, W]; a still mask, one frame expanded to T, is changed once and stays expanded."""
    count = 1 if mask.stride(0) == 0 else len(mask)
    return torch.stack([change(frame) for frame in mask[:count]]).expand(len(mask), -1, -1)


def in_pixels(mask: Tensor, amount: float, unit: str) -> float:
    """A length in pixels.

    Args:
        mask: [T, H, W]; its object gives the size that per cent mean.
        amount: Pixels, or per cent of the square root of the object's mean area over the frames that show it, so
            that a growth fits a near and a far object alike.
        unit: One of `UNITS`.

    Raises:
        VaceInputError: If ``unit`` is not one of `UNITS`.
    """
    if unit not in UNITS:
        raise VaceInputError(f"unit must be one of {', '.join(UNITS)}, got {unit}.")
    if unit == PIXELS or not amount:
        return amount
    areas = (mask > 0.5).flatten(1).sum(1)
    seen = areas[areas > 0]
    return amount / 100 * math.sqrt(seen.float().mean().item()) if len(seen) else 0.0


def distance_to(mask: Tensor) -> Tensor:
    """Exact Euclidean distance from every pixel to the nearest pixel of a mask, by OpenCV.

    OpenCV's precise transform is off by up to a ten millionth of the distance, and by another part in each of its
    versions. The square of a distance between pixels is a whole number, so rounding it takes that out again.

    Args:
        mask: [H, W], bool.

    Returns:
        [H, W], float32, in pixels; 0 inside the mask, infinite everywhere when it is empty.

    Raises:
        VaceInputError: If OpenCV is missing.
    """
    if not mask.any():
        return torch.full_like(mask, torch.inf, dtype=torch.float32)
    cv2 = opencv(PURPOSE)
    distance = cv2.distanceTransform(as_opencv(~mask), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return torch.from_numpy(distance).square_().round_().sqrt_().to(mask.device)


def as_opencv(inside: Tensor) -> np.ndarray:
    """[H, W] as OpenCV takes it, uint8 on the CPU, of [H, W] bool on any device; new memory."""
    return inside.byte().numpy(force=True)


def grow_mask(mask: Tensor, pixels: float) -> Tensor:
    """A mask grown by a disc, or shrunk by one when ``pixels`` is negative.

    Equal in all directions (exact Euclidean distance). An object cut by the frame's edge does not shrink from
    that edge. The official code has only the random growth of `vace_core.masks`.

    Args:
        mask: [T, H, W], in [0, 1]; above 0.5 is the object, softer pixels are kept as they are where they are larger
            (growing) or smaller (shrinking).
        pixels: Radius of the disc.

    Returns:
        [T, H, W], in [0, 1].
    """
    if pixels > 0:
        return each_frame(mask, lambda m: m.masked_fill(distance_to(m > 0.5) <= pixels, 1))
    if pixels < 0:
        return each_frame(mask, lambda m: m.masked_fill(distance_to(m <= 0.5) <= -pixels, 0))
    return mask


def feather_mask(mask: Tensor, pixels: float) -> Tensor:
    """A mask with a soft edge around it: inside stays 1, outside it falls to 0 evenly over ``pixels``.

    Args:
        mask: [T, H, W], in [0, 1]; above 0.5 is inside.
        pixels: Width of the edge; 0 or less changes nothing.

    Returns:
        [T, H, W], in [0, 1].
    """
    if pixels <= 0:
        return mask
    reach = pixels + 1  # the first pixel outside is at distance 1, and the last soft one at `pixels`
    return each_frame(mask, lambda m: torch.maximum(m, (1 - distance_to(m > 0.5) / reach).to(m)))


def fill_holes(mask: Tensor) -> Tensor:
    """A mask with everything white that it encloses, frame by frame; what reaches the frame's edge is no hole.

    Args:
        mask: [T, H, W], in [0, 1]; above 0.5 is the object. Diagonal neighbours close a hole.

    Returns:
        [T, H, W]; holes are 1, the rest is as it was.

    Raises:
        VaceInputError: If OpenCV is missing.
    """
    return each_frame(mask, lambda m: m.masked_fill(_enclosed(m > 0.5), 1))


def _enclosed(inside: Tensor) -> Tensor:
    """[H, W], bool: what is no object, and not reached from the frame's edge by OpenCV's flood fill."""
    canvas = np.pad(as_opencv(inside), 1)  # a way around the object
    opencv(PURPOSE).floodFill(canvas, None, (0, 0), 1)
    return torch.from_numpy(canvas[1:-1, 1:-1] == 0).to(inside.device)


def steady_mask(mask: Tensor, frames: int) -> Tensor:
    """A mask that does not flicker: each pixel's median over frames around it.

    What is there, or is missing, for fewer than half of the frames goes. Towards the ends of the clip fewer frames
    count, the same number to either side.

    Args:
        mask: [T, H, W], in [0, 1].
        frames: How many count; odd, and 1 changes nothing.

    Returns:
        [T, H, W], in [0, 1].

    Raises:
        VaceInputError: If ``frames`` is even or below 1.
    """
    if frames < 1 or frames % 2 == 0:
        raise VaceInputError(f"steady must be an odd number of frames, 1 or more, got {frames}. Use 3 or 5.")
    if frames == 1 or mask.stride(0) == 0:
        return mask
    last = len(mask) - 1
    reaches = [min(frames // 2, k, last - k) for k in range(last + 1)]
    return torch.stack([mask[k - r : k + r + 1].median(0).values for k, r in enumerate(reaches)])


def rasterize_boxes(
    tracks: Sequence[BoxTrack],
    num_frames: int,
    height: int,
    width: int,
    easing: str = "linear",
) -> Tensor:
    """The union of boxes that stand still or move; a pixel is inside when its centre is.

    Args:
        tracks: One path per object.
        num_frames: T.
        height: H.
        width: W.
        easing: One of `vace_core.video.EASINGS`.

    Returns:
        [T, H, W], 0 or 1.

    Raises:
        VaceInputError: If a path is never inside the frame.
    """
    moves = any(len(track.points) > 1 for track in tracks)
    mask = torch.zeros(num_frames if moves else 1, height, width, dtype=torch.bool)
    for track in tracks:
        boxes = boxes_at(track, num_frames, easing)[: len(mask)]
        _check_path(boxes, height, width)
        left, top, right, bottom = torch.tensor([box.sides for box in boxes]).T[..., None]  # [T, 1] each
        x, y = torch.arange(width) + 0.5, torch.arange(height) + 0.5
        columns, rows = (left <= x) & (x < right), (top <= y) & (y < bottom)
        mask |= rows[:, :, None] & columns[:, None, :]
    return mask.float().expand(num_frames, -1, -1)


def _check_path(boxes: list[Box], height: int, width: int) -> None:
    """Refuse a path that is never seen, tell of one that leaves the frame."""
    seen = [b for b in boxes if b.left < width and b.top < height and b.right > 0 and b.bottom > 0]
    if not seen:
        raise VaceInputError(
            f"boxes: box {boxes[0]} is wholly outside the frame of {width} x {height} pixels. "
            f"Boxes are left,top,right,bottom in pixels of the frame, or in per cent with a % behind the number."
        )
    out = [b for b in boxes if b.left < 0 or b.top < 0 or b.right > width or b.bottom > height]
    if out:
        tell(
            "box-outside",
            f"boxes: box {out[0]} reaches out of the frame of {width} x {height}; only the part inside counts.",
        )


def draw_box_mask(text: str, height: int, width: int, num_frames: int, easing: str = "linear") -> Tensor:
    """[T, H, W] of what a user wrote in ``boxes``, see `vace_core.video.parse_tracks` and `rasterize_boxes`.

    Raises:
        VaceInputError: If there is no box, one cannot be read, or a path is never inside the frame.
    """
    tracks = parse_tracks("boxes", text, height, width, num_frames)
    if not tracks:
        raise VaceInputError(f"boxes is empty: there is nothing to draw. {EXAMPLE}")
    return rasterize_boxes(tracks, num_frames, height, width, easing)


def note_black(mask: Tensor) -> Tensor:
    """The mask itself; told when nothing in it is generated."""
    if not (mask > 0.5).any():
        tell("black-mask", "The mask is black in every frame: nothing would be generated.")
    return mask
