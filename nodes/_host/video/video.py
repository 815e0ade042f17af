"""The host's VIDEO object, as far as VACE needs it."""

from collections.abc import Iterator
from contextlib import nullcontext

from comfy_api.latest import InputImpl, Types
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.notes import keep_notes, tell
from ....vace_core.video import Clip, Target, sized_parts
from ..types import Audio, Video
from .stream import reading, sound_of, stream_frames
from .streamed import StreamedVideo, exact_rate


def read_clip(video: Video | Tensor, length: int = 0, name: str = "video", target: Target | None = None) -> Clip:
    """Frames, frame rate and sound of an IMAGE batch or a VIDEO.

    Args:
        video: Frames [T, H, W, C], or the host's VIDEO.
        length: How many frames are used, 0 for all. A file that has more is read so far and no further, which is
            told; frames that are in memory already are left to whoever uses them.
        name: The socket's name.
        target: What a file's frames are to become: each few of them are brought to its size as they are read, so that a
            large video never lies in memory. None leaves them as they are.

    Raises:
        VaceInputError: If a file is gone, is cut off, or has no frames.
    """
    if isinstance(video, Tensor):
        return Clip(video)
    if (length or target) and isinstance(video, InputImpl.VideoFromFile):
        with reading(video):
            about = {"fps": float(video.get_frame_rate()), "audio": sound_of(video)}
        return _read_first(stream_frames(video), length, name, target, **about)
    if (length or target) and isinstance(video, StreamedVideo) and video.whole() is None:
        about = {"fps": float(video.get_frame_rate()), "audio": video.audio}
        return _read_first(video.parts(), length, name, target, **about)
    with reading(video) if isinstance(video, InputImpl.VideoFromFile) else nullcontext():
        parts = video.get_components()
    if not len(parts.images):
        raise _no_frames(name)
    return Clip(parts.images, float(parts.frame_rate), parts.audio)


@keep_notes
def _read_first(
    parts: Iterator[Tensor], length: int, name: str, target: Target | None, fps: float, audio: Audio | None
) -> Clip:
    """A clip of [T, H, W, 3], T at most ``length`` unless that is 0."""
    sizes: list[tuple[int, int]] = []
    first = _first(parts, length, name, sizes)
    held = list(sized_parts(first, target, name) if target else first)
    if not held:
        raise _no_frames(name)
    frames = _joined(held, sum(len(part) for part in held))
    return Clip(frames, fps, audio, source_size=sizes[0] if target else None)


def _no_frames(name: str) -> VaceInputError:
    return VaceInputError(f"{name} has no frames. It may be cut off: save or download it again.")


def _first(parts: Iterator[Tensor], length: int, name: str, sizes: list[tuple[int, int]]) -> Iterator[Tensor]:
    """Parts up to ``length`` frames in all, or all of them; their sizes are noted down."""
    count = 0
    for part in parts:
        wanted = part[: length - count] if length else part
        count += len(wanted)
        is_last = len(wanted) < len(part)
        if is_last:
            tell("cut", f"{name} has more than {length} frames; the first {length} are used.")
        sizes.append((part.shape[1], part.shape[2]))
        del part  # nothing of it is kept here while the next one is read
        if len(wanted):
            yield wanted
        del wanted
        if is_last:
            return


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
