"""Keeping what is kept: pixels put back to the bit, and crops that are sampled alone.

A crop is planned along the path of the mask and cut out as a VCU of its own; the result is stitched or pasted back.
It imports `video`, `masks` and `vcu`.

A crop has one size in all frames and lies at whole pixels, so nothing is resampled at 1:1. Stitching is pasting back in
the crop's part of the whole VCU.
"""

from .crop import SCALES
from .paste import DEFAULT_FEATHER, SIDES, paste_back, paste_parts, require_same_shape
from .stitch import Crop, make_crop, require_crop, stitch_crop, stitch_parts

__all__ = [
    "DEFAULT_FEATHER",
    "SCALES",
    "SIDES",
    "Crop",
    "make_crop",
    "paste_back",
    "paste_parts",
    "require_crop",
    "require_same_shape",
    "stitch_crop",
    "stitch_parts",
]
