"""The strength field while the model runs, the same for attached adapters and merged VACE models."""

from collections.abc import Callable, Sequence

import comfy.conds
import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.strength import (
    StrengthField,
    StrengthFields,
    applies_to,
    num_active_blocks,
    require_vcu,
    share_of_schedule,
)
from ..conditioning import FRAMES, REFERENCES

# The StrengthFields in the model's transformer options, which every node may set and every clone keeps.
FIELDS_KEY = "wan_vace_strength_field"
# Its number of leading reference latents; the host hands it from ``extra_conds`` to the model call.
NUM_REFERENCES_KEY = "vace_num_references"
# The host's window in the transformer options, while it runs one: ``index_list`` among ``total_frames`` latent frames.
WINDOW = "context_window"
# Noise levels are float32: a step that begins at a jump of the curve belongs behind it.
ROUNDING = 1e-4


def scale_strengths(strengths: Sequence, options: dict, schedule: object, context: Tensor, references: int) -> list:
    """Each VCU's strength at this moment of sampling: a number, or one for each token [1, tokens, 1].

    Args:
        strengths: As the conditioning says.
        options: The call's transformer options, with the fields if any were set, and the noise level.
        schedule: The host's ``model_sampling``.
        context: [B, VCUs, 96, n, h, w], n the latent frames of this call: all R + t, or those of a context window.
        references: R.

    Raises:
        VaceInputError: If a strength for each token meets context windows of an unknown kind.
    """
    length = context.shape[3]
    strengths = [cut_to_call(strength, options, length) for strength in strengths]
    fields = options.get(FIELDS_KEY)
    if fields is None:
        return strengths
    place = share_of_schedule(float(options["sigmas"][0]), schedule.percent_to_sigma) + ROUNDING
    chosen = [fields.of(vcu) for vcu in range(1, len(strengths) + 1)]
    factors = {each: _factor(each, place, options, context, references) for each in set(chosen)}
    return [_times(strength, factors[each]) for strength, each in zip(strengths, chosen, strict=True)]


def _factor(
    strength_field: StrengthField, place: float, options: dict, context: Tensor, references: int
) -> float | Tensor:
    """A field at a place of the schedule: a number, or one for each token of this call [1, tokens, 1]."""
    step = strength_field.steps.at(place)
    if step == 0:
        return 0.0
    _, _, _, length, h, w = context.shape
    whole = getattr(options.get(WINDOW), "total_frames", length)
    tokens = cut_to_call(strength_field.token_factors(references, whole - references, h, w), options, length)
    return step if tokens is None else tokens.to(context.device) * step


def _times(strength: float | Tensor, factor: float | Tensor) -> float | Tensor:
    """A product that is the number 0, not a 0 for each token, where the VCU need not be computed."""
    return strength * factor if isinstance(factor, Tensor) or factor != 0 else 0.0


def cut_to_call(values: Tensor | float | None, options: dict, length: int) -> Tensor | float | None:
    """Values for each token, cut to the latent frames of this call where context windows run; others as they are.

    Args:
        values: [1, tokens, 1] of the whole latent, references included, or no tensor.
        options: The call's transformer options.
        length: Latent frames of this call.

    Raises:
        VaceInputError: If the window does not say which latent frames it holds.
    """
    window = options.get(WINDOW)
    if window is None or not isinstance(values, Tensor):
        return values
    # The host puts one more frame in front of a window that does not begin the video.
    anchor = getattr(window, "causal_anchor_index", None)
    lead = [] if anchor is None or anchor < 0 else [anchor]
    frames, whole = [*lead, *getattr(window, "index_list", [])], getattr(window, "total_frames", 0)
    if len(frames) != length or not whole or values.shape[1] % whole:
        raise VaceInputError(
            "model has context windows that do not say which frames they hold, but its VACE strength differs over "
            "frames, area or references. Use VACE Set Context Windows, or one strength throughout."
        )
    return values.unflatten(1, (whole, -1))[:, frames].flatten(1, 2)


def active_vcus(
    strengths: Sequence, options: dict, num_layers: int, served: Sequence[int] = ()
) -> dict[int, tuple[float, ...]]:
    """VCUs that have an effect, by index, and the factors of the adapter's blocks for each.

    Args:
        strengths: From `scale_strengths`; any strength for each token counts, and any number but 0.
        options: The call's transformer options.
        num_layers: Blocks of the adapter.
        served: Numbers of the VCUs that the adapter works on; empty for all.
    """
    fields = options.get(FIELDS_KEY, StrengthFields())
    factors = {
        index: fields.of(index + 1).block_factors(num_layers)
        for index, strength in enumerate(strengths)
        if applies_to(served, index + 1) and (isinstance(strength, Tensor) or strength != 0)
    }
    return {index: each for index, each in factors.items() if num_active_blocks(each)}


def require_vcus(model: object, conds: dict, served: Sequence[Sequence[int]] = ()) -> None:
    """Refuse the number of a VCU that no prompt has, before anything is loaded.

    Args:
        model: The MODEL that samples.
        conds: The host's prompts by kind, each a list of dicts.
        served: For each attached adapter the numbers of the VCUs that it works on.

    Raises:
        VaceInputError: If VACE Set Strength or VACE Apply Adapter names one.
    """
    present = max((len(entry.get(FRAMES) or ()) for group in conds.values() for entry in group), default=0)
    fields = model.model_options["transformer_options"].get(FIELDS_KEY, StrengthFields())
    require_vcu("vcu of VACE Set Strength", fields.highest, present)
    for vcus in served:
        require_vcu("vcus of VACE Apply Adapter", max(vcus, default=0), present)


def with_reference_count(previous: Callable) -> Callable:
    """``extra_conds``, and the number of reference latents, which the host does not hand on."""

    def extra_conds(**kwargs: object) -> dict:
        return {**previous(**kwargs), NUM_REFERENCES_KEY: comfy.conds.CONDConstant(max(kwargs.get(REFERENCES) or [0]))}

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
