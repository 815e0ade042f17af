"""What the cards of the workflows are made of: clips, prompts, references, masks and signals, drawn at any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from .diagrams import CONTROL, KEPT, MADE, REFERENCE
from .scenes import Actor, glow, outline_of, scene

GROUND, PAPER, PLAIN = "#1d2027", "#f4f5f7", "#c9ced6"
Painter = Callable[[tuple[int, int], float], Image.Image]
STANDING = Actor("robot", (0.5, 0.95), (0.5, 0.95), 0.86)


@dataclass(frozen=True)
class Input:
    """One thing that goes in.

    Attributes:
        paint: Draws it at a size and a time in [0, 1].
        role: Colour of its frame.
    """

    paint: Painter
    role: str = PLAIN


def film(look: str, *actors: Actor) -> Painter:
    """A clip."""
    return lambda size, time: scene(size, time, look, *actors)


def still(look: str, time: float, *actors: Actor) -> Painter:
    """One picture of it."""
    return lambda size, _: scene(size, time, look, *actors)


def part(painter: Painter, start: float, end: float) -> Painter:
    """A part of a clip's time."""
    return lambda size, time: painter(size, start + (end - start) * time)


def steps(painter: Painter, count: int) -> Painter:
    """A clip with few frames."""
    return lambda size, time: painter(size, min(int(time * count), count - 1) / (count - 1))


def words(*shown: str) -> Input:
    """A prompt."""

    def paint(size: tuple[int, int], time: float) -> Image.Image:
        picture = Image.new("RGB", size, PAPER)
        draw, font = ImageDraw.Draw(picture), ImageFont.load_default(round(0.15 * size[1]))
        number = min(int(time * len(shown)), len(shown) - 1)
        draw.multiline_text((0.08 * size[0], 0.14 * size[1]), shown[number], "#2b2f38", font, spacing=5)
        return picture

    return Input(paint)


def reference(*actors: Actor) -> Input:
    """Pictures of a subject on white."""
    return Input(still("white", 0.06, *(actors or (STANDING,))), REFERENCE)


def control(paint: Painter) -> Input:
    """A control signal."""
    return Input(paint, CONTROL)


def filtered(painter: Painter, change: Callable[[Image.Image], Image.Image]) -> Input:
    """A control signal that is made of a clip."""
    return control(lambda size, time: change(painter(size, time)))


def masked(painter: Painter, actor: Actor) -> Painter:
    """A clip with the outline of an actor in the colour of what is generated."""
    return lambda size, time: glow(painter(size, time), outline_of(size, time, actor), MADE)


def boxed(painter: Painter, actor: Actor, colour: str = MADE, fill: bool = True) -> Painter:
    """A clip with a box around an actor."""

    def paint(size: tuple[int, int], time: float) -> Image.Image:
        picture = painter(size, time)
        (x, y), half = actor.at(time), 0.42 * actor.size * size[1]
        wide = 2.1 * half if actor.kind in ("dog", "fox", "car") else half
        box = [x * size[0] - wide, y * size[1] - 2.6 * half, x * size[0] + wide, y * size[1] + 0.2 * half]
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).rectangle(box, 255)
        if fill:
            return glow(picture, mask, colour)
        ImageDraw.Draw(picture).rectangle(box, outline=colour, width=max(3, size[1] // 34))
        return picture

    return paint


def cut(painter: Painter, left: float, right: float) -> Painter:
    """The middle of a clip, on the dark ground."""

    def paint(size: tuple[int, int], time: float) -> Image.Image:
        picture, whole = Image.new("RGB", size, GROUND), painter(size, time)
        box = round(left * size[0]), 0, round(right * size[0]), size[1]
        picture.paste(whole.crop(box), box[:2])
        return picture

    return paint


def framed(painter: Painter, left: float, right: float) -> Painter:
    """A clip with the border of what was there before."""

    def paint(size: tuple[int, int], time: float) -> Image.Image:
        picture = painter(size, time)
        draw = ImageDraw.Draw(picture)
        for x in (left * size[0], right * size[0]):
            for y in range(0, size[1], 12):
                draw.line([(x, y), (x, y + 6)], KEPT, 3)
        return picture

    return paint


def mixed(inside: Painter, outside: Painter, actor: Actor) -> Painter:
    """One signal inside an actor's outline, another outside."""
    return lambda size, time: Image.composite(inside(size, time), outside(size, time), outline_of(size, time, actor))


def zoomed(painter: Painter, actor: Actor) -> Painter:
    """A clip cropped to an actor."""

    def paint(size: tuple[int, int], time: float) -> Image.Image:
        large = painter((2 * size[0], 2 * size[1]), time)
        x, y = actor.at(time)
        left = min(max(round(2 * x * size[0] - size[0] / 2), 0), size[0])
        top = min(max(round(2 * y * size[1] - 0.8 * size[1]), 0), size[1])
        return large.crop((left, top, left + size[0], top + size[1]))

    return paint


def path_of(actor: Actor) -> Painter:
    """A picture with the path on which something in it is to go."""

    def paint(size: tuple[int, int], _: float) -> Image.Image:
        picture = boxed(still("day", 0.0, actor), actor, MADE, fill=False)(size, 0.0)
        (x, y), (to, _y) = (((a * size[0]), (b * size[1])) for a, b in (actor.at(0), actor.at(1)))
        y -= 0.15 * size[1]
        draw = ImageDraw.Draw(picture)
        draw.line([(x, y), (to, y)], MADE, 4)
        draw.polygon([(to + 10, y), (to - 4, y - 8), (to - 4, y + 8)], MADE)
        return picture

    return paint


def plates(size: tuple[int, int], _: float) -> Image.Image:
    """A plain model with an adapter on it."""
    picture = Image.new("RGB", size, PAPER)
    draw, (w, h) = ImageDraw.Draw(picture), size
    for i, colour in enumerate(("#8d95a3", "#8d95a3", "#8d95a3")):
        draw.rounded_rectangle((0.14 * w, (0.18 + 0.25 * i) * h, 0.58 * w, (0.34 + 0.25 * i) * h), 6, colour)
    for i in (0, 2):
        draw.rounded_rectangle((0.66 * w, (0.18 + 0.25 * i) * h, 0.86 * w, (0.34 + 0.25 * i) * h), 6, MADE)
        draw.line([(0.58 * w, (0.26 + 0.25 * i) * h), (0.66 * w, (0.26 + 0.25 * i) * h)], MADE, 4)
    return picture


def stored(size: tuple[int, int], _: float) -> Image.Image:
    """A file."""
    picture = Image.new("RGB", size, GROUND)
    draw, (w, h) = ImageDraw.Draw(picture), size
    draw.polygon(
        [(0.34 * w, 0.1 * h), (0.58 * w, 0.1 * h), (0.68 * w, 0.26 * h), (0.68 * w, 0.9 * h), (0.34 * w, 0.9 * h)],
        PAPER,
    )
    draw.polygon([(0.58 * w, 0.1 * h), (0.58 * w, 0.26 * h), (0.68 * w, 0.26 * h)], PLAIN)
    draw.text((0.51 * w, 0.58 * h), "VCU", MADE, ImageFont.load_default(round(0.19 * h)), anchor="mm")
    return picture
