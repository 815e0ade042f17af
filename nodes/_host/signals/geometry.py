"""What the host's geometry nodes (Depth Anything 3, MoGe) give: dictionaries of tensors."""

from collections.abc import Mapping

import comfy.model_management
import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.notes import tell

SKY = 0.3  # probability from which the host's own renderer draws sky black


def inverse_depth(name: str, geometry: Mapping[str, Tensor]) -> Tensor:
    """The depth of a DA3_GEOMETRY or MOGE_GEOMETRY, larger is nearer.

    Both hold distances: metres, or up to a factor.

    Args:
        name: The socket's name.
        geometry: With "depth" [B, H, W], and where the model gave them "sky" [B, H, W] (probability) and "mask"
            [B, H, W] (false where there is nothing).

    Returns:
        [B, H, W], float32, 1 / depth; NaN where it is sky or unknown.

    Raises:
        VaceInputError: If there is no depth in it.
    """
    depth = geometry.get("depth")
    if not isinstance(depth, Tensor) or depth.ndim != 3 or depth.numel() == 0:
        raise VaceInputError(
            f"{name} holds no depth. Connect Run Depth Anything 3 or Run MoGe Inference, with a model that gives depth."
        )
    depth = depth.to(comfy.model_management.intermediate_device(), torch.float32)
    known = depth.isfinite() & (depth > 0)
    if "sky" in geometry:
        known &= geometry["sky"].to(depth.device) < SKY
    if "mask" in geometry:
        known &= geometry["mask"].to(depth.device, torch.bool)
    unknown = 1 - known.float().mean().item()
    if unknown:
        tell("depth-unknown", f"{unknown:.0%} of the depth is sky or unknown; it is drawn as far away.")
    return torch.where(known, 1 / depth, torch.nan)
