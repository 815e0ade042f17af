"""Videos longer than the model makes in one go: segments, context windows, and runs on disk.

A long VCU is read segment by segment; what was made is stored frame by frame, so that a stopped run goes on.
It imports `video`, `masks` and `vcu`.

Segments are stored in 8 bits, and the next segment reads them back in 8 bits, so a resumed run equals an uninterrupted
one. They fade into each other only when the video is read. Colours are fitted against what was stored or given, never
against what was decoded, so errors do not add up.
"""

from .build import build_long_vcu, paired
from .colour import apply_colour_map, fit_colour_map
from .frame_file import combined, fingerprint, from_8bit, to_8bit
from .runs import Run
from .segments import (
    Segment,
    known_weight,
    needs_redo,
    parse_redo,
    plan_segments,
    plan_sentence,
    segment_prompts,
    segment_seed,
    segment_vcu,
)
from .vcu import LongVcu, in_memory
from .windows import WindowSettings, count_references, parse_plan, resolve_settings, window_size

__all__ = [
    "LongVcu",
    "Run",
    "Segment",
    "WindowSettings",
    "apply_colour_map",
    "build_long_vcu",
    "combined",
    "count_references",
    "fingerprint",
    "fit_colour_map",
    "from_8bit",
    "in_memory",
    "known_weight",
    "needs_redo",
    "paired",
    "parse_plan",
    "parse_redo",
    "plan_segments",
    "plan_sentence",
    "resolve_settings",
    "segment_prompts",
    "segment_seed",
    "segment_vcu",
    "to_8bit",
    "window_size",
]
