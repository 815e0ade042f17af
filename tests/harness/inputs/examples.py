"""The clips and pictures that the published workflows load: the demo's footage in small files, which the pack ships."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ..host.locations import ROOT
from .footage import (
    BOY_AND_DOG,
    CAR,
    DANCER,
    FPS,
    FRAMES,
    PORTRAIT,
    WHITE_DRESS,
    dog_mask,
    dragon_head,
    load,
    save_clip,
    save_film,
)

FOLDER = ROOT / "example_workflows" / "inputs"
PREFIX = "vace_"
SMALL = {"crf": "25", "preset": "veryslow"}
QUALITY = 88


def write_examples(folder: Path = FOLDER) -> list[Path]:
    """Write all of them.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clip, dress = load(BOY_AND_DOG, FRAMES), load(WHITE_DRESS, 81)
    films = {"boy_and_dog": clip, "dancer": load(DANCER, FRAMES), "car": load(CAR, FRAMES)}
    pictures = {
        "first": Image.fromarray(dress[0]),
        "last": Image.fromarray(dress[-1]),
        "portrait": Image.fromarray(load(PORTRAIT, 1)[0]),
        "dragon": dragon_head(),
    }
    return [
        *(save_film(frames, folder / f"{PREFIX}{name}.mp4", options=SMALL) for name, frames in films.items()),
        *(_save_picture(picture, folder / f"{PREFIX}{name}.jpg") for name, picture in pictures.items()),
        _save_moving(clip, folder / f"{PREFIX}boy_and_dog.webp"),
        save_clip(dog_mask(*clip.shape[:3]), folder / f"{PREFIX}boy_and_dog_mask.webp"),
    ]


def _save_picture(picture: Image.Image, path: Path) -> Path:
    picture.save(path, quality=QUALITY, optimize=True)
    return path


def _save_moving(frames: np.ndarray, path: Path) -> Path:
    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=rest, duration=round(1000 / FPS), loop=0, quality=40, method=6)
    return path


if __name__ == "__main__":
    for written in write_examples():
        sys.stdout.write(f"{written.name} {written.stat().st_size}\n")
