"""A mask of one frame, or of a few, carried through a clip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...vace_core.notes import Note
from ..flow import dis_flow, forward_backward_consistent
from ..protocol import Tick, chunks, on_threads, require_frames, silent, to_bytes
from .colour_cut import band_labels, cut_by_colour, disc_kernel, fill_small_holes, load_cv2
from .hints import digest
from .masks import named

ROOM = 16  # pixels around the band whose colours count as background
COLLAPSED, SPILLED = 0.2, 3.0  # of the area of the masks that were given

POINTS, QUALITY, APART = 400, 0.005, 3  # of what is followed on a rigid subject: count, contrast, pixels between
WINDOW = 11  # pixels looked at around each, odd
MISSED = 1.0  # pixels: further off, there and back again or from the others' motion, a point does not count
FEWEST = 4  # points that still say how a subject moved


class Follower(Protocol):
    """A way of carrying a mask on from frame to frame; a frozen dataclass."""

    @property
    def identity(self) -> tuple[object, ...]:
        """Name and settings."""

    def follow(self, frames: Tensor, order: Sequence[int], mask: np.ndarray) -> Iterator[np.ndarray]:
        """Masks [H, W], bool, of frames ``order[1:]`` in this order, from the mask of frame ``order[0]``."""


@dataclass(frozen=True)
class ByFlow:
    """Each pixel of the mask follows its motion; then the outline goes to where colours change; a `Follower`.

    A pixel stays in the mask only where motion forward and back agree: what comes out from behind the subject has no
    place it came from, and would be a trail behind it.

    Attributes:
        refine: Whether the outline is found anew in each frame. Without, it wears away slowly.
        band: How far it may lie from where motion puts it, in pixels.
    """

    refine: bool = True
    band: int = 5

    @property
    def identity(self) -> tuple[object, ...]:
        """Name and settings."""
        return "flow", self.refine, self.band

    def follow(self, frames: Tensor, order: Sequence[int], mask: np.ndarray) -> Iterator[np.ndarray]:
        """See `Follower`."""
        for part in chunks(len(order) - 1):
            if not mask.any():  # it is lost, and nothing brings it back
                yield from [mask] * (len(order) - 1 - part.start)
                return
            pictures = list(to_bytes(frames[list(order[part.start : part.stop + 1])]).numpy())
            motions = on_threads(_both_ways, pictures[:-1], pictures[1:])
            for picture, (forward, back) in zip(pictures[1:], motions, strict=True):
                mask = carried(mask, forward, back)
                if self.refine and mask.any():
                    mask = cut_by_colour(picture, band_labels(mask, self.band), ROOM, rounds=1)
                yield mask


def _both_ways(previous: np.ndarray, following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return dis_flow(previous, following), dis_flow(following, previous)


def carried(mask: np.ndarray, forward: np.ndarray, back: np.ndarray) -> np.ndarray:
    """A mask moved to the next frame.

    Args:
        mask: [H, W], bool.
        forward: [H, W, 2] in pixels, x first, from its frame to the next.
        back: [H, W, 2], from the next to its frame.

    Returns:
        [H, W], bool. What enters over the frame's edge belongs to what it touches there.
    """
    height, width = mask.shape
    x = back[..., 0] + np.arange(width, dtype=np.float32)
    y = back[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    cv2 = load_cv2()
    moved = cv2.remap(mask.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) > 0.5
    entered = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
    sound = moved & (forward_backward_consistent(back, forward) | entered)
    return moved & fill_small_holes(sound, mask.size)  # unsound places wholly within are even ground, not a trail


@dataclass(frozen=True)
class ByPoints:
    """The whole mask moves, turns and scales as points on the subject do: for what keeps its shape; a `Follower`.

    Points: Shi and Tomasi, Good features to track, 1994, by Lucas and Kanade's method in a pyramid; of their motions
    the one that most agree on.
    """

    @property
    def identity(self) -> tuple[object, ...]:
        """Name."""
        return ("points",)

    def follow(self, frames: Tensor, order: Sequence[int], mask: np.ndarray) -> Iterator[np.ndarray]:
        """See `Follower`."""
        cv2, (height, width) = load_cv2(), mask.shape
        start, moved = mask.astype(np.uint8) * 255, np.eye(3)
        before = _grey(frames[order[0]])
        for k in order[1:]:
            picture = _grey(frames[k])
            step = rigid_motion(before, picture, mask) if mask.any() else None
            if step is None:
                mask = np.zeros_like(mask)
            else:
                moved = np.vstack([step, [0, 0, 1]]) @ moved
                mask = cv2.warpAffine(start, moved[:2], (width, height), flags=cv2.INTER_LINEAR) > 127
            yield mask
            before = picture


def _grey(frame: Tensor) -> np.ndarray:
    return load_cv2().cvtColor(to_bytes(frame).numpy(), load_cv2().COLOR_RGB2GRAY)


def rigid_motion(previous: np.ndarray, following: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """How a subject moved, turned and scaled.

    Args:
        previous: [H, W], uint8.
        following: As ``previous``.
        mask: [H, W], bool: the subject in ``previous``.

    Returns:
        [2, 3], of a point (x, y, 1); None when too few points say.
    """
    cv2 = load_cv2()
    inside = mask.astype(np.uint8)
    # A window over the outline sees the background move, too; a subject too thin for others has to do with those.
    within = cv2.erode(inside, disc_kernel(WINDOW // 2))
    candidates = (cv2.goodFeaturesToTrack(previous, POINTS, QUALITY, APART, mask=area) for area in (within, inside))
    points = next((some for some in candidates if some is not None and len(some) >= FEWEST), None)
    if points is None:
        return None
    there, found, _ = cv2.calcOpticalFlowPyrLK(previous, following, points, None, winSize=(WINDOW, WINDOW))
    back, seen, _ = cv2.calcOpticalFlowPyrLK(following, previous, there, None, winSize=(WINDOW, WINDOW))
    missed = np.linalg.norm((back - points).reshape(-1, 2), axis=1)
    good = (found.ravel() == 1) & (seen.ravel() == 1) & (missed < MISSED)
    if good.sum() < FEWEST:
        return None
    cv2.setRNGSeed(0)
    motion, _ = cv2.estimateAffinePartial2D(points[good], there[good], method=cv2.RANSAC, ransacReprojThreshold=MISSED)
    return motion


@dataclass(frozen=True, eq=False)
class MaskTrack:
    """The masks of a clip, from those of a few frames; an `Annotator` of masks [T, H, W, 1], 0 or 1.

    Between two given masks both are followed towards each other, and the outline moves over from one to the other. A
    given mask that is black says that the subject is gone from there on.

    Attributes:
        keys: Frames whose masks are given, rising.
        masks: [K, H, W], 0 or 1.
        follower: Carries a mask on.
    """

    keys: tuple[int, ...]
    masks: Tensor
    follower: Follower

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, masks and method."""
        return "mask track", self.keys, digest(self.masks), self.follower.identity

    def __call__(self, frames: Tensor, tick: Tick = silent) -> Tensor:
        """Masks [T, H, W, 1] of frames [T, H, W, 3].

        Raises:
            VaceInputError: If there is one frame only.
        """
        require_frames(frames, 2, "a mask track")
        given = {key: mask.cpu().numpy() > 0.5 for key, mask in zip(self.keys, self.masks, strict=True)}
        result = np.zeros(frames.shape[:3], bool)
        done, steps = 0, sum(len(order) - 1 for order in self._orders(len(frames), given))
        sides: dict[int, list[tuple[int, np.ndarray]]] = {}
        for order in self._orders(len(frames), given):
            masks = self.follower.follow(frames, order, given[order[0]])
            for k, mask in zip(order[1:], masks, strict=True):
                sides.setdefault(k, []).append((order[0], mask))
                done += 1
                tick(done, steps)
        for k, found in sides.items():
            result[k] = found[0][1] if len(found) == 1 else _between(k, *found)
        for key, mask in given.items():
            result[key] = mask
        return torch.from_numpy(result[..., None]).to(frames.device, torch.float32)

    def _orders(self, num_frames: int, given: dict[int, np.ndarray]) -> list[range]:
        """Frames to go through, each from a given mask; none from a black one, which has nothing to follow."""
        first, last = self.keys[0], self.keys[-1]
        orders = [range(first, -1, -1), range(last, num_frames)]
        for a, b in pairwise(self.keys):
            orders += [range(a, b), range(b, a, -1)]
        return [order for order in orders if len(order) > 1 and given[order[0]].any()]


