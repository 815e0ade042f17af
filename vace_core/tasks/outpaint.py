"""Outpainting: what is around a video generated, the video itself kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import VaceInputError
from ..masks import feather_mask
from ..notes import keep_notes, tell
from ..vcu import REPAINT, WHITE, Connected, Reference, Vcu, as_references
from ..video import AS_CONNECTED, MID_GREY, SIZE_MULTIPLE, Target, at_length, legal_frames, note_padding, resize
from .canvas import Aspect, Growth, Margins


@dataclass(frozen=True)
class Placement:
    """Where the kept picture lies on the canvas, in pixels."""

    height: int
    width: int
    left: int
    right: int
    top: int
    bottom: int

    def place(self, frames: Tensor) -> Tensor:
        """[T, H, W, 3] of any size, resized when they must be, with mid-grey around them."""
        frames = resize(frames, self.bottom - self.top, self.right - self.left)
        sides = (self.left, self.width - self.right, self.top, self.height - self.bottom)
        return F.pad(frames, (0, 0, *sides), value=MID_GREY)

    def mask(self, overlap: int = 0) -> Tensor:
        """[1, H, W]: 0 over the picture and ``overlap`` pixels right of and below it, 1 elsewhere."""
        mask = torch.ones(1, self.height, self.width)
        mask[:, self.top : self.bottom + overlap, self.left : self.right + overlap] = 0
        return mask


@dataclass(frozen=True)
class KeptEdge:
    """How the mask ends at the kept video.

    Attributes:
        feather: Pixels over which it falls off inside the video.
        official_inner: Whether an inner border keeps the first grey pixel right of and below the picture, as the
            official code does by drawing its rectangle one too large. A switch for users of the core; no node has it.
    """

    feather: float = 0.0
    official_inner: bool = False


SHARP = KeptEdge()


def place_on_canvas(kept: tuple[int, int], margins: Margins, target: Target, name: str = "video") -> Placement:
    """A canvas around a picture, in multiples of 16.

    Without a size the picture keeps its own, and the canvas reaches a multiple of 16 by a wider border. With a size
    the whole canvas is fitted into it, and what its shape leaves over is generated too.

    Args:
        kept: (rows, columns) of the picture.
        margins: What is added around it.
        target: The size of the result, 0 for any.
        name: What the user calls the picture: its socket.
    """
    rows, columns = kept
    canvas_h, canvas_w = rows + margins.rows, columns + margins.columns
    if target.width or target.height:
        target_h, target_w = target.resolve_size(canvas_h, canvas_w).size
        scale = min(target_h / canvas_h, target_w / canvas_w)
        left, right = _span(margins.left, columns, canvas_w, target_w, scale)
        top, bottom = _span(margins.top, rows, canvas_h, target_h, scale)
        if (bottom - top, right - left) != kept:
            tell(
                "canvas-fitted",
                f"The canvas of {canvas_w} x {canvas_h} is fitted into {target_w} x {target_h}, "
                f"which resizes the {name} from {columns} x {rows} to {right - left} x {bottom - top}.",
            )
        return Placement(target_h, target_w, left, right, top, bottom)
    left, after = _widened(margins.left, margins.right, canvas_w)
    top, below = _widened(margins.top, margins.bottom, canvas_h)
    target_h, target_w = top + rows + below, left + columns + after
    if (target_h, target_w) != (canvas_h, canvas_w):
        tell(
            "canvas-widened",
            f"The canvas of {canvas_w} x {canvas_h} becomes {target_w} x {target_h}: the model needs multiples of "
            f"{SIZE_MULTIPLE}. The generated border is that much wider; the {name} is not resized.",
        )
    return Placement(target_h, target_w, left, left + columns, top, top + rows)


def _span(before: int, length: int, canvas: int, target: int, scale: float) -> tuple[int, int]:
    """Begin and end of the scaled picture; rounding both keeps a side without border at the canvas's edge."""
    offset = (target - round(canvas * scale)) // 2
    begin = round(before * scale)
    return offset + begin, offset + max(round((before + length) * scale), begin + 1)


