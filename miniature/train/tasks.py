"""Every task of VACE on clips of the world: the VCU that asks for a clip which is known."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...training.tasks import BuildVcu, ask_by_extension, ask_by_frames_at, ask_by_gray, ask_by_keyframes, ask_for_text
from ...vace_core.tasks import (
    Margins,
    Region,
    animate_anything,
    expand_anything,
    inpaint_vcu,
    move_anything,
    outpaint_vcu,
    reference_anything,
    swap_anything,
)
from ...vace_core.vcu import Vcu, build_vcu
from ...vace_core.video import Clip, Target
from ..world import (
    SIZE,
    WorldClip,
    box_around,
    draw_contour,
    draw_depth,
    draw_flow,
    draw_gray,
    draw_layout,
    draw_lineart,
    draw_pose,
    draw_reference,
    has_pose,
    thing_box_mask,
)

BuildWorldVcu = Callable[[WorldClip, random.Random], Vcu]


@dataclass(frozen=True)
class WorldTask:
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

    build: BuildWorldVcu
    phase: int
    weight: float = 1.0
    late: float = 0.3
    colourless: bool = False
    figure: bool = False


def _pixels(clip: WorldClip, count: int) -> int:
    """Pixels of the clip, for so many of a frame 64 high."""
    return count * clip.frames.shape[1] // SIZE


def _box(clip: WorldClip, rng: random.Random) -> Tensor:
    return thing_box_mask(clip, _pixels(clip, rng.randint(1, 6)))


def _pictures(clip: WorldClip) -> list[tuple[str, Tensor]]:
    return [("reference_image_0", draw_reference(clip.scene.things[0], *clip.frames.shape[1:3]))]


def _target(clip: WorldClip) -> Target:
    length, height, width, _ = clip.frames.shape
    return Target(width=width, height=height, length=length)


def _reference(clip: WorldClip, _: random.Random) -> Vcu:
    return reference_anything(_pictures(clip), _target(clip))


def _frames_only(build: BuildVcu) -> BuildWorldVcu:
    """A task that needs no truth but the frames."""
    return lambda clip, rng: build(clip.frames, rng)


def _control(signal: Callable[[WorldClip], Tensor]) -> BuildWorldVcu:
    return lambda clip, _: build_vcu(signal(clip))


def _layout(clip: WorldClip, rng: random.Random) -> Vcu:
    return build_vcu(rng.choice((draw_layout, draw_contour))(clip))


def thing_region(clip: WorldClip, rng: random.Random) -> Tensor:
    """[T, H, W], what an inpainting generates: the thing's box, its grown outline, or a still box anywhere."""
    kind = rng.random()
    if kind < 0.6:
        return _box(clip, rng)
    mask = torch.zeros(clip.frames.shape[:3])
    _, height, width = mask.shape
    if kind < 0.75:
        grow = _pixels(clip, 2)
        return torch.nn.functional.max_pool2d(clip.masks[0][:, None], 2 * grow + 1, 1, grow)[:, 0].round()
    left, top = rng.randrange(width // 2), rng.randrange(height // 2)
    mask[:, top : top + rng.randint(height // 4, height // 2), left : left + rng.randint(width // 4, width // 2)] = 1
    return mask


def _inpaint(clip: WorldClip, rng: random.Random) -> Vcu:
    return inpaint_vcu(clip.frames, Region(thing_region(clip, rng)))


def _outpaint(clip: WorldClip, rng: random.Random) -> Vcu:
    width = clip.frames.shape[2]
    sides = rng.choice(((16, 16), (0, 16), (16, 0), (8, 8), (0, 24), (24, 0)))
    left, right = (_pixels(clip, side) for side in sides)
    return outpaint_vcu(clip.frames[:, :, left : width - right], Margins(left=left, right=right))


def _animate(clip: WorldClip, _: random.Random) -> Vcu:
    return animate_anything(_pictures(clip), control_video=Clip(draw_pose(clip)))


def _swap(clip: WorldClip, rng: random.Random) -> Vcu:
    return swap_anything(_pictures(clip), video=Clip(clip.frames), mask=_box(clip, rng))


def _move(clip: WorldClip, _: random.Random) -> Vcu:
    first, last = (box_around(clip.masks[0][frame]) for frame in (1, -1))
    return move_anything((), _target(clip), picture=clip.frames[:1], boxes=f"{first} {last}")


def _expand(clip: WorldClip, rng: random.Random) -> Vcu:
    width = clip.frames.shape[2]
    edge = _pixels(clip, rng.choice((8, 16)))
    part = edge / (width - 2 * edge)
    picture = clip.frames[:1, :, edge : width - edge]
    return expand_anything(_pictures(clip), _target(clip), picture=picture, left=part, right=part)


def _guided(clip: WorldClip, rng: random.Random) -> Vcu:
    guide = rng.choice((draw_depth, draw_lineart, draw_gray))(clip)
    return inpaint_vcu(clip.frames, Region(_box(clip, rng)), control=guide)


def _reference_layout(clip: WorldClip, _: random.Random) -> Vcu:
    return build_vcu(draw_layout(clip), references=_pictures(clip))


WORLD_TASKS = {
    "t2v": WorldTask(_frames_only(ask_for_text), 0, 0.4),
    "inpaint": WorldTask(_inpaint, 0, 1.4, 0.5),
    "outpaint": WorldTask(_outpaint, 0, late=1.5),
    "first": WorldTask(_frames_only(ask_by_frames_at(0)), 0, 0.6, 1.0, colourless=True),
    "last": WorldTask(_frames_only(ask_by_frames_at(1)), 0, 0.5, 1.0, colourless=True),
    "first_last": WorldTask(_frames_only(ask_by_frames_at(0, 1)), 0, 0.7, 0.5, colourless=True),
    "keyframes": WorldTask(_frames_only(ask_by_keyframes), 0, 0.8, 1.2, colourless=True),
    "extend": WorldTask(_frames_only(ask_by_extension), 0, 1.2, 1.0, colourless=True),
    "gray": WorldTask(_frames_only(ask_by_gray), 1, late=1.0),
    "depth": WorldTask(_control(draw_depth), 1),
    "flow": WorldTask(_control(draw_flow), 1),
    "lineart": WorldTask(_control(draw_lineart), 1),
    "pose": WorldTask(_control(draw_pose), 1, late=2.0, figure=True),
    "layout": WorldTask(_layout, 1, late=0.5),
    "reference": WorldTask(_reference, 1, 2.0, 2.5, colourless=True),
    "swap": WorldTask(_swap, 2, 1.5, 2.0, colourless=True),
    "animate": WorldTask(_animate, 2, 0.7, 4.0, colourless=True, figure=True),
    "move": WorldTask(_move, 2, 0.6, 1.5, colourless=True),
    "expand": WorldTask(_expand, 2, 0.9, 0.7, colourless=True),
    "guided_inpaint": WorldTask(_guided, 2, 0.8),
    "reference_layout": WorldTask(_reference_layout, 2, 1.2, 2.0, colourless=True),
}
NUM_PHASES = 3


def choose_world_task(rng: random.Random, clip: WorldClip, late: bool = False) -> str:
    """The name of a task that a clip can have.

    Args:
        rng: Of chance.
        clip: What is asked for.
        late: Whether by the weights of the last phase.
    """
    able = has_pose(clip)
    names = [name for name, task in WORLD_TASKS.items() if able or not task.figure]
    tasks = [WORLD_TASKS[name] for name in names]
    return rng.choices(names, [(task.late if late else task.weight) * (3 if task.figure else 1) for task in tasks])[0]


def choose_late_task(rng: random.Random, clip: WorldClip) -> str:
    """`choose_world_task` by the weights of the last phase."""
    return choose_world_task(rng, clip, late=True)
