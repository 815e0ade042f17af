"""Whether a way of calling the VAE's network gives what the host's own way gives, tried once on each device."""

from collections.abc import Callable

import comfy.model_management

from ....vace_core.notes import tell
from ..types import VAE


def is_exact(vae: VAE, what: str, try_out: Callable[[VAE], bool], otherwise: str) -> bool:
    """Whether it does, on the VAE's device and in its precision; remembered as long as the VAE is.

    Args:
        vae: The Wan 2.1 VAE, loaded.
        what: Name of the way; the trials of one are not those of another.
        try_out: Tries it.
        otherwise: What the user is told where it differs.
    """
    attachment, where = f"wan_vace_{what}_checked", (str(vae.device), vae.vae_dtype)
    checked = vae.patcher.get_attachment(attachment) or {}
    if where not in checked:
        with comfy.model_management.cuda_device_context(vae.device):
            checked = {**checked, where: try_out(vae)}
        vae.patcher.set_attachments(attachment, checked)
        if not checked[where]:
            tell(f"{what}-check", f"On {where[0]} {otherwise}")
    return checked[where]
