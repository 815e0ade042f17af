"""Frames in a file as plain bytes: written once and whole, read in any part, checked as they are read.

The frames come first, so any tool that reads raw video opens the file; then a description as JSON, and its length and
checksum. Every frame has a checksum of its own.

Neither of the usual formats does that: ``.npy`` and safetensors need the number of frames before the first is written,
safetensors all of them in memory, and neither notices a damaged byte.
"""

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor

from ..errors import VaceInputError, require_shape
from ..files import open_plain, parse_json, write_error

MAGIC = b"vacefrm1"
PART = ".part"
_DIGEST = 8  # bytes
_TRAILER = len(MAGIC) + 8 + _DIGEST
_LONGEST = 2**28  # bytes of a description; ten million frames take as many
_MEBI = 2**20


def checksum(data: bytes | bytearray | memoryview) -> str:
    """A short hash that tells damage, as text."""
    return hashlib.blake2b(data, digest_size=_DIGEST).hexdigest()


def as_bytes(pixels: Tensor) -> memoryview:
    """A copy of the values of a tensor of any layout, in row-major order."""
    copied = pixels.clone(memory_format=torch.contiguous_format)
    return memoryview(copied.view(-1).view(torch.uint8).numpy(force=True))


def to_8bit(name: str, frames: Tensor) -> Tensor:
    """Frames in the 256 steps that are stored, rounded to the nearest.

    Args:
        name: What the user calls them.
        frames: [T, H, W, C], in [0, 1]; what lies outside is clamped.

    Returns:
        The same shape, uint8.

    Raises:
        VaceInputError: If they hold NaN or infinite values, which no picture shows.
    """
    stored = torch.empty(frames.shape, dtype=torch.uint8, device=frames.device)
    for index, frame in enumerate(frames):
        if not frame.isfinite().all():
            raise VaceInputError(
                f"{name} holds NaN or infinite values, first in frame {index}; it is not stored. The sampler or the "
                f"VAE failed: run the VAE in float32, or try another attention or model precision."
            )
        stored[index] = (frame.float().clamp(0, 1) * 255).round()
    return stored


def from_8bit(frames: Tensor) -> Tensor:
    """Stored frames as float32 in [0, 1]."""
    return frames.float() / 255


def commit(file: object, part: Path, path: Path) -> None:
    """Put a file that was written beside its place there, once all of it is on the disk."""
    file.flush()
    os.fsync(file.fileno())
    file.close()  # Windows renames no open file
    part.replace(path)


