"""Strength while the model runs: the same for merged models and attached adapters.

A model call asks here what each context weighs at its noise level; nothing of the model is replaced.
It imports the host, `conditioning` and the core's `strength`.
"""

from .merged import follow_fields, is_merged
from .model_call import COUNT, FIELD, live_vcus, require_finite, require_vcus, scaled, with_reference_count

__all__ = [
    "COUNT",
    "FIELD",
    "follow_fields",
    "is_merged",
    "live_vcus",
    "require_finite",
    "require_vcus",
    "scaled",
    "with_reference_count",
]
