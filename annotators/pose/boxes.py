"""DWPose's arithmetic around its two networks: where people are, what the pose network sees, where their points are."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ...vace_core.optional import need
from ..protocol import LEVELS

DETECTOR_SIDE, PAPER = 640, 114  # of YOLOX's square picture, and the level around the frame in it
STRIDES = (8, 16, 32)
NUM_PLACES = sum((DETECTOR_SIDE // stride) ** 2 for stride in STRIDES)
NUM_CLASSES = 80
BOX_VALUES = 5 + NUM_CLASSES
LEAST_SCORE, OFFICIAL_SCORE = 0.1, 0.3
OVERLAP = 0.45  # two boxes of more than this are one person

NUM_POINTS = 133
CROP_WIDTH, CROP_HEIGHT = 288, 384
PADDING = 1.25  # of a box, so that hands and feet are in the crop
SPLIT = 2  # places for each pixel of the crop
POINT_VALUES = SPLIT * (CROP_WIDTH + CROP_HEIGHT)
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def detector_input(frames: Tensor) -> tuple[Tensor, float]:
    """What YOLOX sees: the frame in the upper left of a square, its channels blue, green, red.

    Source: ``preprocess`` in ali-vilab/VACE's ``vace/annotators/dwpose/onnxdet.py``. There the frame is first brought
    to a short side of 1024 and sides in multiples of 64, which changes its shape a little; here it keeps its own.

    Args:
        frames: [t, H, W, 3], RGB in [0, 1].

    Returns:
        ``(pixels, ratio)``: [t, 3, 640, 640] in [0, 255], not normalised further, and its size over the frame's.
    """
    H, W = frames.shape[1:3]
    ratio = min(DETECTOR_SIDE / H, DETECTOR_SIDE / W)
    height, width = max(int(H * ratio), 1), max(int(W * ratio), 1)
    levels = rearrange(frames.flip(-1), "t h w c -> t c h w") * LEVELS
    levels = F.interpolate(levels, (height, width), mode="bilinear", align_corners=False)
    return F.pad(levels, (0, DETECTOR_SIDE - width, 0, DETECTOR_SIDE - height), value=PAPER), ratio


def people_boxes(head: Tensor, ratio: float, least: float) -> list[Tensor]:
    """Boxes of people, surest first.

    Source: ``inference_detector`` in the same file: of each class, boxes above 0.1 without those that overlap a surer
    one, and of these the first class, people, above 0.3. What is below ``least`` covers nothing above it, so looking
    only at those gives the same. There boxes overlap as if they were a pixel larger.

    Args:
        head: [t, 8400, 85], what YOLOX answers: place in the cell, log of the size, sureness, a part for each class.
        ratio: Of `detector_input`.
        least: Sureness above which a box counts.

    Returns:
        For each frame [n, 4]: left, top, right, bottom in the frame's pixels.
    """
    places, strides = _cells(head.device)
    centre = (head[..., :2] + places) * strides
    half = head[..., 2:4].exp() * strides / 2
    boxes = torch.cat([centre - half, centre + half], -1) / ratio
    scores = head[..., 4] * head[..., 5]
    return [_separate(*each, least) for each in zip(boxes, scores, strict=True)]


def crop_areas(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """The part of the frame that is cut out for each box: padded, and as tall and wide as the pose network's picture.

    Source: ``bbox_xyxy2cs`` and ``_fix_aspect_ratio`` in ``vace/annotators/dwpose/onnxpose.py``.

    Args:
        boxes: [n, 4].

    Returns:
        ``(centre, size)``, [n, 2] each: x and y, width and height in pixels.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    width, height = ((boxes[:, 2:] - boxes[:, :2]) * PADDING).unbind(1)
    aspect = CROP_WIDTH / CROP_HEIGHT
    size = torch.stack([torch.maximum(width, height * aspect), torch.maximum(height, width / aspect)], 1)
    return centre, size


