"""Walking people as points, whose true places are known in every frame."""

from __future__ import annotations

import numpy as np

HEIGHT, WIDTH, FPS = 480, 832, 16
NUM_POINTS = 136
# Lengths in parts of the body's height.
NECK_TO_NOSE, TORSO, SHOULDER, HIP, UPPER_ARM, FOREARM, THIGH, SHIN = 0.11, 0.30, 0.11, 0.06, 0.16, 0.14, 0.24, 0.24


def walker(num_frames: int, x: float = 250.0, speed: float = 40.0, tall: float = 360.0, ground: float = 450.0):
    """A person who walks to the right (or left, at negative speed) and swings arms and legs once a second.

    Args:
        num_frames: Frames at `FPS`.
        x: Where the hips are at first, in pixels.
        speed: Pixels per second.
        tall: Pixels from the soles to the top of the head.
        ground: Row of the soles.

    Returns:
        [T, 136, 3], x and y in pixels of a 480 x 832 picture and confidence 1.
    """
    time = np.arange(num_frames) / FPS
    swing = np.sin(2 * np.pi * time)
    points = np.zeros((num_frames, NUM_POINTS, 3))
    points[..., 2] = 1
    hips = np.stack([x + speed * time, ground - (THIGH + SHIN) * tall + 0.01 * tall * np.cos(4 * np.pi * time)], 1)
    neck = hips - [0, TORSO * tall]
    points[:, 1, :2], points[:, 0, :2] = neck, neck - [0, NECK_TO_NOSE * tall]
    for side, (shoulder, hip) in ((-1, (2, 8)), (1, (5, 11))):
        points[:, shoulder, :2] = neck + tall * np.array([side * SHOULDER, 0.02])
        points[:, hip, :2] = hips + tall * np.array([side * HIP, 0])
        _limb(points, shoulder, (UPPER_ARM * tall, FOREARM * tall), (0.2 * side + 0.6 * swing * side, 0.4))
        _limb(points, hip, (THIGH * tall, SHIN * tall), (-0.45 * swing * side, 0.25 * (side * swing - 1)))
    for side, (eye, ear) in ((-1, (14, 16)), (1, (15, 17))):
        points[:, eye, :2] = points[:, 0, :2] + [side * 0.015 * tall, -0.015 * tall]
        points[:, ear, :2] = points[:, 0, :2] + [side * 0.04 * tall, -0.01 * tall]
    _details(points, tall)
    return points


def _limb(points, root, lengths, angles):
    """Two bones below a root, each turned from straight down by its angle [T]."""
    turned = 0
    for joint, (length, angle) in enumerate(zip(lengths, angles, strict=True), start=root + 1):
        turned = turned + np.broadcast_to(angle, len(points))
        bone = length * np.stack([np.sin(turned), np.cos(turned)], 1)
        points[:, joint, :2] = points[:, joint - 1, :2] + bone


def _details(points, tall):
    """Feet below the ankles, a face around the nose, fingers beyond the wrists."""
    for first, ankle in ((18, 13), (21, 10)):
        points[:, first : first + 3, :2] = points[:, [ankle], :2] + tall * np.array(
            [[0.05, 0.01], [0.04, 0.015], [-0.02, 0.01]]
        )
    turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    ring = 0.045 * tall * np.stack([np.cos(turn), 1.2 * np.sin(turn)], 1) * np.where(np.arange(68) % 2, 1, 0.6)[:, None]
    points[:, 24:92, :2] = points[:, [0], :2] + ring
    points[:, 92:94] = points[:, [14, 15]]
    fan = np.stack([np.linspace(-0.03, 0.03, 5), np.full(5, 0.05)], 1)
    for first, wrist, elbow in ((94, 7, 6), (115, 4, 3)):
        root = points[:, [wrist], :2] + 0.1 * (points[:, [wrist], :2] - points[:, [elbow], :2])
        points[:, [first], :2] = root
        for finger in range(5):
            along = np.arange(1, 5)[:, None] / 4 * fan[finger] * tall
            points[:, first + 1 + 4 * finger : first + 5 + 4 * finger, :2] = root + along


def spoiled(points: np.ndarray, noise: float = 2.0, outliers: float = 0.02, dropouts: float = 0.03, seed: int = 0):
    """Points as a detector gives them: with noise, some far off, some not found.

    Args:
        points: [..., 3].
        noise: Standard deviation in pixels.
        outliers: Share of points that are 30 to 90 pixels off, as sure as the others.
        dropouts: Share of points that are not found.
        seed: Of the random numbers.
    """
    random = np.random.default_rng(seed)
    found = points.copy()
    found[..., :2] += noise * random.standard_normal(found[..., :2].shape)
    off = random.random(found.shape[:-1]) < outliers
    turn, reach = 2 * np.pi * random.random(off.sum()), random.uniform(30, 90, off.sum())
    found[off, :2] += reach[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    found[random.random(found.shape[:-1]) < dropouts] = 0
    return found
