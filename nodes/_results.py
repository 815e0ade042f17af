"""What task nodes give back: a VCU, a text that says what was repaired or leaves the trained range, and a picture."""

import logging
from dataclasses import replace

from comfy_api.latest import io, ui

from ..vace_core.vcu import Vcu, with_range_notes
from ..vace_core.video import Clip
from ._host.report import publish
from ._thumbnail import thumbnail

logger = logging.getLogger("wan_vace")


def vcu_hidden() -> list[io.Hidden]:
    """What a node asks the host for that gives `vcu_result`."""
    return [io.Hidden.unique_id, io.Hidden.extra_pnginfo]


def vcu_result(node: type[io.ComfyNode], vcu: Vcu, clip: Clip | None = None) -> io.NodeOutput:
    """The outputs of a task node, after its notes were logged and written on it.

    Args:
        node: The node's class, with what `vcu_hidden` asks for.
        vcu: The unit it made.
        clip: The video whose frame rate, sound and notes go along.
    """
    if clip is not None:
        vcu = replace(vcu, fps=clip.fps, audio=clip.audio, notes=(*clip.notes, *vcu.notes))
    vcu = with_range_notes(vcu)
    return io.NodeOutput(vcu, publish(node, vcu.notes), ui=vcu_picture(node, vcu))


def vcu_picture(node: type[io.ComfyNode], vcu: Vcu) -> ui.PreviewImage | None:
    """The thumbnail of a VCU for the node that made it; None for a prompt of no page, where nobody would see it.

    A picture that cannot be made or kept is told in the log: it is no reason to lose the VCU.

    Args:
        node: The node's class, with what `vcu_hidden` asks for.
        vcu: The unit it made.
    """
    if not (node.hidden.extra_pnginfo or {}).get("workflow"):
        return None
    try:
        return ui.PreviewImage(thumbnail(vcu))
    except Exception as error:  # noqa: BLE001 (a full disk, an old Pillow: whatever it is, the VCU is there)
        logger.warning("The small picture of the VCU cannot be shown: %s", error)
        return None
