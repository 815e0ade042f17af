"""Nodes for the context adapter apart from its base.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .adapter import VaceApplyAdapter, VaceLoadAdapter
from .lora import VaceCreateHookLora, VaceLoadLora

__all__ = ["VaceApplyAdapter", "VaceCreateHookLora", "VaceLoadAdapter", "VaceLoadLora"]
