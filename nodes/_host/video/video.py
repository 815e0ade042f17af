"""The host's VIDEO object, as far as VACE needs it."""

from fractions import Fraction

from comfy_api.latest import InputImpl, Types
from torch import Tensor

from ....vace_core.video import DEFAULT_FPS, Clip
from ..conditioning import AUDIO, FPS
from ..types import Latent, Video

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


def as_video(frames: Tensor, latent: Latent, fps: float) -> Video:
    """The host's VIDEO of decoded frames, with the sound that the latent carries.

    Args:
        frames: [T, H, W, 3], in [0, 1].
        latent: The LATENT they were decoded from.
        fps: Frames per second; 0 takes the source's, or the model's 16 when it had none.
    """
    return write_clip(Clip(frames, fps or latent.get(FPS), latent.get(AUDIO)))


def write_clip(clip: Clip) -> Video:
    """The host's VIDEO of a clip; 16 frames per second, the model's own, when it has no frame rate."""
    rate = Fraction(clip.fps or DEFAULT_FPS).limit_denominator(MAX_DENOMINATOR)
    return InputImpl.VideoFromComponents(Types.VideoComponents(images=clip.frames, audio=clip.audio, frame_rate=rate))
