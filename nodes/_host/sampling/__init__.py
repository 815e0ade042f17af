"""Sampling with the host's own guiders, noise and model management.

`inputs` refuses what cannot be sampled, `sample` runs it, `graph` expands one node into the host's steps.
It imports the host, `adapter`, `conditioning` and the core's `sampling`.
"""

from .graph import SamplerChoices, loading_graph, sampling_graph
from .inputs import SamplingInputs, require_vace_models
from .sample import sample_context

__all__ = [
    "SamplerChoices",
    "SamplingInputs",
    "loading_graph",
    "require_vace_models",
    "sample_context",
    "sampling_graph",
]
