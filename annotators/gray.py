"""Grayscale control video."""

from torch import Tensor

# The official GrayAnnotator gives RGB frames to OpenCV's BGR2GRAY, so BT.601's red and blue weights swap.
OFFICIAL_LUMA = (0.114, 0.587, 0.299)
BT601_LUMA = (0.299, 0.587, 0.114)


def gray(frames: Tensor, luma: tuple[float, float, float] = OFFICIAL_LUMA) -> Tensor:
    """Brightness as VACE's official annotator computes it, on three channels.

    Source: ``GrayAnnotator`` in ali-vilab/VACE's ``vace/annotators/gray.py``.

    Args:
        frames: [T, H, W, 3], RGB in [0, 1].
        luma: Weights of red, green and blue; they add up to 1.

    Returns:
        [T, H, W, 3], in [0, 1], the three channels equal.
    """
    return (frames * frames.new_tensor(luma)).sum(-1, keepdim=True).expand_as(frames)
