"""Nodes that draw, change and show masks.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .shape import VaceAugmentMask, VaceDrawBoxMask, VaceGrowMask
from .split_by_mask import VaceSplitByMask

__all__ = ["VaceAugmentMask", "VaceDrawBoxMask", "VaceGrowMask", "VaceSplitByMask"]