def _between(k: int, one: tuple[int, np.ndarray], other: tuple[int, np.ndarray]) -> np.ndarray:
    """The outline between two masks of a frame, nearer to the one that was given at the nearer frame."""
    (a, before), (b, after) = sorted((one, other), key=lambda side: side[0])
    share = (k - a) / (b - a)
    if not (before.any() and after.any()):  # one of them is lost
        return before if share < 0.5 else after
    return (1 - share) * _depth(before) + share * _depth(after) > 0


def _depth(mask: np.ndarray) -> np.ndarray:
    """Distance to the outline in pixels, below 0 outside."""
    cv2, inside = load_cv2(), mask.astype(np.uint8)
    return cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)


def track_notes(masks: Tensor, keys: Sequence[int]) -> list[Note]:
    """How large the mask stays, and where it was probably lost.

    Args:
        masks: [T, H, W], 0 or 1.
        keys: Frames whose masks were given.
    """
    areas = masks.flatten(1).sum(1)
    given = areas[list(keys)]
    given = given[given > 0]
    shares = masks.flatten(1).mean(1)
    notes = [Note("covers", f"The mask covers {shares.min():.1%} to {shares.max():.1%} of the frame.")]
    frames = range(len(masks))
    lost, spilled = areas < COLLAPSED * given.min(), areas > SPILLED * given.max()
    if lost.any():
        text = (
            f"The mask has less than {COLLAPSED:.0%} of its size in {named(frames, lost.tolist())}: the subject is "
            f"covered, leaves the frame or was lost. If it is still there, give a mask of such a frame too."
        )
        notes.append(Note("lost", text))
    if spilled.any():
        text = (
            f"The mask is more than {SPILLED:.0f} times as large as given in {named(frames, spilled.tolist())}: it "
            f"took in something else. Give a mask of such a frame too, or make edge_band smaller."
        )
        notes.append(Note("spilled", text))
    return notes
