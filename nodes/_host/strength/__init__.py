"""Strength while the model runs: the same for merged models and attached adapters.

A model call asks here what each context weighs at its noise level; nothing of the model is replaced.
It imports the host, `conditioning` and the core's `strength`.
"""

from .merged import follow_fields, is_merged
from .model_call import (
    FIELDS_KEY,
    NUM_REFERENCES_KEY,
    active_vcus,
    require_finite,
    require_vcus,
    scale_strengths,
    with_reference_count,
)

__all__ = [
    "FIELDS_KEY",
    "NUM_REFERENCES_KEY",
    "active_vcus",
    "follow_fields",
    "is_merged",
    "require_finite",
    "require_vcus",
    "scale_strengths",
    "with_reference_count",
]
