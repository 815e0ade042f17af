"""The host's VIDEO of a sampled latent: decoded a few frames at a time when it is saved, whole when it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from torch import Tensor

from ....vace_core.video import SPATIAL_STRIDE
from ..types import VAE
from ..video import StreamedVideo
from .decoding import decode_parts


@dataclass(frozen=True, eq=False, kw_only=True)
class DecodedVideo(StreamedVideo):
    """A VIDEO that is decoded each time it is read, unless all of its frames are in memory.

    Attributes:
        vae: The Wan 2.1 VAE.
        samples: [1, 16, t, h, w] in the VAE's own space, without references.
        num_frames: T.
    """

    vae: VAE
    samples: Tensor
    num_frames: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""
        h, w = self.samples.shape[-2:]
        return self.num_frames, h * SPATIAL_STRIDE, w * SPATIAL_STRIDE, 3

    def parts(self) -> Iterator[Tensor]:
        """[n, H, W, 3] in [0, 1], T in all."""
        whole = self.whole()
        if whole is not None:
            return iter([whole])
        return map(itemgetter(0), decode_parts(self.vae, self.samples, self.num_frames))
