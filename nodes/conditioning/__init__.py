"""Nodes between a VCU and a sampler, and behind the sampler.

A file describes the sockets of one family of nodes; the work is one call into the core, the annotators or the host
layer. It imports those layers and the shared sockets, and no other folder of nodes.
"""

from .context import VaceApplyContext, VaceEncodeVcu
from .latents import VaceDecodeLatent, VaceDecodeVideo, VaceTrimLatent
from .noise_mask import VaceSetNoiseMask

__all__ = [
    "VaceApplyContext",
    "VaceDecodeLatent",
    "VaceDecodeVideo",
    "VaceEncodeVcu",
    "VaceSetNoiseMask",
    "VaceTrimLatent",
]
