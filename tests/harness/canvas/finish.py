"""A workflow as the front end saved it, made into the published one."""

from __future__ import annotations

from .arrange import arrange
from .identity import identify
from .note import note_node, note_of
from .switch import switch_off
from .texts import Text


def finish(graph: dict, text: Text) -> dict:
    """A workflow with a note, with what its nodes tell of themselves, and laid out.

    Args:
        graph: In the browser's form, sizes of nodes as they should be; left as it is.
        text: What its note says.
    """
    nodes = [dict(node) for node in graph["nodes"]]
    for node in nodes:
        identify(node)
    note = note_node(graph["last_node_id"] + 1, note_of(text, nodes))
    extra = {key: value for key, value in graph["extra"].items() if key != "ds"}  # without it all nodes are shown
    result = {**graph, "last_node_id": note["id"], "nodes": [note, *nodes], "extra": extra}
    switch_off(result)
    arrange(result, note)
    return result
