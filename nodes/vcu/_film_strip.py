"""The film strip of a VCU: a time line, rows of small frames, numbers and warnings, drawn with Pillow."""

import textwrap
from dataclasses import replace

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ...vace_core.conditioning import split_for_encoding
from ...vace_core.notes import sentences
from ...vace_core.vcu import Preflight, Vcu, generated_share, letterbox, visible_frames
from ...vace_core.video import resize
from .._thumbnail import GENERATED, KEPT, spread

CELL_AREA = 160 * 120
GAP, LABEL_WIDTH, LINE = 6, 126, 15
TIMELINE_HEIGHT = 14
MIN_TEXT_WIDTH = 640
BACKGROUND, INK, FAINT, AMBER = (24, 26, 30), (236, 236, 236), (150, 154, 160), (255, 178, 66)

Row = tuple[str, str, Tensor]


def film_strip(vcu: Vcu, report: Preflight, columns: int, result: Tensor | None = None) -> Tensor:
    """What a VCU holds, as one picture.

    Args:
        vcu: The unit to show.
        report: Its numbers and warnings, written below.
        columns: Frames per row, spread evenly; at most as many as there are.
        result: [T, H, W, 3] in [0, 1], the finished video, as the last row.

    Returns:
        [1, H, W, 3], in [0, 1].
    """
    index = spread(vcu.num_frames, columns)
    rows = _rows(vcu, index, result, columns)
    height, width = _cell(vcu)
    wide = max(len(index), *(len(frames) for _, _, frames in rows))
    footer = _footer(report, max(LABEL_WIDTH + wide * (width + GAP), MIN_TEXT_WIDTH))
    top = 3 * GAP + TIMELINE_HEIGHT + 2 * LINE
    size = (
        max(LABEL_WIDTH + wide * (width + GAP), MIN_TEXT_WIDTH),
        top + len(rows) * (height + GAP) + GAP + len(footer) * LINE + GAP,
    )
    sheet = Image.new("RGB", size, BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    _draw_timeline(pen, vcu, size[0])
    _draw_header(pen, vcu, index, top - LINE, width)
    for k, row in enumerate(rows):
        _draw_row(sheet, pen, row, top + k * (height + GAP), (height, width))
    for k, (text, colour) in enumerate(footer):
        pen.text((GAP, size[1] - GAP - (len(footer) - k) * LINE), text, colour, ImageFont.load_default(11))
    return torch.from_numpy(np.asarray(sheet, dtype=np.float32) / 255)[None]


def _rows(vcu: Vcu, index: list[int], result: Tensor | None, columns: int) -> list[Row]:
    shown = replace(vcu, frames=vcu.frames[index], mask=vcu.mask[index])
    inactive, reactive, _ = (part[: len(index)] for part in split_for_encoding(shown))
    rows = [
        ("source", "what came in", shown.frames),
        ("mask", "white is generated", shown.mask[..., None].expand(-1, -1, -1, 3)),
        ("kept", "inactive half", inactive),
        ("control", "reactive half", reactive),
    ]
    if vcu.references:
        pictures = [letterbox(reference.image.cpu(), vcu.height, vcu.width) for reference in vcu.references]
        rows.append(("references", "as the model gets them", torch.stack(pictures)))
    if result is not None:
        rows.append(("result", "after decoding", result[spread(len(result), columns)].float()))
    return rows


def _cell(vcu: Vcu) -> tuple[int, int]:
    """Rows and columns of one small frame: equal area for every aspect."""
    scale = (CELL_AREA / (vcu.height * vcu.width)) ** 0.5
    return max(round(vcu.height * scale), 1), max(round(vcu.width * scale), 1)


def _draw_timeline(pen: ImageDraw.ImageDraw, vcu: Vcu, width: int) -> None:
    """One stripe for each frame, from kept to generated; a tick where the mask channels look."""
    left, right = LABEL_WIDTH, width - GAP
    share = generated_share(vcu.mask).tolist()
    edges = [left + (right - left) * k // len(share) for k in range(len(share) + 1)]
    for k, part in enumerate(share):
        colour = tuple(round(a + (b - a) * part) for a, b in zip(KEPT, GENERATED, strict=True))
        pen.rectangle((edges[k], GAP, max(edges[k + 1] - 2, edges[k]), GAP + TIMELINE_HEIGHT), colour)
    for k in visible_frames(vcu.num_frames):
        middle = (edges[k] + edges[k + 1]) // 2
        pen.line((middle, GAP + TIMELINE_HEIGHT + 2, middle, GAP + TIMELINE_HEIGHT + 6), INK)
    font = ImageFont.load_default(10)
    pen.text((GAP, GAP), "kept", KEPT, font)
    pen.text((GAP + 30, GAP), "generated", GENERATED, font)
    pen.text((GAP, GAP + TIMELINE_HEIGHT), "seen by the mask:", FAINT, font)


def _draw_header(pen: ImageDraw.ImageDraw, vcu: Vcu, index: list[int], top: int, width: int) -> None:
    seen = set(visible_frames(vcu.num_frames))
    for k, frame in enumerate(index):
        text = f"frame {frame}{' (seen)' if frame in seen else ''}"
        pen.text((LABEL_WIDTH + k * (width + GAP), top), text, FAINT, ImageFont.load_default(10))


def _draw_row(sheet: Image.Image, pen: ImageDraw.ImageDraw, row: Row, top: int, cell: tuple[int, int]) -> None:
    label, hint, frames = row
    pen.text((GAP, top + 4), label, INK, ImageFont.load_default(13))
    pen.text((GAP, top + 22), hint, FAINT, ImageFont.load_default(10))
    for column, frame in enumerate(resize(frames, *cell)):
        picture = Image.fromarray((frame.cpu().numpy() * 255).round().astype(np.uint8))
        sheet.paste(picture, (LABEL_WIDTH + column * (cell[1] + GAP), top))


def _footer(report: Preflight, width: int) -> list[tuple[str, tuple[int, int, int]]]:
    """Lines of text with their colours, wrapped to the sheet."""
    paragraphs = [
        *((text, INK) for text in report.numbers),
        *((f"! {text}", AMBER) for text in report.warnings),
        *((text, FAINT) for text in sentences(report.notes)),
    ]
    return [(line, colour) for text, colour in paragraphs for line in textwrap.wrap(text, width // 6)]
