"""The tasks of VACE, a file each: every one turns what a user has into a VCU.

Videos, masks, pictures and numbers go in; a `Vcu` that says what was repaired comes out.
It imports `video`, `masks` and `vcu`, and no other concept.
"""

from .anything import (
    animate_anything,
    expand_anything,
    make_anything,
    move_anything,
    reference_anything,
    swap_anything,
)
from .canvas import ANCHORS, Margins, growth_from
from .extension import bridge_vcu, extend_vcu, loop_vcu
from .inpaint import Region, inpaint_vcu
from .joining import join_frames
from .keyframes import interpolate_frames, place_keyframes
from .layout import BoxMotion, box_layout, draw_box_outlines, draw_contours, track_layout
from .outpaint import KeptEdge, outpaint_vcu
from .positions import SNAPS, Places

__all__ = [
    "ANCHORS",
    "SNAPS",
    "BoxMotion",
    "KeptEdge",
    "Margins",
    "Places",
    "Region",
    "animate_anything",
    "box_layout",
    "bridge_vcu",
    "draw_box_outlines",
    "draw_contours",
    "expand_anything",
    "extend_vcu",
    "growth_from",
    "inpaint_vcu",
    "interpolate_frames",
    "join_frames",
    "loop_vcu",
    "make_anything",
    "move_anything",
    "outpaint_vcu",
    "place_keyframes",
    "reference_anything",
    "swap_anything",
    "track_layout",
]
