"""Telling the user what was repaired: in the log, and as a line on the node."""

import logging
from collections.abc import Sequence

from server import PromptServer

logger = logging.getLogger("wan_vace")


def publish(notes: Sequence[str], node_name: str, node_id: str | None) -> str:
    """The notes as one text, after logging each and writing them on the node.

    Args:
        notes: Sentences.
        node_name: The node's display name, for the log.
        node_id: The node's id in the graph, when the host gave it.
    """
    for note in notes:
        logger.info("%s: %s", node_name, note)
    text = "\n".join(notes)
    running = getattr(PromptServer, "instance", None)
    if running is not None and node_id is not None:
        running.send_progress_text(text or "Nothing had to be repaired.", node_id)
    return text
