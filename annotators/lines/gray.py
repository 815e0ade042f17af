"""Grayscale control video."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..protocol import LEVELS, Tick, blank, chunks, in_bands, write_gray

# The official GrayAnnotator gives RGB frames to OpenCV's BGR2GRAY, so BT.601's red and blue weights swap.
OFFICIAL_LUMA = (0.114, 0.587, 0.299)
BT601_LUMA = (0.299, 0.587, 0.114)
ONE = 1 << 15  # OpenCV weighs bytes in whole numbers of this part


@dataclass(frozen=True)
class Gray:
    """Brightness as VACE's official annotator computes it; an `Annotator`.

    Source: ``GrayAnnotator`` in ali-vilab/VACE's ``vace/annotators/gray.py``, which is OpenCV's ``cvtColor`` of 8-bit
    frames: (3735 R + 19235 G + 9798 B + 16384) >> 15. Here the same is calculated in single precision, which holds all
    of these numbers exactly, on any device. It costs less than looking up whether it was made before.

    Attributes:
        luma: Weights of red, green and blue; they add up to 1.
    """

    luma: tuple[float, float, float] = OFFICIAL_LUMA

    @property
    def identity(self) -> tuple[object, ...]:
        """Name and weights."""
        return "gray", self.luma

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """[T, H, W, 3] on 8-bit levels, the three channels equal, of frames [T, H, W, 3], rounded to 8 bits."""
        control = blank(frames.shape[:3], frames.device)
        weights = control.new_tensor(_opencv_weights(self.luma)) / ONE
        for part in chunks(len(frames)):
            for drawn, pixels, shade in in_bands(control[part], frames[part]):
                levels = torch.clamp(pixels, 0, 1, out=drawn).mul_(LEVELS).round_()
                torch.mv(levels.view(-1, 3), weights, out=shade.view(-1))
                write_gray(drawn, shade.add_(0.5).floor_().div_(LEVELS))
            tick(part.stop, len(frames))
        return control


def _opencv_weights(luma: tuple[float, float, float]) -> list[int]:
    """Weights as OpenCV has them, in parts of `ONE`: rounded, but the smallest is what the others leave."""
    weights = [round(weight * ONE) for weight in luma]
    least = weights.index(min(weights))
    weights[least] += ONE - sum(weights)
    return weights


def gray(frames: Tensor, luma: tuple[float, float, float] = OFFICIAL_LUMA) -> Tensor:
    """Brightness as VACE's official annotator weighs it, on three channels, not rounded to levels.

    Source: ``GrayAnnotator`` in ali-vilab/VACE's ``vace/annotators/gray.py``; `Gray` gives its very levels.

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
