"""Layout control: outlines of moving boxes, or of a tracked mask, on white."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import VaceInputError
from ..notes import keep_notes, tell
from ..optional import opencv
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
FAR = 1e6  # pixels: no frame reaches there, and single precision still tells whole pixels apart
PURPOSE = "Drawing a layout"  # what needs OpenCV


@dataclass(frozen=True)
class BoxMotion:
    """How boxes travel along their paths.

    Attributes:
        easing: One of `vace_core.video.EASINGS`.
        official: Whether a box stops one step short of its end, as the official code's do; see `boxes_at`.
    """

    easing: str = "linear"
    official: bool = True


OFFICIALLY = BoxMotion()


def draw_box_outlines(
    tracks: Sequence[BoxTrack],
    num_frames: int,
    height: int,
    width: int,
    *,
    motion: BoxMotion = OFFICIALLY,
    thickness: int = BOX_THICKNESS,
    colours: Sequence[Colour] = (),
) -> Tensor:
    """Outlines of boxes on white.

    Source: ``LayoutBboxAnnotator`` in ali-vilab/VACE's ``vace/annotators/layout.py``, which draws with OpenCV's
    ``rectangle`` at thickness 2, as here. That covers every pixel at most 1 from the line through the corners: lines 3
    pixels wide, with the very corner left out. As there left, top, width and height are each cut to whole numbers;
    right and bottom are on the line.

    Args:
        tracks: Paths of the boxes; later ones are drawn over earlier ones.
        num_frames: T.
        height: Rows.
        width: Columns.
        motion: How they travel.
        thickness: As OpenCV counts it: 1 is one pixel wide, 2 three, 3 and 4 five.
        colours: RGB in [0, 1], one per path; black where there is none.

    Returns:
        [T, H, W, 3], in [0, 1].

    Raises:
        VaceInputError: If OpenCV is missing.
    """
    cv2 = opencv(PURPOSE)
    frames = np.full((num_frames, height, width, 3), WHITE, np.float32)
    beyond = np.array([width, height] * 2) + 2 * thickness  # a line there is as unseen as further away
    for k, track in enumerate(tracks):
        colour = colours[k] if k < len(colours) else BLACK
        corners = _corners_at(track, num_frames, motion).clip(-2 * thickness, beyond)
        for frame, (left, top, right, bottom) in zip(frames, corners.tolist(), strict=True):
            cv2.rectangle(frame, (left, top), (right, bottom), colour, thickness)
    return torch.from_numpy(frames)


def _corners_at(track: BoxTrack, num_frames: int, motion: BoxMotion) -> np.ndarray:
    """[T, 4] int: left, top, right, bottom in every frame, in whole pixels as the official annotator cuts them.

    A path that the official annotator knows, from one box to another, is calculated as it does, by steps in single
    precision: where a side is about a whole number, the error of that decides which pixel it is.
    """
    if motion.official and motion.easing == "linear" and not track.timed and len(track.points) == 2:
        start, end = (_place_and_size(box) for _, box in track.points)
        step = (end - start) / num_frames
        moving = np.stack([start + step * k for k in range(num_frames)])
    else:
        boxes = boxes_at(track, num_frames, motion.easing, not motion.official)
        moving = np.stack([_place_and_size(box) for box in boxes])
    place, size = np.split(moving.astype(int), 2, axis=1)
    return np.concatenate([place, place + size], axis=1)


def _place_and_size(box: Box) -> np.ndarray:
    """[4] float32: left, top, width, height; beyond `FAR` it is the same how far."""
    left, top, right, bottom = np.clip(box.sides, -FAR, FAR).tolist()
    return np.array([left, top, right - left, bottom - top], np.float32)


def draw_contours(mask: Tensor, thickness: int = CONTOUR_THICKNESS, colour: Colour = BLACK) -> Tensor:
    """Outer contours of a mask on white.

    Source: the official ``LayoutMaskAnnotator``, which draws OpenCV's external contours at thickness 3, as here. Holes
    and what lies in them have no contour. The contour runs through the outermost pixels of the mask; at thickness 3
    it covers what is at most 2 from it, a band 5 pixels wide, and at some corners a pixel more.

    Args:
        mask: [T, H, W], in [0, 1], cut at 0.5.
        thickness: As OpenCV counts it: 1 is one pixel wide, 2 three, 3 and 4 five.
        colour: RGB in [0, 1].

    Returns:
        [T, H, W, 3], in [0, 1].

    Raises:
        VaceInputError: If OpenCV is missing.
    """
    cv2 = opencv(PURPOSE)
    frames = np.full((*mask.shape, 3), WHITE, np.float32)
    for frame, shape in zip(frames, (mask > 0.5).byte().numpy(force=True), strict=True):
        contours, _ = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(frame, contours, -1, colour, thickness)
    return torch.from_numpy(frames).to(mask)


@keep_notes
def box_layout(text: str, target: Target = AS_CONNECTED, motion: BoxMotion = OFFICIALLY) -> Vcu:
    """Layout control of boxes that a user wrote.

    Args:
        text: See `parse_tracks`; a label may end in a colour, such as ``cat#ff8000: 10,20,110,220``.
        target: What is to come out, 0 for the usual.
        motion: How they travel.

    Raises:
        VaceInputError: If there is no box, or a line cannot be read.
    """
    H, W = target.resolve_size(*DEFAULT_SIZE).size
    T = target.length or DEFAULT_LENGTH
    tracks = parse_tracks("boxes", text, H, W, T)
    frames = layout_frames(tracks, T, H, W, motion)
    return _control(frames)


def layout_frames(
    tracks: Sequence[BoxTrack], num_frames: int, height: int, width: int, motion: BoxMotion = OFFICIALLY
) -> Tensor:
    """`draw_box_outlines` in the colours of the labels; told where a label has none or a box is never seen.

    Args:
        tracks: Paths of the boxes.
        num_frames: T.
        height: Rows.
        width: Columns.
        motion: How they travel.

    Raises:
        VaceInputError: If there is no box.
    """
    if not tracks:
        raise VaceInputError('boxes is empty. Write left,top,right,bottom, such as "10,20,110,220 200,20,300,220".')
    colours = [_label_colour(track) for track in tracks]
    frames = draw_box_outlines(tracks, num_frames, height, width, colours=colours, motion=motion)
    for k, track in enumerate(tracks, start=1):
        path = boxes_at(track, num_frames, motion.easing)
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
