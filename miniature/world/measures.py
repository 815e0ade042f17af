"""What is seen in a clip of the world, found in its frames alone, and how far that is from what is true.

Lengths are in pixels of a frame 64 high, as the world's are: those of larger frames are brought to it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .scenes import SIZE
from .words import COLOURS, FIGURE, MOTIONS, PLACES

MIN_AREA = 12  # pixels; less is no thing
CROWD, REACH = 4, 2  # pixels to each side: a thing is where its colour is densest, and what lies so near to that
LEAN, FULL = 0.25, 0.89  # what tells a triangle and a square: how much heavier its lower half is, how full its box
TALL, THIN, BARE = 1.35, 0.72, 0.46  # a figure: height by width, and how full its box is at most; if barer, any height
EDGE = 0.15  # of a thing's longest line: a shorter one at its edge is blur or noise
MOVED = 6.0  # pixels; less is standing still
LOST = 32.0  # pixels that a thing counts as astray by where it is not seen
FLOOR = 0.01  # a step between two frames or columns that nobody sees
CEILING = 60.0  # dB of what is equal
KNOWN = (*COLOURS, *PLACES)
_PALETTE = torch.tensor([*COLOURS.values(), *PLACES.values()])


def scale_of(height: int) -> float:
    """Pixels of a frame for each of one that is 64 high."""
    return height / SIZE


def nearest_names(frames: Tensor) -> Tensor:
    """[T, H, W], for each pixel the number in `KNOWN` of the colour or place that it is nearest to.

    Args:
        frames: [T, H, W, 3], in [0, 1].
    """
    return torch.cdist(frames.flatten(0, 2).float(), _PALETTE).argmin(1).view(frames.shape[:3])


def thing_mask(frames: Tensor, colour: str) -> Tensor:
    """[T, H, W], bool: the thing of a colour, by itself.

    Args:
        frames: [T, H, W, 3], in [0, 1].
        colour: One of `COLOURS`.
    """
    return densest_part(nearest_names(frames) == KNOWN.index(colour))


def densest_part(mask: Tensor) -> Tensor:
    """Of each frame of a mask [T, H, W] what hangs together with the place where most of it is."""
    given = mask.float()[:, None]
    crowd_side, reach = (round(side * scale_of(mask.shape[1])) for side in (CROWD, REACH))
    crowd = F.avg_pool2d(given, 2 * crowd_side + 1, 1, crowd_side) * given
    part = torch.zeros_like(given)
    part.view(len(mask), -1).scatter_(1, crowd.flatten(1).argmax(1, keepdim=True), 1)
    part *= given
    while True:
        grown = F.max_pool2d(part, 2 * reach + 1, 1, reach) * given
        if torch.equal(grown, part):
            return part[:, 0] > 0
        part = grown


def colour_share(frames: Tensor, colour: str, region: Tensor | None = None) -> float:
    """In which share of the frames a colour covers more than every other, and enough for a thing.

    Args:
        frames: [T, H, W, 3], in [0, 1].
        colour: One of `COLOURS`.
        region: [T, H, W], above 0.5 where to look; everywhere without.
    """
    names = nearest_names(frames)
    if region is not None:
        names = names.masked_fill(region <= 0.5, len(COLOURS))
    counts = torch.stack([(names == n).sum((1, 2)) for n in range(len(COLOURS))])
    wanted = counts[KNOWN.index(colour)]
    return float(((wanted == counts.amax(0)) & (wanted >= least_area(names.shape[1]))).float().mean())


def least_area(height: int) -> float:
    """Of a thing, in pixels of a frame as high."""
    return MIN_AREA * scale_of(height) ** 2


def place_share(frames: Tensor, place: str) -> float:
    """In which share of the frames more of the ground looks like a place than like any other."""
    names = nearest_names(frames)
    counts = torch.stack([(names == n).sum((1, 2)) for n in range(len(COLOURS), len(KNOWN))])
    return float((counts.argmax(0) == list(PLACES).index(place)).float().mean())


def shape_share(mask: Tensor, shape: str) -> float:
    """In which share of the frames of a mask [T, H, W] it has a shape, see `shape_of`."""
    return sum(shape_of(frame) == shape for frame in mask) / len(mask)


def shape_of(mask: Tensor) -> str:
    """Which shape a mask [H, W] has, by how full its box is and where its weight lies; nothing if it is too small."""
    area = float(mask.sum())
    if area < least_area(len(mask)):
        return ""
    height, width = (int(mask.any(axis).sum()) for axis in (1, 0))
    if area < BARE * height * width or (area < THIN * height * width and height > TALL * width):
        return FIGURE
    rows, columns = (_long_lines(mask.sum(axis)) for axis in (1, 0))
    half = len(rows) // 2
    lean = float(mask[rows[-half:]].sum() - mask[rows[:half]].sum()) / area
    if lean > LEAN:
        return "triangle"
    return "square" if area > FULL * len(rows) * len(columns) else "circle"


def _long_lines(counts: Tensor) -> Tensor:
    """Rows or columns that hold more of a thing than a speck at its edge."""
    return (counts >= EDGE * counts.max()).nonzero().flatten()


def iou(found: Tensor, true: Tensor) -> float:
    """Intersection over union of two masks [T, H, W], of all frames together; above 0.5 is inside."""
    first, second = found > 0.5, true > 0.5
    return float((first & second).sum() / (first | second).sum().clamp(min=1))


def box_iou(found: Tensor, true: Tensor) -> float:
    """Mean over the frames of how far the boxes around two masks [T, H, W] agree."""
    return iou(boxed(found), boxed(true))


def boxed(mask: Tensor) -> Tensor:
    """[T, H, W], bool: each frame of a mask filled up to its box."""
    return _between((mask > 0.5).any(2))[:, :, None] & _between((mask > 0.5).any(1))[:, None, :]


def _between(line: Tensor) -> Tensor:
    count = line.int()
    return (count.cumsum(1) > 0) & (count.flip(1).cumsum(1).flip(1) > 0)


def path_of(mask: Tensor) -> Tensor:
    """[T, 2], the middle (x, y) of a mask [T, H, W]; not a number where it is too small."""
    weight = (mask > 0.5).float()
    area = weight.sum((1, 2))
    _, height, width = mask.shape
    x = (weight.sum(1) * (torch.arange(width) + 0.5)).sum(1) / area
    y = (weight.sum(2) * (torch.arange(height) + 0.5)).sum(1) / area
    path = torch.stack([x, y], 1) / scale_of(height)
    return path.masked_fill((area < least_area(height))[:, None], float("nan"))


def path_error(found: Tensor, true: Tensor) -> float:
    """Mean distance in pixels of two paths [T, 2]; where the first is not there it counts as `LOST`."""
    return float((found - true).norm(dim=1).nan_to_num(LOST).mean())


def motion_of(path: Tensor) -> str:
    """The word for where a path [T, 2] leads; nothing if its thing is hardly ever seen."""
    seen = path[~path[:, 0].isnan()]
    if len(seen) < 2:
        return ""
    way = seen[-1] - seen[0]
    if float(way.norm()) < MOVED:
        return "stays"
    return max(MOTIONS, key=lambda word: float(way @ torch.tensor(MOTIONS[word], dtype=way.dtype)))


def psnr(found: Tensor, true: Tensor, where: Tensor | None = None) -> float:
    """Peak signal to noise in dB of pictures in [0, 1], at most `CEILING`.

    Args:
        found: [T, H, W, 3].
        true: As ``found``.
        where: [T, H, W], bool: the pixels that count; all without. None of them is as good as equal.
    """
    error = (found.float() - true).square()
    if where is not None:
        error = error[where]
    if not error.numel():
        return CEILING
    return float((-10 * torch.log10(error.mean())).clamp(max=CEILING))


def continuity(frames: Tensor, joins: list[int]) -> float:
    """How smoothly a clip [T, H, W, 3] goes on at its joins, in [0, 1]: 1 if no step there is larger than is usual.

    Args:
        frames: [T, H, W, 3], in [0, 1].
        joins: The first frame behind each join.
    """
    return _evenness(frames.diff(dim=0).abs().mean((1, 2, 3)), [join - 1 for join in joins])


def seam(frames: Tensor, joins: list[int]) -> float:
    """How smoothly a clip goes on across columns, in [0, 1], as `continuity`; few rows with an edge do not count.

    Args:
        frames: [T, H, W, 3], in [0, 1].
        joins: The first column right of each join.
    """
    steps = frames.diff(dim=2).abs().mean(3).flatten(0, 1)
    return _evenness(steps.median(0).values, [join - 1 for join in joins])


def _evenness(steps: Tensor, joins: list[int]) -> float:
    usual = torch.ones(len(steps), dtype=torch.bool)
    usual[joins] = False
    return float(((steps[usual].median() + FLOOR) / (steps[joins].max() + FLOOR)).clamp(max=1))
