"""People: found, followed, and drawn as VACE's official annotator draws them.

Frames go through `detect` into points, which are smoothed, given another build, and drawn; pictures are made last.
It imports `protocol` and `optional`; networks are handed in as runtimes.
"""

from .blazepose import BLAZE_FILES, BLAZE_SCORE, BlazePose
from .boxes import LEAST_SCORE, OFFICIAL_SCORE
from .detect import (
    DETECTOR_ANSWER,
    FALLBACKS,
    POSE_ANSWER,
    RCNN_SCORE,
    WHOLE_FRAME,
    DwPose,
    Found,
    KeypointRcnn,
    RcnnPeople,
    rcnn_network,
)
from .draw import OFFICIAL, PALETTES, DrawPose, Look, draw_people
from .people import NUM_POINTS, People, parse_people, people_at_length, read_people, resized, to_keypoints
from .retarget import retarget
from .runtimes import Runtime, Scripted, load_script, onnx_engine
from .smooth import MAX_GAP, smooth

__all__ = [
    "BLAZE_FILES",
    "BLAZE_SCORE",
    "DETECTOR_ANSWER",
    "FALLBACKS",
    "LEAST_SCORE",
    "MAX_GAP",
    "NUM_POINTS",
    "OFFICIAL",
    "OFFICIAL_SCORE",
    "PALETTES",
    "POSE_ANSWER",
    "RCNN_SCORE",
    "WHOLE_FRAME",
    "BlazePose",
    "DrawPose",
    "DwPose",
    "Found",
    "KeypointRcnn",
    "Look",
    "People",
    "RcnnPeople",
    "Runtime",
    "Scripted",
    "draw_people",
    "load_script",
    "onnx_engine",
    "parse_people",
    "people_at_length",
    "rcnn_network",
    "read_people",
    "resized",
    "retarget",
    "smooth",
    "to_keypoints",
]
