"""The host's VIDEO object, as far as VACE needs it."""

from fractions import Fraction

from comfy_api.latest import InputImpl, Types
from torch import Tensor

from ....vace_core.video import DEFAULT_FPS, Clip
from ..types import Video

# Frame rates such as 24000 / 1001 are exact with this denominator.
MAX_DENOMINATOR = 1001


def read_clip(video: Video | Tensor) -> Clip:
    """Frames, frame rate and sound of an IMAGE batch or a VIDEO.

    Args:
        video: Frames [T, H, W, C], or the host's VIDEO.
    """
    if isinstance(video, Tensor):
        return Clip(video)
    parts = video.get_components()
    return Clip(parts.images, float(parts.frame_rate), parts.audio)


def write_clip(clip: Clip) -> Video:
    """The host's VIDEO of a clip; 16 frames per second, the model's own, when it has no frame rate."""
    rate = Fraction(clip.fps or DEFAULT_FPS).limit_denominator(MAX_DENOMINATOR)
    return InputImpl.VideoFromComponents(Types.VideoComponents(images=clip.frames, audio=clip.audio, frame_rate=rate))
