"""The browser's format: nodes with places, numbered links between their sockets, and subgraphs.

A link is ``[id, from node, from slot, to node, to slot, type]``, in subgraphs and newer files a dictionary. The values
of widgets are a list in the order of the widgets. Node -10 is a subgraph's own inputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .placing import box_of, free_place, size_for
from .shapes import OLD, SHAPES, Input, Shape

SUBGRAPH_INPUTS = -10
MUTED, BYPASSED = 2, 4  # modes of a node
FIELDS = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
OPTIONAL_SHAPE = 7
PRIMITIVE, INT = "PrimitiveNode", "PrimitiveInt"
SEED, AFTER_RUN = "seed", 1  # a widget that the front end puts another one behind


@dataclass(frozen=True)
class Link:
    """Where an input comes from.

    Attributes:
        node: Id of the node.
        slot: Its output.
        kind: Type.
        id: The link that is there; None for one to be made.
        typed: What the widget under it has, which counts again when the link is removed.
    """

    node: int | str
    slot: int
    kind: str
    id: int | None = None
    typed: object = None


@dataclass
class Workflow:
    """A file in the browser's format, changed in place."""

    data: dict
    _last: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._last = {}
        for name in ("nodes", "links"):
            ids = [_field(one, "id") for each in self._lists() for one in each[name] if one is not None]
            told = self.data.get(f"last_{name[:-1]}_id") or 0
            self._last[name] = max([told, *(number for number in ids if isinstance(number, int))])

    def scopes(self) -> list[Scope]:
        """The workflow itself and each of its subgraphs."""
        return [Scope(self, each) for each in self._lists()]

    def next_id(self, name: str) -> int:
        """A new number for one of ``nodes`` or ``links``, which the file remembers."""
        self._last[name] += 1
        for each in self._lists():
            one = name[:-1]
            if f"last_{one}_id" in each:
                each[f"last_{one}_id"] = self._last[name]
            state = each.get("state")
            if isinstance(state, dict):
                state[f"last{one.capitalize()}Id"] = self._last[name]
        return self._last[name]

    def instances(self, subgraph: object) -> list[dict]:
        """The nodes that stand for a subgraph."""
        return [node for each in self._lists() for node in each["nodes"] if node["type"] == subgraph]

    def _lists(self) -> list[dict]:
        return [self.data, *(self.data.get("definitions") or {}).get("subgraphs", ())]


