"""What a MODEL carries of ours: the adapters attached to it, and its strength fields."""

from dataclasses import dataclass

from ....vace_core.strength import StrengthFields, applies_to
from ..types import ModelPatcher, TransformerOptions

# Of the adapters among a MODEL's additional models, and of all that belongs to them.
ADAPTER_KEY = "wan_vace_adapter"
# The StrengthFields in the model's transformer options, which every node may set and every clone keeps.
FIELDS_KEY = "wan_vace_strength_field"


@dataclass(frozen=True, eq=False)
class AttachedAdapter:
    """An adapter on a MODEL.

    Attributes:
        patcher: The adapter's own ModelPatcher.
        vcus: Numbers of the VCUs that it works on there, from 1; empty for all.
    """

    patcher: ModelPatcher
    vcus: tuple[int, ...]

    @property
    def num_blocks(self) -> int:
        """How many blocks it has."""
        return self.patcher.model.shape.num_layers

    def works_on(self, vcu: int) -> bool:
        """Whether it works on the VCU of this number, from 1."""
        return applies_to(self.vcus, vcu)


def attached_adapters(model: ModelPatcher) -> list[AttachedAdapter]:
    """The adapters on a MODEL, in the order they were applied."""
    patchers = model.get_additional_models_with_key(ADAPTER_KEY)
    return [AttachedAdapter(*each) for each in zip(patchers, adapter_vcus(model), strict=True)]


def adapter_vcus(model: ModelPatcher) -> tuple[tuple[int, ...], ...]:
    """For each adapter on a MODEL the numbers of its VCUs, without the adapters themselves."""
    return model.get_attachment(ADAPTER_KEY) or ()


def with_adapter(model: ModelPatcher, adapter: ModelPatcher, vcus: tuple[int, ...]) -> ModelPatcher:
    """A clone of a MODEL that carries one more adapter."""
    clone = model.clone()
    clone.set_additional_models(ADAPTER_KEY, [*clone.get_additional_models_with_key(ADAPTER_KEY), adapter])
    clone.set_attachments(ADAPTER_KEY, (*adapter_vcus(model), vcus))
    return clone


def strength_fields(options: TransformerOptions) -> StrengthFields | None:
    """The strength fields in a model's or a call's transformer options; None if no node has set any."""
    return options.get(FIELDS_KEY)


def with_strength_fields(model: ModelPatcher, fields: StrengthFields) -> ModelPatcher:
    """A clone of a MODEL that carries these fields in place of those it had."""
    clone = model.clone()
    clone.model_options["transformer_options"][FIELDS_KEY] = fields
    return clone
