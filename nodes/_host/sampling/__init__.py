"""Sampling with the host's own guiders, noise and model management.

`steps` is the way from a VCU to its frames, taken at once, or handed to the host as nodes by `graph`. `inputs` refuses
what cannot be sampled, and `sample` runs the step in the middle, told of what the model was not trained with.
It imports the host, this layer's `conditioning` and `models`, and the core's `conditioning`, `exact`, `sampling`,
`vcu` and `video`.
"""

from .graph import SamplerChoices, loading_graph, model_files, sampling_graph
from .inputs import SAMPLERS, SCHEDULERS, SamplingInputs
from .sample import sample_context
from .steps import DirectSteps, encode_prompts_once, sample_vcu

__all__ = [
    "SAMPLERS",
    "SCHEDULERS",
    "DirectSteps",
    "SamplerChoices",
    "SamplingInputs",
    "encode_prompts_once",
    "loading_graph",
    "model_files",
    "sample_context",
    "sample_vcu",
    "sampling_graph",
]
