"""Rows of frames as one picture, large enough to be looked at."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SCALE = 4
CELL = 64 * SCALE
GAP, LABEL, TITLE = 8, 110, 34
BACKGROUND, INK, FAINT = (24, 26, 30), (236, 236, 236), (60, 64, 70)

# A title, and its rows: what they show, and frames [T, H, W, 3], uint8.
Part = tuple[str, dict[str, np.ndarray]]


def frames_of(film: Path) -> np.ndarray:
    """[T, H, W, 3], uint8, the frames of a film."""
    with av.open(str(film)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def frames_from(pictures: list[Path]) -> np.ndarray:
    """[T, H, W, 3], uint8, a frame of each picture."""
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in pictures])


def contact_sheet(parts: list[Part], columns: int = 5) -> Image.Image:
    """Parts below each other, each with its title and rows.

    Args:
        parts: See `Part`; frames are at most 64 x 64, smaller ones lie in the middle.
        columns: Frames of a row, spread evenly.
    """
    height = sum(TITLE + len(rows) * (CELL + GAP) for _, rows in parts)
    sheet = Image.new("RGB", (LABEL + columns * (CELL + GAP), height + GAP), BACKGROUND)
    pen, top = ImageDraw.Draw(sheet), 0
    for title, rows in parts:
        pen.text((GAP, top + GAP), title, INK, ImageFont.load_default(18))
        top += TITLE
        for label, frames in rows.items():
            pen.text((GAP, top + GAP), label, INK, ImageFont.load_default(16))
            chosen = np.linspace(0, len(frames) - 1, columns).round().astype(int)
            for column, frame in enumerate(frames[chosen]):
                _put(sheet, frame, (LABEL + column * (CELL + GAP), top))
            top += CELL + GAP
    return sheet


def _put(sheet: Image.Image, frame: np.ndarray, corner: tuple[int, int]) -> None:
    height, width = (side * SCALE for side in frame.shape[:2])
    sheet.paste(FAINT, (*corner, corner[0] + CELL, corner[1] + CELL))
    enlarged = Image.fromarray(frame).resize((width, height), Image.Resampling.NEAREST)
    sheet.paste(enlarged, (corner[0] + (CELL - width) // 2, corner[1] + (CELL - height) // 2))
