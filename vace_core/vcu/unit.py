"""The Video Condition Unit: frames, masks and references of one generation, before encoding."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import VaceInputError, require_shape
from ..masks import binarize
from ..notes import Note
from ..video import MID_GREY, SIZE_MULTIPLE, snap_size
from .references import Reference

# What a VCU was made for; the official composition rules go by it.
EMPTY, CONTROL, REPAINT, EXTENSION = KINDS = ("empty", "control", "repaint", "extension")


@dataclass(frozen=True, eq=False)
class Vcu:
    """Video Condition Unit (VACE, arXiv:2503.07598, "Video Condition Unit"), without its text.

    Immutable: whoever wants another VCU makes one. The tensors are shared and must not be written to.

    Attributes:
        frames: [T, H, W, 3], in [0, 1]; H and W are multiples of 16, T is any count above 0.
        mask: [T, H, W], in [0, 1]; 1 generates (or takes the frame as control), 0 keeps.
        references: Pictures on white, in order.
        kind: What it was made for, one of `KINDS`; composition goes by it.
        control_amount: How much of the generated pixels' content the model sees as control, in [0, 1]: 1 all of it,
            0 none (mid-grey, as the official inpainting fills the hole), between is a mix of both.
        fps: Frames per second of the source; None when it had none.
        audio: The source's sound in the host's form, carried through untouched.
        notes: What was repaired or decided on the way, in order.
    """

    frames: Tensor
    mask: Tensor
    references: tuple[Reference, ...] = ()
    kind: str = CONTROL
    control_amount: float = 1.0
    fps: float | None = None
    audio: object | None = None
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        require_shape("frames", self.frames, "T H W C", (None, None, None, 3))
        require_shape("mask", self.mask, "T H W", self.frames.shape[:3])
        if 0 in self.frames.shape:
            raise VaceInputError(f"frames must hold at least one frame, got {list(self.frames.shape)}.")
        if self.height % SIZE_MULTIPLE or self.width % SIZE_MULTIPLE:
            raise VaceInputError(
                f"Width and height must be multiples of 16, got {self.width} x {self.height}. "
                f"Use {snap_size(self.width)} x {snap_size(self.height)}."
            )
        if not 0 <= self.control_amount <= 1:
            raise VaceInputError(f"control_amount must be in [0, 1], got {self.control_amount:g}.")
        if self.kind not in KINDS:
            raise VaceInputError(f"kind must be one of {', '.join(KINDS)}, got {self.kind}.")

    @property
    def num_frames(self) -> int:
        """T, in frames; what the user asked for and gets back."""
        return self.frames.shape[0]

    @property
    def height(self) -> int:
        """H, in pixels."""
        return self.frames.shape[1]

    @property
    def width(self) -> int:
        """W, in pixels."""
        return self.frames.shape[2]

    def with_notes(self, notes: Iterable[Note]) -> "Vcu":
        """The same unit with these notes after its own."""
        return replace(self, notes=(*self.notes, *notes))

    def materialized(self) -> "Vcu":
        """The same unit with `control_amount` worked into the frames, so that they can be mixed with others'."""
        if self.control_amount == 1:
            return self
        faded = (self.frames - MID_GREY) * self.control_amount + MID_GREY
        frames = torch.where(binarize(self.mask)[..., None] == 1, faded, self.frames)  # what is kept stays to the bit
        return replace(self, frames=frames, control_amount=1.0)


def empty_vcu(num_frames: int, height: int, width: int, references: Sequence[Reference] = ()) -> Vcu:
    """The VCU of text to video: mid-grey frames that are all generated.

    Both tensors are expanded constants and take no memory.

    Args:
        num_frames: T.
        height: Rows, a multiple of 16.
        width: Columns, a multiple of 16.
        references: Pictures to look at, in order.
    """
    frames = torch.full((1, 1, 1, 1), MID_GREY).expand(num_frames, height, width, 3)
    mask = torch.ones(1, 1, 1).expand(num_frames, height, width)
    return Vcu(frames, mask, tuple(references), EMPTY)
