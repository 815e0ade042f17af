"""Sampler settings by name, and the official negative prompt.

They are plain values; nodes offer them and the host's sampling uses them.
It imports nothing but the errors.
"""

from .negative_prompt import NEGATIVE_PROMPT
from .presets import CUSTOM, DEFAULT, PRESETS, SamplerSettings, choose_settings

__all__ = ["CUSTOM", "DEFAULT", "NEGATIVE_PROMPT", "PRESETS", "SamplerSettings", "choose_settings"]
