"""The host's VIDEO object, as far as VACE needs it."""

from torch import Tensor

from ...vace_core.video import Clip


def read_clip(video: object) -> Clip:
    """Frames, frame rate and sound of an IMAGE batch or a VIDEO.

    Args:
        video: Frames [T, H, W, C], or the host's VIDEO.
    """
    if isinstance(video, Tensor):
        return Clip(video)
    parts = video.get_components()
    return Clip(parts.images, float(parts.frame_rate), parts.audio)
