"""Strength while the model runs: the same for merged models and attached adapters.

A model call asks here what each context weighs at its noise level; nothing of the model is replaced.
It imports the host, `conditioning`, `models` and the core's `strength`.
"""

from .checks import require_finite, require_vcus
from .fields import cut_strengths_to_windows, set_strength_field
from .model_call import CONTEXT_KEY, STRENGTHS_KEY, ActiveVcus, ModelCall, around_model_call, with_reference_count

__all__ = [
    "CONTEXT_KEY",
    "STRENGTHS_KEY",
    "ActiveVcus",
    "ModelCall",
    "around_model_call",
    "cut_strengths_to_windows",
    "require_finite",
    "require_vcus",
    "set_strength_field",
    "with_reference_count",
]
