"""What is true, what the model looked at, and what came, in one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...vace_core.conditioning import split_for_encoding
from ..contact_sheet import contact_sheet
from .cases import Case

SHOWN, MOST_SCENES = 3, 4
QUALITY = 80


class Shown(Protocol):
    """What is shown of a scene; see `command.Attempt`."""

    case: Case
    film: Tensor
    film_without: Tensor


def write_sheet(path: Path, task: str, attempts: Sequence[Shown]) -> None:
    """A JPEG with first, middle and last frame of some scenes side by side.

    Args:
        path: The file.
        task: Its title.
        attempts: The scenes.
    """
    shown = attempts[:MOST_SCENES]
    rows = {
        "truth": [each.case.clip.frames for each in shown],
        "VCU": [seen_by_model(each.case.vcu) for each in shown],
        "with": [each.film for each in shown],
        "without": [each.film_without for each in shown],
    }
    part = task, {label: np.concatenate([_few(frames) for frames in films]) for label, films in rows.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet([part], SHOWN * len(shown), scale=1).save(path, quality=QUALITY)


def seen_by_model(vcu: object) -> Tensor:
    """[T, H, W, 3]: what a VCU shows the model; a reference in place of the first frame."""
    inactive, reactive, mask = split_for_encoding(vcu)
    frames = torch.where(mask[..., None] > 0.5, reactive, inactive)
    if vcu.references:
        frames = frames.clone()
        frames[0] = vcu.references[0].image
    return frames


def _few(frames: Tensor) -> np.ndarray:
    """First, middle and last frame, [n, H, W, 3], uint8."""
    last = len(frames) - 1
    chosen = frames[[round(last * place / (SHOWN - 1)) for place in range(SHOWN)]]
    return (chosen.clamp(0, 1) * 255).round().byte().cpu().numpy()
