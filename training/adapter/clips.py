"""A folder of clips for the training of an adapter: every file is read, or refused by its name."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image, ImageSequence, UnidentifiedImageError
from torch import Tensor

from ...vace_core.errors import VaceInputError
from ...vace_core.video import fit_video

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
ANIMATIONS = (".webp", ".gif", ".apng")
STILLS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
LONGEST = 4  # clips' lengths that are read of a longer video
MOST_CUT = 0.5  # of a picture that fitting may cut away
EARLY = 0.25  # of a frame that one may come before its time, since files round times to milliseconds


@dataclass(frozen=True)
class ClipFormat:
    """What clips are made to.

    Attributes:
        width: Columns.
        height: Rows.
        length: Frames of an example, 4n + 1.
        fps: Frames per second that faster videos are thinned to; 0 takes every frame.
    """

    width: int
    height: int
    length: int
    fps: float


def list_clips(folder: Path) -> list[Path]:
    """What may be a clip: everything in the folder but captions and hidden files.

    Raises:
        VaceInputError: If there is no such folder.
    """
    if not folder.is_dir():
        raise VaceInputError(f"{folder} is no folder. Give --clips the folder that holds the videos.")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() != ".txt" and not path.name.startswith("."))


def read_clip_file(path: Path, wanted: ClipFormat) -> Tensor:
    """[T, H, W, 3], uint8, at the wanted size; T is the wanted length or more.

    Args:
        path: A video, an animated picture, or a folder of pictures in the order of their names.
        wanted: What it is made to; what overhangs is cut on both sides.

    Raises:
        VaceInputError: If it cannot be read, is too short, or of another size or shape.
    """
    kept: list[Tensor] = []
    try:
        for time, picture in _pictures(path):
            if time is not None and wanted.fps and time * wanted.fps < len(kept) - EARLY:
                continue
            kept.append(_fitted(picture, wanted))
            if len(kept) == LONGEST * wanted.length:
                break
    except (av.error.FFmpegError, UnidentifiedImageError, OSError, ValueError, EOFError) as error:
        if isinstance(error, VaceInputError):
            raise
        detail = getattr(error, "strerror", None) or str(error).split("\n")[0] or type(error).__name__
        raise VaceInputError(f"cannot be read after {len(kept)} frames ({detail})") from error
    if len(kept) < wanted.length:
        pace = f" at {wanted.fps:g} frames per second" if wanted.fps else ""
        raise VaceInputError(f"is too short: {len(kept)} frames{pace}, {wanted.length} are needed")
    return torch.stack(kept)


def _pictures(path: Path) -> Iterator[tuple[float | None, np.ndarray]]:
    """Seconds, if known, and [H, W, 3] uint8 of each frame."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return _stills(path)
    if suffix in VIDEOS:
        return _video(path)
    if suffix in ANIMATIONS:
        return _animation(path)
    raise VaceInputError(f"is no video: it must end in {', '.join(VIDEOS + ANIMATIONS)}, or be a folder of pictures")


def _video(path: Path) -> Iterator[tuple[float | None, np.ndarray]]:
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise VaceInputError("has no pictures, only sound")
        for frame in container.decode(video=0):
            yield frame.time, frame.to_ndarray(format="rgb24")


def _animation(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    time = 0.0
    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            yield time, np.asarray(frame.convert("RGB"))
            time += frame.info.get("duration", 0) / 1000 or 1 / 16


def _stills(path: Path) -> Iterator[tuple[None, np.ndarray]]:
    size = None
    for still in sorted(p for p in path.iterdir() if p.suffix.lower() in STILLS):
        with Image.open(still) as image:
            if size not in (None, image.size):
                was, now = (" x ".join(map(str, s)) for s in (size, image.size))
                raise VaceInputError(f"holds pictures of different sizes: {still.name} is {now}, those before {was}")
            size = image.size
            yield None, np.asarray(image.convert("RGB"))


def _fitted(picture: np.ndarray, wanted: ClipFormat) -> Tensor:
    height, width, _ = picture.shape
    if height < wanted.height or width < wanted.width:
        raise VaceInputError(f"is too small: {width} x {height}, it must have {wanted.width} x {wanted.height} or more")
    aspects = sorted((width / height, wanted.width / wanted.height))
    if aspects[0] / aspects[1] < MOST_CUT:
        raise VaceInputError(
            f"has another shape: of {width} x {height} more than half would be cut for {wanted.width} x {wanted.height}"
        )
    frame = torch.from_numpy(picture.copy())[None].float() / 255
    fitted, _ = fit_video(frame, torch.zeros(1, height, width), wanted.height, wanted.width, "cover")
    return (fitted[0] * 255).round().to(torch.uint8)


def cut_clip(clip: Tensor, wanted: ClipFormat, rng: random.Random) -> Tensor:
    """[T, H, W, 3] in [0, 1]: as many frames as wanted, from anywhere in a clip of `read_clip_file`."""
    start = rng.randrange(len(clip) - wanted.length + 1)
    return clip[start : start + wanted.length].float() / 255


def read_caption(path: Path) -> str:
    """The text beside a clip, in a file of its name that ends in .txt.

    Raises:
        VaceInputError: If there is none.
    """
    beside = [path.with_suffix(".txt"), path.with_name(f"{path.name}.txt")]
    found = next((p for p in beside if p.is_file()), None)
    if found is None:
        raise VaceInputError(f"has no caption: {beside[0].name} is not there")
    text = " ".join(found.read_text("utf-8", errors="replace").split())
    if not text:
        raise VaceInputError(f"has no caption: {found.name} is empty")
    return text
