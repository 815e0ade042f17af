"""The host's VIDEO of frames that come a few at a time, so that they need not lie in memory when it is saved."""

import logging
import os
import weakref
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO

import torch
from comfy_api.latest import Input, InputImpl, Types
from torch import Tensor

from ....vace_core.files import remove_abandoned, write_error
from ....vace_core.notes import collect_notes, sentences
from ....vace_core.video import DEFAULT_FPS
from ..types import Audio, Video, VideoComponents

# Frame rates such as 24000 / 1001 are exact with this denominator.
MAX_DENOMINATOR = 1001
logger = logging.getLogger("wan_vace")

# The host's encoder cuts values off to bytes instead of rounding: k / 255 may come out as k - 1 without this.
PART = ".vace-part"
ABOVE = 0.25 / 255


def exact_rate(fps: float | None) -> Fraction:
    """Frames per second as a fraction; the model's own without any."""
    return Fraction(fps or DEFAULT_FPS).limit_denominator(MAX_DENOMINATOR)


@dataclass(frozen=True, eq=False, kw_only=True)
class StreamedVideo(Input.Video):
    """A VIDEO that is read or made anew each time it is asked for.

    Attributes:
        fps: Frames per second; None for the model's own.
        audio: Its sound in the host's form.
    """

    fps: float | None = None
    audio: Audio | None = None
    _whole: list[weakref.ref] = field(default_factory=list, init=False, repr=False)

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""

    @abstractmethod
    def parts(self) -> Iterator[Tensor]:
        """[n, H, W, 3] in [0, 1], T in all."""

    def parts_to_save(self, bit_depth: int) -> Iterator[Tensor]:
        """What the host's encoder is given, which multiplies it and cuts it off.

        Args:
            bit_depth: Of the file's colours.
        """
        del bit_depth
        return self.parts()

    def whole(self) -> Tensor | None:
        """All frames, if somebody has them still."""
        return self._whole[-1]() if self._whole else None

    def get_components(self) -> VideoComponents:
        """All frames in memory; as long as somebody has them, the next one gets the same."""
        images = self.whole()
        if images is None:
            images = self._gathered()
            self._whole[:] = [weakref.ref(images)]
        return self._components(images)

    def save_to(self, path: str | IO[bytes], *args: object, **kwargs: object) -> None:
        """Write a file as the host does, a few frames in memory at a time; it is there whole or not at all.

        Raises:
            VaceInputError: If the disk is full or takes nothing, or a frame cannot be made.
        """
        frames = _Frames(self.shape, self.parts_to_save(kwargs.get("bit_depth") or 8))
        video = InputImpl.VideoFromComponents(self._components(frames))
        with _told():
            if isinstance(path, str | os.PathLike) and (Path(path).is_file() or not Path(path).exists()):
                _save_whole(video, Path(path).resolve(), *args, **kwargs)
            else:  # memory, a pipe, a device
                video.save_to(path, *args, **kwargs)

    def as_trimmed(
        self, start_time: float | None = None, duration: float | None = None, strict_duration: bool = False
    ) -> Video:
        """A part of it, by way of a file in memory, as the host does."""
        video = InputImpl.VideoFromFile(self.get_stream_source())
        return video.as_trimmed(start_time, duration, strict_duration)

    def get_dimensions(self) -> tuple[int, int]:
        """(W, H) in pixels."""
        _, H, W, _ = self.shape
        return W, H

    def get_frame_count(self) -> int:
        """T."""
        return self.shape[0]

    def get_frame_rate(self) -> Fraction:
        """Frames per second, exact."""
        return exact_rate(self.fps)

    def get_duration(self) -> float:
        """Seconds."""
        return float(self.get_frame_count() / self.get_frame_rate())

    def _gathered(self) -> Tensor:
        images, done = torch.empty(self.shape), 0
        with _told():
            for part in self.parts():
                images[done : done + len(part)] = part
                done += len(part)
        return images

    def _components(self, images: "Tensor | _Frames") -> VideoComponents:
        return Types.VideoComponents(images=images, audio=self.audio, frame_rate=self.get_frame_rate())


def _save_whole(video: Video, path: Path, *args: object, **kwargs: object) -> None:
    """Write beside the place, under a name of this process alone, and put the file there once it is whole.

    The end of the name stays, for the host goes by it.
    """
    remove_abandoned(path.parent.glob(f".*{PART}*"))
    part = path.with_name(f".{path.stem}.{os.getpid()}{PART}{path.suffix}")
    try:
        video.save_to(str(part), *args, **kwargs)
        part.replace(path)
    except OSError as error:
        if error.filename not in (None, str(part)):  # of what the frames are made of
            raise
        raise write_error(error, path) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def _told() -> Iterator[None]:
    """What is told within goes into the log: the node that reads a video is the host's and shows nothing."""
    with collect_notes() as notes:
        yield
    for sentence in sentences(notes):
        logger.warning(sentence)


class _Frames:
    """What the host's encoder needs of an IMAGE: a shape, and the frames in turn."""

    def __init__(self, shape: tuple[int, ...], parts: Iterator[Tensor]) -> None:
        self.shape, self._parts = shape, parts

    def __iter__(self) -> Iterator[Tensor]:
        for part in self._parts:
            yield from part
            del part  # nobody here holds it while the next is made; the encoder holds its last frame
