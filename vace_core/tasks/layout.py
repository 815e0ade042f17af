"""Layout control: outlines of moving boxes, or of a tracked mask, on white."""

import re
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import VaceInputError
from ..notes import keep_notes, tell
from ..vcu import CONTROL, WHITE, Vcu
from ..video import (
    AS_CONNECTED,
    DEFAULT_LENGTH,
    DEFAULT_SIZE,
    Box,
    BoxTrack,
    Target,
    at_length,
    at_size,
    boxes_at,
    legal_mask,
    note_padding,
    parse_tracks,
)

Colour = tuple[float, float, float]
BLACK: Colour = (0.0, 0.0, 0.0)
BOX_THICKNESS, CONTOUR_THICKNESS = 2, 3


def draw_box_outlines(
    tracks: Sequence[BoxTrack],
    num_frames: int,
    height: int,
    width: int,
    *,
    easing: str = "linear",
    official_motion: bool = True,
    thickness: int = BOX_THICKNESS,
    colours: Sequence[Colour] = (),
) -> Tensor:
    """Outlines of boxes on white.

    Source: the official ``LayoutBBoxAnnotator``, which draws with ``cv2.rectangle`` at thickness 2. That covers
    every pixel at most 1 from the line through the corners: lines 3 pixels wide, with the very corner left out.
    Corners are rounded to pixels; right and bottom are on the line.

    Args:
        tracks: Paths of the boxes; later ones are drawn over earlier ones.
        num_frames: T.
        height: Rows.
        width: Columns.
        easing: One of `vace_core.video.EASINGS`.
        official_motion: Whether a box stops one step short of its end, as the official code's do; see `boxes_at`.
        thickness: As OpenCV counts it, see `pen_radius`.
        colours: RGB in [0, 1], one per path; black where there is none.

    Returns:
        [T, H, W, 3], in [0, 1].
    """
    frames = torch.full((num_frames, height, width, 3), WHITE)
    for k, track in enumerate(tracks):
        colour = torch.tensor(colours[k] if k < len(colours) else BLACK)
        for frame, box in zip(frames, boxes_at(track, num_frames, easing, not official_motion), strict=True):
            frame[_rectangle(box, height, width, pen_radius(thickness))] = colour
    return frames


def draw_contours(mask: Tensor, thickness: int = CONTOUR_THICKNESS, colour: Colour = BLACK) -> Tensor:
    """Outer contours of a mask on white.

    Source: the official ``LayoutMaskAnnotator``, which draws OpenCV's external contours at thickness 3. Holes and
    what lies in them have no contour. The contour runs through the outermost pixels of the mask; OpenCV's thickness
    3 covers what is at most 2 from it, a band 5 pixels wide.

    Args:
        mask: [T, H, W], in [0, 1], cut at 0.5.
        thickness: As OpenCV counts it, see `pen_radius`.
        colour: RGB in [0, 1].

    Returns:
        [T, H, W, 3], in [0, 1].
    """
    frames = mask.new_full((*mask.shape, 3), WHITE)
    radius = pen_radius(thickness)
    for frame, shape in zip(frames, mask > 0.5, strict=True):
        if shape.any():
            part = _surroundings(shape, radius)
            frame[part][_contour(shape[part], radius)] = frame.new_tensor(colour)
    return frames


def pen_radius(thickness: int) -> int:
    """How far from a line OpenCV's pen of a thickness reaches, in pixels (measured with OpenCV 4.11 and 5.0)."""
    return 0 if thickness <= 1 else (thickness + 1) // 2


@keep_notes
def box_layout(text: str, target: Target = AS_CONNECTED, easing: str = "linear", official_motion: bool = True) -> Vcu:
    """Layout control of boxes that a user wrote.

    Args:
        text: See `parse_tracks`; a label may end in a colour, such as ``cat#ff8000: 10,20,110,220``.
        target: What is to come out, 0 for the usual.
        easing: One of `vace_core.video.EASINGS`.
        official_motion: See `draw_box_outlines`.

    Raises:
        VaceInputError: If there is no box, or a line cannot be read.
    """
    H, W = target.resolve_size(*DEFAULT_SIZE).size
    T = target.length or DEFAULT_LENGTH
    tracks = parse_tracks("boxes", text, H, W, T)
    frames = layout_frames(tracks, T, H, W, easing=easing, official_motion=official_motion)
    return _control(frames)


def layout_frames(tracks: Sequence[BoxTrack], num_frames: int, height: int, width: int, **motion: str | bool) -> Tensor:
    """`draw_box_outlines` in the colours of the labels; told where a label has none or a box is never seen.

    Args:
        tracks: Paths of the boxes.
        num_frames: T.
        height: Rows.
        width: Columns.
        motion: ``easing`` and ``official_motion``.

    Raises:
        VaceInputError: If there is no box.
    """
    if not tracks:
        raise VaceInputError('boxes is empty. Write left,top,right,bottom, such as "10,20,110,220 200,20,300,220".')
    colours = [_label_colour(track) for track in tracks]
    frames = draw_box_outlines(tracks, num_frames, height, width, colours=colours, **motion)
    for k, track in enumerate(tracks, start=1):
        path = boxes_at(track, num_frames, motion.get("easing", "linear"))
        if not any(b.right >= 0 and b.left < width and b.bottom >= 0 and b.top < height for b in path):
            tell(
                "box-outside",
                f"boxes: box {k} is outside the frame of {width} x {height} all the time; nothing of it shows.",
            )
    return frames


