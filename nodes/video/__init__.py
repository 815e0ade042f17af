"""The node that brings a video to a size and length the model was trained at.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .fit_video import VaceFitVideo

__all__ = ["VaceFitVideo"]
