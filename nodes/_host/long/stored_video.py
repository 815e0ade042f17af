"""The host's VIDEO of a finished run: read from disk frame by frame when it is saved, whole when it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from ....vace_core.long import Run
from ..video import ABOVE, StreamedVideo


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredVideo(StreamedVideo):
    """A VIDEO whose frames lie in a run's folder, in 8 bits.

    Attributes:
        run: The finished run.
    """

    run: Run

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""
        return self.run.num_frames, *self.run.size, 3

    def parts(self) -> Iterator[Tensor]:
        """[n, H, W, 3] in [0, 1], T in all."""
        return (part.float() / 255 for part in self.run.frames())

    def parts_to_save(self, bit_depth: int) -> Iterator[Tensor]:
        """The same, so that the bytes which are stored come out."""
        return (part + ABOVE for part in self.parts()) if bit_depth == 8 else self.parts()
