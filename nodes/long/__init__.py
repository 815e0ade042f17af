"""Nodes for videos longer than the model makes in one go.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .long_video import VaceBuildLongVcu, VaceSampleLongVideo
from .windows import VaceSetContextWindows

__all__ = ["VaceBuildLongVcu", "VaceSampleLongVideo", "VaceSetContextWindows"]
