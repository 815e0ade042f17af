"""The host's MODEL: what kind it is, what it carries of ours, and what tells it from another.

`vace_model` refuses what is no VACE model, and keeps adapters and strength fields on one. `identity` hashes a model.
`sampling_check` looks at the prompts before a model is loaded. `trained_range` tells what it was not trained with, and
`finite` stops it at the first NaN.
It imports the host, nothing of this layer, and the core's `conditioning`, `strength`, `vcu` and `video`.
"""

from .finite import is_finite, require_finite_step
from .identity import model_identity
from .sampling_check import add_sampling_check
from .trained_range import CONTEXT_HANDLER, SampledVideo, tell_of_context, tell_untrained
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
    "SampledVideo",
    "adapter_vcus",
    "add_sampling_check",
    "attached_adapters",
    "is_attached",
    "is_finite",
    "is_merged",
    "model_identity",
    "require_finite_step",
    "require_vace_model",
    "require_vace_models",
    "strength_fields",
    "tell_of_context",
    "tell_untrained",
    "with_adapter",
    "with_strength_fields",
]