@keep_notes
def track_layout(mask: Tensor, colour: str = "#000000", target: Target = AS_CONNECTED) -> Vcu:
    """Layout control of a tracked mask.

    Args:
        mask: [T, H, W], in [0, 1]; one frame serves all.
        colour: ``#rrggbb``.
        target: What is to come out, 0 follows the mask.

    Raises:
        VaceInputError: If the mask is none, or the colour cannot be read.
    """
    mask = legal_mask("mask", mask)
    H, W = mask.shape[1:]
    target, length = target.resolve_size(H, W), target.length
    fitted, _ = at_size(mask[..., None], mask, target, "mask")
    if len(mask) == 1 and length > 1:
        tell("still-mask", f"mask has one frame; it is used for all {length}.")
    if not (fitted > 0.5).any():
        tell("black-mask", "mask is black everywhere, so the layout is blank. White is the object; use Invert Mask.")
    frames = draw_contours(fitted[..., 0], colour=parse_colour("colour", colour))
    if len(frames) == 1 and length > 1:
        frames = frames.expand(length, -1, -1, -1)
    ones = frames.new_ones(1, 1, 1).expand(frames.shape[:3])
    frames, _ = at_length(frames, ones, length or len(frames), "mask")
    return _control(frames)


def parse_colour(name: str, text: str) -> Colour:
    """RGB in [0, 1] of ``#rrggbb``.

    Args:
        name: What the user calls the input.
        text: What the user wrote.

    Raises:
        VaceInputError: If it is something else.
    """
    digits = re.fullmatch(r"\s*#?([0-9a-fA-F]{6})\s*", text)
    if not digits:
        raise VaceInputError(f'{name} is "{text}", it must be a colour such as #ff8000 (red, green, blue).')
    red, green, blue = (byte / 255 for byte in bytes.fromhex(digits[1]))
    return red, green, blue


def _label_colour(track: BoxTrack) -> Colour:
    """The colour behind a label's ``#``. The official table of label colours is not published with the weights."""
    label, mark, colour = track.label.partition("#")
    if mark:
        return parse_colour(f'boxes: the colour of "{label.strip() or "the box"}"', colour)
    if label:
        tell(
            "label-black",
            f'boxes: "{label}" is drawn black; write a colour behind the label, such as {label}#ff8000, for another.',
        )
    return BLACK


def _control(frames: Tensor) -> Vcu:
    note_padding(len(frames))
    return Vcu(frames, frames.new_ones(1, 1, 1).expand(frames.shape[:3]), kind=CONTROL)


def _rectangle(box: Box, height: int, width: int, radius: int) -> Tensor:
    """[H, W], true within ``radius`` of the outline."""
    left, top, right, bottom = (round(side) for side in box.sides)
    x, y = torch.arange(width), torch.arange(height)[:, None]
    beyond_x = torch.maximum(left - x, x - right)  # positive outside, negative inside
    beyond_y = torch.maximum(top - y, y - bottom)
    near = beyond_x.clamp(min=0) ** 2 + beyond_y.clamp(min=0) ** 2 <= radius**2
    return near & (torch.maximum(beyond_x, beyond_y) >= -radius)


def _surroundings(shape: Tensor, margin: int) -> tuple[slice, slice]:
    """The rows and columns that a shape [H, W] is in, and some more."""
    found = (shape.any(axis).nonzero() for axis in (1, 0))
    rows, columns = (slice(max(int(at[0]) - margin, 0), int(at[-1]) + margin + 1) for at in found)
    return rows, columns


def _contour(shape: Tensor, radius: int) -> Tensor:
    """[H, W], true within ``radius`` of the outermost pixels of a shape [H, W]."""
    filled = F.pad(fill_outline(shape), (1, 1, 1, 1))
    inner = filled[:-2, 1:-1] & filled[2:, 1:-1] & filled[1:-1, :-2] & filled[1:-1, 2:]
    edge = filled[1:-1, 1:-1] & ~inner
    reach = torch.arange(-radius, radius + 1, device=shape.device)
    disc = (reach**2 + reach[:, None] ** 2 <= radius**2).float()
    return F.conv2d(edge.float()[None, None], disc[None, None], padding=radius)[0, 0] > 0.5


def fill_outline(shape: Tensor) -> Tensor:
    """A shape without its holes: what the background cannot reach from the rim, going straight, is filled.

    Args:
        shape: [H, W], boolean.

    Returns:
        [H, W], boolean.
    """
    free = ~F.pad(shape, (1, 1, 1, 1))  # a way around the shape
    reached = torch.zeros_like(free)
    reached[0] = True
    count = 0
    while count != (count := int(reached.sum())):
        reached = _flow(_flow(reached, free).T, free.T).T
    return ~reached[1:-1, 1:-1]


def _flow(reached: Tensor, free: Tensor) -> Tensor:
    """Along each row, from every reached pixel to the next walls on both sides."""
    run = (~free).cumsum(1)  # each wall begins another run
    flooded = torch.zeros(free.shape[0], free.shape[1] + 1, dtype=torch.uint8, device=free.device)
    flooded.scatter_reduce_(1, run, reached.to(torch.uint8), "amax")
    return flooded.gather(1, run).bool() & free
