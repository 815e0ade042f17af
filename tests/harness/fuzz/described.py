"""What /object_info says of a node, as a tree of inputs that a prompt can be grown from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..browser.specs import DYNAMIC, GROWING, WIDGETS


@dataclass(frozen=True)
class Input:
    """One input of a node.

    Attributes:
        name: Without the group or option that it stands in.
        type: Its type, several with commas between.
        optional: Whether a prompt may leave it out.
        options: What /object_info says of it.
        choices: Of a combo, a dynamic one included.
        nested: For each choice of a dynamic combo its own inputs; of a growing group its members, under ``""``.
    """

    name: str
    type: str
    optional: bool
    options: dict = field(default_factory=dict)
    choices: tuple = ()
    nested: dict[str, tuple[Input, ...]] = field(default_factory=dict)

    @property
    def is_widget(self) -> bool:
        """Whether it holds a value; else it holds a wire."""
        return self.type in WIDGETS and not self.options.get("forceInput")


@dataclass(frozen=True)
class Node:
    """One class of nodes: its id, inputs, the types of its outputs, and whether it is an end of a workflow."""

    id: str
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    is_end: bool

    def socket_names(self) -> set[str]:
        """The names of all inputs, those of groups and options included."""
        return {one.name for one in walk(self.inputs)}


def read(info: dict, node_id: str) -> Node:
    """A class of nodes from its part of /object_info."""
    outputs = tuple(kind if isinstance(kind, str) else "COMBO" for kind in info["output"])
    return Node(node_id, _inputs(info["input"]), outputs, info["output_node"])


def walk(inputs: tuple[Input, ...]) -> Iterator[Input]:
    """Every input, each before those nested in it."""
    for one in inputs:
        yield one
        for inner in one.nested.values():
            yield from walk(inner)


def _inputs(declared: dict) -> tuple[Input, ...]:
    return tuple(
        _input(name, group == "optional", *one)
        for group in ("required", "optional")
        for name, one in declared.get(group, {}).items()
    )


def _input(name: str, optional: bool, kind: object, options: dict | None = None) -> Input:
    options = options or {}
    if isinstance(kind, list):  # the older form of a combo
        return Input(name, "COMBO", optional, options, tuple(kind))
    if kind == DYNAMIC:
        nested = {option["key"]: _inputs(option["inputs"]) for option in options["options"]}
        return Input(name, kind, optional, options, tuple(nested), nested)
    if kind == GROWING:
        template = options["template"]
        ((_, one),) = (item for group in template["input"].values() for item in group.items())
        count = min(template["max"], template["min"] + 3)
        members = (_input(f"{template['prefix']}{k}", k >= template["min"], *one) for k in range(count))
        return Input(name, kind, optional, options, (), {"": tuple(members)})
    return Input(name, kind, optional, options, tuple(options.get("options", ())))
