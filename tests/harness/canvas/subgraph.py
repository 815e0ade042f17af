"""The inside of a subgraph: a part of a workflow whose loose ends became the subgraph's inputs and outputs."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from ..workflows import widget_names
from .identity import WITHOUT

INPUT, OUTPUT = -10, -20  # ids of the two ends, as the front end has them
CALLED = {"references.reference_image_0": "reference", "references.reference_image_1": "reference_2"}
OUTSIDE = ("LoadVideo", "LoadImage", "ImageToMask", "SaveVideo", *WITHOUT)


@dataclass
class Inside:
    """What a subgraph is made of.

    Attributes:
        nodes: In the browser's form.
        links: Each with ``id``, ``origin_id``, ``origin_slot``, ``target_id``, ``target_slot`` and ``type``.
        inputs: Of the subgraph, with ``linkIds``, and ``of_widget`` where the value can be set on it.
        outputs: Of the subgraph.
        values: Of the inputs that have a widget.
    """

    nodes: list[dict]
    links: list[dict] = field(default_factory=list)
    inputs: list[dict] = field(default_factory=list)
    outputs: list[dict] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

    def connect(self, source: tuple[int, int], target: tuple[int, int], kind: str) -> int:
        """A wire more.

        Args:
            source: Node, or an end, and place of the output.
            target: Node, or an end, and place of the input.
            kind: What it carries.

        Returns:
            Its id.
        """
        link_id = len(self.links) + 1
        ends = {"origin_id": source[0], "origin_slot": source[1], "target_id": target[0], "target_slot": target[1]}
        self.links.append({"id": link_id, **ends, "type": kind})
        for node in self.nodes:
            if node["id"] == target[0]:
                node["inputs"][target[1]]["link"] = link_id
            if node["id"] == source[0]:
                output = node["outputs"][source[1]]
                output["links"] = [*(output.get("links") or []), link_id]
        return link_id

    def add_input(self, name: str, targets: list[tuple[int, int]], value: object = None) -> None:
        """An input more.

        Args:
            name: Of it.
            targets: Nodes and places of the inputs that it goes to.
            value: What it has; None if it is a socket.
        """
        sockets = [self._socket(*target) for target in targets]
        place = len(self.inputs)
        kind = sockets[0]["type"]
        ids = [self.connect((INPUT, place), target, kind) for target in targets]
        shape = {"shape": 7} if all(socket.get("shape") == 7 for socket in sockets) else {}
        self.inputs.append({"name": name, "type": kind, "linkIds": ids, **shape, "of_widget": value is not None})
        if value is not None:
            self.values.append(value)

    def _socket(self, node_id: int, place: int) -> dict:
        return next(node for node in self.nodes if node["id"] == node_id)["inputs"][place]


def inside_of(graph: dict, sockets: dict[str, str], shown: list[tuple[str, str]], values: dict[str, object]) -> Inside:
    """The inside that a workflow gives when what loads and saves is left outside.

    Args:
        graph: In the browser's form; left as it is.
        sockets: Names of inputs, by the title or class of the node outside that they take the place of.
        shown: Class of a node and name of an input that the subgraph shows too.
        values: Of inputs by their last name, in place of the workflow's.
    """
    titles = {node["id"]: _title(node) for node in graph["nodes"]}
    outside = {node["id"] for node in graph["nodes"] if node["type"] in OUTSIDE or _title(node) in sockets}
    inside = Inside([_bare(node, values) for node in graph["nodes"] if node["id"] not in outside])
    taken: dict[str, list[tuple[int, int]]] = {}
    for _, source, output, target, socket, kind in graph["links"]:
        if source not in outside and target not in outside:
            inside.connect((source, output), (target, socket), kind)
        elif source in outside and target not in outside:
            taken.setdefault(sockets[titles[source]], []).append((target, socket))
    for name in sockets.values():
        inside.add_input(name, taken[name])
    places = [_place(inside, *one) for one in shown]
    for node, place in sorted(places, key=lambda found: "widget" in found[0]["inputs"][found[1]]):  # sockets first
        _show(inside, node, place)
    for _, source, output, target, _, kind in graph["links"]:
        if source not in outside and target in outside:
            ids = [inside.connect((source, output), (OUTPUT, 0), kind)]
            inside.outputs.append({"name": kind.lower(), "type": kind, "linkIds": ids})
    return inside


def _title(node: dict) -> str:
    return node.get("title", node["type"])


def _bare(node: dict, values: dict[str, object]) -> dict:
    """A copy without wires, with these values."""
    result = copy.deepcopy(node)
    for socket in (*result["inputs"], *result["outputs"]):
        socket.pop("links", None)
    for socket in result["inputs"]:
        socket["link"] = None
    names = widget_names(result)
    shown = zip(names, result.get("widgets_values", []), strict=True)
    result["widgets_values"] = [values.get(name.rpartition(".")[2], value) for name, value in shown]
    return result


def _place(inside: Inside, class_type: str, name: str) -> tuple[dict, int]:
    """The node that has an input, and the place of the input there."""
    node = next(node for node in inside.nodes if node["type"] == class_type)
    return node, next(i for i, socket in enumerate(node["inputs"]) if socket["name"] == name)


def _show(inside: Inside, node: dict, place: int) -> None:
    socket = node["inputs"][place]
    name = socket["name"]
    value = node["widgets_values"][widget_names(node).index(name)] if "widget" in socket else None
    inside.add_input(CALLED.get(name, name.rpartition(".")[2]), [(node["id"], place)], value)
