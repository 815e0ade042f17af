"""Draws the pack as a house: a floor for each layer, the same rooms on every floor, and the arrows between rooms.

``python dev.py structure`` writes ARCHITECTURE.svg from the imports; a test compares the two.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..host.locations import ROOT
from .imports import HOST, Structure

FILE = ROOT / "ARCHITECTURE.svg"
FLOORS = {
    Path("nodes"): "nodes: what users see",
    HOST: "nodes/_host: all that touches ComfyUI",
    Path("annotators"): "annotators: videos into signals, a room for each",
    Path("vace_core"): "vace_core: VACE as functions of tensors",
}
COMMON = ("vcu", "masks", "video")  # which every room of the core may use
ROOMS = (
    "tasks",
    "exact",
    "conditioning",
    "sampling",
    "strength",
    "adapter",
    "models",
    "long",
    "files",
    "signals",
    *COMMON,
)
SIGNALS = ("lines", "depth", "flow", "pose", "subject", "tflite")

WIDTH, ROOM, PAD, LINE, HEAD = 1520, 105, 6, 15, 24
LEFT, TOP = 18, 56
COLOURS = {"nodes": "#dbe9f6", "_host": "#fde6cf", "annotators": "#e2f0d9", "vace_core": "#ece4f5"}
STYLE = (
    "text{font-family:DejaVu Sans,Verdana,sans-serif;fill:#1c1c22}"
    ".f{font-size:15px;font-weight:bold}.r{font-size:12px;font-weight:bold}.n{font-size:10.5px}.s{font-size:12px}"
    ".u{font-size:10.5px;fill:#b0470a}"
)


@dataclass(frozen=True)
class Room:
    """A folder of the picture.

    Attributes:
        name: As its floor calls it.
        files: Names of its files.
        uses: Other rooms of its floor that it imports; those that everybody may use are left out.
    """

    name: str
    files: list[str]
    uses: list[str]

    @property
    def rows(self) -> int:
        """Lines of text."""
        return len(self.files) + len(self.uses)


def draw(structure: Structure) -> str:
    """The picture as SVG text.

    Args:
        structure: Of the whole repository.
    """
    parts, y = (
        [
            _words(
                LEFT,
                32,
                "f",
                "A room has the same name on every floor that has it. An import goes to the same floor or down.",
            )
        ],
        TOP,
    )
    for floor, title in FLOORS.items():
        rooms = _rooms(structure, floor)
        rows = max(room.rows for room in rooms)
        height = HEAD + LINE * (rows + 1) + 4 + PAD
        parts.append(_floor(y, height, floor, title))
        parts += [_draw_room(_x(rooms, room), y + HEAD, rows, room) for room in rooms]
        y += height + 16
    parts.append(_words(LEFT, y + 8, "s", _caption(structure)))
    body, height = "\n".join(parts), y + 24
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
    back = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f"{head}\n<style>{STYLE}</style>\n{back}\n{body}\n</svg>\n"


def numbers(structure: Structure) -> list[str]:
    """Lines for the terminal: files of each folder, and how many arrows there are of all that could be."""
    lines = []
    for floor in FLOORS:
        rooms = [folder for folder in structure.folders if folder.parent == floor and folder not in FLOORS]
        sizes = {room.name: sum(path.parent == room for path in structure.files) for room in rooms}
        own = sum(path.parent == floor for path in structure.files)
        between = [pair for pair in structure.arrows() if pair[0] in rooms and pair[1] in rooms]
        listed = ", ".join(f"{name} {count}" for name, count in sizes.items())
        lines.append(f"{floor}: {own} of its own; {listed}")
        lines.append(f"  {len(between)} arrows between its {len(rooms)} folders, of {len(rooms) * (len(rooms) - 1)}")
    return lines


def main(arguments: list[str]) -> int:
    """Write the picture and print the numbers.

    Args:
        arguments: None.

    Returns:
        The exit status.
    """
    structure = Structure()
    FILE.write_text(draw(structure), "utf-8")
    print("\n".join([*numbers(structure), f"drawn: {FILE.name}"]))
    return 0


def _rooms(structure: Structure, floor: Path) -> list[Room]:
    """The rooms of a floor in the order of the picture; last the files of the floor itself."""
    names = SIGNALS if floor == Path("annotators") else ROOMS
    rooms = [Room(name, _files(structure, floor / name), _uses(structure, floor, name)) for name in names]
    return [*(room for room in rooms if room.files), Room("for all", _files(structure, floor), [])]


def _files(structure: Structure, folder: Path) -> list[str]:
    return [path.stem for path in structure.files if path.parent == folder and path.stem != "__init__"]


def _uses(structure: Structure, floor: Path, name: str) -> list[str]:
    used = [b.name for a, b in structure.arrows() if a == floor / name and b.parent == floor and b != HOST]
    return sorted(each for each in used if floor != Path("vace_core") or each not in COMMON)


def _x(rooms: list[Room], room: Room) -> int:
    column = rooms.index(room) if room.name in SIGNALS else (*ROOMS, "for all").index(room.name)
    return LEFT + PAD + column * ROOM


def _floor(y: int, height: int, floor: Path, title: str) -> str:
    box = f'<rect x="{LEFT}" y="{y}" width="{WIDTH - 2 * LEFT}" height="{height}" rx="6" fill="{COLOURS[floor.name]}"/>'
    return box + _words(LEFT + PAD, y + 17, "f", title)


def _draw_room(x: int, y: int, rows: int, room: Room) -> str:
    height = LINE * (rows + 1) + 4
    box = f'<rect x="{x}" y="{y}" width="{ROOM - PAD}" height="{height}" rx="4" fill="#ffffff" stroke="#8a8a99"/>'
    texts = [("n", file) for file in room.files] + [("u", f"\N{RIGHTWARDS ARROW} {other}") for other in room.uses]
    lines = [_words(x + 6, y + LINE * (k + 2), kind, text) for k, (kind, text) in enumerate(texts)]
    return box + _words(x + 6, y + LINE, "r", room.name) + "".join(lines)


def _caption(structure: Structure) -> str:
    count = sum(path.parts[0] in ("nodes", "annotators", "vace_core") for path in structure.files)
    return (
        f"{count} files. In the core every room may use {', '.join(COMMON)} and nothing else; "
        f"an arrow names another room of the floor that is used."
    )


def _words(x: int, y: int, kind: str, text: str) -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(text)}</text>'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
