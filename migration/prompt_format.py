"""ComfyUI's API format: nodes by id, each with its class, its values, and ``[id, slot]`` for what comes from others."""

from __future__ import annotations

from .shapes import OLD, SHAPES


class Prompt:
    """A prompt, changed in place.

    Attributes:
        notes: None: other nodes stay as they are.
    """

    def __init__(self, nodes: dict[str, dict]) -> None:
        """Read it.

        Args:
            nodes: By id, as POST /prompt takes it.
        """
        self._nodes = nodes
        self.notes: list[str] = []
        numbers = [int(part) for node_id in nodes for part in node_id.split(":") if part.isdecimal()]
        self._last = max(numbers, default=0)

    def kinds(self) -> dict[str, str]:
        """The class of each node by its id."""
        return {node_id: node["class_type"] for node_id, node in self._nodes.items()}

    def find(self, kind: str) -> list[str]:
        """Ids of the nodes of a class."""
        return [node_id for node_id, each in self.kinds().items() if each == kind]

    def inputs(self, node: str) -> dict[str, object]:
        """What a node is given; what a WanVaceToVideo leaves out has its default."""
        shown = self._nodes[node]
        usual = {each.name: each.default for each in SHAPES[OLD].widgets} if shown["class_type"] == OLD else {}
        return usual | shown.get("inputs", {})

    def is_wire(self, value: object) -> bool:
        """Whether an input comes from another node."""
        return isinstance(value, list)

    def add(self, kind: str, inputs: dict[str, object], near: str) -> list:
        """Make a node and give its first output; where it stands means nothing here."""
        self._last += 1
        self._nodes[str(self._last)] = _node(kind, inputs)
        return [str(self._last), 0]

    def change(self, node: str, kind: str, inputs: dict[str, object], moved: dict[str, object]) -> None:
        """Make another class of a node."""
        self._nodes[node] = _node(kind, inputs)

    def id_of(self, wire: list) -> str:
        """The node that a wire comes from."""
        return wire[0]

    def output(self, wire: list, slot: int) -> list:
        """The wire from another output of the same node."""
        return [wire[0], slot]

    def readers(self, node: str) -> list[tuple[str, str]]:
        """Id and input of whatever takes an output of a node."""
        pairs = ((node_id, name, value) for node_id, one in self._nodes.items() for name, value in _inputs(one))
        return [(node_id, name) for node_id, name, value in pairs if self.is_wire(value) and value[0] == node]

    def remove(self, node: str) -> None:
        """Take a node away."""
        del self._nodes[node]


def _inputs(node: dict) -> list[tuple[str, object]]:
    return list(node.get("inputs", {}).items())


def _node(kind: str, inputs: dict[str, object]) -> dict:
    return {"inputs": dict(inputs), "class_type": kind, "_meta": {"title": SHAPES[kind].title}}
