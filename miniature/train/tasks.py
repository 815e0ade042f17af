"""Every task of VACE on clips of the world: the VCU that asks for a clip which is known."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...vace_core.tasks import (
    Margins,
    Target,
    animate_anything,
    expand_anything,
    extend_vcu,
    inpaint_vcu,
    move_anything,
    outpaint_vcu,
    place_keyframes,
    reference_anything,
    swap_anything,
)
from ...vace_core.vcu import Vcu, build_vcu, empty_vcu
from ...vace_core.video import Clip as Video
from ..world import signals
from ..world.scenes import Clip, reference
from ..world.words import COLOURS

Build = Callable[[Clip, random.Random], Vcu]


@dataclass(frozen=True)
class Task:
    """One way to ask for a clip.

    Attributes:
        build: The VCU of a clip.
        phase: From which phase of the training on it is there: 0 keeps what is given, 1 is controls and references,
            2 combinations.
        weight: How often, against others.
        late: The same in the last phase, where what is learnt slowest comes more often.
        colourless: Whether the caption may leave the colour out, since a reference or what is kept shows it.
        figure: Whether there must be a figure.
    """

    build: Build
    phase: int
    weight: float = 1.0
    late: float = 0.3
    colourless: bool = False
    figure: bool = False


def _text(clip: Clip, _: random.Random) -> Vcu:
    return empty_vcu(*clip.frames.shape[:3])


def _pictures(clip: Clip) -> list[tuple[str, Tensor]]:
    return [("reference_image_0", reference(clip.scene.things[0], *clip.frames.shape[1:3]))]


def _target(clip: Clip) -> Target:
    length, height, width, _ = clip.frames.shape
    return Target(width=width, height=height, length=length)


def _reference(clip: Clip, _: random.Random) -> Vcu:
    return reference_anything(_pictures(clip), _target(clip))


def _control(signal: Callable[[Clip], Tensor]) -> Build:
    return lambda clip, _: build_vcu(signal(clip))


def _layout(clip: Clip, rng: random.Random) -> Vcu:
    return build_vcu(rng.choice((signals.layout, signals.contour))(clip))


def random_region(clip: Clip, rng: random.Random) -> Tensor:
    """[T, H, W], what an inpainting generates: the thing's box, its grown outline, or a still box anywhere."""
    kind = rng.random()
    if kind < 0.6:
        return signals.box_mask(clip, rng.randint(1, 6))
    mask = torch.zeros(clip.frames.shape[:3])
    _, height, width = mask.shape
    if kind < 0.75:
        return torch.nn.functional.max_pool2d(clip.masks[0][:, None], 5, 1, 2)[:, 0].round()
    left, top = rng.randrange(width // 2), rng.randrange(height // 2)
    mask[:, top : top + rng.randint(height // 4, height // 2), left : left + rng.randint(width // 4, width // 2)] = 1
    return mask


def _inpaint(clip: Clip, rng: random.Random) -> Vcu:
    return inpaint_vcu(clip.frames, random_region(clip, rng))


def _outpaint(clip: Clip, rng: random.Random) -> Vcu:
    width = clip.frames.shape[2]
    left, right = rng.choice(((16, 16), (0, 16), (16, 0), (8, 8), (0, 24), (24, 0)))
    return outpaint_vcu(clip.frames[:, :, left : width - right], Margins(left=left, right=right))


def _kept_frames(*places: float) -> Build:
    def build(clip: Clip, _: random.Random) -> Vcu:
        last = len(clip.frames) - 1
        chosen = [round(place * last) for place in places]
        return place_keyframes([("image_0", clip.frames[chosen])], " ".join(map(str, chosen)), length=last + 1)

    return build


def _keyframes(clip: Clip, rng: random.Random) -> Vcu:
    count = len(clip.frames)
    chosen = sorted(rng.sample(range(count), rng.randint(2, 4)))
    return place_keyframes([("image_0", clip.frames[chosen])], " ".join(map(str, chosen)), length=count)


def _extend(clip: Clip, rng: random.Random) -> Vcu:
    count = len(clip.frames)
    known = rng.choice((5, 5, 9))
    if rng.random() < 0.3:
        return extend_vcu(Video(clip.frames[count - known :]), before=count - known, after=0)
    return extend_vcu(Video(clip.frames[:known]), after=count - known)


def _animate(clip: Clip, _: random.Random) -> Vcu:
    return animate_anything(_pictures(clip), control_video=Video(signals.pose(clip)))


def _swap(clip: Clip, rng: random.Random) -> Vcu:
    return swap_anything(_pictures(clip), video=Video(clip.frames), mask=signals.box_mask(clip, rng.randint(1, 6)))


def _move(clip: Clip, _: random.Random) -> Vcu:
    first, last = (signals.bounds(clip.masks[0][frame]) for frame in (1, -1))
    return move_anything((), _target(clip), picture=clip.frames[:1], boxes=f"{first} {last}")


def _expand(clip: Clip, rng: random.Random) -> Vcu:
    width = clip.frames.shape[2]
    edge = rng.choice((8, 16))
    part = edge / (width - 2 * edge)
    picture = clip.frames[:1, :, edge : width - edge]
    return expand_anything(_pictures(clip), _target(clip), picture=picture, left=part, right=part)


def _guided(clip: Clip, rng: random.Random) -> Vcu:
    guide = rng.choice((signals.depth, signals.lineart, signals.gray))(clip)
    return inpaint_vcu(clip.frames, signals.box_mask(clip, rng.randint(1, 6)), control=guide)


def _reference_layout(clip: Clip, _: random.Random) -> Vcu:
    return build_vcu(signals.layout(clip), references=_pictures(clip))


TASKS = {
    "t2v": Task(_text, 0, 0.4),
    "inpaint": Task(_inpaint, 0, 1.4, 0.5),
    "outpaint": Task(_outpaint, 0, late=1.5),
    "first": Task(_kept_frames(0), 0, 0.6, 1.0, colourless=True),
    "last": Task(_kept_frames(1), 0, 0.5, 1.0, colourless=True),
    "first_last": Task(_kept_frames(0, 1), 0, 0.7, 0.5, colourless=True),
    "keyframes": Task(_keyframes, 0, 0.8, 1.2, colourless=True),
    "extend": Task(_extend, 0, 1.2, 1.0, colourless=True),
    "gray": Task(_control(signals.gray), 1, late=1.0),
    "depth": Task(_control(signals.depth), 1),
    "flow": Task(_control(signals.flow), 1),
    "lineart": Task(_control(signals.lineart), 1),
    "pose": Task(_control(signals.pose), 1, late=2.0, figure=True),
    "layout": Task(_layout, 1, late=0.5),
    "reference": Task(_reference, 1, 2.0, 2.5, colourless=True),
    "swap": Task(_swap, 2, 1.5, 2.0, colourless=True),
    "animate": Task(_animate, 2, 0.7, 4.0, colourless=True, figure=True),
    "move": Task(_move, 2, 0.6, 1.5, colourless=True),
    "expand": Task(_expand, 2, 0.9, 0.7, colourless=True),
    "guided_inpaint": Task(_guided, 2, 0.8),
    "reference_layout": Task(_reference_layout, 2, 1.2, 2.0, colourless=True),
}
NUM_PHASES = 3


def random_task(rng: random.Random, clip: Clip, late: bool = False) -> str:
    """The name of a task that a clip can have.

    Args:
        rng: Of chance.
        clip: What is asked for.
        late: Whether by the weights of the last phase.
    """
    able = signals.has_pose(clip)
    names = [name for name, task in TASKS.items() if able or not task.figure]
    tasks = [TASKS[name] for name in names]
    return rng.choices(names, [(task.late if late else task.weight) * (3 if task.figure else 1) for task in tasks])[0]


def late_task(rng: random.Random, clip: Clip) -> str:
    """`random_task` by the weights of the last phase."""
    return random_task(rng, clip, late=True)


def without_colour(caption: str) -> str:
    """A caption that does not say which colour anything has."""
    return " ".join(word for word in caption.split() if word not in COLOURS)
