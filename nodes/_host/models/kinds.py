"""What kind of model a MODEL is: a VACE model with its adapter inside, one with an adapter attached, or none."""

import comfy.ldm.wan.model

from ....vace_core.errors import VaceInputError
from ..types import ModelPatcher
from .carried import ADAPTER_KEY


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
