"""BlazePose: one person, found once and then followed from frame to frame by the person's own points."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ..protocol import Tick
from .detect import Found
from .people import NUM_WHOLEBODY, SURE
from .runtimes import Runtime
from .squares import TurnedSquare

BLAZE_SCORE, STILL_THERE = 0.5, 0.5  # mediapipe's own, of the finder and of the reader of points
FINDER_SIDE, POINTS_SIDE = 224, 256  # pixels of what the two networks look at
# Circles that the finder knows beforehand: steps between them in pixels, and how many are at each place.
FINDER_GRIDS = ((8, 2), (16, 2), (32, 6))
NUM_CIRCLES = sum((FINDER_SIDE // step) ** 2 * count for step, count in FINDER_GRIDS)
CIRCLE_VALUES = 12  # a box, and four points: the hips' middle, the rim of the person, and the same of the upper body
HIPS, RIM = 2, 3  # of these six pairs
SAME_PERSON = 0.3  # boxes that overlap by more
MOST_LOGIT = 100.0

NUM_BLAZE, POINT_VALUES = 39, 5  # 33 of the person, two of the circle around, four for training
CIRCLE = slice(33, 35)
HEAT_SIDE, HEAT_REACH = 64, 3  # of the maps that points are made exact by, and how far around a point they count
HEAT_SURE = 0.5
POINTS_COUNTS = (NUM_BLAZE * POINT_VALUES, 1, HEAT_SIDE * HEAT_SIDE * NUM_BLAZE)
# Of the two files: the picture that they take, all that they answer, and what is wanted of it.
BLAZE_FILES = (
    (
        (FINDER_SIDE, FINDER_SIDE),
        {"circles": (NUM_CIRCLES, CIRCLE_VALUES), "scores": (NUM_CIRCLES, 1)},
        ("circles", "scores"),
    ),
    (
        (POINTS_SIDE, POINTS_SIDE),
        {
            "points": (NUM_BLAZE * POINT_VALUES,),
            "person": (1,),
            "outline": (POINTS_SIDE, POINTS_SIDE, 1),
            "heat": (HEAT_SIDE, HEAT_SIDE, NUM_BLAZE),
            "metres": (NUM_BLAZE * 3,),
        },
        ("points", "person", "heat"),
    ),
)
# BlazePose's points by COCO-WholeBody's numbers: the body, feet, then the corners of eyes and mouth and the nose among
# the 68 of the face, then wrist, thumb, and the knuckles of index and little finger of each hand.
BODY_POINTS = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
FOOT_POINTS = {17: 31, 19: 29, 20: 32, 22: 30}
FACE_POINTS = {53: 0, 59: 6, 62: 4, 65: 1, 68: 3, 71: 10, 77: 9}
HAND_POINTS = {91: 15, 94: 21, 96: 19, 108: 17, 112: 16, 115: 22, 117: 20, 129: 18}
PLACES = {**dict(enumerate(BODY_POINTS)), **FOOT_POINTS, **FACE_POINTS, **HAND_POINTS}
LOGIT_SURE = math.log(SURE / (1 - SURE))


@dataclass(frozen=True, eq=False)
class BlazePose:
    """mediapipe's pose networks: the first finds a person in a frame, the second gives the points of a person.

    Source: ``PoseLandmarkCpu`` of mediapipe 0.10.14 and the parts it is made of. Here a person who is lost is looked
    for in the same frame, not in the next. Where somebody was just found, the points are read twice, the second time
    around those of the first as in all later frames, and both times a person must be there: the second network alone
    sees one in many a landscape. Nothing is smoothed. Pixels are taken from their middles, where mediapipe on a CPU is
    off by half a pixel of what the network looks at.

    Attributes:
        load: Gives the networks of `BLAZE_FILES`.
        source: What tells their weights from others.
        person_score: How sure the first must be.
    """

    load: Callable[[], tuple[Runtime, Runtime]]
    source: tuple[object, ...]
    person_score: float = BLAZE_SCORE

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, weights and settings."""
        return "blazepose", self.source, self.person_score

    def __call__(self, frames: Tensor, tick: Tick) -> dict[str, Tensor]:
        """`Found.tensors` of frames [T, H, W, 3], RGB in [0, 1]: at most one person in each."""
        finder, reader = self.load()
        people: list[Tensor] = []
        region: TurnedSquare | None = None
        for frame in frames:
            seen = self._read(reader, frame, region) if region else None
            seen = seen or self._find(finder, reader, frame)
            region = seen[1] if seen else None
            people.append(to_wholebody(seen[0])[None] if seen else torch.zeros(0, NUM_WHOLEBODY, 3))
            tick(len(people), len(frames))
        counts = torch.tensor([len(each) for each in people])
        return Found(torch.cat(people), counts, torch.zeros(len(people), dtype=torch.bool)).tensors

    def _find(self, finder: Runtime, reader: Runtime, frame: Tensor) -> tuple[Tensor, TurnedSquare] | None:
        whole = TurnedSquare.whole(*frame.shape[:2])
        answer = finder(2 * whole.cut(frame, FINDER_SIDE, "zeros") - 1)[0].float().cpu()
        circle = surest_circle(answer, self.person_score)
        if circle is None:
            return None
        seen = self._read(reader, frame, TurnedSquare.around(*whole.in_frame(circle)))
        return seen and self._read(reader, frame, seen[1])

    def _read(self, reader: Runtime, frame: Tensor, region: TurnedSquare) -> tuple[Tensor, TurnedSquare] | None:
        """Points [39, 4] in the frame's pixels and where to look next; None where nobody is."""
        answer = reader(region.cut(frame, POINTS_SIDE, "border"))[0].float().cpu()
        points, person, heat = answer.split(list(POINTS_COUNTS))
        if float(person) <= STILL_THERE:
            return None
        points = rearrange(points, "(point value) -> point value", point=NUM_BLAZE)
        heat = rearrange(heat, "(h w point) -> point h w", h=HEAT_SIDE, w=HEAT_SIDE)
        places = region.in_frame(made_exact(points[:, :2] / POINTS_SIDE, heat))
        return torch.cat([places, points[:, 3:]], -1), TurnedSquare.around(*places[CIRCLE])


