"""Sampling with the host's own guiders, noise and model management.

`inputs` refuses what cannot be sampled, `sample` runs it, `graph` expands one node into the host's steps.
It imports the host, `adapter`, `conditioning` and the core's `sampling`.
"""

from .graph import SamplerChoices, loading_graph, model_files, sampling_graph
from .inputs import SAMPLERS, SCHEDULERS, SamplingInputs
from .sample import sample_context

__all__ = [
    "SAMPLERS",
    "SCHEDULERS",
    "SamplerChoices",
    "SamplingInputs",
    "loading_graph",
    "model_files",
    "sample_context",
    "sampling_graph",
]
