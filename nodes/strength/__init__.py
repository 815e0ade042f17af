"""The node that varies VACE's strength over steps, frames, blocks, area and references.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .set_strength import VaceSetStrength

__all__ = ["VaceSetStrength"]
