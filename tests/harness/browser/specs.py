"""What a node shows, worked out from ``/object_info`` alone: its sockets and widgets, whatever is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

DYNAMIC, GROWING = "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3"
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", DYNAMIC)
PACK = "custom_nodes.wan-vace"


@dataclass(frozen=True)
class Socket:
    """One input as the front end shows it.

    Attributes:
        name: As prompts name it: ``method``, ``method.iterations``, ``references.reference_image_0``.
        type: Its type, several with commas between.
        options: What /object_info says of it.
        choices: Of a combo.
    """

    name: str
    type: str
    options: dict
    choices: tuple = ()

    @property
    def is_widget(self) -> bool:
        """Whether a value can be typed or chosen, not only connected."""
        return self.type in WIDGETS and not self.options.get("forceInput")

    def values(self, turn: int) -> list:
        """Values to give it one after another: every choice of a combo, else one that is not the default.

        Args:
            turn: Decides the last one.
        """
        if self.type in ("COMBO", DYNAMIC):
            last = turn % len(self.choices) if self.choices else 0
            return [*self.choices[last + 1 :], *self.choices[: last + 1]]
        if self.type == "STRING":
            return [f"text {turn}"]
        default = self.options.get("default", 0)
        if self.type == "BOOLEAN":
            return [not default]
        other = round(default + (turn + 1) * self.options.get("step", 1), 6)
        return [other if other <= self.options.get("max", other) else self.options["min"]]


def ours(object_info: dict) -> dict[str, dict]:
    """The descriptions of this pack's nodes by id."""
    return {node_id: info for node_id, info in object_info.items() if info["python_module"] == PACK}


def sockets(inputs: dict, turn: int = 0, *, grown: bool = False, prefix: str = "") -> Iterator[Socket]:
    """The inputs of a node.

    Args:
        inputs: Its ``input`` in /object_info.
        turn: Which option each dynamic combo has; beyond its last it begins anew.
        grown: Growing groups have all their sockets, else the least.
        prefix: What stands before the names.
    """
    for name, (kind, *rest) in _declared(inputs):
        options = rest[0] if rest else {}
        if kind == DYNAMIC:
            yield from _dynamic(prefix + name, options, turn, grown)
        elif kind == GROWING:
            yield from _growing(prefix + name, options["template"], grown)
        elif isinstance(kind, list):
            yield Socket(prefix + name, "COMBO", options, tuple(kind))
        else:
            yield Socket(prefix + name, kind, options, tuple(options.get("options", ())))


def turns(inputs: dict) -> int:
    """How many turns show every option of every dynamic combo of a node."""
    options = [rest["options"] for _, (kind, *more) in _declared(inputs) if kind == DYNAMIC for rest in more]
    inner = [turns(option["inputs"]) for one in options for option in one]
    return max([1, *map(len, options), *inner])


def unplaceable(inputs: dict) -> list[str]:
    """The dynamic combos of a node that the front end cannot build: their first option has sockets and no widget."""
    found = []
    for name, (kind, *rest) in _declared(inputs):
        for option in rest[0]["options"] if kind == DYNAMIC else ():
            shown = list(sockets(option["inputs"]))
            if option is rest[0]["options"][0] and shown and not any(socket.is_widget for socket in shown):
                found.append(name)
            found += [f"{name}.{inner}" for inner in unplaceable(option["inputs"])]
    return found


def forgetful(inputs: dict) -> list[str]:
    """The dynamic combos of a node that cost it wires when front end 1.58 loads a workflow.

    A growing group beside it loses wires if the first option shows an input that the chosen one lacks.
    """
    declared = _declared(inputs)
    if not any(kind == GROWING for _, (kind, *_) in declared):
        return []
    combos = [(name, rest[0]["options"][0]["inputs"]) for name, (kind, *rest) in declared if kind == DYNAMIC]
    return [name for name, first in combos if list(sockets(first))]


def _declared(inputs: dict) -> list[tuple[str, list]]:
    return [item for group in ("required", "optional") for item in inputs.get(group, {}).items()]


def _dynamic(name: str, options: dict, turn: int, grown: bool) -> Iterator[Socket]:
    offered = options["options"]
    yield Socket(name, DYNAMIC, options, tuple(option["key"] for option in offered))
    yield from sockets(offered[turn % len(offered)]["inputs"], turn, grown=grown, prefix=f"{name}.")


def _growing(name: str, template: dict, grown: bool) -> Iterator[Socket]:
    ((_, (kind, *rest)),) = _declared(template["input"])
    names = template.get("names") or [f"{template['prefix']}{i}" for i in range(template["max"])]
    shown = names if grown else names[: max(1, template["min"])]
    yield from (Socket(f"{name}.{one}", kind, rest[0] if rest else {}) for one in shown)


def sources(object_info: dict) -> dict[str, tuple[str, int]]:
    """For every type that a node gives: the simplest node that gives it, and at which output."""
    found: dict[str, tuple[str, int]] = {}
    for node_id in sorted(object_info, key=lambda one: (*_size(object_info[one]["input"]), one)):
        for index, kind in enumerate(object_info[node_id]["output"]):
            found.setdefault(str(kind), (node_id, index))
    return found


def _size(inputs: dict) -> tuple[bool, int]:
    """How much a node is: whether it asks the host for files, then its inputs."""
    return "_upload" in str(inputs), len(_declared(inputs))
