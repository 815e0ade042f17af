"""The note on the canvas of a published workflow."""

from __future__ import annotations

import math

from .identity import FILES, LARGE, LARGE_LORA, LORA, PLAIN, ModelFile, models_of
from .switch import SWITCH
from .switch import TITLE as SWITCH_TITLE
from .texts import Text

TITLE, TYPE = "About this workflow", "MarkdownNote"
WIDTH = 360
# Of the text in Nodes 2.0, which needs more room: letters in a line of that width, and pixels.
LETTERS, LINE, ITEM, BETWEEN, BORDER = 62, 17, 24, 6, 46
COLORS = {"color": "#432", "bgcolor": "#653"}  # yellow, as the front end makes its notes
LOADERS = ("LoadVideo", "LoadImage")
PRESET = "CausVid LoRA (4 steps)"


def note_of(text: Text, nodes: list[dict]) -> str:
    """What the note says, in Markdown.

    Args:
        text: Of the workflow.
        nodes: Its nodes, in the browser's form.
    """
    switch = any(node["type"] == SWITCH for node in nodes)
    files = list(
        dict.fromkeys(
            file for node in nodes if node["type"] != SWITCH for file in models_of(node.get("widgets_values", []))
        )
    )
    parts = [text.text]
    if any(node["type"] in LOADERS for node in nodes):
        parts.append("It runs as it is: its clips and pictures come with the pack.")
    if files:
        parts += ["**Files**, in ComfyUI's `models` folder:", "\n".join(map(_line, files))]
        if PLAIN not in files:
            parts.append(f"**14B**, for more detail and 720p: choose {_link(FILES[LARGE])} in *VACE Load Models*.")
        if switch:
            parts.append(
                f"**4 steps**: select *{SWITCH_TITLE}* and press Ctrl+B, then choose `{PRESET}` in `settings`. "
                f"Its file: {_link(LORA)}, for 14B {_link(LARGE_LORA)}, in `{LORA.directory}`."
            )
        parts.append("**Memory**: the 1.3B model is 4.3 GB. If memory runs out, lower `width`, `height` or `length`.")
    return "\n\n".join(parts).replace("`", "**")  # Nodes 2.0 writes code blue on blue


def note_node(node_id: int, text: str) -> dict:
    """The node that shows it, not yet in its place.

    Args:
        node_id: Its id.
        text: In Markdown.
    """
    return {
        "id": node_id,
        "type": TYPE,
        "pos": [0, 0],
        "size": [WIDTH, height_of(text)],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "title": TITLE,
        "properties": {},
        "widgets_values": [text],
        **COLORS,
    }


def height_of(text: str) -> int:
    """Pixels that a note needs to show a text without a scroll bar."""
    height = BORDER
    for line in text.split("\n"):
        rows = math.ceil(len(_shown(line)) / LETTERS)
        height += rows * LINE + (ITEM - LINE if line[:1] in ("-", *"123456789") else BETWEEN)
    return height


def _line(file: ModelFile) -> str:
    return f"- {_link(file)} in `{file.directory}`"


def _link(file: ModelFile) -> str:
    return f"[{file.name}]({file.url})"


def _shown(line: str) -> str:
    """Without the addresses behind links."""
    return "".join(part.split(")", 1)[-1] if i else part for i, part in enumerate(line.split("](")))
