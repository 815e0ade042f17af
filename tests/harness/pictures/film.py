"""The moving picture at the head of the README: the demo's three tasks, as the miniature really made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..host.locations import ROOT
from ..miniature.demo import SHOWS, Display, run

if TYPE_CHECKING:
    from pathlib import Path

    from ..host.server import ComfyServer

FILE = ROOT / "docs" / "demo.webp"
SIDE, GAP, TOP, FOOT = 168, 14, 36, 10
GROUND, INK, PALE = "#1d2027", "#f4f5f7", "#a9afbb"
CAPTIONS = {"inpaint": "exchange", "outpaint": "outpaint", "pose": "follow a pose"}
ROWS = ("input", "result")
PACE = 125  # milliseconds: half of the speed of 16 frames a second


def compose(shown: dict[str, dict[str, np.ndarray]]) -> list[Image.Image]:
    """The frames of the picture.

    Args:
        shown: For each task of `CAPTIONS` its ``input`` and ``result``, each [T, H, W, 3], uint8.
    """
    count = min(len(rows[row]) for rows in shown.values() for row in ROWS)
    return [_frame(shown, index) for index in range(count)]


def _frame(shown: dict[str, dict[str, np.ndarray]], index: int) -> Image.Image:
    width = GAP + len(shown) * (SIDE + GAP)
    picture = Image.new("RGB", (width, TOP + len(ROWS) * (SIDE + GAP) + FOOT), GROUND)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(17)
    for column, (name, rows) in enumerate(shown.items()):
        x = GAP + column * (SIDE + GAP)
        draw.text((x + SIDE / 2, TOP / 2), CAPTIONS[name], INK, font, anchor="mm")
        for row, kind in enumerate(ROWS):
            picture.paste(_tile(rows[kind][index]), (x, TOP + row * (SIDE + GAP)))
        middle = x + SIDE / 2
        arrow = TOP + SIDE + 3
        draw.polygon([(middle - 8, arrow), (middle + 8, arrow), (middle, arrow + 8)], PALE)
    return picture


def _tile(frame: np.ndarray) -> Image.Image:
    """A frame in the middle of a square, its pixels as they are."""
    picture = Image.fromarray(frame)
    scale = SIDE / max(picture.size)
    picture = picture.resize([round(scale * side) for side in picture.size], Image.Resampling.NEAREST)
    tile = Image.new("RGB", (SIDE, SIDE), "#262a33")
    tile.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    return tile


def film_demo(server: ComfyServer) -> Path:
    """Run the demo and write its picture.

    Args:
        server: That runs.

    Returns:
        The file.
    """
    frames = compose({show.name: run(server, show, Display())[1][1] for show in SHOWS})
    first, *rest = frames
    first.save(FILE, "WEBP", save_all=True, append_images=rest, duration=PACE, loop=0, quality=85, method=6)
    return FILE