class Scope:
    """The nodes and links of a workflow or of one subgraph.

    Attributes:
        notes: A sentence for each node that was changed although it is none that is converted.
    """

    def __init__(self, workflow: Workflow, data: dict) -> None:
        self._workflow, self._data = workflow, data
        self._nodes = {node["id"]: node for node in data["nodes"]}
        self._links = {_field(link, "id"): link for link in data["links"] if link is not None}
        self._moved: set[int] = set()
        self.notes: list[str] = []

    def kinds(self) -> dict[object, str]:
        """The class of each node by its id."""
        return {node_id: node["type"] for node_id, node in self._nodes.items()}

    def find(self, kind: str) -> list[object]:
        """Ids of the nodes of a class."""
        return [node_id for node_id, each in self.kinds().items() if each == kind]

    def inputs(self, node: object) -> dict[str, object]:
        """What a node is given: links, and the values of widgets that have none.

        The order of widgets is known of WanVaceToVideo; for others the file itself says it, and a file that does not
        gives their links alone.
        """
        shown = self._nodes[node]
        typed = shown.get("widgets_values") or ()
        names, given = [], {}
        if shown["type"] == OLD:
            names = [each.name for each in SHAPES[OLD].widgets]
            given = {each.name: each.default for each in SHAPES[OLD].widgets}
        else:
            names = _named_widgets(shown, typed)
        given |= typed if isinstance(typed, dict) else dict(zip(names, typed, strict=False))
        for socket in shown.get("inputs", ()):
            if link := self._link(socket):
                given[socket["name"]] = replace(link, typed=given.get(socket["name"]))
        return given

    def is_wire(self, value: object) -> bool:
        """Whether an input comes from a node that runs."""
        return isinstance(value, Link) and self._runs(value)

    def add(self, kind: str, inputs: dict[str, object], near: object) -> Link:
        """Make a node beside another and give the link from its first output."""
        shape, beside = SHAPES[kind], self._nodes[near]
        size = size_for(max(len(shape.inputs), len(shape.outputs)))
        node = {
            "id": self._workflow.next_id("nodes"),
            "type": kind,
            "pos": free_place(size, box_of(beside), map(box_of, self._nodes.values())),
            "size": size,
            "flags": {},
            "order": beside.get("order", 0),
            "mode": beside.get("mode", 0),
            "outputs": [{"name": name, "type": each, "links": []} for name, each in shape.outputs],
            "properties": {"Node name for S&R": kind},
        }
        self._nodes[node["id"]] = node
        self._data["nodes"].append(node)
        self._fill(node, shape, inputs)
        return Link(node["id"], 0, shape.outputs[0][1])

    def change(self, node: object, kind: str, inputs: dict[str, object], moved: dict[str, object]) -> None:
        """Make another class of a node; what a subgraph shows of it is looked for where it is now."""
        shown, shape = self._nodes[node], SHAPES[kind]
        as_before = shown["type"] == OLD  # whose outputs are those of what it becomes
        shown.update(type=kind, properties={"Node name for S&R": kind})
        if shown.get("title") == OLD:
            del shown["title"]
        self._fill(shown, shape, inputs)
        if not as_before:
            self._give(shown, shape)
            self._unlink(node, kept=[socket["link"] for socket in shown["inputs"]])
        for instance in self._workflow.instances(self._data.get("id")):
            for widget in instance.get("properties", {}).get("proxyWidgets", ()):
                if widget[0] == str(node) and widget[1] in moved:
                    widget[0] = str(moved[widget[1]])

    def id_of(self, wire: Link) -> object:
        """The node that a link comes from."""
        return wire.node

    def output(self, wire: Link, slot: int) -> Link:
        """The link from another output of a node that was made here."""
        kind = self._nodes[wire.node]["outputs"][slot]["type"]
        return Link(wire.node, slot, kind)

    def readers(self, node: object) -> list[tuple[object, str]]:
        """Id and input of whatever takes an output of a node; -20 stands for the subgraph's own outputs."""
        found = [link for link in self._links.values() if _field(link, "origin_id") == node]
        return [(_field(link, "target_id"), self._input_name(link)) for link in found]

    def remove(self, node: object) -> None:
        """Take a node away, with the links that lead to it."""
        self._unlink(node, kept=())
        self._data["nodes"].remove(self._nodes.pop(node))

    def _unlink(self, node: object, kept: Iterable[object]) -> None:
        """Take away the links to a node, but for those of these numbers."""
        for link_id, link in list(self._links.items()):
            if _field(link, "target_id") == node and link_id not in kept:
                origin = Link(_field(link, "origin_id"), _field(link, "origin_slot"), "", link_id)
                self._ends_at(origin).remove(link_id)
                self._data["links"].remove(link)
                del self._links[link_id]

    def _input_name(self, link: dict | list) -> str:
        target = self._nodes.get(_field(link, "target_id"))
        return target["inputs"][_field(link, "target_slot")]["name"] if target else ""

    def _runs(self, link: Link) -> bool:
        """Whether something comes through a link: not from a muted node, and from a bypassed one what it passes on."""
        if link.node == SUBGRAPH_INPUTS:
            name = self._data["inputs"][link.slot]["name"]
            instances = self._workflow.instances(self._data["id"])
            sockets = [socket for node in instances for socket in node["inputs"] if socket["name"] == name]
            return all(socket.get("link") is not None or "widget" in socket for socket in sockets)
        node = self._nodes[link.node]
        if node.get("mode") == BYPASSED:
            origins = [self._link(socket) for socket in node.get("inputs", ()) if socket["type"] == link.kind]
            return any(origin is not None and self._runs(origin) for origin in origins)
        return node.get("mode") != MUTED

    def _link(self, socket: dict) -> Link | None:
        """Where a socket's value comes from; None if it is not connected."""
        link = self._links.get(socket.get("link"))
        if link is None:
            return None
        return Link(*(_field(link, name) for name in ("origin_id", "origin_slot", "type", "id")))

    def _fill(self, node: dict, shape: Shape, inputs: dict[str, object]) -> None:
        """Give a node its sockets, links and values."""
        node["inputs"] = [
            self._socket(node["id"], at, each, inputs.get(each.name)) for at, each in enumerate(shape.inputs)
        ]
        typed = {name: value.typed if isinstance(value, Link) else value for name, value in inputs.items()}
        values = [typed.get(each.name) for each in shape.widgets]
        pairs = zip(values, shape.widgets, strict=True)
        node["widgets_values"] = []
        for value, each in pairs:
            node["widgets_values"].append(each.default if value is None else value)
            if each.name == SEED:
                node["widgets_values"].append("fixed")  # what becomes of it after a run, which is no input

    def _give(self, node: dict, shape: Shape) -> None:
        """Give a node its outputs; what was connected to one stays so."""
        before = node.get("outputs") or []
        links = [before[at].get("links") if at < len(before) else None for at in range(len(shape.outputs))]
        pairs = zip(shape.outputs, links, strict=True)
        node["outputs"] = [{"name": name, "type": kind, "links": each or []} for (name, kind), each in pairs]

    def _socket(self, node: object, slot: int, shape: Input, value: object) -> dict:
        socket: dict[str, object] = {"name": shape.name, "type": shape.kind}
        if shape.name != shape.name.rpartition(".")[2]:
            socket["label"] = shape.name.rpartition(".")[2]
        if shape.optional:
            socket["shape"] = OPTIONAL_SHAPE
        if shape.is_widget:
            socket["widget"] = {"name": shape.name}
        return {**socket, "link": self._connect(value, node, slot) if isinstance(value, Link) else None}

    def _connect(self, wire: Link, node: object, slot: int) -> int:
        """Lead a link to a socket: the one that is there the first time, a new one from the same output after that."""
        self._settle(wire)
        if wire.id is not None and wire.id not in self._moved:
            self._moved.add(wire.id)
            _set_target(self._links[wire.id], node, slot)
            return wire.id
        values = self._workflow.next_id("links"), wire.node, wire.slot, node, slot, wire.kind
        as_list = all(isinstance(each, list) for each in self._links.values())
        link = list(values) if as_list else dict(zip(FIELDS, values, strict=True))
        self._links[values[0]] = link
        self._data["links"].append(link)
        self._ends_at(wire).append(values[0])
        return values[0]

    def _settle(self, wire: Link) -> None:
        """Make a Primitive that gives a number an Int.

        The browser's Primitive takes the limits of all that it feeds together and rounds to them: with a least value of
        0 here, 1 there and steps of 16, 768 becomes 769.
        """
        node = self._nodes.get(wire.node, {})
        if node.get("type") == PRIMITIVE and wire.kind == "INT":
            node.update(type=INT, properties={"Node name for S&R": INT})
            node["outputs"] = [{"name": "INT", "type": "INT", "links": node["outputs"][0].get("links") or []}]
            self.notes.append(
                f"Node {wire.node} is now an Int: a Primitive would round what it gives to the limits of what it feeds."
            )

    def _ends_at(self, wire: Link) -> list[int]:
        """The list of links of an output."""
        if wire.node == SUBGRAPH_INPUTS:
            return self._data["inputs"][wire.slot]["linkIds"]
        output = self._nodes[wire.node]["outputs"][wire.slot]
        if output.get("links") is None:
            output["links"] = []
        return output["links"]


def _named_widgets(node: dict, typed: list | dict | tuple) -> list[str]:
    """Names of a node's widgets in the order of its values, as its sockets have them; none if they do not agree."""
    names = [socket["name"] for socket in node.get("inputs", ()) if "widget" in socket]
    if len(typed) == len(names) + AFTER_RUN and SEED in names:
        names.insert(names.index(SEED) + 1, "")
    return names if len(typed) == len(names) else []


def _field(one: dict | list, name: str) -> object:
    return one[name] if isinstance(one, dict) else one[FIELDS.index(name)]


def _set_target(link: dict | list, node: object, slot: int) -> None:
    for name, value in (("target_id", node), ("target_slot", slot)):
        link[name if isinstance(link, dict) else FIELDS.index(name)] = value
