"""Annotators in the host: run with progress and kept by content, networks moved like its own.

Frames and a choice of network go in; control frames come out, with weights from files that users have.
It imports the host, this layer's `files`, `models` and `video`, the core's `video`, and the annotators.
"""

from .annotate import annotate
from .depth import DEPTH_NETWORKS, connected_depth, estimated_depth
from .flow import RAFT_FILES, raft_from_file, raft_from_host
from .lines import LINE_NETWORKS, neural_lines
from .pose import ONNX, RCNN, SCRIPT, find_people, pose_detector
from .subject import salient_annotator

__all__ = [
    "DEPTH_NETWORKS",
    "LINE_NETWORKS",
    "ONNX",
    "RAFT_FILES",
    "RCNN",
    "SCRIPT",
    "annotate",
    "connected_depth",
    "estimated_depth",
    "find_people",
    "neural_lines",
    "pose_detector",
    "raft_from_file",
    "raft_from_host",
    "salient_annotator",
]
