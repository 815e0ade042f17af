"""Contact sheets: what is true, what the model looked at, and what came, side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ...vace_core.conditioning import split_for_encoding
from .cases import Case

COLUMNS = ("truth", "VCU", "with", "without")
SHOWN, MOST_ROWS = 3, 4
GAP, LABEL = 4, 14  # pixels
QUALITY = 80


class Shown(Protocol):
    """What a row is made of; see `command.Attempt`."""

    case: Case
    film: Tensor
    film_without: Tensor


def write_sheet(path: Path, attempts: Sequence[Shown]) -> None:
    """A JPEG with a row for each scene, a few frames of each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet(attempts[:MOST_ROWS]).save(path, quality=QUALITY)


def sheet(attempts: Sequence[Shown]) -> Image.Image:
    """The picture."""
    rows = [
        [_strip(each.case.clip.frames), _strip(looked_at(each.case.vcu)), _strip(each.film), _strip(each.film_without)]
        for each in attempts
    ]
    height, width, _ = rows[0][0].shape
    size = (len(COLUMNS) * (width + GAP) - GAP, LABEL + len(rows) * (height + GAP) - GAP)
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    for column, name in enumerate(COLUMNS):
        pen.text((column * (width + GAP), 1), name, fill="black")
        for line, row in enumerate(rows):
            pixels = (row[column].clamp(0, 1) * 255).round().byte().cpu().numpy()
            place = column * (width + GAP), LABEL + line * (height + GAP)
            picture.paste(Image.fromarray(np.ascontiguousarray(pixels)), place)
    return picture


def looked_at(vcu: object) -> Tensor:
    """[T, H, W, 3]: what a VCU shows the model; a reference in place of the first frame."""
    inactive, reactive, mask = split_for_encoding(vcu)
    frames = torch.where(mask[..., None] > 0.5, reactive, inactive)
    if vcu.references:
        frames = frames.clone()
        frames[0] = vcu.references[0].image
    return frames


def _strip(frames: Tensor) -> Tensor:
    """[H, n * W, 3], the first, middle and last frame side by side."""
    last = len(frames) - 1
    return torch.cat([frames[round(last * place / (SHOWN - 1))] for place in range(SHOWN)], dim=1)
