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
        node: The node's class as the host runs it, with its hidden ``unique_id`` where it asked for one,
            and ``dynprompt`` where another node may have made it.
        notes: What to tell.
    """
    told = sentences(notes)
    name = node.define_schema().display_name
    for sentence in told:
        logger.info("%s: %s", name, sentence)
    text = "\n".join(told)
    running, node_id = getattr(PromptServer, "instance", None), _shown_id(node)
    if running is not None and node_id is not None:
        running.send_progress_text(text or "Nothing had to be repaired.", node_id)
    return text


def is_shown(node: type[io.ComfyNode]) -> bool:
    """Whether the user sees a node, so that no other one made it.

    Args:
        node: The node's class as the host runs it, with its hidden ``unique_id`` and ``dynprompt``.
    """
    return _shown_id(node) == node.hidden.unique_id


def _shown_id(node: type[io.ComfyNode]) -> str | None:
    """Id of the node that the user sees: of one that another node expanded to, that other one."""
    node_id, prompt = node.hidden.unique_id, node.hidden.dynprompt
    return node_id if prompt is None else prompt.get_display_node_id(node_id)
