"""Strength while the model runs: the same for merged models and attached adapters.

`fields` puts strengths on a MODEL. As the model runs, `model_call` works out once what each VCU weighs (`scaling`) and
which have an effect; `merged` gives that to the host's VACE model, and `adapter` takes it for attached ones.
It imports the host, this layer's `conditioning` and `models`, and the core's `strength`.
"""

from .checks import require_finite
from .fields import cut_strengths_to_windows, set_strength_field
from .model_call import CONTEXT_KEY, STRENGTHS_KEY, ActiveVcus, ModelCall, wrap_model_calls

__all__ = [
    "CONTEXT_KEY",
    "STRENGTHS_KEY",
    "ActiveVcus",
    "ModelCall",
    "cut_strengths_to_windows",
    "require_finite",
    "set_strength_field",
    "wrap_model_calls",
]
