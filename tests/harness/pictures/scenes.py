"""A small drawn world for the cards of the workflows: what a clip shows, and what VACE would make of it.

Everything is drawn in parts of a tile's width and height, larger than needed and then shrunk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

FINE = 3
SKIES = {"day": ("#bfe3f5", "#8fbf73"), "dusk": ("#f2b27a", "#7a5c6d"), "snow": ("#d7e2ec", "#f4f7fa")}
SKIES |= {"night": ("#23305c", "#2e4a4a"), "white": ("#ffffff", "#ffffff")}
LIMBS = ("#e0403a", "#e8a13a", "#43a85c", "#3f7fd0", "#9a5cc9", "#3ab5b5")  # of a drawn pose


@dataclass(frozen=True)
class Actor:
    """Something that is in a scene.

    Attributes:
        kind: ``dog``, ``fox``, ``walker``, ``robot``, ``car`` or ``ball``.
        start: Where it is first, x of the width and y of the height.
        end: Where it is last.
        size: Of the height.
    """

    kind: str
    start: tuple[float, float] = (0.3, 0.78)
    end: tuple[float, float] = (0.7, 0.78)
    size: float = 0.34

    def at(self, time: float) -> tuple[float, float]:
        """Where it is at a time in [0, 1]."""
        return tuple(a + (b - a) * time for a, b in zip(self.start, self.end, strict=True))


class Tile:
    """A picture to draw on, in parts of its width and height."""

    def __init__(self, size: tuple[int, int], ground: str = "#ffffff") -> None:
        """Make it."""
        self.size = size
        self.image = Image.new("RGB", (size[0] * FINE, size[1] * FINE), ground)
        self.draw = ImageDraw.Draw(self.image)
        self.width, self.height = self.image.size

    def at(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        """Points in pixels."""
        return [(x * self.width, y * self.height) for x, y in points]

    def done(self) -> Image.Image:
        """The picture at its size."""
        return self.image.resize(self.size, Image.Resampling.LANCZOS)


def scene(size: tuple[int, int], time: float, look: str, *actors: Actor) -> Image.Image:
    """A frame: a place, with whoever is in it.

    Args:
        size: Width and height in pixels.
        time: In [0, 1].
        look: One of `SKIES`.
        actors: Who is in it.
    """
    tile = Tile(size)
    place(tile, look)
    for actor in actors:
        perform(tile, actor, time)
    return tile.done()


def place(tile: Tile, look: str) -> None:
    """Sky, a sun or moon, hills, ground, and a tree."""
    sky, ground = SKIES[look]
    tile.draw.rectangle((0, 0, tile.width, tile.height), sky)
    if look == "white":
        return
    radius, (sun,) = 0.09 * tile.height, tile.at((0.82, 0.2))
    light = "#fff3c4" if look != "night" else "#e8ebf5"
    tile.draw.ellipse([c + s * radius for s in (-1, 1) for c in sun], light)
    hill = _mix(sky, ground, 0.55)
    tile.draw.polygon(tile.at((-0.1, 0.72), (0.22, 0.38), (0.5, 0.72)), hill)
    tile.draw.polygon(tile.at((0.3, 0.72), (0.68, 0.46), (1.1, 0.72)), _mix(sky, ground, 0.75))
    tile.draw.rectangle((0, 0.68 * tile.height, tile.width, tile.height), ground)
    trunk, crown = ("#6b4a35", "#4f8a4a") if look in ("day", "dusk") else ("#4a3d38", "#3c5f5a")
    x, y, unit = 0.1 * tile.width, 0.72 * tile.height, 0.1 * tile.height
    tile.draw.rectangle((x - 0.15 * unit, y - 1.6 * unit, x + 0.15 * unit, y), trunk)
    tile.draw.polygon([(x - unit, y - 1.1 * unit), (x, y - 3.8 * unit), (x + unit, y - 1.1 * unit)], crown)


def perform(tile: Tile, actor: Actor, time: float) -> None:
    """Draw an actor where it is at a time."""
    (place_,) = tile.at(actor.at(time))
    ACTORS[actor.kind](tile.draw, *place_, actor.size * tile.height, time)


def outline_of(size: tuple[int, int], time: float, actor: Actor) -> Image.Image:
    """Where an actor is: white on black."""
    tile = Tile(size)
    perform(tile, actor, time)
    return (
        ImageOps.invert(tile.done().convert("L")).point(lambda v: 255 if v > 12 else 0).filter(ImageFilter.MaxFilter(5))
    )


def gray(picture: Image.Image) -> Image.Image:
    """Without colours."""
    return picture.convert("L").convert("RGB")


def lines(picture: Image.Image) -> Image.Image:
    """Its edges, black on white."""
    edges = picture.filter(ImageFilter.FIND_EDGES).convert("L").point(lambda v: min(255, 4 * v))
    edges = ImageOps.invert(edges)
    ImageDraw.Draw(edges).rectangle((0, 0, edges.width - 1, edges.height - 1), outline=255, width=2)
    return edges.convert("RGB")


def flow(size: tuple[int, int], time: float, *actors: Actor) -> Image.Image:
    """What moves, in the colour of its direction, on white."""
    result = Image.new("RGB", size, "#ffffff")
    for actor in actors:
        colour = "#f0688c" if actor.end[0] >= actor.start[0] else "#4fc9c0"
        result.paste(colour, (0, 0), outline_of(size, time, actor))
    return result


def pose(size: tuple[int, int], time: float, actor: Actor) -> Image.Image:
    """The skeleton of a walker, on black."""
    tile = Tile(size, "#000000")
    (spot,) = tile.at(actor.at(time))
    joints = walker_joints(*spot, actor.size * tile.height, time)
    for (one, other), colour in zip(BONES, LIMBS * 2, strict=False):
        tile.draw.line([joints[one], joints[other]], colour, round(0.05 * actor.size * tile.height))
    return tile.done()


def glow(picture: Image.Image, mask: Image.Image, colour: str) -> Image.Image:
    """A picture with what a mask shows tinted, and its edge drawn."""
    tinted = Image.blend(picture, Image.new("RGB", picture.size, colour), 0.55)
    edge = ImageChops.difference(mask.filter(ImageFilter.MaxFilter(5)), mask)
    result = Image.composite(tinted, picture, mask)
    result.paste(colour, (0, 0), edge)
    return result


def walker_joints(x: float, y: float, size: float, time: float) -> dict[str, tuple[float, float]]:
    """Joints of somebody who walks with the feet at ``(x, y)``."""
    swing = 0.42 * math.sin(2 * math.pi * 2 * time)
    hip, neck = (x, y - 0.48 * size), (x, y - 0.8 * size)
    joints = {"hip": hip, "neck": neck, "head": (x, y - 0.92 * size)}
    for side, way in (("l", 1), ("r", -1)):
        joints["foot " + side] = (x + way * swing * 0.5 * size, y - abs(swing) * 0.03 * size)
        joints["knee " + side] = (x + way * swing * 0.28 * size + 0.03 * size, y - 0.25 * size)
        joints["hand " + side] = (x - way * swing * 0.45 * size, y - 0.46 * size)
        joints["elbow " + side] = (x - way * swing * 0.2 * size, y - 0.62 * size)
    return joints


BONES = (
    ("head", "neck"),
    ("neck", "hip"),
    *((a + side, b + side) for side in (" l", " r") for a, b in (("knee", "foot"), ("elbow", "hand"))),
    *((a, b + side) for side in (" l", " r") for a, b in (("hip", "knee"), ("neck", "elbow"))),
)


def _walker(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, time: float, robot: bool = False) -> None:
    joints = walker_joints(x, y, size, time)
    coat, leg, skin = ("#c9d1da", "#7d8794", "#e7edf2") if robot else ("#d9483b", "#3b4a6b", "#e9b890")
    for bone in BONES:
        lower = "foot" in bone[1] or "knee" in bone[1]
        width = round((0.2 if bone == ("neck", "hip") else 0.1 if lower else 0.075) * size)
        draw.line([joints[bone[0]], joints[bone[1]]], leg if lower else coat, width, joint="curve")
    cx, cy, radius = *joints["head"], 0.11 * size
    if robot:
        draw.rounded_rectangle((cx - radius, cy - radius, cx + radius, cy + radius), 0.03 * size, skin, "#7d8794", 3)
        draw.ellipse((cx + 0.01 * size, cy - 0.04 * size, cx + 0.08 * size, cy + 0.03 * size), "#2fb6e8")
        draw.line([(cx, cy - radius), (cx, cy - 1.7 * radius)], "#7d8794", max(2, round(0.02 * size)))
    else:
        draw.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), skin)
        draw.pieslice(
            (cx - 1.1 * radius, cy - 1.15 * radius, cx + 1.1 * radius, cy + 0.9 * radius), 180, 360, "#4a3228"
        )


def _robot(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, time: float) -> None:
    _walker(draw, x, y, size, time, robot=True)


def _beast(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, time: float, fox: bool) -> None:
    coat, dark, light = ("#e8772e", "#3a2a24", "#fff4e6") if fox else ("#8a5a3a", "#5e3c27", "#c79a6e")
    step = 0.1 * size * math.sin(2 * math.pi * 3 * time)
    for way, lag in ((-0.3, step), (-0.2, -step), (0.22, -step), (0.32, step)):
        draw.line([(x + way * size, y - 0.3 * size), (x + way * size + lag, y)], dark, round(0.1 * size))
    tail = [
        (x - 0.4 * size, y - 0.45 * size),
        (x - 0.8 * size, y - 0.62 * size - step),
        (x - 0.5 * size, y - 0.3 * size),
    ]
    if fox:
        draw.polygon(tail, coat)
        draw.ellipse((x - 0.9 * size, y - 0.72 * size - step, x - 0.66 * size, y - 0.5 * size - step), light)
    else:
        draw.line(tail[:2], coat, round(0.09 * size))
    draw.ellipse((x - 0.5 * size, y - 0.6 * size, x + 0.45 * size, y - 0.2 * size), coat)
    draw.ellipse((x + 0.2 * size, y - 0.86 * size, x + 0.62 * size, y - 0.46 * size), coat)
    ears = ((0.24, 0.36), (0.42, 0.54)) if fox else ((0.2, 0.32),)
    for left, right in ears:
        top = y - (1.04 if fox else 0.5) * size
        draw.polygon(
            [(x + left * size, y - 0.78 * size), (x + right * size, y - 0.8 * size), (x + left * size, top)], dark
        )
    draw.polygon(
        [(x + 0.55 * size, y - 0.74 * size), (x + 0.8 * size, y - 0.58 * size), (x + 0.54 * size, y - 0.5 * size)],
        light,
    )
    draw.ellipse((x + 0.75 * size, y - 0.63 * size, x + 0.83 * size, y - 0.55 * size), "#1c1c1c")
    draw.ellipse((x + 0.43 * size, y - 0.74 * size, x + 0.5 * size, y - 0.67 * size), "#1c1c1c")


def _dog(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, time: float) -> None:
    _beast(draw, x, y, size, time, fox=False)


def _fox(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, time: float) -> None:
    _beast(draw, x, y, size, time, fox=True)


def _car(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, time: float) -> None:
    draw.rounded_rectangle((x - 0.45 * size, y - 0.72 * size, x + 0.3 * size, y - 0.3 * size), 0.18 * size, "#b02a2f")
    draw.rounded_rectangle((x - 0.3 * size, y - 0.65 * size, x + 0.2 * size, y - 0.42 * size), 0.1 * size, "#cfe6f2")
    draw.rounded_rectangle((x - 0.8 * size, y - 0.48 * size, x + 0.8 * size, y - 0.1 * size), 0.12 * size, "#d8383e")
    for wheel in (-0.45, 0.45):
        cx, radius, turn = x + wheel * size, 0.17 * size, 12 * time
        draw.ellipse((cx - radius, y - 2 * radius, cx + radius, y), "#26282c")
        hub = (cx + 0.5 * radius * math.cos(turn), y - radius + 0.5 * radius * math.sin(turn))
        draw.line([(cx, y - radius), hub], "#c9ced6", max(2, round(0.05 * size)))


def _ball(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, time: float) -> None:
    draw.ellipse((x - 0.4 * size, y - 0.8 * size, x + 0.4 * size, y), "#e8b93a")


ACTORS = {"dog": _dog, "fox": _fox, "walker": _walker, "robot": _robot, "car": _car, "ball": _ball}


def _mix(one: str, other: str, share: float) -> str:
    values = [[int(each[i : i + 2], 16) for i in (1, 3, 5)] for each in (one, other)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(*values, strict=True))
