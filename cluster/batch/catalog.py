"""What ComfyUI says of its nodes in /object_info, as far as a table needs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

DYNAMIC, GROWING = "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3"
VALUES = ("INT", "FLOAT", "BOOLEAN", "STRING", "COMBO")
UPLOADS = ("image_upload", "video_upload", "audio_upload", "file_upload")
LOAD_VCU = "VaceLoadVcu"


@dataclass(frozen=True)
class Socket:
    """One input.

    Attributes:
        name: With the group or option that it stands in: ``settings.steps``.
        kind: Its type.
        required: Whether a prompt must have it.
        options: What /object_info says of it.
        choices: Of a combo; None for others.
        is_file: Whether it names a file that a user brings.
    """

    name: str
    kind: str
    required: bool
    options: dict = field(default_factory=dict)
    choices: tuple | None = None
    is_file: bool = False

    @property
    def holds_value(self) -> bool:
        """Whether a table can fill it; else it takes a wire."""
        return self.kind in (*VALUES, DYNAMIC)


class Catalog:
    """All classes of nodes of a ComfyUI."""

    def __init__(self, info: dict[str, dict]) -> None:
        """Keep what /object_info answered."""
        self._info = info

    def knows(self, kind: str) -> bool:
        """Whether there is such a class."""
        return kind in self._info

    def sockets(self, kind: str, values: dict[str, object]) -> dict[str, Socket]:
        """The inputs of a node by name.

        Args:
            kind: Its class.
            values: Its inputs, which say what options of dynamic combos are chosen.
        """
        return {socket.name: socket for socket in _sockets(self._info[kind]["input"], "", values, kind)}

    def output_types(self, kind: str) -> list[str]:
        """Types of its outputs, in order."""
        return [each if isinstance(each, str) else "COMBO" for each in self._info[kind]["output"]]

    def is_end(self, kind: str) -> bool:
        """Whether it is an output node."""
        return bool(self._info[kind].get("output_node"))


def _sockets(declared: dict, prefix: str, values: dict[str, object], node: str) -> Iterator[Socket]:
    for group in ("required", "optional"):
        for name, (kind, *rest) in declared.get(group, {}).items():
            options = rest[0] if rest else {}
            yield from _socket(Socket(prefix + name, "", group == "required"), kind, options, values, node)


def _socket(begun: Socket, kind: str | list, options: dict, values: dict[str, object], node: str) -> Iterator[Socket]:
    name, required = begun.name, begun.required
    if kind == GROWING:
        template = options["template"]
        first = next(iter(next(group for group in template["input"].values() if group).values()))
        names = template.get("names") or [f"{template['prefix']}{number}" for number in range(template["max"])]
        for number, each in enumerate(names):
            grown = Socket(f"{name}.{each}", "", number < template["min"])
            yield from _socket(grown, first[0], first[1] if len(first) > 1 else {}, values, node)
        return
    if kind == DYNAMIC:
        keys = {option["key"]: option["inputs"] for option in options["options"]}
        yield Socket(name, kind, required, options, tuple(keys))
        chosen = values.get(name, options.get("default", next(iter(keys), None)))
        yield from _sockets(keys.get(chosen, {}) if isinstance(chosen, str) else {}, f"{name}.", values, node)
        return
    choices = tuple(kind) if isinstance(kind, list) else tuple(options["options"]) if "options" in options else None
    is_file = any(options.get(upload) for upload in UPLOADS) or (node == LOAD_VCU and name == "file")
    yield Socket(name, "COMBO" if isinstance(kind, list) else kind, required, options, choices, is_file)
