"""What task nodes give back: a VCU, and a text that says what was repaired or leaves the trained range."""

from dataclasses import replace

from comfy_api.latest import io

from ..vace_core.vcu import Vcu, with_range_notes
from ..vace_core.video import Clip
from ._host.report import publish


def vcu_result(node: type[io.ComfyNode], vcu: Vcu, clip: Clip | None = None) -> io.NodeOutput:
    """The outputs of a task node, after its notes were logged and written on it.

    Args:
        node: The node's class, with its hidden ``unique_id``.
        vcu: The unit it made.
        clip: The video whose frame rate, sound and notes go along.
    """
    if clip is not None:
        vcu = replace(vcu, fps=clip.fps, audio=clip.audio, notes=(*clip.notes, *vcu.notes))
    vcu = with_range_notes(vcu)
    return io.NodeOutput(vcu, publish(node, vcu.notes))
