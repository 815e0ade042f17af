"""Depth in the look of VACE's control: near is white, far is black.

Depth of a network or of another node goes in; `align` takes flicker out and `control` draws it.
It imports `protocol` and `optional`; weights are handed in.
"""

from .control import RANGES, STEADY, DepthMaps, depth_control, picture_maps, unpacked
from .networks import BASE, LARGE, SMALL, DepthNetwork, depth_anything, midas

__all__ = [
    "BASE",
    "LARGE",
    "RANGES",
    "SMALL",
    "STEADY",
    "DepthMaps",
    "DepthNetwork",
    "depth_anything",
    "depth_control",
    "midas",
    "picture_maps",
    "unpacked",
]
