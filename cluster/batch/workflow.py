"""A workflow in ComfyUI's API format: nodes by id, each with its class, its values, and ``[id, slot]`` for wires."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import BatchError

Prompt = dict[str, dict]


@dataclass(frozen=True)
class Wire:
    """What an input of a node is connected to.

    Attributes:
        target: Id of the node that takes.
        socket: Name of its input.
        source: Id of the node that gives.
        slot: Number of its output.
    """

    target: str
    socket: str
    source: str
    slot: int


def read_workflow(path: Path) -> Prompt:
    """The nodes of a workflow.

    Raises:
        BatchError: If the file is missing, no JSON, or in the browser's format.
    """
    try:
        data = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise BatchError(f"There is no workflow {path}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BatchError(f"The workflow {path} cannot be read: {error}.") from None
    if isinstance(data, dict) and isinstance(data.get("prompt"), dict):  # the body of POST /prompt
        data = data["prompt"]
    if isinstance(data, dict) and "nodes" in data:
        raise BatchError(
            f"{path} is in the browser's format. Export it from ComfyUI in API format: File, Export (API)."
        )
    nodes = data.values() if isinstance(data, dict) else []
    if not nodes or not all(map(_is_node, nodes)):
        raise BatchError(f"{path} is no workflow in API format: each node needs a class_type, and inputs by name.")
    return {node_id: {"inputs": {}} | node for node_id, node in data.items()}


def _is_node(node: object) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs", {}), dict)
        and isinstance(node.get("_meta") or {}, dict)
    )


def copy_of(prompt: Prompt, only: set[str] | None = None) -> Prompt:
    """A prompt to change, with some of its nodes or all."""
    return {node_id: copy.deepcopy(node) for node_id, node in prompt.items() if only is None or node_id in only}


def title_of(prompt: Prompt, node_id: str) -> str:
    """The title of a node as the user sees it, or its class."""
    node = prompt[node_id]
    return (node.get("_meta") or {}).get("title") or node["class_type"]


def wires(prompt: Prompt) -> Iterator[Wire]:
    """Every wire between nodes that are there."""
    for node_id, node in prompt.items():
        for socket, value in node["inputs"].items():
            if is_wire(value) and value[0] in prompt:
                yield Wire(node_id, socket, value[0], value[1])


def is_wire(value: object) -> bool:
    """Whether a value of an input is ``[id, slot]``; any other list is a value."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def ancestors(prompt: Prompt, nodes: set[str]) -> set[str]:
    """These nodes and all that they need."""
    sources: dict[str, set[str]] = {}
    for wire in wires(prompt):
        sources.setdefault(wire.target, set()).add(wire.source)
    return _reached(sources, nodes)


def descendants(prompt: Prompt, nodes: set[str]) -> set[str]:
    """These nodes and all that need them."""
    targets: dict[str, set[str]] = {}
    for wire in wires(prompt):
        targets.setdefault(wire.source, set()).add(wire.target)
    return _reached(targets, nodes)


def _reached(arrows: dict[str, set[str]], nodes: set[str]) -> set[str]:
    found, waiting = set(), list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += arrows.get(node, ())
    return found
