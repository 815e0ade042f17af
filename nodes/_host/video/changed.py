"""The host's VIDEO of another one whose frames are changed as they are read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from .streamed import StreamedVideo


@dataclass(frozen=True, eq=False, kw_only=True)
class ChangedVideo(StreamedVideo):
    """A VIDEO that is made each time it is read, a few frames at a time, unless all of its frames are in memory.

    Attributes:
        video: What is read.
        change: From its parts to those of this video, each [n, H, W, 3] in [0, 1].
        size: (H, W) of this video, which has as many frames.
    """

    video: StreamedVideo
    change: Callable[[Iterator[Tensor]], Iterator[Tensor]]
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""
        return self.video.shape[0], *self.size, 3

    def parts(self) -> Iterator[Tensor]:
        """[n, H, W, 3] in [0, 1], T in all."""
        whole = self.whole()
        return self.change(self.video.parts()) if whole is None else iter([whole])