def cut_out(frame: Tensor, centre: Tensor, size: Tensor, official_channels: bool = True) -> Tensor:
    """What the pose network sees of each person; black where the area leaves the frame.

    Source: ``top_down_affine`` and ``preprocess`` in the same file. It gives blue, green, red to a network that was
    trained with red, green, blue, and takes the mean of red off blue.

    Args:
        frame: [H, W, 3], RGB in [0, 1].
        centre: [n, 2], of `crop_areas`.
        size: [n, 2], of `crop_areas`.
        official_channels: False gives the network the channels it was trained with.

    Returns:
        [n, 3, 384, 288], normalised.
    """
    H, W = frame.shape[:2]
    x = _sampled(centre[:, 0], size[:, 0], CROP_WIDTH, W)[:, None, :].expand(-1, CROP_HEIGHT, -1)
    y = _sampled(centre[:, 1], size[:, 1], CROP_HEIGHT, H)[:, :, None].expand(-1, -1, CROP_WIDTH)
    grid = rearrange([x, y], "xy people h w -> 1 (people h) w xy")  # below each other: the frame is there once
    levels = rearrange(frame.flip(-1) if official_channels else frame, "h w c -> 1 c h w") * LEVELS
    cut = F.grid_sample(levels, grid.to(levels), mode="bilinear", padding_mode="zeros", align_corners=False)
    cut = rearrange(cut, "1 c (people h) w -> people c h w", h=CROP_HEIGHT)
    mean, deviation = (cut.new_tensor(each)[:, None, None] for each in (MEAN, DEVIATION))
    return (cut - mean) / deviation


def read_points(answer: Tensor, centre: Tensor, size: Tensor) -> Tensor:
    """Points in the frame of what the pose network answers.

    Source: ``decode`` and ``postprocess`` in the same file: the surest place of each axis; a point is as sure as the
    less sure of its two.

    Args:
        answer: [n, 133, 1344]: how sure each point is at each half pixel of the crop, 576 along x and 768 along y.
        centre: [n, 2], of `crop_areas`.
        size: [n, 2], of `crop_areas`.

    Returns:
        [n, 133, 3]: x, y in the frame's pixels and confidence, 0 or above.
    """
    along = answer.split((SPLIT * CROP_WIDTH, SPLIT * CROP_HEIGHT), -1)
    (sure_x, x), (sure_y, y) = (axis.max(-1) for axis in along)
    crop = torch.stack([x / (SPLIT * CROP_WIDTH), y / (SPLIT * CROP_HEIGHT)], -1)  # [n, 133, 2], parts of the crop
    places = (crop - 0.5) * size[:, None] + centre[:, None]
    return torch.cat([places, torch.minimum(sure_x, sure_y).clamp(min=0)[..., None]], -1)


def _cells(device: torch.device) -> tuple[Tensor, Tensor]:
    """Column and row [8400, 2] and stride [8400, 1] of the places that YOLOX answers for."""
    places, strides = [], []
    for stride in STRIDES:
        axis = torch.arange(DETECTOR_SIDE // stride, device=device)
        row, column = torch.meshgrid(axis, axis, indexing="ij")
        places.append(rearrange([column, row], "xy h w -> (h w) xy"))
        strides.append(torch.full((len(axis) ** 2, 1), stride, device=device))
    return torch.cat(places), torch.cat(strides)


def _separate(boxes: Tensor, scores: Tensor, least: float) -> Tensor:
    above = scores > least
    boxes, scores = boxes[above], scores[above]
    return boxes[need("torchvision.ops", "torchvision", "Finding people").nms(boxes, scores, OVERLAP)]


def _sampled(centre: Tensor, size: Tensor, count: int, side: int) -> Tensor:
    """Where an axis of the frame is looked at, [n, count], from -1 to 1 as ``grid_sample`` counts from edge to edge."""
    steps = (torch.arange(count, device=centre.device) - count / 2) / count
    return (2 * (centre[:, None] + steps * size[:, None]) + 1) / side - 1