class FrameWriter:
    """Writes a frame file; used in a ``with``, which throws away what was written when anything fails.

    Attributes:
        path: Where the file will be once it is whole.
        num_frames: Frames written so far.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], expected: int = 0, kept: str = "") -> None:
        """Begin a file.

        Args:
            path: Where it will be; the folder exists.
            shape: (H, W, C) of a frame; C are bytes.
            expected: Frames that will come, as far as that is known.
            kept: What to add to the message when it cannot be written.

        Raises:
            VaceInputError: If the disk takes no file.
        """
        self.path, self.num_frames = path, 0
        self._shape, self._expected, self._kept = shape, expected, kept
        self._digests: list[str] = []
        self._part = path.with_name(path.name + PART)
        try:
            self._file = self._part.open("wb")
        except OSError as error:
            raise self._failed(error) from error

    def append(self, frames: Tensor) -> None:
        """Add frames [n, H, W, C], uint8.

        Raises:
            VaceInputError: If they are of another size or kind, or the disk is full.
        """
        require_shape("frames", frames, "T H W C", (None, *self._shape))
        if frames.dtype != torch.uint8:
            raise VaceInputError(f"frames must be uint8, got {frames.dtype}. Use to_8bit.")
        for frame in frames:
            data = as_bytes(frame)
            self._digests.append(checksum(data))
            self._write(data)
            self.num_frames += 1

    def finish(self, info: Mapping[str, object]) -> None:
        """Make the file whole and put it in its place, over an older one.

        Args:
            info: What JSON can hold.

        Raises:
            VaceInputError: If the disk is full.
        """
        described = {"shape": [self.num_frames, *self._shape], "digests": self._digests, "info": dict(info)}
        text = json.dumps(described).encode()
        self._write(text + MAGIC + len(text).to_bytes(8, "little") + bytes.fromhex(checksum(text)))
        try:
            commit(self._file, self._part, self.path)
        except OSError as error:
            raise self._failed(error) from error

    def _write(self, data: bytes | bytearray) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> Exception:
        frames = max(self._expected, self.num_frames + 1)
        return write_error(error, self.path, frames * math.prod(self._shape), self._kept)

    def __enter__(self) -> "FrameWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._file.close()
        except OSError as refused:
            if error is None:  # a full disk fails once more on closing
                raise self._failed(refused) from refused
        finally:
            with contextlib.suppress(OSError):  # of a disk that takes nothing any more
                self._part.unlink(missing_ok=True)


@dataclass(frozen=True)
class FrameFile:
    """A whole frame file.

    Attributes:
        path: Where it is.
        shape: (T, H, W, C).
        digests: A checksum for each frame.
        info: What was stored beside them.
        remedy: A sentence on what to do when it turns out to be damaged.
    """

    path: Path
    shape: tuple[int, int, int, int]
    digests: tuple[str, ...]
    info: Mapping[str, object]
    remedy: str

    @classmethod
    def open(cls, path: Path, remedy: str) -> "FrameFile":
        """Read the description; the frames are left alone.

        Args:
            path: The file.
            remedy: What to do when it is damaged.

        Raises:
            VaceInputError: If it was cut short or its description altered.
        """
        try:
            size, text = _description(path)
            found = parse_json(text)
            shape, digests, info = tuple(found["shape"]), tuple(found["digests"]), found["info"]
        except FileNotFoundError:
            raise
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise _damaged(path, str(error), remedy) from error
        if len(shape) != 4 or not all(type(side) is int and side > 0 for side in shape) or len(digests) != shape[0]:
            raise _damaged(path, "its description was altered", remedy)
        if size != math.prod(shape) + len(text) + _TRAILER:
            raise _damaged(path, f"it has {size} bytes", remedy)
        return cls(path, shape, digests, info if isinstance(info, dict) else {}, remedy)

    @property
    def digest(self) -> str:
        """A hash of all frames."""
        return checksum(json.dumps([self.shape, self.digests]).encode())

    def read(self, start: int, stop: int) -> Tensor:
        """Some of the frames.

        Args:
            start: The first.
            stop: The one after the last, at most T.

        Returns:
            [stop - start, H, W, C], uint8.

        Raises:
            VaceInputError: If one of them is not as it was written.
        """
        T, H, W, C = self.shape
        if not 0 <= start <= stop <= T:
            raise VaceInputError(f"Frames {start} to {stop} of {self.path.name} were asked for; it has {T}.")
        frames = torch.empty(stop - start, H, W, C, dtype=torch.uint8)
        try:
            with open_plain(self.path) as file:
                file.seek(start * H * W * C)
                for index, frame in enumerate(frames, start):
                    data = memoryview(frame.view(-1).numpy())
                    if file.readinto(data) != len(data) or checksum(data) != self.digests[index]:
                        raise _damaged(self.path, f"frame {index} is not as it was written", self.remedy)
        except FileNotFoundError as error:
            raise VaceInputError(f"{self.path.name} in {self.path.parent} is gone. {self.remedy}") from error
        except OSError as error:
            raise _damaged(self.path, str(error), self.remedy) from error
        return frames

    def verify(self) -> None:
        """Read every frame once.

        Raises:
            VaceInputError: If one is not as it was written.
        """
        for index in range(self.shape[0]):
            self.read(index, index + 1)


def _description(path: Path) -> tuple[int, bytes]:
    """Size of a file in bytes, and the text that describes it."""
    with open_plain(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _TRAILER, 0))
        trailer = file.read(_TRAILER)
        length = int.from_bytes(trailer[len(MAGIC) : -_DIGEST], "little")
        if size < _TRAILER + length or length > _LONGEST or not trailer.startswith(MAGIC):
            raise ValueError("it was cut short")
        file.seek(size - _TRAILER - length)
        text = file.read(length)
    if bytes.fromhex(checksum(text)) != trailer[-_DIGEST:]:
        raise ValueError("its description was altered")
    return size, text


def _damaged(path: Path, reason: str, remedy: str) -> VaceInputError:
    return VaceInputError(f"{path.name} in {path.parent} is damaged: {reason}. {remedy}")


def fingerprint(tensor: Tensor, chunk: int = 16 * _MEBI) -> str:
    """A hash of a tensor's values, shape and kind, the same in every process.

    What repeats along an axis is read once, so an expanded constant costs nothing.

    Args:
        tensor: Any tensor.
        chunk: Bytes to copy at a time.
    """
    once = tensor[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in tensor.stride())]
    rows = once.reshape(1) if once.ndim == 0 else once
    shapes = f"{tensor.dtype} {list(tensor.shape)} {list(once.shape)}"
    found = hashlib.blake2b(shapes.encode(), digest_size=16)
    size = max(rows.shape[1:].numel() * rows.element_size(), 1)
    for part in rows.split(max(chunk // size, 1)):
        found.update(as_bytes(part))
    return found.hexdigest()


def combined(parts: Iterable[str]) -> str:
    """One hash of several texts."""
    return hashlib.blake2b(json.dumps(list(parts)).encode(), digest_size=16).hexdigest()
