"""Nodes that load the models and sample.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .load_models import VaceLoadModels
from .sample_context import VaceSampleContext
from .sample_vcu import VaceSampleVcu

__all__ = [
    "VaceLoadModels",
    "VaceSampleContext",
    "VaceSampleVcu",
]
