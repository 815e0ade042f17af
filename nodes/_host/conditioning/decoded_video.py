"""The host's VIDEO of a sampled latent: decoded a few frames at a time when it is saved, whole when it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ....vace_core.video import SPATIAL_STRIDE
from ..types import VAE
from ..video import ABOVE, StreamedVideo
from .decoding import decode_parts


@dataclass(frozen=True, eq=False, kw_only=True)
class DecodedVideo(StreamedVideo):
    """A VIDEO that is decoded as it is read.

    The bytes of a file that was written are kept, a quarter of what the frames would take, so that another file of it
    decodes nothing again.

    Attributes:
        vae: The Wan 2.1 VAE.
        samples: [1, 16, t, h, w] in the VAE's own space, without references.
        num_frames: T.
    """

    vae: VAE
    samples: Tensor
    num_frames: int
    _saved: list[Tensor] = field(default_factory=list, init=False, repr=False)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""
        h, w = self.samples.shape[-2:]
        return self.num_frames, h * SPATIAL_STRIDE, w * SPATIAL_STRIDE, 3

    def parts(self) -> Iterator[Tensor]:
        """[n, H, W, 3] in [0, 1], T in all."""
        return (part[0] for part in decode_parts(self.vae, self.samples, self.num_frames))

    def parts_to_save(self, bit_depth: int) -> Iterator[Tensor]:
        """The same; what a file of 8 bits was made of before is not decoded again."""
        if bit_depth != 8:
            return self.parts()
        return self._from_bytes() if self._saved else self._keeping_bytes()

    def _keeping_bytes(self) -> Iterator[Tensor]:
        kept, done = torch.empty(self.shape, dtype=torch.uint8), 0
        for part in self.parts():
            kept[done : done + len(part)] = (part * 255).clamp(0, 255).byte()  # as the host's encoder cuts it off
            done += len(part)
            yield part
        self._saved[:] = [kept]

    def _from_bytes(self) -> Iterator[Tensor]:
        return (frame[None].float() / 255 + ABOVE for frame in self._saved[0])
