"""A folder of clips for the training of an adapter: every file read or refused by name, and VCUs that ask for it."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image, ImageSequence, UnidentifiedImageError
from torch import Tensor

from ...annotators.lines import LocalContrastLines
from ...annotators.protocol import silent
from ...miniature.train import tasks
from ...miniature.world import signals
from ...vace_core.errors import VaceInputError
from ...vace_core.masks import MASK_MODES, RegionShape
from ...vace_core.tasks import Margins, Target, inpaint_vcu, outpaint_vcu, reference_anything
from ...vace_core.vcu import Vcu, build_vcu
from ...vace_core.video import fit_video

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
ANIMATIONS = (".webp", ".gif", ".apng")
STILLS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
LONGEST = 4  # clips' lengths that are read of a longer video
MOST_CUT = 0.5  # of a picture that fitting may cut away
EARLY = 0.25  # of a frame that one may come before its time, since files round times to milliseconds


@dataclass(frozen=True)
class Wanted:
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


@dataclass(frozen=True, eq=False)
class Footage:
    """A clip of which only its frames [T, H, W, 3] in [0, 1] are known; tasks take it for a clip of the world."""

    frames: Tensor


def listed(folder: Path) -> list[Path]:
    """What may be a clip: everything in the folder but captions and hidden files.

    Raises:
        VaceInputError: If there is no such folder.
    """
    if not folder.is_dir():
        raise VaceInputError(f"{folder} is no folder. Give --clips the folder that holds the videos.")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() != ".txt" and not path.name.startswith("."))


def read_clip(path: Path, wanted: Wanted) -> Tensor:
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


def _fitted(picture: np.ndarray, wanted: Wanted) -> Tensor:
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


def footage_of(clip: Tensor, wanted: Wanted, rng: random.Random) -> Footage:
    """As many frames as wanted, from anywhere in a clip of `read_clip`."""
    start = rng.randrange(len(clip) - wanted.length + 1)
    return Footage(clip[start : start + wanted.length].float() / 255)


def caption_of(path: Path) -> str:
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


def random_region(footage: Footage, rng: random.Random) -> Tensor:
    """[T, H, W]: a box, an ellipse, or several of them as one, which stands or moves; never most of the frame."""
    length, height, width, _ = footage.frames.shape
    part = torch.linspace(0, 1, length)[:, None, None]
    rows, columns = torch.arange(height)[:, None] + 0.5, torch.arange(width) + 0.5
    mask = torch.zeros(length, height, width)
    moves = rng.random() < 0.5
    x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
    for _ in range(rng.choice((1, 1, 2, 3))):
        half_width, half_height = rng.uniform(0.1, 0.28) * width, rng.uniform(0.1, 0.28) * height
        to_x, to_y = (rng.uniform(-0.3, 0.3) * side * moves for side in (width, height))
        across = ((columns - x - part * to_x) / half_width).abs()
        down = ((rows - y - part * to_y) / half_height).abs()
        inside = torch.maximum(across, down) < 1 if rng.random() < 0.5 else torch.hypot(across, down) < 1
        mask = torch.maximum(mask, inside.float())
        x, y = x + rng.uniform(-1, 1) * half_width, y + rng.uniform(-1, 1) * half_height
    return mask


def _inpaint(footage: Footage, rng: random.Random, control: Tensor | None = None) -> Vcu:
    shape = RegionShape(augment=rng.choice(MASK_MODES), seed=rng.randrange(1 << 31))
    return inpaint_vcu(footage.frames, random_region(footage, rng), shape=shape, control=control)


def _guided(footage: Footage, rng: random.Random) -> Vcu:
    return _inpaint(footage, rng, rng.choice((signals.gray, _lines))(footage))


def _outpaint(footage: Footage, rng: random.Random) -> Vcu:
    height, width = footage.frames.shape[1:3]
    left, right = (rng.choice((0, rng.randint(width // 16, width // 3))) for _ in range(2))
    top, bottom = (rng.choice((0, 0, rng.randint(height // 16, height // 3))) for _ in range(2))
    left = left or (0 if right or top or bottom else width // 4)
    inner = footage.frames[:, top : height - bottom, left : width - right]
    return outpaint_vcu(inner, Margins(left, right, top, bottom))


def _lines(footage: Footage) -> Tensor:
    return LocalContrastLines()(footage.frames, silent)


def _reference(footage: Footage, rng: random.Random) -> Vcu:
    """A part of one frame as the picture to look at."""
    length, height, width, _ = footage.frames.shape
    part = rng.uniform(0.5, 0.9)
    high, wide = math.ceil(part * height), math.ceil(part * width)
    top, left = rng.randint(0, height - high), rng.randint(0, width - wide)
    picture = footage.frames[rng.randrange(length)][None, top : top + high, left : left + wide]
    return reference_anything([("reference_image_0", picture)], Target(width=width, height=height, length=length))


Build = Callable[[Footage, random.Random], Vcu]
# Tasks that need no truth but the clip: how to build, how often, and from how many frames on.
TASKS: dict[str, tuple[Build, float, int]] = {
    "inpaint": (_inpaint, 2.0, 1),
    "guided_inpaint": (_guided, 0.7, 1),
    "outpaint": (_outpaint, 1.0, 1),
    "lineart": (lambda footage, _: build_vcu(_lines(footage)), 1.0, 1),
    "reference": (_reference, 1.0, 1),
}
_OF_THE_WORLD = {"t2v": (0.3, 1), "gray": (0.7, 1), "first": (0.7, 5), "last": (0.4, 5), "first_last": (0.7, 5)}
_OF_THE_WORLD |= {"keyframes": (0.8, 5), "extend": (1.2, 13)}
TASKS |= {name: (tasks.TASKS[name].build, *often) for name, often in _OF_THE_WORLD.items()}


def random_task(rng: random.Random, length: int) -> str:
    """The name of a task that a clip of so many frames can have."""
    names = [name for name, (_, _, least) in TASKS.items() if length >= least]
    return rng.choices(names, [TASKS[name][1] for name in names])[0]
