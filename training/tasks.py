"""Tasks that need no truth but the clip: the VCU that asks for a clip of which only the frames are known."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..annotators.lines import LocalContrastLines, gray
from ..annotators.protocol import silent
from ..vace_core.masks import MASK_MODES, RegionShape
from ..vace_core.tasks import (
    Margins,
    Places,
    Region,
    extend_vcu,
    inpaint_vcu,
    outpaint_vcu,
    place_keyframes,
    reference_anything,
)
from ..vace_core.vcu import Vcu, build_vcu, empty_vcu
from ..vace_core.video import Clip, Target

# The VCU that asks for frames [T, H, W, 3] in [0, 1].
BuildVcu = Callable[[Tensor, random.Random], Vcu]


@dataclass(frozen=True)
class ClipTask:
    """One way to ask for a clip.

    Attributes:
        build: The VCU of its frames.
        weight: How often, against others.
        least: How many frames the clip must have.
    """

    build: BuildVcu
    weight: float
    least: int = 1


def random_region(frames: Tensor, rng: random.Random) -> Tensor:
    """[T, H, W]: a box, an ellipse, or several of them as one, which stands or moves; never most of the frame."""
    length, height, width, _ = frames.shape
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


def ask_for_text(frames: Tensor, _: random.Random) -> Vcu:
    """Text to video: nothing is shown."""
    return empty_vcu(*frames.shape[:3])


def ask_by_gray(frames: Tensor, _: random.Random) -> Vcu:
    """Control by the frames without colour."""
    return build_vcu(gray(frames))


def ask_by_frames_at(*places: float) -> BuildVcu:
    """Some frames are kept.

    Args:
        *places: Shares of the way from the first frame to the last.
    """

    def build(frames: Tensor, _: random.Random) -> Vcu:
        last = len(frames) - 1
        return _keep_frames(frames, [round(place * last) for place in places])

    return build


def ask_by_keyframes(frames: Tensor, rng: random.Random) -> Vcu:
    """Two to four frames anywhere are kept."""
    return _keep_frames(frames, sorted(rng.sample(range(len(frames)), rng.randint(2, 4))))


def _keep_frames(frames: Tensor, chosen: list[int]) -> Vcu:
    places = Places(" ".join(map(str, chosen)))
    return place_keyframes([("image_0", frames[chosen])], places, target=Target(length=len(frames)))


def ask_by_extension(frames: Tensor, rng: random.Random) -> Vcu:
    """The first 5 or 9 frames are kept, or the last."""
    count = len(frames)
    known = rng.choice((5, 5, 9))
    if rng.random() < 0.3:
        return extend_vcu(Clip(frames[count - known :]), before=count - known, after=0)
    return extend_vcu(Clip(frames[:known]), after=count - known)


def _inpaint(frames: Tensor, rng: random.Random, control: Tensor | None = None) -> Vcu:
    shape = RegionShape(augment=rng.choice(MASK_MODES), seed=rng.randrange(1 << 31))
    return inpaint_vcu(frames, Region(random_region(frames, rng), shape=shape), control=control)


def _guided(frames: Tensor, rng: random.Random) -> Vcu:
    return _inpaint(frames, rng, rng.choice((gray, _lines))(frames))


def _outpaint(frames: Tensor, rng: random.Random) -> Vcu:
    height, width = frames.shape[1:3]
    left, right = (rng.choice((0, rng.randint(width // 16, width // 3))) for _ in range(2))
    top, bottom = (rng.choice((0, 0, rng.randint(height // 16, height // 3))) for _ in range(2))
    left = left or (0 if right or top or bottom else width // 4)
    return outpaint_vcu(frames[:, top : height - bottom, left : width - right], Margins(left, right, top, bottom))


def _lines(frames: Tensor) -> Tensor:
    return LocalContrastLines()(frames, silent)


def _reference(frames: Tensor, rng: random.Random) -> Vcu:
    """A part of one frame as the picture to look at."""
    length, height, width, _ = frames.shape
    part = rng.uniform(0.5, 0.9)
    high, wide = math.ceil(part * height), math.ceil(part * width)
    top, left = rng.randint(0, height - high), rng.randint(0, width - wide)
    picture = frames[rng.randrange(length)][None, top : top + high, left : left + wide]
    return reference_anything([("reference_image_0", picture)], Target(width=width, height=height, length=length))


CLIP_TASKS = {
    "inpaint": ClipTask(_inpaint, 2.0),
    "guided_inpaint": ClipTask(_guided, 0.7),
    "outpaint": ClipTask(_outpaint, 1.0),
    "lineart": ClipTask(lambda frames, _: build_vcu(_lines(frames)), 1.0),
    "reference": ClipTask(_reference, 1.0),
    "t2v": ClipTask(ask_for_text, 0.3),
    "gray": ClipTask(ask_by_gray, 0.7),
    "first": ClipTask(ask_by_frames_at(0), 0.7, 5),
    "last": ClipTask(ask_by_frames_at(1), 0.4, 5),
    "first_last": ClipTask(ask_by_frames_at(0, 1), 0.7, 5),
    "keyframes": ClipTask(ask_by_keyframes, 0.8, 5),
    "extend": ClipTask(ask_by_extension, 1.2, 13),
}


def choose_task(rng: random.Random, length: int) -> str:
    """The name of a task that a clip of so many frames can have."""
    names = [name for name, task in CLIP_TASKS.items() if length >= task.least]
    return rng.choices(names, [CLIP_TASKS[name].weight for name in names])[0]
