"""Strength fields put on a MODEL, attached or merged; what follows them is the model call's."""

from ....vace_core.errors import VaceInputError
from ....vace_core.strength import ALL_VCUS, StrengthField, StrengthFields
from ..models import attached_adapters, is_attached, is_merged, strength_fields, with_strength_fields
from ..types import ModelPatcher
from .merged import follow_fields


def set_strength_field(model: ModelPatcher, strength_field: StrengthField, vcu: int = ALL_VCUS) -> ModelPatcher:
    """A clone of ``model`` whose VACE blocks, attached or merged, follow the field.

    Args:
        model: A MODEL with VACE.
        strength_field: Takes the place of one set before for the same number.
        vcu: Number of the VCU it is for, from 1; `ALL_VCUS` for those that have none of their own.

    Raises:
        VaceInputError: If the model has no VACE blocks, or the field does not fit them.
    """
    present = strength_fields(model.model_options["transformer_options"]) or StrengthFields()
    clone = with_strength_fields(model, present.with_field(vcu, strength_field))
    if is_merged(model):
        strength_field.block_factors(model.get_model_object("diffusion_model").vace_layers)
        return follow_fields(clone)
    if not is_attached(model):
        raise VaceInputError(
            "model has no VACE adapter of its own. Put VACE Apply Adapter on a text-to-video model first, or load a "
            "Wan2.1-VACE file, which has its adapter inside."
        )
    for adapter in attached_adapters(model):
        if vcu == ALL_VCUS or adapter.works_on(vcu):
            strength_field.block_factors(adapter.num_blocks)
    return clone


def cut_strengths_to_windows(model: ModelPatcher) -> ModelPatcher:
    """A clone of a MODEL with VACE whose strengths for each token are cut to the frames of each context window.

    Attached adapters and merged models with a field do so anyway. A merged model without one gets a field that changes
    nothing else.
    """
    if not is_merged(model) or strength_fields(model.model_options["transformer_options"]) is not None:
        return model.clone()
    return follow_fields(with_strength_fields(model, StrengthFields()))
