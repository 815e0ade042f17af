"""Grayscale control video."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..protocol import Tick, blank, chunks, in_bands, on_levels, write_gray

# The official GrayAnnotator gives RGB frames to OpenCV's BGR2GRAY, so BT.601's red and blue weights swap.
OFFICIAL_LUMA = (0.114, 0.587, 0.299)
BT601_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Gray:
    """Brightness as VACE's official annotator computes it; an `Annotator`.

    It costs less than looking up whether it was made before.

    Attributes:
        luma: Weights of red, green and blue; they add up to 1.
    """

    luma: tuple[float, float, float] = OFFICIAL_LUMA

    @property
    def identity(self) -> tuple[object, ...]:
        """Name and weights."""
        return "gray", self.luma

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """[T, H, W, 3] on 8-bit levels, the three channels equal, of frames [T, H, W, 3]."""
        control = blank(frames.shape[:3], frames.device)
        weights = control.new_tensor(self.luma)
        for part in chunks(len(frames)):
            for drawn, pixels, shade in in_bands(control[part], frames[part]):
                torch.mv(pixels.reshape(-1, 3).float(), weights, out=shade.view(-1))
                write_gray(drawn, on_levels(shade, shade))
            tick(part.stop, len(frames))
        return control


def gray(frames: Tensor, luma: tuple[float, float, float] = OFFICIAL_LUMA) -> Tensor:
    """Brightness as VACE's official annotator computes it, on three channels, not rounded to levels.

    Source: ``GrayAnnotator`` in ali-vilab/VACE's ``vace/annotators/gray.py``.

    Args:
        frames: [T, H, W, 3], RGB in [0, 1].
        luma: Weights of red, green and blue; they add up to 1.

    Returns:
        [T, H, W, 3], in [0, 1], the three channels equal.
    """
    return brightness(frames, luma).expand_as(frames)


def brightness(frames: Tensor, luma: tuple[float, float, float] = BT601_LUMA) -> Tensor:
    """[T, H, W, 1], in [0, 1], of frames [T, H, W, 3]."""
    return (frames @ frames.new_tensor(luma))[..., None]
