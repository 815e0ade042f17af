"""Rows of frames as one picture, large enough to be looked at."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 64  # pixels of a cell, unless frames are larger
SCALE = 4
GAP, LABEL, TITLE = 8, 110, 34
BACKGROUND, INK, FAINT = (24, 26, 30), (236, 236, 236), (60, 64, 70)

# A title, and its rows: what they show, and frames [T, H, W, 3], uint8.
Part = tuple[str, dict[str, np.ndarray]]


def contact_sheet(parts: list[Part], columns: int = 5, scale: int = SCALE) -> Image.Image:
    """Parts below each other, each with its title and rows.

    Args:
        parts: See `Part`; frames that are smaller than the others, or than 64 x 64, lie in the middle.
        columns: Frames of a row, spread evenly.
        scale: How many times as large frames are shown.
    """
    cell = max(SIDE, *(side for _, rows in parts for frames in rows.values() for side in frames.shape[1:3])) * scale
    height = sum(TITLE + len(rows) * (cell + GAP) for _, rows in parts)
    sheet = Image.new("RGB", (LABEL + columns * (cell + GAP), height + GAP), BACKGROUND)
    pen, top = ImageDraw.Draw(sheet), 0
    for title, rows in parts:
        pen.text((GAP, top + GAP), title, INK, ImageFont.load_default(18))
        top += TITLE
        for label, frames in rows.items():
            pen.text((GAP, top + GAP), label, INK, ImageFont.load_default(16))
            chosen = np.linspace(0, len(frames) - 1, columns).round().astype(int)
            for column, frame in enumerate(frames[chosen]):
                _put(sheet, frame, (LABEL + column * (cell + GAP), top), scale, cell)
            top += cell + GAP
    return sheet


def _put(sheet: Image.Image, frame: np.ndarray, corner: tuple[int, int], scale: int, cell: int) -> None:
    height, width = (side * scale for side in frame.shape[:2])
    sheet.paste(FAINT, (*corner, corner[0] + cell, corner[1] + cell))
    enlarged = Image.fromarray(frame).resize((width, height), Image.Resampling.NEAREST)
    sheet.paste(enlarged, (corner[0] + (cell - width) // 2, corner[1] + (cell - height) // 2))
