"""The host's MODEL: what kind it is, what it carries of ours, and what tells it from another.

`vace_model` refuses what is no VACE model, and keeps adapters and strength fields on one. `identity` hashes a model.
`sampling_check` looks at the prompts before a model is loaded. `trained_range` tells what it was not
trained with.
It imports the host, nothing of this layer, and the core's `strength`, `vcu` and `video`.
"""

from .identity import model_identity
from .sampling_check import add_sampling_check
from .trained_range import CONTEXT_HANDLER, note_context_scales, note_size
from .vace_model import (
    ADAPTER_KEY,
    adapter_vcus,
    attached_adapters,
    is_attached,
    is_merged,
    require_vace_model,
    require_vace_models,
    strength_fields,
    with_adapter,
    with_strength_fields,
)

__all__ = [
    "ADAPTER_KEY",
    "CONTEXT_HANDLER",
    "adapter_vcus",
    "add_sampling_check",
    "attached_adapters",
    "is_attached",
    "is_merged",
    "model_identity",
    "note_context_scales",
    "note_size",
    "require_vace_model",
    "require_vace_models",
    "strength_fields",
    "with_adapter",
    "with_strength_fields",
]
