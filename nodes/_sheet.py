"""The contact sheet: rows of small frames with a label, drawn with Pillow."""

from dataclasses import replace

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..vace_core.context import split_for_encoding
from ..vace_core.references import letterbox
from ..vace_core.vcu import Vcu
from ..vace_core.video import resize

CELL_AREA = 160 * 120
GAP = 6
LABEL_WIDTH = 118
HEADER_HEIGHT = 22
BACKGROUND, INK, FAINT = (24, 26, 30), (236, 236, 236), (150, 154, 160)


def contact_sheet(vcu: Vcu, columns: int, result: Tensor | None = None) -> Tensor:
    """Source, mask, both halves, references and the result of a VCU, one row each.

    Args:
        vcu: The unit to show.
        columns: Frames per row, spread evenly; at most as many as there are.
        result: [T, H, W, 3] in [0, 1], the finished video.

    Returns:
        [1, H, W, 3], in [0, 1].
    """
    index = _spread(vcu.num_frames, columns)
    shown = replace(vcu, frames=vcu.frames[index], mask=vcu.mask[index])
    inactive, reactive, _ = (part[: len(index)] for part in split_for_encoding(shown))
    grey_mask = shown.mask[..., None].expand(-1, -1, -1, 3)
    rows = [
        ("source", "the control video", shown.frames),
        ("mask", "white is generated", grey_mask),
        ("kept", "inactive half", inactive),
        ("control", "reactive half", reactive),
    ]
    if vcu.references:
        rows.append(("references", "as the model gets them", _letterboxed(vcu)))
    if result is not None:
        rows.append(("result", "after decoding", result[_spread(len(result), columns)]))
    title = f"{vcu.width} x {vcu.height}, {vcu.num_frames} frames"
    return _draw(rows, [f"frame {i}" for i in index], title, _cell(vcu))


def _letterboxed(vcu: Vcu) -> Tensor:
    return torch.stack([letterbox(reference.image, vcu.height, vcu.width) for reference in vcu.references])


def _spread(count: int, columns: int) -> list[int]:
    """Up to ``columns`` indices from the first frame to the last."""
    if columns == 1 or count == 1:
        return [0]
    columns = min(columns, count)
    return [round(k * (count - 1) / (columns - 1)) for k in range(columns)]


def _cell(vcu: Vcu) -> tuple[int, int]:
    """Rows and columns of one small frame: equal area for every aspect."""
    scale = (CELL_AREA / (vcu.height * vcu.width)) ** 0.5
    return max(round(vcu.height * scale), 1), max(round(vcu.width * scale), 1)


def _draw(rows: list[tuple[str, str, Tensor]], header: list[str], title: str, cell: tuple[int, int]) -> Tensor:
    height, width = cell
    columns = max(len(header), *(len(frames) for _, _, frames in rows))
    size = LABEL_WIDTH + columns * (width + GAP), HEADER_HEIGHT + len(rows) * (height + GAP)
    sheet = Image.new("RGB", size, BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    font, small = ImageFont.load_default(13), ImageFont.load_default(10)
    pen.text((GAP, GAP), title, INK, small)
    for k, text in enumerate(header):
        pen.text((LABEL_WIDTH + k * (width + GAP), GAP), text, FAINT, small)
    for k, (label, hint, frames) in enumerate(rows):
        top = HEADER_HEIGHT + k * (height + GAP)
        pen.text((GAP, top + 4), label, INK, font)
        pen.text((GAP, top + 22), hint, FAINT, small)
        for column, frame in enumerate(resize(frames, height, width)):
            sheet.paste(_picture(frame), (LABEL_WIDTH + column * (width + GAP), top))
    return torch.from_numpy(np.asarray(sheet, dtype=np.float32) / 255)[None]


def _picture(frame: Tensor) -> Image.Image:
    return Image.fromarray((frame.cpu().numpy() * 255).round().astype(np.uint8))
