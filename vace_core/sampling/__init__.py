"""Sampler settings by name, the official solver with its noise levels, and the official negative prompt.

Settings are plain values that nodes offer; the solver goes from sample to sample by what a model estimates.
It imports nothing but the errors and notes.
"""

from .guidance import note_guidance
from .negative_prompt import NEGATIVE_PROMPT
from .presets import CUSTOM, DEFAULT, OFFICIAL_SAMPLER, OFFICIAL_SCHEDULER, PRESETS, SamplerSettings, choose_settings
from .unipc import UniPc, official_sigmas, whole_timesteps

__all__ = [
    "CUSTOM",
    "DEFAULT",
    "NEGATIVE_PROMPT",
    "OFFICIAL_SAMPLER",
    "OFFICIAL_SCHEDULER",
    "PRESETS",
    "SamplerSettings",
    "UniPc",
    "choose_settings",
    "note_guidance",
    "official_sigmas",
    "whole_timesteps",
]
