"""The small picture of a VCU that its node shows after a run: a time line, a few frames, the references."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..vace_core.vcu import Vcu, generated_share, letterbox
from ..vace_core.video import resize

FRAMES, REFERENCES = 6, 4  # shown at most
CELL_HEIGHT, GAP, BAR = 108, 4, 10  # pixels
WIDEST = 4  # times the height
GROUND, INK = (24, 26, 30), (255, 255, 255)
# The colours of the editors and diagrams: green is kept, violet is generated, blue is a reference.
KEPT, GENERATED, REFERENCE = (63, 179, 127), (139, 116, 232), (74, 144, 217)
VEIL = 0.5  # how much violet lies on what is generated; on control, which is to be seen, less than half of that


def spread(count: int, shown: int) -> list[int]:
    """Up to ``shown`` indices from the first of ``count`` frames to the last."""
    if shown == 1 or count == 1:
        return [0]
    shown = min(shown, count)
    return [round(k * (count - 1) / (shown - 1)) for k in range(shown)]


def thumbnail(vcu: Vcu) -> Tensor:
    """What a VCU holds, at a glance; of a long one no more than the frames shown is copied.

    Args:
        vcu: The unit to show.

    Returns:
        [1, H, W, 3], in [0, 1].
    """
    index = spread(vcu.num_frames, FRAMES)
    cells = [*_frames(vcu, index), *_references(vcu)]
    width = cells[0].width
    columns = min(len(cells), FRAMES // 2 if vcu.width >= vcu.height else FRAMES)
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, BAR + GAP + rows * (CELL_HEIGHT + GAP) + GAP), GROUND)
    pen = ImageDraw.Draw(sheet)
    _draw_bar(pen, generated_share(vcu.mask).tolist(), sheet.width)
    for k, cell in enumerate(cells):
        row, column = divmod(k, columns)
        corner = GAP + column * (width + GAP), GAP + BAR + GAP + row * (CELL_HEIGHT + GAP)
        sheet.paste(cell, corner)
        if k < len(index):
            _draw_number(pen, index[k], corner)
    return torch.from_numpy(np.asarray(sheet, dtype=np.float32) / 255)[None]


def _frames(vcu: Vcu, index: Sequence[int]) -> list[Image.Image]:
    veil = VEIL * (1 - 0.6 * vcu.control_amount)
    size = _cell(vcu)
    frames = resize(vcu.frames[index].float().cpu(), *size)
    mask = resize(vcu.mask[index].float().cpu()[..., None], *size) * veil
    violet = frames.new_tensor(GENERATED) / 255
    return [_picture(frame) for frame in frames * (1 - mask) + violet * mask]


def _references(vcu: Vcu) -> list[Image.Image]:
    height, width = _cell(vcu)
    cells = [_picture(letterbox(one.image.float().cpu(), height, width)) for one in vcu.references[:REFERENCES]]
    for cell in cells:
        ImageDraw.Draw(cell).rectangle((0, 0, width - 1, height - 1), outline=REFERENCE, width=3)
    return cells


def _cell(vcu: Vcu) -> tuple[int, int]:
    """Height and width of a frame in the picture; of a very wide one the width is pressed together."""
    return CELL_HEIGHT, min(max(round(CELL_HEIGHT * vcu.width / vcu.height), 1), WIDEST * CELL_HEIGHT)


def _picture(pixels: Tensor) -> Image.Image:
    return Image.fromarray((pixels.clamp(0, 1).numpy() * 255).round().astype(np.uint8))


def _draw_bar(pen: ImageDraw.ImageDraw, share: Sequence[float], width: int) -> None:
    """The clip from left to right: green where a frame is kept, violet by as much of it as is generated.

    Where a column of pixels stands for several frames it shows the one of which most is kept.
    """
    length = width - 2 * GAP
    for x in range(length):
        first, behind = (len(share) * k // length for k in (x, x + 1))
        part = min(share[first : max(behind, first + 1)])
        colour = tuple(round(a + (b - a) * part) for a, b in zip(KEPT, GENERATED, strict=True))
        pen.line((GAP + x, GAP, GAP + x, GAP + BAR - 1), colour)


def _draw_number(pen: ImageDraw.ImageDraw, frame: int, corner: tuple[int, int]) -> None:
    font = ImageFont.load_default(12)
    place = corner[0] + 4, corner[1] + CELL_HEIGHT - 17
    pen.text(place, str(frame), INK, font, stroke_width=2, stroke_fill=GROUND)
