"""What of VACE a MODEL has: an adapter inside, adapters attached to it, strength fields."""

from dataclasses import dataclass

import comfy.ldm.wan.model

from ....vace_core.errors import VaceInputError
from ....vace_core.strength import StrengthFields, applies_to
from ..types import ModelPatcher, TransformerOptions

# Of the adapters among a MODEL's additional models, and of all that belongs to them.
ADAPTER_KEY = "wan_vace_adapter"
# The StrengthFields in the model's transformer options, which every node may set and every clone keeps.
FIELDS_KEY = "wan_vace_strength_field"


def is_merged(model: ModelPatcher) -> bool:
    """Whether a MODEL has its adapter inside, as the host loads a VACE file."""
    return isinstance(model.get_model_object("diffusion_model"), comfy.ldm.wan.model.VaceWanModel)


def is_attached(model: ModelPatcher) -> bool:
    """Whether a MODEL has an adapter of ours."""
    return bool(model.get_additional_models_with_key(ADAPTER_KEY))


def require_vace_model(model: ModelPatcher, socket: str = "model") -> None:
    """Refuse a model that would silently ignore VACE conditioning.

    Args:
        model: The MODEL.
        socket: What the user calls it.

    Raises:
        VaceInputError: If ``model`` has no VACE blocks; the message says what it is.
    """
    if is_merged(model) or is_attached(model):
        return
    network = model.get_model_object("diffusion_model")
    found = f"a {type(network).__name__}"
    if type(network) is comfy.ldm.wan.model.WanModel:
        kind = "image-to-video" if network.model_type != "t2v" else "text-to-video"
        found = f"a plain Wan {kind} model without VACE blocks"
    raise VaceInputError(
        f"{socket} is {found}; it would ignore the VACE conditioning. "
        f"Load a Wan2.1-VACE model (its file holds vace_patch_embedding and vace_blocks), or put VACE Apply Adapter "
        f"on this one."
    )


def require_vace_models(model: ModelPatcher, low_noise_model: ModelPatcher | None, boundary: float) -> None:
    """Refuse models without VACE, and experts that do not go together.

    Raises:
        VaceInputError: Also if ``boundary`` is no noise level.
    """
    require_vace_model(model)
    if low_noise_model is not None:
        require_vace_model(low_noise_model, "low_noise_model")
        _require_same_width(model, low_noise_model)
    if not 0 <= boundary <= 1:
        raise VaceInputError(
            f"boundary is {boundary:g}; it is a noise level in [0, 1]. Wan 2.2 text to video uses 0.875."
        )


def _require_same_width(model: ModelPatcher, low_noise_model: ModelPatcher) -> None:
    high, low = (m.get_model_object("diffusion_model").dim for m in (model, low_noise_model))
    if high != low:
        raise VaceInputError(
            f"model is {high} wide but low_noise_model is {low}: they are of different sizes (1.3B is 1536, 14B is "
            f"5120). Load the high-noise and the low-noise file of the same model."
        )


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