def _widened(before: int, after: int, canvas: int) -> tuple[int, int]:
    """Both borders of one axis, with the missing pixels on the side that grows, or half on each."""
    extra = -canvas % SIZE_MULTIPLE
    if before and not after:
        return before + extra, after
    if after and not before:
        return before, after + extra
    return before + extra // 2, after + extra - extra // 2


@keep_notes
def outpaint_vcu(
    frames: Tensor,
    growth: Growth,
    references: Connected = (),
    target: Target = AS_CONNECTED,
    *,
    inner: bool = False,
    edge: KeptEdge = SHARP,
    extend_references: bool = False,
) -> Vcu:
    """A VCU that keeps a video and generates what is around it.

    Source: ``outpainting`` and ``outpainting_inner`` in VACE's ``vace/annotators/outpainting.py``. Where we differ:
    the border is exactly mid-grey, not 128; when a size is asked the video is resized before it is placed, where the
    official loader resizes the canvas and so mixes grey into the kept edge.

    Args:
        frames: [T, H, W, 3], the video, in [0, 1].
        growth: How far it grows.
        references: Socket name and what is connected to it, in order.
        target: What is to come out; the whole canvas is fitted into a size, without one the video keeps its pixels.
            The shape is never cropped or distorted, so ``fit`` has no say.
        inner: Whether the canvas keeps its size and the border is generated inside it.
        edge: How the mask ends at the video.
        extend_references: Whether the references get the same border, in white, as the video.

    Raises:
        VaceInputError: If an input cannot be used; the message says which and what to do.
    """
    pictures = as_references(references)
    frames = legal_frames("video", frames)
    margins = _useful_margins(growth, frames, inner)
    if extend_references:
        pictures = _extended(pictures, margins, frames, inner)
    if inner:
        frames = _inside(frames, margins)
    if 0 < target.length < len(frames):
        frames, _ = at_length(frames, frames[..., 0], target.length, "video")
    placement = place_on_canvas(frames.shape[1:3], margins, target)
    mask = feather_mask(placement.mask(int(inner and edge.official_inner)), edge.feather)
    mask = mask.to(frames).expand(len(frames), -1, -1)
    frames, mask = at_length(placement.place(frames), mask, target.length or len(frames), "video")
    note_padding(len(frames))
    return Vcu(frames, mask, pictures, REPAINT, control_amount=0.0)


def _useful_margins(growth: Growth, frames: Tensor, inner: bool) -> Margins:
    H, W = frames.shape[1:3]
    if inner and isinstance(growth, Aspect):
        raise VaceInputError("inner keeps the size of the video, so it has no aspect to grow to. Use ratio or pixels.")
    margins = growth.margins(H, W)
    if not (margins.rows or margins.columns):
        raise VaceInputError(
            f"left, right, top and bottom come to 0 pixels of {W} x {H}: nothing would be generated. "
            f"Give at least one side a border."
        )
    if inner and (margins.columns >= W or margins.rows >= H):
        raise VaceInputError(
            f"inner borders of {margins.columns} columns and {margins.rows} rows leave nothing of a video of "
            f"{W} x {H}. Use smaller ones, or turn inner off to grow the canvas."
        )
    return margins


def _inside(frames: Tensor, margins: Margins) -> Tensor:
    H, W = frames.shape[1:3]
    return frames[:, margins.top : H - margins.bottom, margins.left : W - margins.right]


def _extended(references: Sequence[Reference], margins: Margins, frames: Tensor, inner: bool) -> tuple[Reference, ...]:
    """References with the video's borders, in white and in proportion."""
    if inner:
        tell("references-not-extended", "extend_references does nothing with inner: the canvas keeps its size.")
        return tuple(references)
    H, W = frames.shape[1:3]

    def extended(reference: Reference) -> Reference:
        h, w, _ = reference.image.shape
        sides = (margins.left * w // W, margins.right * w // W, margins.top * h // H, margins.bottom * h // H)
        return replace(reference, image=F.pad(reference.image, (0, 0, *sides), value=WHITE))

    return tuple(extended(reference) for reference in references)
