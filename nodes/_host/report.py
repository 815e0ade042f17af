"""Telling the user what was repaired: in the log, and as a line on the node."""

import logging
from collections.abc import Iterable

from comfy_api.latest import io
from server import PromptServer

from ...vace_core.notes import Note, sentences

logger = logging.getLogger("wan_vace")


def publish(node: type[io.ComfyNode], notes: Iterable[Note]) -> str:
    """The notes as one text, after logging each under the node's name and writing them on the node.

    Args:
        node: The node's class as the host runs it, with its hidden ``unique_id`` where it asked for one.
        notes: What to tell.
    """
    told = sentences(notes)
    name = node.define_schema().display_name
    for sentence in told:
        logger.info("%s: %s", name, sentence)
    text = "\n".join(told)
    running, node_id = getattr(PromptServer, "instance", None), node.hidden.unique_id
    if running is not None and node_id is not None:
        running.send_progress_text(text or "Nothing had to be repaired.", node_id)
    return text
