"""A world of coloured shapes and a stick figure, where everything about a clip is known.

The same seed gives the same clip. Lengths are in pixels of a frame 64 high; larger frames scale.
"""

import random
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from . import shapes
from .words import COLOURS, FIGURE, MOTIONS, PLACES, SHAPES

SIZE, LENGTH, FPS = 64, 17, 16.0
RADII, FIGURE_RADIUS = (12.5, 15.5), 21.0
TRAVEL = (16.0, 24.0)  # pixels from the first frame to the last
WOBBLE = 2.0
SECOND, FIGURES = 0.3, 0.3  # how often there is a second thing, and a figure
GRAIN = 0.07  # depth of the texture
STEP = 0.4  # radians of a step for each frame
NEAR, FAR = (0.95, 0.65), (0.12, 0.38)  # depth of things, front to back, and of the ground, top to bottom
SOFT = 2.5  # width of an edge in pixels, as a lens would draw it


@dataclass(frozen=True)
class Thing:
    """One thing of a scene.

    Attributes:
        colour: One of `COLOURS`.
        shape: One of `SHAPES`, or `FIGURE`.
        motion: One of `MOTIONS`.
        radius: Half its size.
        start: (x, y) at the first frame.
        travel: Pixels it goes.
        bend: How far its path bows out sideways.
        phase: Of a figure's step, radians.
    """

    colour: str
    shape: str
    motion: str
    radius: float
    start: tuple[float, float]
    travel: float
    bend: float = 0.0
    phase: float = 0.0

    def path(self, length: int) -> Tensor:
        """[length, 2], where its middle is."""
        part = torch.linspace(0, 1, max(length, 2))[:length, None]
        ahead = torch.tensor(MOTIONS[self.motion], dtype=torch.float32)
        sideways = torch.stack([-ahead[1], ahead[0]])
        bow = self.bend * torch.sin(torch.pi * part)
        return torch.tensor(self.start) + part * self.travel * ahead + bow * sideways

    @property
    def words(self) -> str:
        """Such as ``a red circle``."""
        return f"a {self.colour} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """What a clip shows.

    Attributes:
        place: One of `PLACES`.
        texture: Seed of the ground's texture.
        things: From the front to the back; the first is what the caption is about.
    """

    place: str
    texture: int
    things: tuple[Thing, ...]

    @property
    def caption(self) -> str:
        """Such as ``a red circle moves right in front of a blue square over sand``."""
        first, *others = self.things
        verb = "walks" if first.shape == FIGURE else "moves"
        does = first.motion if first.motion == "stays" else f"{verb} {first.motion}"
        behind = f" in front of {others[0].words}" if others else ""
        return f"{first.words} {does}{behind} over {self.place}"

    def without(self, index: int) -> "Scene":
        """The same scene with one thing less."""
        return replace(self, things=self.things[:index] + self.things[index + 1 :])


@dataclass(frozen=True, eq=False)
class WorldClip:
    """A scene drawn, and all that is true of it.

    Attributes:
        scene: What it shows.
        frames: [T, H, W, 3], in [0, 1].
        masks: [N, T, H, W], in [0, 1], what is seen of each thing.
        depth: [T, H, W], in [0, 1], 1 near.
        flow: [T - 1, H, W, 2], pixels that what is seen moves to the next frame, x and y.
        lines: [T, H, W], in [0, 1], 0 (dark) on outlines.
        points: [N, T, 14, 2], joints of figures in pixels; not a number for other things.
    """

    scene: Scene
    frames: Tensor
    masks: Tensor
    depth: Tensor
    flow: Tensor
    lines: Tensor
    points: Tensor


def random_scene(seed: int, **wanted: object) -> Scene:
    """A scene by its seed.

    Args:
        seed: Of everything in it.
        **wanted: What is not left to chance: ``colour``, ``shape`` and ``motion`` of the first thing, ``place``, and
            ``second``, whether there is a second thing.
    """
    rng = random.Random(seed)
    place, texture = rng.choice(list(PLACES)), rng.randrange(1 << 30)
    has_figure, has_second = rng.random() < FIGURES, rng.random() < SECOND
    chosen = {key: wanted[key] for key in ("colour", "shape", "motion") if key in wanted}
    shape = chosen.get("shape") or (FIGURE if has_figure else rng.choice(SHAPES))
    first = _random_thing(rng, shape, chosen)
    things = [first]
    if wanted.get("second", has_second):
        others = [colour for colour in COLOURS if colour != first.colour]
        second = _random_thing(rng, rng.choice(SHAPES), {"colour": rng.choice(others), "motion": "stays"})
        middle = first.path(LENGTH)[LENGTH // 2]
        x, y = (float(m) + rng.uniform(-16, 16) for m in middle)
        things.append(replace(second, start=(_within(x, second.radius), _within(y, second.radius))))
    return Scene(str(wanted.get("place", place)), texture, tuple(things))


def _random_thing(rng: random.Random, shape: str, chosen: dict[str, object]) -> Thing:
    is_figure = shape == FIGURE
    motions = ("stays", "left", "right") if is_figure else tuple(MOTIONS)
    colour, motion = rng.choice(list(COLOURS)), rng.choice(motions)
    radius = FIGURE_RADIUS * rng.uniform(0.9, 1.1) if is_figure else rng.uniform(*RADII)
    travel, bend, phase = rng.uniform(*TRAVEL), rng.uniform(-WOBBLE, WOBBLE), rng.uniform(0, 6.28)
    colour, motion = str(chosen.get("colour", colour)), str(chosen.get("motion", motion))
    travel *= motion != "stays"
    bend *= motion != "stays" and not is_figure
    ahead = MOTIONS[motion]
    room = (0.55 * radius if is_figure else radius, radius)
    start = tuple(_random_start(rng, a, travel, edge) for a, edge in zip(ahead, room, strict=True))
    return Thing(colour, shape, motion, radius, start, travel, bend, phase)


def _random_start(rng: random.Random, ahead: int, travel: float, room: float) -> float:
    low, high = room + 1, SIZE - room - 1
    if ahead > 0:
        high -= travel
    elif ahead < 0:
        low += travel
    return rng.uniform(low, max(high, low))


def _within(place: float, radius: float) -> float:
    return min(max(place, radius), SIZE - radius)


def draw_scene(scene: Scene, length: int = LENGTH, height: int = SIZE, width: int = SIZE) -> WorldClip:
    """A scene as a clip, with its truth.

    Args:
        scene: What to draw.
        length: T; things go their whole way in it.
        height: Rows.
        width: Columns; what lies right of the square is ground.
    """
    scale = height / SIZE
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    x, y = columns[None] / scale, rows[None] / scale
    frames = draw_ground(scene, height, width)[None].expand(length, -1, -1, -1)
    depth = torch.linspace(*FAR, height)[:, None].expand(length, height, width)
    flow = torch.zeros(length, height, width, 2)
    lines, masks, points = torch.ones(length, height, width), [], []
    for order, thing in reversed(list(enumerate(scene.things))):
        distance, path, joints = _place(thing, x, y, length)
        seen = (0.5 - distance * scale / SOFT).clamp(0, 1)
        frames = torch.lerp(frames, torch.tensor(COLOURS[thing.colour]), seen[..., None])
        masks = [mask * (1 - seen) for mask in masks]
        masks.insert(0, seen)
        points.insert(0, joints * scale)
        near = NEAR[0] - (NEAR[0] - NEAR[1]) * order / max(len(scene.things) - 1, 1)
        depth = torch.lerp(depth, torch.full((), near), seen)
        flow = torch.where((seen > 0.5)[..., None], _motion(path)[:, None, None] * scale, flow)
        inked = ((distance * scale).abs() / SOFT - 0.25).clamp(0, 1)
        lines = torch.minimum(torch.where(distance < 0, torch.ones(()), lines), inked)
    return WorldClip(scene, frames, torch.stack(masks), depth, flow[: length - 1], lines, torch.stack(points))


def _place(thing: Thing, x: Tensor, y: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    path = thing.path(length)
    across, down = x - path[:, 0, None, None], y - path[:, 1, None, None]
    if thing.shape != FIGURE:
        nowhere = torch.full((length, shapes.NUM_JOINTS, 2), float("nan"))
        return getattr(shapes, thing.shape)(across, down, thing.radius), path, nowhere
    phase = thing.phase + STEP * torch.arange(length) * (LENGTH - 1) / max(length - 1, 1)
    joints = shapes.joints(phase, thing.radius, thing.motion != "stays")
    return shapes.figure(across, down, joints, thing.radius), path, joints + path[:, None]


def _motion(path: Tensor) -> Tensor:
    step = path.diff(dim=0)
    return torch.cat([step, step[-1:]]) if len(step) else torch.zeros_like(path)


def draw_ground(scene: Scene, height: int = SIZE, width: int = SIZE) -> Tensor:
    """[H, W, 3], the textured ground alone."""
    generator = torch.Generator().manual_seed(scene.texture)
    coarse = torch.rand(1, 3, 5, 5 * width // height, generator=generator) - 0.5
    fine = torch.rand(1, 1, 9, 9 * width // height, generator=generator) - 0.5
    resize = {"size": (height, width), "mode": "bicubic", "align_corners": True}
    texture = 0.5 * F.interpolate(coarse, **resize) + F.interpolate(fine, **resize)
    slope = torch.linspace(0.06, -0.06, height)[:, None, None]
    colour = torch.tensor(PLACES[scene.place])
    return (colour + GRAIN * texture[0].permute(1, 2, 0) + slope).clamp(0, 1)


def draw_reference(thing: Thing, height: int = SIZE, width: int = SIZE) -> Tensor:
    """[1, H, W, 3], the thing alone on white, large and in the middle."""
    radius = 22.0 if thing.shape != FIGURE else 27.0
    alone = replace(thing, radius=radius, start=(SIZE / 2, SIZE / 2), travel=0.0, bend=0.0)
    clip = draw_scene(Scene("snow", 0, (alone,)), 1, height, width)
    return torch.lerp(torch.ones(1, height, width, 3), torch.tensor(COLOURS[thing.colour]), clip.masks[0, ..., None])


def exchange_thing(clip: WorldClip, rng: random.Random, shape: bool = True) -> WorldClip:
    """The same scene with its first thing in another colour, and in another shape if wanted."""
    thing, *others = clip.scene.things
    colour = rng.choice([name for name in COLOURS if name != thing.colour])
    form = rng.choice([name for name in SHAPES if name != thing.shape]) if shape else thing.shape
    scene = replace(clip.scene, things=(replace(thing, colour=colour, shape=form), *others))
    return draw_scene(scene, *clip.frames.shape[:3])
