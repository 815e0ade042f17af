"""The host's VIDEO of a finished run: read from disk frame by frame when it is saved, whole when it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

import torch
from comfy_api.latest import Input, InputImpl, Types
from torch import Tensor

from ....vace_core.long import Run
from ....vace_core.video import DEFAULT_FPS
from ..types import Audio, Video, VideoComponents
from ..video import MAX_DENOMINATOR

# The host's encoder cuts values off to bytes instead of rounding: k / 255 may come out as k - 1 without this.
ABOVE = 0.25 / 255


@dataclass(frozen=True, eq=False)
class StoredVideo(Input.Video):
    """A VIDEO whose frames lie in a run's folder.

    Attributes:
        run: The finished run.
        fps: Frames per second; None for the model's own.
        audio: Its sound in the host's form.
    """

    run: Run
    fps: float | None = None
    audio: Audio | None = None

    def get_components(self) -> VideoComponents:
        """All frames in memory."""
        H, W = self.run.size
        images = torch.empty(self.run.num_frames, H, W, 3)
        done = 0
        for part in self.run.frames():
            images[done : done + len(part)] = part.float() / 255
            done += len(part)
        return self._components(images)

    def save_to(self, path: str | IO[bytes], *args: object, **kwargs: object) -> None:
        """Write a file as the host does, a few frames in memory at a time."""
        InputImpl.VideoFromComponents(self._components(_Frames(self.run))).save_to(path, *args, **kwargs)

    def as_trimmed(
        self, start_time: float | None = None, duration: float | None = None, strict_duration: bool = False
    ) -> Video:
        """A part of it, by way of a file in memory, as the host does."""
        video = InputImpl.VideoFromFile(self.get_stream_source())
        return video.as_trimmed(start_time, duration, strict_duration)

    def get_dimensions(self) -> tuple[int, int]:
        """(W, H) in pixels."""
        H, W = self.run.size
        return W, H

    def get_frame_count(self) -> int:
        """T."""
        return self.run.num_frames

    def get_frame_rate(self) -> Fraction:
        """Frames per second, exact."""
        return Fraction(self.fps or DEFAULT_FPS).limit_denominator(MAX_DENOMINATOR)

    def get_duration(self) -> float:
        """Seconds."""
        return float(self.run.num_frames / self.get_frame_rate())

    def _components(self, images: "Tensor | _Frames") -> VideoComponents:
        return Types.VideoComponents(images=images, audio=self.audio, frame_rate=self.get_frame_rate())


class _Frames:
    """What the host's encoder needs of an IMAGE: a shape, and the frames in turn."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.shape = (run.num_frames, *run.size, 3)

    def __iter__(self) -> Iterator[Tensor]:
        for part in self._run.frames():
            yield from part.float() / 255 + ABOVE
