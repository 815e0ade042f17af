"""The host's MODEL, as far as VACE needs it."""

import comfy.ldm.wan.model
import comfy.samplers
import folder_paths

from ....vace_core.errors import VaceInputError
from ..adapter import is_attached

SAMPLERS = comfy.samplers.KSampler.SAMPLERS
SCHEDULERS = comfy.samplers.KSampler.SCHEDULERS


def model_files(folder: str) -> list[str]:
    """Names of the files in one of the host's model folders, such as ``vae``."""
    return folder_paths.get_filename_list(folder)


def require_vace_model(model: object, socket: str = "model") -> None:
    """Refuse a model that would silently ignore VACE conditioning.

    Args:
        model: The MODEL.
        socket: What the user calls it.

    Raises:
        VaceInputError: If ``model`` has no VACE blocks; the message says what it is.
    """
    network = model.get_model_object("diffusion_model")
    if isinstance(network, comfy.ldm.wan.model.VaceWanModel) or is_attached(model):
        return
    found = f"a {type(network).__name__}"
    if type(network) is comfy.ldm.wan.model.WanModel:
        kind = "image-to-video" if network.model_type != "t2v" else "text-to-video"
        found = f"a plain Wan {kind} model without VACE blocks"
    raise VaceInputError(
        f"{socket} is {found}; it would ignore the VACE conditioning. "
        f"Load a Wan2.1-VACE model (its file holds vace_patch_embedding and vace_blocks), or put VACE Apply Adapter "
        f"on this one."
    )


def require_same_width(model: object, low_noise_model: object) -> None:
    """Refuse two experts that are not of one family.

    Raises:
        VaceInputError: If their tokens have different widths.
    """
    high, low = (m.get_model_object("diffusion_model").dim for m in (model, low_noise_model))
    if high != low:
        raise VaceInputError(
            f"model is {high} wide but low_noise_model is {low}: they are of different sizes (1.3B is 1536, 14B is "
            f"5120). Load the high-noise and the low-noise file of the same model."
        )
