"""Long videos in the host: sampled segment by segment, or window by window.

A long VCU and settings go in; a stored video comes out that is read from disk frame by frame. `long_video` has a
`job` planned (`planner`), made (`generator`) and kept (`store`); `windows` samples all of a video in one pass.
It imports the host, this layer's `conditioning`, `files`, `models`, `sampling`, `strength` and `video`, and the core's
`exact`, `long`, `sampling`, `vcu` and `video`.

A context window is the host's over the video alone; the references, and the frame before, are put in front of each.
"""

from .job import LongJob
from .long_video import sample_long
from .source import read_long_vcu
from .windows import BATCHED, FUSE_METHODS, LOOPED, SCHEDULES, set_windows

__all__ = ["BATCHED", "FUSE_METHODS", "LOOPED", "SCHEDULES", "LongJob", "read_long_vcu", "sample_long", "set_windows"]
