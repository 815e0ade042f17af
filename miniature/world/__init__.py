"""A small world of moving shapes of which everything is known, and its words.

Scenes are drawn as clips with their truth, as control signals in VACE's look, and told in captions of a closed
vocabulary; measures find in any film of this world what is there. Only pictures, numbers and words come out.
It imports vace_core, the annotators and `training.vocabulary`, and no other room.
"""

from .measures import (
    box_iou,
    colour_share,
    continuity,
    iou,
    motion_of,
    path_error,
    path_of,
    place_share,
    psnr,
    seam,
    shape_share,
    thing_mask,
)
from .scenes import LENGTH, SIZE, Scene, WorldClip, draw_reference, draw_scene, exchange_thing, random_scene
from .signals import (
    box_around,
    draw_contour,
    draw_depth,
    draw_flow,
    draw_gray,
    draw_layout,
    draw_lineart,
    draw_pose,
    has_pose,
    thing_box_mask,
)
from .words import CAPTION_LENGTH, COLOURS, MOTIONS, SHAPES, TEXT_DIM, WORDS, token_ids, without_colour, word_vectors

__all__ = [
    "CAPTION_LENGTH",
    "COLOURS",
    "LENGTH",
    "MOTIONS",
    "SHAPES",
    "SIZE",
    "TEXT_DIM",
    "WORDS",
    "Scene",
    "WorldClip",
    "box_around",
    "box_iou",
    "colour_share",
    "continuity",
    "draw_contour",
    "draw_depth",
    "draw_flow",
    "draw_gray",
    "draw_layout",
    "draw_lineart",
    "draw_pose",
    "draw_reference",
    "draw_scene",
    "exchange_thing",
    "has_pose",
    "iou",
    "motion_of",
    "path_error",
    "path_of",
    "place_share",
    "psnr",
    "random_scene",
    "seam",
    "shape_share",
    "thing_box_mask",
    "thing_mask",
    "token_ids",
    "without_colour",
    "word_vectors",
]
