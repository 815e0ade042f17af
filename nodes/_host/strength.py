"""The strength field while the model runs, the same for attached adapters and merged VACE models."""

from collections.abc import Callable, Sequence

import comfy.conds
import torch
from torch import Tensor

from ...vace_core.errors import VaceInputError
from ...vace_core.schedule import share_of_schedule
from .conditioning import REFERENCES

# A StrengthField in the model's transformer options, which every node may set and every clone keeps.
FIELD = "wan_vace_strength_field"
# Its number of leading reference latents; the host hands it from ``extra_conds`` to the model call.
COUNT = "vace_num_references"
# Noise levels are float32: a step that begins at a jump of the curve belongs behind it.
ROUNDING = 1e-4


def scaled(strengths: Sequence, options: dict, schedule: object, context: Tensor, references: int) -> list:
    """Each VCU's strength at this moment of sampling: a number, or one for each token [1, tokens, 1].

    Args:
        strengths: As the conditioning says.
        options: The call's transformer options, with the field if one was set, and the noise level.
        schedule: The host's ``model_sampling``.
        context: [B, VCUs, 96, R + t, h, w].
        references: R.
    """
    strength_field = options.get(FIELD)
    if strength_field is None:
        return list(strengths)
    sigma = float(options["sigmas"][0])
    step = strength_field.steps.at(share_of_schedule(sigma, schedule.percent_to_sigma) + ROUNDING)
    if step == 0:
        return [0.0] * len(strengths)
    _, _, _, length, h, w = context.shape
    tokens = strength_field.token_factors(references, length - references, h, w)
    factor = step if tokens is None else tokens.to(context.device) * step
    return [strength * factor for strength in strengths]


def live_vcus(strengths: Sequence) -> list[int]:
    """VCUs that have an effect: any strength for each token counts, and any number but 0."""
    return [vcu for vcu, strength in enumerate(strengths) if isinstance(strength, Tensor) or strength != 0]


def with_reference_count(previous: Callable) -> Callable:
    """``extra_conds``, and the number of reference latents, which the host does not hand on."""

    def extra_conds(**kwargs: object) -> dict:
        return {**previous(**kwargs), COUNT: comfy.conds.CONDConstant(max(kwargs.get(REFERENCES) or [0]))}

    return extra_conds


def require_finite(strengths: Sequence) -> None:
    """Refuse what would turn the whole video into NaN.

    Raises:
        VaceInputError: If a strength of a VCU is NaN or infinite.
    """
    for number, strength in enumerate(strengths, start=1):
        if not torch.as_tensor(strength).isfinite().all():
            raise VaceInputError(
                f"vace_strength of VCU {number} in the conditioning is NaN or infinite; a strength must be a finite "
                f"number. Set it with VACE Apply Context."
            )
