"""The host's VIDEO object, as far as VACE needs it."""

from collections.abc import Iterator

from comfy_api.latest import InputImpl, Types
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.notes import keep_notes, tell
from ....vace_core.video import Clip
from ..types import Audio, Video
from .stream import sound_of, stream_frames
from .streamed import StreamedVideo, exact_rate


def read_clip(video: Video | Tensor, length: int = 0, name: str = "video") -> Clip:
    """Frames, frame rate and sound of an IMAGE batch or a VIDEO.

    Args:
        video: Frames [T, H, W, C], or the host's VIDEO.
        length: How many frames are used, 0 for all. A file that has more is read so far and no further, which is
            told; frames that are in memory already are left to whoever uses them.
        name: The socket's name.
    """
    if isinstance(video, Tensor):
        return Clip(video)
    if length and isinstance(video, InputImpl.VideoFromFile):
        about = {"fps": float(video.get_frame_rate()), "audio": sound_of(video)}
        return _read_first(stream_frames(video), length, name, **about)
    if length and isinstance(video, StreamedVideo) and video.whole() is None:
        return _read_first(video.parts(), length, name, fps=float(video.get_frame_rate()), audio=video.audio)
    parts = video.get_components()
    return Clip(parts.images, float(parts.frame_rate), parts.audio)


@keep_notes
def _read_first(parts: Iterator[Tensor], length: int, name: str, fps: float, audio: Audio | None) -> Clip:
    """A clip of [T, H, W, 3], T at most ``length``."""
    held, count = [], 0
    for part in parts:
        held.append(part[: length - count])
        count += len(held[-1])
        if len(held[-1]) < len(part):
            tell("cut", f"{name} has more than {length} frames; the first {length} are used.")
            break
    if not held:
        raise VaceInputError(f"{name} has no frames. It may be cut off: save or download it again.")
    return Clip(_joined(held, count), fps, audio)


def _joined(parts: list[Tensor], count: int) -> Tensor:
    """Parts as one, each let go of as it is copied."""
    frames, done = parts[0].new_empty(count, *parts[0].shape[1:]), 0
    while parts:
        part = parts.pop(0)
        frames[done : done + len(part)] = part
        done += len(part)
    return frames


def write_clip(clip: Clip) -> Video:
    """The host's VIDEO of a clip; 16 frames per second, the model's own, when it has no frame rate."""
    components = Types.VideoComponents(images=clip.frames, audio=clip.audio, frame_rate=exact_rate(clip.fps))
    return InputImpl.VideoFromComponents(components)
