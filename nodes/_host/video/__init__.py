"""The host's VIDEO: frames, frame rate and sound, whole or a few frames at a time.

A socket's value goes in and a `Clip` comes out, or the other way round.
It imports the host, nothing of this layer, and the core's `video`.
"""

from .changed import ChangedVideo
from .stream import CHUNK, frame_count_hint, reading, sound_of, stream_frames
from .streamed import ABOVE, StreamedVideo
from .video import read_clip, write_clip

__all__ = [
    "ABOVE",
    "CHUNK",
    "ChangedVideo",
    "StreamedVideo",
    "frame_count_hint",
    "read_clip",
    "reading",
    "sound_of",
    "stream_frames",
    "write_clip",
]
