"""Nodes that build, compose, show and store a Video Condition Unit.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .build_vcu import VaceBuildVcu
from .compose import VaceComposeVcus, VaceMixControls
from .preview import VacePreviewVcu
from .references import VacePrepareReference
from .storage import VaceLoadVcu, VaceSaveVcu

__all__ = [
    "VaceBuildVcu",
    "VaceComposeVcus",
    "VaceLoadVcu",
    "VaceMixControls",
    "VacePrepareReference",
    "VacePreviewVcu",
    "VaceSaveVcu",
]
