"""Motion of a whole clip as one field, which the pack itself only finds in parts."""

import torch

from wan_vace.annotators.flow.control import Dis, flow_parts
from wan_vace.annotators.protocol import silent


def dense_flow(frames, finder=None):
    """[T - 1, H, W, 2], see `flow_parts`; by OpenCV when no method is given."""
    return torch.cat([flow for _, flow in flow_parts(frames, finder or Dis(), silent)])
