"""The task nodes: each gives a VCU.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .anything import VaceMakeAnything
from .extension import VaceBridgeVideos, VaceExtendVideo, VaceJoinVideos, VaceLoopVideo
from .inpaint import VaceInpaintVideo
from .keyframes import VaceInterpolateFrames, VacePlaceKeyframes
from .layout import VaceDrawLayout, VaceTrackLayout
from .outpaint import VaceOutpaintVideo

__all__ = [
    "VaceBridgeVideos",
    "VaceDrawLayout",
    "VaceExtendVideo",
    "VaceInpaintVideo",
    "VaceInterpolateFrames",
    "VaceJoinVideos",
    "VaceLoopVideo",
    "VaceMakeAnything",
    "VaceOutpaintVideo",
    "VacePlaceKeyframes",
    "VaceTrackLayout",
]
