"""Nodes that turn a video into a control signal or a subject's mask.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .depth import VaceAnnotateDepth
from .draw_pose import VaceDrawPose
from .flow import VaceAnnotateFlow
from .gray import VaceAnnotateGray
from .lineart import VaceAnnotateLineart
from .pose import VaceAnnotatePose
from .subject import VaceMaskSubject, VaceTrackMask

__all__ = [
    "VaceAnnotateDepth",
    "VaceAnnotateFlow",
    "VaceAnnotateGray",
    "VaceAnnotateLineart",
    "VaceAnnotatePose",
    "VaceDrawPose",
    "VaceMaskSubject",
    "VaceTrackMask",
]
