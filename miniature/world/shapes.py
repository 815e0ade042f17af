"""Signed distances of the world's things, in pixels: negative inside."""

import math
from itertools import pairwise

import torch
from torch import Tensor

# Joints of the stick figure in OpenPose's order; the face is left out but for the nose.
NOSE, NECK = 0, 1
RIGHT_ARM, LEFT_ARM, RIGHT_LEG, LEFT_LEG = (2, 3, 4), (5, 6, 7), (8, 9, 10), (11, 12, 13)
NUM_JOINTS = 14
BONES = (
    (NECK, 2),
    (2, 3),
    (3, 4),
    (NECK, 5),
    (5, 6),
    (6, 7),
    (NECK, 8),
    (8, 9),
    (9, 10),
    (NECK, 11),
    (11, 12),
    (12, 13),
)
LIMB = 0.125  # of the figure's radius: half the width of a limb
HEAD = 0.24
SWING = 0.55  # radians, the largest angle of a leg


def circle(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Distance to a disc around the origin."""
    return torch.hypot(x, y) - radius


def square(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Distance to an upright square of about the disc's area."""
    half = 0.88 * radius
    across, down = x.abs() - half, y.abs() - half
    return torch.hypot(across.clamp(min=0), down.clamp(min=0)) + torch.maximum(across, down).clamp(max=0)


def triangle(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Distance (from within; near enough outside) to a triangle that points up."""
    side, base = 1.18 * radius, 0.80 * radius
    slope = math.hypot(2, 1)
    edge = (2 * x.abs() - y - side) / slope
    return torch.maximum(edge, y - base)


def joints(phase: Tensor, radius: float, walking: bool) -> Tensor:
    """Where the figure's joints are.

    Args:
        phase: [T], radians of the step.
        radius: Half its height, in pixels.
        walking: Whether arms and legs swing.

    Returns:
        [T, 14, 2], x and y from its middle.
    """
    angle = SWING * torch.sin(phase) * (1.0 if walking else 0.25)
    points = torch.zeros(len(phase), NUM_JOINTS, 2)
    points[:, NOSE, 1], points[:, NECK, 1] = -0.72, -0.46
    for limb, sign, start, length in (
        (RIGHT_ARM, -1, (-0.22, -0.42), 0.26),
        (LEFT_ARM, 1, (0.22, -0.42), 0.26),
        (RIGHT_LEG, 1, (-0.13, 0.12), 0.42),
        (LEFT_LEG, -1, (0.13, 0.12), 0.42),
    ):
        spread = 0.30 if limb in (RIGHT_ARM, LEFT_ARM) else 0.12
        turn = sign * angle + math.copysign(spread, start[0])
        points[:, limb[0]] = torch.tensor(start)
        for before, after in pairwise(limb):
            points[:, after, 0] = points[:, before, 0] + length * torch.sin(turn)
            points[:, after, 1] = points[:, before, 1] + length * torch.cos(turn)
    return points * radius


def figure(x: Tensor, y: Tensor, points: Tensor, radius: float) -> Tensor:
    """Distance to a stick figure.

    Args:
        x: [T, H, W], from its middle.
        y: As ``x``.
        points: [T, 14, 2] of `joints`.
        radius: Half its height.
    """
    nose = points[:, NOSE, :, None, None]
    distance = torch.hypot(x - nose[:, 0], y - nose[:, 1]) - HEAD * radius
    for start, end in BONES:
        distance = torch.minimum(distance, _capsule(x, y, points[:, start], points[:, end], LIMB * radius))
    return distance


def _capsule(x: Tensor, y: Tensor, start: Tensor, end: Tensor, radius: float) -> Tensor:
    start, along = start[..., None, None], (end - start)[..., None, None]
    dx, dy = x - start[:, 0], y - start[:, 1]
    part = ((dx * along[:, 0] + dy * along[:, 1]) / (along.square().sum(1) + 1e-6)).clamp(0, 1)
    return torch.hypot(dx - part * along[:, 0], dy - part * along[:, 1]) - radius
