"""Motion between frames, as fields in pixels and as the colours of VACE's control.

Frames go in; `control` measures by OpenCV or `raft`, and `wheel` draws the colours.
It imports `protocol` and `optional`; weights are handed in.
"""

from .control import OFFICIAL_SCALE, SCALES, Dis, Flow, FlowFinder, dis_flow, forward_backward_consistent
from .raft import OFFICIAL_ITERATIONS, Raft, is_raft, raft_bytes, raft_network, torchvision_names
from .wheel import flow_colours, largest_motion

__all__ = [
    "OFFICIAL_ITERATIONS",
    "OFFICIAL_SCALE",
    "SCALES",
    "Dis",
    "Flow",
    "FlowFinder",
    "Raft",
    "dis_flow",
    "flow_colours",
    "forward_backward_consistent",
    "is_raft",
    "largest_motion",
    "raft_bytes",
    "raft_network",
    "torchvision_names",
]
