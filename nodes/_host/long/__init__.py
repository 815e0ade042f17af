"""Long videos in the host: sampled segment by segment, or window by window.

A long VCU and settings go in; a stored video comes out that is read from disk frame by frame.
It imports the host, `sampling` and all that it uses, and the core's `long`.
"""

from .long_video import LongJob, sample_long
from .source import read_long_vcu
from .windows import BATCHED, FUSE_METHODS, LOOPED, SCHEDULES, set_windows

__all__ = ["BATCHED", "FUSE_METHODS", "LOOPED", "SCHEDULES", "LongJob", "read_long_vcu", "sample_long", "set_windows"]
