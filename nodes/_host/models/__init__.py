"""The host's MODEL: what kind it is, what it carries of ours, and what tells it from another.

A MODEL goes in; an answer, a refusal, a hash, or a clone that carries more comes out.
It imports the host, no other folder of this layer, and the core's `strength`.
"""

from .carried import (
    ADAPTER_KEY,
    adapter_vcus,
    attached_adapters,
    strength_fields,
    with_adapter,
    with_strength_fields,
)
from .identity import model_identity
from .kinds import is_attached, is_merged, require_vace_model, require_vace_models
from .sampling_check import add_sampling_check

__all__ = [
    "ADAPTER_KEY",
    "adapter_vcus",
    "add_sampling_check",
    "attached_adapters",
    "is_attached",
    "is_merged",
    "model_identity",
    "require_vace_model",
    "require_vace_models",
    "strength_fields",
    "with_adapter",
    "with_strength_fields",
]
