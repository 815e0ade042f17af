"""Annotators in the host: run with progress and kept by content, networks moved like its own.

Frames and a choice of network go in; control frames come out, with weights from files that users have.
It imports the host, this layer's `files`, `models` and `video`, the core's `video`, and the annotators.
"""

from .annotate import annotate
from .depth import DEPTH_NETWORKS, connected_depth, estimated_depth
from .flow import RAFT_FILES, raft_from_file, raft_from_host
from .lines import LINE_NETWORKS, neural_lines
from .offered import serve_needed_files
from .pose import BLAZE, ONNX, RCNN, SCRIPT, Detector, find_people, pose_detector
from .subject import person_annotator, salient_annotator

__all__ = [
    "BLAZE",
    "DEPTH_NETWORKS",
    "LINE_NETWORKS",
    "ONNX",
    "RAFT_FILES",
    "RCNN",
    "SCRIPT",
    "Detector",
    "annotate",
    "connected_depth",
    "estimated_depth",
    "find_people",
    "neural_lines",
    "person_annotator",
    "pose_detector",
    "raft_from_file",
    "raft_from_host",
    "salient_annotator",
    "serve_needed_files",
]
