"""What users write to say where and when something is in a clip."""

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from ...vace_core.errors import VaceInputError
from ...vace_core.video import matching_mask

ALL = "all"
_NAMED = {"first": 0, "last": -1}
_NUMBER = r"\d{1,9}(?:\.\d+)?%?"
_POINT = re.compile(rf"({_NUMBER})\s*,\s*({_NUMBER})")

Point = tuple[float, float]


def parse_frames(name: str, text: str, num_frames: int) -> list[int]:
    """Frames of a clip, in order.

    Args:
        name: The socket's name.
        text: Their numbers, apart by commas or spaces: from 0, or from the end, -1 is the last; ``first``, ``last``
            and ``all`` are words for some.
        num_frames: T.

    Raises:
        VaceInputError: If it is none of these, names a frame outside the clip, or one twice.
    """
    words = re.findall(r"[^\s,;]+", text.lower())
    if words == [ALL]:
        return list(range(num_frames))
    frames = sorted(_frame(name, word, num_frames) for word in words)
    if not frames:
        raise VaceInputError(f"{name} is empty. Write frames such as 0, 40, or all.")
    twice = next((a for a, b in pairwise(frames) if a == b), None)
    if twice is not None:
        raise VaceInputError(f"{name} names frame {twice} twice. Name each frame once.")
    return frames


def _frame(name: str, word: str, num_frames: int) -> int:
    number = _NAMED.get(word, word)
    if not re.fullmatch(r"-?\d{1,9}", str(number)):
        raise VaceInputError(f'{name}: "{word}" is no frame. Write frames such as 0, 40, or first, last, all.')
    frame = int(number) + (num_frames if int(number) < 0 else 0)
    if not 0 <= frame < num_frames:
        raise VaceInputError(
            f"{name}: frame {word} is outside the clip, whose {num_frames} frames are 0 to {num_frames - 1}, "
            f"or {-num_frames} to -1 from the end."
        )
    return frame


def parse_points(name: str, text: str, height: int, width: int) -> tuple[Point, ...]:
    """Points of a frame, ``(x, y)`` in pixels.

    Args:
        name: The socket's name.
        text: Points ``x,y`` apart by spaces or lines, in pixels, or in per cent of the frame with a ``%`` behind.
        height: H.
        width: W.

    Raises:
        VaceInputError: If it cannot be read, or a point is outside the frame.
    """
    rest = _POINT.sub(" ", text).strip(" \t\r\n;")
    if rest:
        raise VaceInputError(
            f'{name}: "{rest[:40]}" is no point. Write points x,y with spaces between, such as 120,80 50%,25%.'
        )
    points = tuple((_pixels(x, width), _pixels(y, height)) for x, y in _POINT.findall(text))
    outside = next(((x, y) for x, y in points if x > width or y > height), None)
    if outside is not None:
        raise VaceInputError(
            f"{name}: point {outside[0]:g},{outside[1]:g} is outside the frame of {width} x {height} pixels."
        )
    return points


def _pixels(number: str, whole: int) -> float:
    return float(number[:-1]) * whole / 100 if number.endswith("%") else float(number)


def masks_of(mask: Tensor, frames: Tensor, chosen: Sequence[int], which: str) -> Tensor:
    """The masks of chosen frames.

    Args:
        mask: What the user connected: a mask for each chosen frame, for each frame of the clip, or one [H, W].
        frames: [T, H, W, 3].
        chosen: K frames.
        which: The socket that they come from.

    Returns:
        [K, H, W], 0 or 1.

    Raises:
        VaceInputError: If it is no mask, of another shape or count, or black.
    """
    mask = mask[None] if mask.ndim == 2 else mask
    if mask.ndim == 3 and len(mask) == len(frames) != len(chosen):
        mask = mask[list(chosen)]
    if mask.ndim == 3 and len(mask) != len(chosen):
        raise VaceInputError(
            f"mask has {len(mask)} frames, but {which} names {len(chosen)}. Connect a mask for each frame it names, in "
            f"their order, or one for each of the {len(frames)} frames of the clip."
        )
    mask = matching_mask(mask, frames[list(chosen)], name="mask", video="frames") > 0.5
    if not mask.any():
        raise VaceInputError("mask is black: it shows nothing to find. White must be on the subject.")
    return mask.float()


def digest(tensor: Tensor) -> str:
    """A name for a tensor's content, for an annotator's identity."""
    content = tensor.contiguous().cpu().numpy()
    return hashlib.blake2b(content, digest_size=16).hexdigest() + str(tuple(tensor.shape))
