"""The cards of the published workflows: what goes in, what comes out, and which frames of that are kept.

They are drawings, not results of a model. A card moves: it is an animated WebP under the name ``<workflow>.jpg``, the
only name that the template browser asks a pack for; browsers go by what is in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from ..canvas.texts import texts
from .diagrams import KEPT, MADE
from .painters import (
    GROUND,
    PAPER,
    Input,
    Painter,
    boxed,
    control,
    cut,
    film,
    filtered,
    framed,
    masked,
    mixed,
    part,
    path_of,
    plates,
    reference,
    steps,
    still,
    stored,
    words,
    zoomed,
)
from .scenes import Actor, flow, gray, lines, pose, scene

if TYPE_CHECKING:
    from pathlib import Path

SIZE, FRAMES, MILLISECONDS = (400, 300), 14, 110
TIMES = [i / (FRAMES - 1) for i in range(FRAMES)]
LEFT, RIGHT, RESULT = 12, 170, (218, 164)
INPUTS = {1: (138, 104), 2: (138, 104), 3: (112, 84)}


@dataclass(frozen=True)
class Card:
    """What a workflow does.

    Attributes:
        inputs: What goes in, one to three.
        result: Draws what comes out.
        bar: Colour and share of each part of its time.
    """

    inputs: Sequence[Input]
    result: Painter
    bar: Sequence[tuple[str, float]] = ((MADE, 1.0),)


DOG, FOX = Actor("dog"), Actor("fox")
WALKER, ROBOT = Actor("walker", (0.3, 0.86), (0.7, 0.86), 0.6), Actor("robot", (0.3, 0.86), (0.7, 0.86), 0.6)
CAR = Actor("car", (0.15, 0.86), (0.85, 0.86), 0.3)
SMALL_ROBOT = Actor("robot", (0.78, 0.86), (0.72, 0.86), 0.5)


WALKER_BESIDE = Actor("walker", (0.18, 0.84), (0.5, 0.84), 0.5)
PARK, PARK_FOX = film("day", WALKER_BESIDE, DOG), film("day", WALKER_BESIDE, FOX)
CAR_DAY, CAR_DUSK = film("day", CAR), film("dusk", CAR)
DRIVE = (KEPT, 0.5), (MADE, 0.5)

CARDS = {
    "text_to_video": Card([words("A red car\ndrives past\nsnowy hills")], film("snow", CAR)),
    "reference_to_video": Card([reference(), words("It walks in\nthe evening")], film("dusk", ROBOT)),
    "control_video": Card([filtered(film("day", WALKER), gray)], film("night", WALKER)),
    "inpaint_moving_box": Card([Input(boxed(PARK, DOG), MADE)], PARK_FOX),
    "outpaint": Card([Input(cut(CAR_DAY, 0.28, 0.72))], framed(CAR_DAY, 0.28, 0.72)),
    "first_last_frame": Card(
        [Input(still("day", 0.0, CAR), KEPT), Input(still("day", 1.0, CAR), KEPT)],
        CAR_DAY,
        ((KEPT, 0.08), (MADE, 0.84), (KEPT, 0.08)),
    ),
    "control_lineart": Card([filtered(film("day", WALKER), lines)], film("snow", ROBOT)),
    "control_flow": Card([control(lambda size, time: flow(size, time, CAR))], CAR_DUSK),
    "mix_controls": Card(
        [Input(masked(PARK, DOG), MADE), control(mixed(film("white"), lambda s, t: gray(PARK(s, t)), DOG))],
        film("snow", WALKER_BESIDE, FOX),
    ),
    "layout": Card([control(boxed(film("white"), DOG, "#16181d", fill=False))], film("day", DOG)),
    "first_frame": Card([Input(still("day", 0.0, CAR), KEPT)], CAR_DAY, ((KEPT, 0.08), (MADE, 0.92))),
    "last_frame": Card([Input(still("day", 1.0, CAR), KEPT)], CAR_DAY, ((MADE, 0.92), (KEPT, 0.08))),
    "keyframes": Card(
        [Input(still("day", time, CAR), KEPT) for time in (0.0, 0.5, 1.0)],
        CAR_DAY,
        ((KEPT, 0.08), (MADE, 0.38), (KEPT, 0.08), (MADE, 0.38), (KEPT, 0.08)),
    ),
    "interpolate_frames": Card(
        [Input(steps(CAR_DAY, 4))], CAR_DAY, [(colour, 0.125) for _ in range(4) for colour in (KEPT, MADE)]
    ),
    "inpaint_exact_pixels": Card(
        [Input(boxed(film("snow", WALKER_BESIDE, DOG), DOG), MADE)],
        boxed(film("snow", WALKER_BESIDE, FOX), DOG, KEPT, fill=False),
    ),
    "inpaint_tracked_subject": Card([Input(masked(PARK, DOG), MADE)], PARK_FOX),
    "inpaint_with_reference": Card(
        [Input(masked(film("day", DOG), DOG), MADE), reference(Actor("fox", (0.48, 0.85), (0.48, 0.85), 0.6))],
        film("day", FOX),
    ),
    "compose_inpaint_and_control": Card(
        [Input(boxed(film("day", WALKER), WALKER), MADE), control(lambda size, time: pose(size, time, WALKER))],
        film("day", ROBOT),
    ),
    "crop_and_stitch": Card([Input(boxed(PARK, DOG), MADE), Input(zoomed(PARK_FOX, FOX), MADE)], PARK_FOX),
    "portrait_to_landscape": Card(
        [Input(cut(still("dusk", 0.5, WALKER), 0.3, 0.7), KEPT), reference()],
        framed(film("dusk", Actor("walker", (0.5, 0.86), (0.45, 0.86), 0.6), SMALL_ROBOT), 0.3, 0.7),
    ),
    "extend_video": Card([Input(part(CAR_DAY, 0.0, 0.5), KEPT)], CAR_DAY, DRIVE),
    "bridge_videos": Card(
        [Input(part(CAR_DAY, 0.0, 0.3), KEPT), Input(part(CAR_DAY, 0.7, 1.0), KEPT)],
        CAR_DAY,
        ((KEPT, 0.3), (MADE, 0.4), (KEPT, 0.3)),
    ),
    "loop_video": Card(
        [Input(part(CAR_DAY, 0.1, 0.9), KEPT)],
        lambda size, time: CAR_DAY(size, 0.1 + 0.8 * (1 - abs(2 * time - 1))),
        DRIVE,
    ),
    "long_video": Card(
        [words("A car drives\nby day", "A car drives\nat dusk", "A car drives\nby night")],
        lambda size, time: scene(size, time, ("day", "dusk", "night")[min(int(3 * time), 2)], CAR),
        [(MADE, 0.32), (GROUND, 0.02)] * 2 + [(MADE, 0.32)],
    ),
    "long_video_in_windows": Card(
        [reference(), words("It walks\nand walks")],
        film("snow", Actor("robot", (0.1, 0.86), (0.9, 0.86), 0.6)),
        [(MADE, 0.28), ("#b9a8ff", 0.08)] * 2 + [(MADE, 0.28)],
    ),
    "reference_anything": Card(
        [reference(), reference(Actor("fox", (0.48, 0.85), (0.48, 0.85), 0.6))],
        film("day", Actor("robot", (0.25, 0.86), (0.45, 0.86), 0.6), Actor("fox", (0.55, 0.86), (0.78, 0.86), 0.34)),
    ),
    "animate_anything": Card([control(lambda size, time: pose(size, time, WALKER)), reference()], film("dusk", ROBOT)),
    "swap_anything": Card([Input(masked(film("day", WALKER), WALKER), MADE), reference()], film("day", ROBOT)),
    "expand_anything": Card(
        [Input(cut(still("snow", 0.5, DOG), 0.3, 0.7), KEPT), reference()],
        framed(film("snow", Actor("dog", (0.5, 0.8), (0.4, 0.8), 0.34), SMALL_ROBOT), 0.3, 0.7),
        ((KEPT, 0.08), (MADE, 0.92)),
    ),
    "move_anything": Card([Input(path_of(DOG), KEPT)], film("day", DOG), ((KEPT, 0.08), (MADE, 0.92))),
    "motion_from_first_frame": Card(
        [Input(still("dusk", 0.0, ROBOT), KEPT), control(lambda size, time: gray(film("day", WALKER)(size, time)))],
        film("dusk", ROBOT),
        ((KEPT, 0.08), (MADE, 0.92)),
    ),
    "adapter_on_plain_model": Card([Input(plates), filtered(film("day", WALKER), gray)], film("snow", WALKER)),
    "save_vcu": Card([Input(boxed(PARK, DOG), MADE)], stored),
}


def card(one: Card, times: Sequence[float] = TIMES) -> list[Image.Image]:
    """Its frames.

    Args:
        one: What is drawn.
        times: Of the frames, in [0, 1].
    """
    return [_frame(one, time) for time in times]


def _frame(one: Card, time: float) -> Image.Image:
    picture = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(picture)
    count, (width, height) = len(one.inputs), INPUTS[len(one.inputs)]
    gap = (SIZE[1] - count * height) / (count + 1)
    left = LEFT + (INPUTS[1][0] - width) // 2
    for i, shown in enumerate(one.inputs):
        top = round(gap + i * (height + gap))
        picture.paste(shown.paint((width, height), time), (left, top))
        draw.rectangle((left - 3, top - 3, left + width + 2, top + height + 2), outline=shown.role, width=3)
    top = (SIZE[1] - RESULT[1] - 34) // 2
    middle = top + RESULT[1] / 2 + 17
    draw.polygon([(155, middle - 9), (155, middle + 9), (166, middle)], PAPER)
    picture.paste(one.result(RESULT, time), (RIGHT, top))
    _bar(draw, one.bar, time, top + RESULT[1] + 14)
    return picture


def _bar(draw: ImageDraw.ImageDraw, parts: Sequence[tuple[str, float]], time: float, top: float) -> None:
    x, whole = float(RIGHT), sum(share for _, share in parts)
    for colour, share in parts:
        end = x + share / whole * RESULT[0]
        draw.rectangle((x, top, end - 2, top + 12), colour)
        x = end
    at = RIGHT + time * (RESULT[0] - 1)
    draw.rectangle((at - 2, top - 4, at + 2, top + 16), "#ffffff")


def draw_card(name: str) -> Path:
    """Write the card of a workflow.

    Args:
        name: Of its file in API format.
    """
    file = texts()[name].picture
    first, *rest = card(CARDS[name])
    first.save(file, "WEBP", save_all=True, append_images=rest, duration=MILLISECONDS, loop=0, quality=72, method=5)
    return file


def draw_cards(names: Sequence[str] = ()) -> list[Path]:
    """Write the cards of the named workflows, or of all."""
    return [draw_card(name) for name in names or CARDS]
