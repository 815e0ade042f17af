"""Masks: what is generated (1), what is kept (0), and what the model sees of that.

A region is drawn and changed in `shape` and `augment`, put together in `region`, and read for the model in `semantics`.
It imports `video`.
"""

from .augment import MASK_MODES, augment_mask
from .region import AS_GIVEN, RegionShape
from .semantics import (
    LARGE_REGION,
    MOST_OF_FRAME,
    WHOLE,
    WHOLE_REGION,
    binarize,
    decouple,
    fold_mask,
    keep,
    large_region_sentence,
    seen_frames,
)
from .shape import UNITS, distance_to, draw_box_mask, feather_mask, fill_holes, note_black, rasterize_boxes, steady_mask

__all__ = [
    "AS_GIVEN",
    "LARGE_REGION",
    "MASK_MODES",
    "MOST_OF_FRAME",
    "UNITS",
    "WHOLE",
    "WHOLE_REGION",
    "RegionShape",
    "augment_mask",
    "binarize",
    "decouple",
    "distance_to",
    "draw_box_mask",
    "feather_mask",
    "fill_holes",
    "fold_mask",
    "keep",
    "large_region_sentence",
    "note_black",
    "rasterize_boxes",
    "seen_frames",
    "steady_mask",
]
