"""The VCU of a long video, read segment by segment: in memory, or in 8 bits on disk."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import torch
from torch import Tensor

from ..errors import VaceInputError, require_shape
from ..notes import Note
from ..vcu import CONTROL, Reference, Vcu
from ..video import MID_GREY
from .frame_file import FrameFile, FrameWriter, combined, fingerprint, from_8bit, to_8bit

# Red, green, blue, and the mask in 254 steps, where 0, 0.5 and 1 are exact. 256 steps of colour have no exact mid-grey,
# so a pixel that is generated and empty has a mask byte of its own.
CHANNELS = 4
MASK_STEPS = 254
EMPTY_BYTE = 255
REMEDY = "Queue the node that wrote it again."


class Pixels(Protocol):
    """Frames and masks that are read in parts."""

    def read(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Frames [n, H, W, 3] and mask [n, H, W] from ``start`` to ``stop``, in [0, 1]."""

    def fingerprint(self) -> str:
        """A hash of all of them."""


@dataclass(frozen=True, eq=False)
class LongVcu:
    """What a long video is made from: a `Vcu` of any length whose pixels need not be in memory.

    Attributes:
        pixels: Where frames and mask come from.
        shape: (T, H, W).
        references: As in `Vcu`, like all that follow.
        kind: One of `vace_core.vcu.KINDS`.
        control_amount: In [0, 1].
        fps: None when the source had none.
        audio: The sound of the whole video.
        notes: What was repaired on the way.
    """

    pixels: Pixels
    shape: tuple[int, int, int]
    references: tuple[Reference, ...] = ()
    kind: str = CONTROL
    control_amount: float = 1.0
    fps: float | None = None
    audio: object | None = None
    notes: tuple[Note, ...] = ()

    @property
    def num_frames(self) -> int:
        """T."""
        return self.shape[0]

    @property
    def height(self) -> int:
        """H, in pixels."""
        return self.shape[1]

    @property
    def width(self) -> int:
        """W, in pixels."""
        return self.shape[2]

    def segment(self, start: int, stop: int) -> Vcu:
        """The VCU of some of the frames, without sound and notes, which belong to the whole.

        Args:
            start: The first frame.
            stop: The one after the last.

        Raises:
            VaceInputError: If there are no such frames, or the file they lie in is gone or damaged.
        """
        if not 0 <= start < stop <= self.num_frames:
            raise VaceInputError(f"Frames {start} to {stop} were asked for; the VCU has {self.num_frames}.")
        frames, mask = self.pixels.read(start, stop)
        return Vcu(frames, mask, self.references, self.kind, self.control_amount, self.fps)

    def fingerprint(self) -> str:
        """A hash of all that decides about the frames: pixels, mask, references, kind and control amount."""
        pictures = [part for r in self.references for part in (fingerprint(r.image), repr(float(r.strength)))]
        return combined([self.pixels.fingerprint(), self.kind, repr(float(self.control_amount)), *pictures])


def in_memory(vcu: Vcu) -> LongVcu:
    """A VCU that is there as a whole; its segments share its memory."""
    shape = vcu.num_frames, vcu.height, vcu.width
    about = (vcu.references, vcu.kind, vcu.control_amount, vcu.fps, vcu.audio, vcu.notes)
    return LongVcu(_InMemory(vcu.frames, vcu.mask), shape, *about)


@dataclass(frozen=True, eq=False)
class _InMemory:
    frames: Tensor
    mask: Tensor

    def read(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        return self.frames[start:stop], self.mask[start:stop]

    def fingerprint(self) -> str:
        return combined([fingerprint(self.frames), fingerprint(self.mask)])


class OnDiskWriter:
    """Writes frames and masks as they come; used in a ``with``, which throws the file away unless it was finished.

    Colours are rounded to 256 steps, which changes nothing of a video that was read from 8 bits. A soft mask is rounded
    to 254 steps; 0, 0.5 and 1 stay exact, and so does mid-grey wherever the mask is 1.
    """

    def __init__(self, path: Path, height: int, width: int, num_frames: int = 0) -> None:
        """Begin a file.

        Args:
            path: Where it will be; the folder exists.
            height: Rows, a multiple of 16.
            width: Columns, a multiple of 16.
            num_frames: Frames that will come, as far as that is known.
        """
        self._size = height, width
        self._writer = FrameWriter(path, (height, width, CHANNELS), num_frames)

    def append(self, frames: Tensor, mask: Tensor) -> None:
        """Add frames.

        Args:
            frames: [n, H, W, 3], in [0, 1].
            mask: [n, H, W], in [0, 1].

        Raises:
            VaceInputError: If they are of another size or hold NaN, or the disk is full.
        """
        require_shape("frames", frames, "T H W C", (None, *self._size, 3))
        require_shape("mask", mask, "T H W", frames.shape[:3])
        for frame, own in zip(frames.split(1), mask.split(1), strict=True):
            steps = (own.float().clamp(0, 1) * MASK_STEPS).round().to(torch.uint8)
            steps[(steps == MASK_STEPS) & (frame == MID_GREY).all(-1)] = EMPTY_BYTE
            self._writer.append(torch.cat([to_8bit("frames", frame), steps[..., None]], -1))

    def finish(self) -> LongVcu:
        """Make the file whole and give what reads it, as plain control; ``replace`` says what else it is.

        Raises:
            VaceInputError: If no frame was added, or the disk is full.
        """
        T = self._writer.num_frames
        if not T:
            raise VaceInputError("The video holds no frames. Check the node that loads or cuts it.")
        self._writer.finish({"mask_steps": MASK_STEPS, "empty": EMPTY_BYTE})
        pixels = _OnDisk(FrameFile.open(self._writer.path, REMEDY))
        return LongVcu(pixels, (T, *self._size))

    def __enter__(self) -> "OnDiskWriter":
        self._writer.__enter__()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.__exit__(kind, error, trace)


@dataclass(frozen=True, eq=False)
class _OnDisk:
    file: FrameFile

    def read(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        stored = self.file.read(start, stop)
        empty = stored[..., 3] == EMPTY_BYTE
        frames = from_8bit(stored[..., :3])
        frames[empty] = MID_GREY
        return frames, stored[..., 3].clamp(max=MASK_STEPS).float() / MASK_STEPS

    def fingerprint(self) -> str:
        return self.file.digest
