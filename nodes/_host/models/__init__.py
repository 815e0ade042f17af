"""The host's MODEL: what kind it is, what it carries of ours, and what tells it from another.

`kinds` refuses what is no VACE model, `carried` keeps the attached adapters and the strength fields on it, `identity`
hashes it, and `sampling_check` looks at the prompts before it is loaded.
It imports the host, nothing of this layer, and the core's `strength`.
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