def surest_circle(answer: Tensor, least: float) -> Tensor | None:
    """The middle of the hips and the rim of whom the finder is surest of.

    Source: ``TensorsToDetectionsCalculator`` and ``NonMaxSuppressionCalculator`` (weighted) as ``PoseDetectionCpu``
    sets them.

    Args:
        answer: [2254 * 13], what it answers.
        least: How sure it must be, in [0, 1].

    Returns:
        [2, 2], x and y of both, in parts of its picture; None if there is nobody.
    """
    circles, scores = answer.split([NUM_CIRCLES * CIRCLE_VALUES, NUM_CIRCLES])
    scores = scores.clamp(-MOST_LOGIT, MOST_LOGIT).sigmoid()
    sure = scores > least
    if not sure.any():
        return None
    pairs = rearrange(circles, "(circle pair xy) -> circle pair xy", circle=NUM_CIRCLES, xy=2)[sure] / FINDER_SIDE
    known, scores = known_places()[sure], scores[sure]
    centre, half = pairs[:, 0] + known, pairs[:, 1] / 2
    boxes = torch.cat([centre - half, centre + half], -1)
    weights = scores * (_overlap(boxes, boxes[scores.argmax()]) > SAME_PERSON)
    if not weights.any():  # a box without a side overlaps nothing, not even itself
        return None
    points = pairs[:, [HIPS, RIM]] + known[:, None]
    return (points * weights[:, None, None]).sum(0) / weights.sum()


def known_places() -> Tensor:
    """[2254, 2], x and y of the circles that the finder knows beforehand, in parts of its picture."""
    places = []
    for step, count in FINDER_GRIDS:
        cells = FINDER_SIDE // step
        axis = (torch.arange(cells) + 0.5) / cells
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        places.append(torch.stack([x, y], -1).flatten(0, 1).repeat_interleave(count, 0))
    return torch.cat(places)


def made_exact(places: Tensor, heat: Tensor) -> Tensor:
    """Places moved to the middle of what a map says around them, where it is sure.

    Source: ``RefineLandmarksFromHeatmapCalculator``.

    Args:
        places: [points, 2], x and y in parts of the picture.
        heat: [points, 64, 64], logits of where each point is.
    """
    cells = torch.arange(HEAT_SIDE)
    at = (places * HEAT_SIDE).long()  # cut off, not rounded
    near = (cells - at[..., None]).abs() <= HEAT_REACH  # [points, xy, 64]
    window = near[:, 1, :, None] & near[:, 0, None, :]
    inside = ((places >= 0) & (places < 1)).all(-1)
    heat = heat.sigmoid() * window
    total = heat.sum((1, 2)).clamp(min=torch.finfo(heat.dtype).tiny)
    middle = torch.stack([(heat.sum(1) * cells).sum(1), (heat.sum(2) * cells).sum(1)], -1) / total[:, None] / HEAT_SIDE
    sure = inside & (heat.amax((1, 2)) >= HEAT_SURE)
    return torch.where(sure[:, None], middle, places)


def to_wholebody(points: Tensor) -> Tensor:
    """COCO-WholeBody's 133 points [133, 3] of BlazePose's [39, 4]; those that it does not give have confidence 0.

    Args:
        points: x, y in pixels, then logits of being seen and of being in the picture. mediapipe draws a point where
            both say at least a half; that becomes `SURE`.
    """
    whole = points.new_zeros(NUM_WHOLEBODY, 3)
    mine, theirs = list(PLACES), list(PLACES.values())
    whole[mine, :2] = points[theirs, :2]
    whole[mine, 2] = (points[theirs, 2:].amin(-1) + LOGIT_SURE).sigmoid()
    return whole


def _overlap(boxes: Tensor, box: Tensor) -> Tensor:
    """[n], the share of each of boxes [n, 4] and a box [4] that both cover."""
    sides = (torch.minimum(boxes[:, 2:], box[2:]) - torch.maximum(boxes[:, :2], box[:2])).clamp(min=0)
    both = sides.prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1)
    return both / (areas + (box[2:] - box[:2]).clamp(min=0).prod() - both).clamp(min=1e-12)
