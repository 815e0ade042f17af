"""The switch for few steps in a published workflow: a LoRA node that stands there bypassed."""

from __future__ import annotations

import copy

from .identity import LORA

LOADER, SWITCH = "VaceLoadModels", "VaceLoadLora"
TITLE = "Few steps (Ctrl+B)"
ACTIVE, BYPASSED = 0, 4
STRENGTH = 0.5  # of 0.3 to 0.7, which the host's own templates advise


def with_switch(api: dict) -> dict:
    """A workflow with VACE Load LoRA between VACE Load Models and whatever takes its model.

    Args:
        api: In API format; left as it is, and given back as it is where no VACE Load Models gives a model.
    """
    loader = next((node_id for node_id, node in api.items() if node["class_type"] == LOADER), None)
    result = copy.deepcopy(api)
    taken = [(node, name) for node in result.values() for name, value in node["inputs"].items() if value == [loader, 0]]
    if not taken:
        return result
    switch = str(max(map(int, api)) + 1)
    for node, name in taken:
        node["inputs"][name] = [switch, 0]
    inputs = {"model": [loader, 0], "lora_name": LORA.name, "strength": STRENGTH}
    result[switch] = {"class_type": SWITCH, "inputs": inputs, "_meta": {"title": TITLE}}
    return result


def switch_off(graph: dict) -> None:
    """Bypass the switch of a workflow for the browser, if it has one."""
    for node in graph["nodes"]:
        if node["type"] == SWITCH and node.get("title") == TITLE:
            node["mode"] = BYPASSED


def as_run(graph: dict) -> dict:
    """A workflow for the browser as it runs: without what is bypassed, wires going past it.

    Args:
        graph: Left as it is.
    """
    result = copy.deepcopy(graph)
    off = {node["id"]: node for node in result["nodes"] if node.get("mode", ACTIVE) == BYPASSED}
    behind = {link[1]: link for link in result["links"] if link[1] in off}
    for node_id, node in off.items():
        before = next(link for link in result["links"] if link[3] == node_id and link[5] == behind[node_id][5])
        giver = next(one for one in result["nodes"] if one["id"] == before[1])
        passed = [link for link in result["links"] if link[1] == node_id]
        for link in passed:
            link[1:3] = before[1:3]
        giver["outputs"][before[2]]["links"] = [link[0] for link in passed]
        result["links"].remove(before)
        result["nodes"].remove(node)
    return result
