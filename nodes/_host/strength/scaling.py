"""Each VCU's strength in one call of the model: that of the conditioning, times the fields at this noise level."""

from collections.abc import Sequence

from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.strength import StrengthField, share_of_schedule
from ..models import strength_fields
from ..types import ModelSampling, TransformerOptions

# The host's window in the transformer options, while it runs one: ``index_list`` among ``total_frames`` latent frames.
WINDOW = "context_window"
# Noise levels are float32: a step that begins at a jump of the curve belongs behind it.
ROUNDING = 1e-4


def scale_strengths(
    strengths: Sequence[float | Tensor],
    options: TransformerOptions,
    schedule: ModelSampling,
    context: Tensor,
    references: int,
) -> list[float | Tensor]:
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
    fields = strength_fields(options)
    if fields is None:
        return strengths
    place = share_of_schedule(float(options["sigmas"][0]), schedule.percent_to_sigma) + ROUNDING
    chosen = [fields.of(vcu) for vcu in range(1, len(strengths) + 1)]
    factors = {each: _field_factor(each, place, options, context, references) for each in set(chosen)}
    return [_multiply(strength, factors[each]) for strength, each in zip(strengths, chosen, strict=True)]


def _field_factor(
    strength_field: StrengthField, place: float, options: TransformerOptions, context: Tensor, references: int
) -> float | Tensor:
    """A field at a place of the schedule: a number, or one for each token of this call [1, tokens, 1]."""
    step = strength_field.steps.at(place)
    if step == 0:
        return 0.0
    _, _, _, length, h, w = context.shape
    whole = getattr(options.get(WINDOW), "total_frames", length)
    tokens = cut_to_call(strength_field.token_factors(references, whole - references, h, w), options, length)
    return step if tokens is None else tokens.to(context.device) * step


def _multiply(strength: float | Tensor, factor: float | Tensor) -> float | Tensor:
    """A product that is the number 0, not a 0 for each token, where the VCU need not be computed."""
    return strength * factor if isinstance(factor, Tensor) or factor != 0 else 0.0


def cut_to_call(values: Tensor | float | None, options: TransformerOptions, length: int) -> Tensor | float | None:
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
