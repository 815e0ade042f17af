"""Nodes that keep what is kept, to the bit.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .crop import VaceCropVcu, VaceStitchCrop
from .paste import VacePasteBack

__all__ = ["VaceCropVcu", "VacePasteBack", "VaceStitchCrop"]
