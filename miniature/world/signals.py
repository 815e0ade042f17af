"""Control videos of the world in VACE's own look, drawn by the pack from what is true."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...annotators.flow import flow_colours, largest_motion
from ...annotators.lines import gray
from ...annotators.pose import NUM_POINTS, People, draw_people
from ...vace_core.tasks import BoxMotion, draw_box_outlines, draw_contours
from ...vace_core.video import Box, BoxTrack
from .scenes import WorldClip
from .shapes import NUM_JOINTS

POSE_HEIGHT = 256  # rows that a pose is drawn on


def draw_gray(clip: WorldClip) -> Tensor:
    """[T, H, W, 3] without colour, weighed as the official annotator does."""
    return gray(clip.frames)


def draw_depth(clip: WorldClip) -> Tensor:
    """[T, H, W, 3], near is bright."""
    return _gray_frames(clip.depth)


def draw_lineart(clip: WorldClip) -> Tensor:
    """[T, H, W, 3], dark outlines on white."""
    return _gray_frames(clip.lines)


def draw_flow(clip: WorldClip) -> Tensor:
    """[T, H, W, 3], motion as colours by each frame's fastest; the first field is there twice."""
    fields = torch.cat([clip.flow[:1], clip.flow])
    return flow_colours(fields, largest_motion(fields)).float() / 255


def draw_pose(clip: WorldClip) -> Tensor:
    """[T, H, W, 3], skeletons on black; things that have none are not there.

    The official limbs are made for 1024 pixels and would vanish here, so they are drawn larger and the brightest kept;
    as wide for their figure in frames of any size.
    """
    length, height, width, _ = clip.frames.shape
    joints = clip.points[~clip.points[:, 0, 0, 0].isnan()].numpy()
    points = np.zeros((length, len(joints), NUM_POINTS, 3), np.float32)
    points[:, :, :NUM_JOINTS, :2] = joints.swapaxes(0, 1)
    points[:, :, :NUM_JOINTS, 2] = 1
    scale = max(POSE_HEIGHT // height, 1)
    large = draw_people(People(points, height, width), scale * height, scale * width)
    return F.max_pool2d(large.permute(0, 3, 1, 2), scale).permute(0, 2, 3, 1)


def has_pose(clip: WorldClip) -> bool:
    """Whether there is a figure."""
    return not bool(clip.points[:, 0, 0, 0].isnan().all())


def draw_layout(clip: WorldClip) -> Tensor:
    """[T, H, W, 3], the first thing's box, moving."""
    length, height, width, _ = clip.frames.shape
    return draw_box_outlines([thing_box_track(clip)], length, height, width, motion=BoxMotion(official=False))


def draw_contour(clip: WorldClip) -> Tensor:
    """[T, H, W, 3], the first thing's outline."""
    return draw_contours(clip.masks[0])


def thing_box_track(clip: WorldClip, grow: int = 0) -> BoxTrack:
    """The first thing's box at first, middle and last frame."""
    last = len(clip.frames) - 1
    places = [(0.0, 0), (0.5, last // 2), (1.0, last)]
    return BoxTrack(tuple((part, box_around(clip.masks[0][frame], grow)) for part, frame in places), timed=True)


def box_around(mask: Tensor, grow: int = 0) -> Box:
    """The box around what a mask [H, W] shows; a dot in the middle if that is nothing."""
    height, width = mask.shape
    rows, columns = (mask > 0.5).any(1).nonzero(), (mask > 0.5).any(0).nonzero()
    if not len(rows):
        return Box(width / 2, height / 2, width / 2 + 1, height / 2 + 1)
    left, top = int(columns[0]) - grow, int(rows[0]) - grow
    return Box(
        max(left, 0), max(top, 0), min(int(columns[-1]) + 1 + grow, width), min(int(rows[-1]) + 1 + grow, height)
    )


def thing_box_mask(clip: WorldClip, grow: int = 3) -> Tensor:
    """[T, H, W], 1 in the first thing's box."""
    mask = torch.zeros(clip.frames.shape[:3])
    for frame, seen in zip(mask, clip.masks[0], strict=True):
        left, top, right, bottom = (int(side) for side in box_around(seen, grow).sides)
        frame[top:bottom, left:right] = 1
    return mask


def _gray_frames(values: Tensor) -> Tensor:
    return values[..., None].expand(*values.shape, 3)
