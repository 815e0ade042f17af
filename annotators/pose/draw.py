"""People drawn as VACE's official annotator draws them: coloured limbs and joints, white points of the face."""

import colorsys
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ...vace_core.errors import VaceInputError
from ...vace_core.optional import opencv
from ..protocol import CHUNK, LEVELS, Tick, chunks, on_threads, silent
from .people import BODY, DRAWN_FACE, LEFT_HAND, RIGHT_HAND, SURE, People
from .tiles import Grid

OFFICIAL, OPENPOSE = "official", "openpose"
PALETTES = (OFFICIAL, OPENPOSE)

LIMB_HALF_WIDTH, JOINT_RADIUS, FACE_RADIUS, HAND_WIDTH = 4, 4, 3, 2
DIM = 0.6  # limbs, not joints
# Joints of limbs, in the order of drawing.
LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10)),
    *((1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
# OpenPose's, of limb i and joint i.
COLOURS = (
    *((255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0)),
    *((0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255)),
    *((170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85)),
)
FINGERS = tuple((0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21))
FINGER_COLOURS = tuple(
    tuple(255 * part for part in colorsys.hsv_to_rgb(i / len(FINGERS), 1, 1)) for i in range(len(FINGERS))
)
HAND_DOT = (0, 0, 255)
WHITE = (255, 255, 255)

FARTHEST = 30000  # OpenCV counts pixels in 16 bits


@dataclass(frozen=True)
class Look:
    """What is drawn of people, and in which colours.

    Attributes:
        body: Limbs and joints.
        face: Points of the face.
        hands: Fingers; no official task draws them.
        palette: One of `PALETTES`. The official annotator swaps red and blue of OpenPose's colours.
    """

    body: bool = True
    face: bool = True
    hands: bool = False
    palette: str = OFFICIAL

    def colour(self, rgb: tuple[float, ...], dim: float = 1.0) -> tuple[float, ...]:
        """An OpenPose colour in this palette."""
        dimmed = rgb if dim == 1 else tuple(int(part * dim) for part in rgb)  # cut, not rounded
        return dimmed[::-1] if self.palette == OFFICIAL else dimmed


@dataclass(frozen=True, eq=False)
class DrawPose:
    """People drawn over black; an `Annotator` that takes only the size and length of its frames.

    Attributes:
        people: Whom to draw.
        look: How.
    """

    people: People
    look: Look = Look()

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, look, and the points by content."""
        people = self.people
        content = hashlib.blake2b(people.points.tobytes(), digest_size=16).hexdigest()
        return "pose", self.look, people.height, people.width, content

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """[T, H, W, 3] on 8-bit levels, for frames [T, H, W, 3] of as many frames as the people."""
        return draw_people(self.people, *frames.shape[1:3], self.look, tick).to(frames.device)


def draw_people(people: People, height: int, width: int, look: Look = Look(), tick: Tick = silent) -> Tensor:
    """People drawn as the official annotator does: at 1024 pixels, then brought to the video's size.

    Source: ``PoseAnnotator`` in ali-vilab/VACE's ``vace/annotators/pose.py`` and ``dwpose/util.py``. The pixels are the
    same, but limbs are drawn in their dimmed colours instead of dimming the canvas, and only tiles with something in
    them are resized.

    Args:
        people: Points on any canvas.
        height: Rows wanted.
        width: Columns wanted.
        look: What is drawn.
        tick: Called now and then.

    Returns:
        [T, height, width, 3], float32, on the levels k / 255.

    Raises:
        VaceInputError: If nothing is to be drawn, the palette is unknown, or OpenCV is missing.
    """
    if not (look.body or look.face or look.hands):
        raise VaceInputError("body, face and hands are all off, so there is nothing to draw. Switch one on.")
    if look.palette not in PALETTES:
        raise VaceInputError(f"palette must be one of {', '.join(PALETTES)}, got {look.palette}.")
    grid = Grid.of(height, width)
    points = people.points.astype(np.float64) * (grid.canvas[1] / people.width, grid.canvas[0] / people.height, 1)
    points[..., :2] = points[..., :2].clip(-FARTHEST, FARTHEST)
    control = np.zeros((len(points), height, width, 3), np.float32)  # not torch's: memory is taken where it is drawn on
    pen = Pen(opencv("Drawing a pose"), look, grid)
    for part in chunks(len(points), 4 * CHUNK):
        groups = [slice(part.start + few.start, part.start + few.stop) for few in chunks(part.stop - part.start)]
        on_threads(pen.draw, [points[few] for few in groups], [control[few] for few in groups])
        tick(part.stop, len(points))
    return torch.from_numpy(control)


# Puts one thing of all people onto the canvas, for one frame by its number.
Paint = Callable[[np.ndarray, int], None]


@dataclass(frozen=True)
class Pen:
    """Draws frames of one size in one look. What is where is worked out for all frames at once, then each is painted.

    Attributes:
        cv2: OpenCV.
        look: What is drawn.
        grid: Of the canvas and the video.
    """

    cv2: ModuleType
    look: Look
    grid: Grid

    def draw(self, points: np.ndarray, control: np.ndarray) -> None:
        """Draw people [t, N, 136, 3] (canvas pixels) into black frames [t, H, W, 3], float32."""
        canvas, used = np.zeros((*self.grid.canvas, 3), np.uint8), np.zeros((len(points), *self.grid.tiles), bool)
        layers = list(self._layers(points, used))
        for t, frame in enumerate(control):
            for paint in layers:
                paint(canvas, t)
            self._bring(canvas, frame, used[t])

    def _layers(self, points: np.ndarray, used: np.ndarray) -> Iterator[Paint]:
        if self.look.body:
            yield self._limbs(points[:, :, BODY], used)
            yield self._joints(points[:, :, BODY], used)
        if self.look.hands:
            yield self._hands(points[:, :, LEFT_HAND], used)
            yield self._hands(points[:, :, RIGHT_HAND], used)
        if self.look.face:
            yield self._faces(points[:, :, DRAWN_FACE], used)

    def _bring(self, canvas: np.ndarray, frame: np.ndarray, used: np.ndarray) -> None:
        """Resize what is on the canvas into the frame, all tiles as one high picture, and wipe it."""
        (rows, columns), (height, width) = self.grid.canvas, self.grid.size
        how = self.cv2.INTER_LANCZOS4 if height * width > rows * columns else self.cv2.INTER_AREA
        down, across = np.nonzero(used)
        if not len(down):
            return
        (tall, wide), shown, drawn = self.grid.shown, self.grid.cut(frame), self.grid.cut(canvas)
        pile = rearrange(drawn[down, :, across], "tile rows columns c -> (tile rows) columns c")
        small = self.cv2.resize(pile, (wide, tall * len(down)), interpolation=how)
        small = np.divide(small, np.float32(LEVELS), dtype=np.float32)
        shown[down, :, across] = rearrange(small, "(tile rows) columns c -> tile rows columns c", rows=tall)
        drawn[down, :, across] = 0

    def _limbs(self, people: np.ndarray, used: np.ndarray) -> Paint:
        ends = people[:, :, LIMBS]  # [t, N, 17, 2, 3]
        sure = (ends[..., 2] > SURE).all(-1)
        across, along = np.moveaxis((ends[..., 0, :] - ends[..., 1, :])[..., :2], -1, 0)
        # Whole numbers, cut towards 0, because OpenCV takes no others.
        centres = ends[..., :2].mean(-2).astype(int)
        halves = (np.hypot(across, along) / 2).astype(int)
        angles = np.degrees(np.arctan2(along, across)).astype(int)
        turned = np.radians(angles[sure])
        reach = halves[sure, None] * np.stack([np.cos(turned), np.sin(turned)], -1)
        self.grid.mark_lines(used, np.nonzero(sure)[0], centres[sure] - reach, centres[sure] + reach, LIMB_HALF_WIDTH)
        colours = [self.look.colour(rgb, DIM) for rgb in COLOURS[: len(LIMBS)]]
        order = sure.swapaxes(1, 2)  # limb by limb, each of all people

        def paint(canvas: np.ndarray, t: int) -> None:
            limbs, persons = np.nonzero(order[t])
            shapes = (values[t, persons, limbs].tolist() for values in (centres, halves, angles))
            for limb, centre, half, angle in zip(limbs.tolist(), *shapes, strict=True):
                outline = self.cv2.ellipse2Poly(centre, (half, LIMB_HALF_WIDTH), angle, 0, 360, 1)
                self.cv2.fillConvexPoly(canvas, outline, colours[limb])

        return paint

    def _joints(self, people: np.ndarray, used: np.ndarray) -> Paint:
        places, sure = people[..., :2].astype(int), people[..., 2] > SURE
        self.grid.mark(used, np.nonzero(sure)[0], places[sure], JOINT_RADIUS)
        colours = [self.look.colour(rgb) for rgb in COLOURS]
        order = sure.swapaxes(1, 2)

        def paint(canvas: np.ndarray, t: int) -> None:
            joints, persons = np.nonzero(order[t])
            for joint, place in zip(joints.tolist(), places[t, persons, joints].tolist(), strict=True):
                self.cv2.circle(canvas, place, JOINT_RADIUS, colours[joint], -1)

        return paint

    def _hands(self, hands: np.ndarray, used: np.ndarray) -> Paint:
        places, inside = _inside(hands)
        both = inside[:, :, FINGERS].all(-1)
        starts, ends = np.moveaxis(places[:, :, FINGERS][both], 1, 0)
        self.grid.mark_lines(used, np.nonzero(both)[0], starts, ends, HAND_WIDTH)
        self.grid.mark(used, np.nonzero(inside)[0], places[inside], JOINT_RADIUS)
        colours, dot = [self.look.colour(rgb) for rgb in FINGER_COLOURS], self.look.colour(HAND_DOT)

        def paint(canvas: np.ndarray, t: int) -> None:
            for hand, here in zip(places[t].tolist(), inside[t].tolist(), strict=True):
                for (start, end), colour in zip(FINGERS, colours, strict=True):
                    if here[start] and here[end]:
                        self.cv2.line(canvas, hand[start], hand[end], colour, HAND_WIDTH)
                for place in (place for place, drawn in zip(hand, here, strict=True) if drawn):
                    self.cv2.circle(canvas, place, JOINT_RADIUS, dot, -1)

        return paint

    def _faces(self, faces: np.ndarray, used: np.ndarray) -> Paint:
        places, inside = _inside(faces)
        self.grid.mark(used, np.nonzero(inside)[0], places[inside], FACE_RADIUS)

        def paint(canvas: np.ndarray, t: int) -> None:
            for place in places[t][inside[t]].tolist():
                self.cv2.circle(canvas, place, FACE_RADIUS, WHITE, -1)

        return paint


def _inside(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole pixels, and which are drawn: unlike a joint, a point at the very rim is not."""
    places = points[..., :2].astype(int)
    return places, (points[..., 2] >= SURE) & (places > 0).all(-1)
