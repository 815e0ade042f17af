"""Prompt guidance where it does harm: with LoRAs that were distilled to do without."""

from ..notes import tell
from .presets import DEFAULT, PRESETS, SamplerSettings

GUIDED = "guided-few-steps"  # code
# Fewer than any of the official settings; so few are taken with a few-step LoRA, or are too few.
FEW_STEPS = 8


def note_guidance(settings: SamplerSettings, cfg: float, *, all_steps: bool) -> None:
    """Tell of guidance that goes with no model that these settings can be for.

    Args:
        settings: As chosen.
        cfg: Prompt guidance that will be used, the settings' own or a guider's.
        all_steps: Whether the steps of the settings are taken, from pure noise on.
    """
    if cfg <= 1:
        return
    if settings.belongs_to:
        tell(
            GUIDED,
            f"cfg is {cfg:g}, but these settings are for a few-step LoRA, which is trained to do without guidance; "
            f"set cfg to 1.",
        )
    elif all_steps and settings.steps <= FEW_STEPS:
        tell(
            GUIDED,
            f"{settings.steps} steps with cfg {cfg:g} go with no model: set cfg to 1 for a few-step LoRA, "
            f"or steps to {PRESETS[DEFAULT].steps} without one.",
        )
