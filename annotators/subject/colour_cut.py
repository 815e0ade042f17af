"""Telling a subject from what is behind it by colour: OpenCV's GrabCut, and what tidies its result."""

from types import ModuleType

import numpy as np
import torch

from ...vace_core.optional import opencv
from ...vace_core.video import bounding_box

# What is known about a pixel; OpenCV's own numbers. An odd one is of the subject.
SURE_OUT, SURE_IN, MAYBE_OUT, MAYBE_IN = 0, 1, 2, 3

MODEL = 1, 65  # shape of GrabCut's model of colours
ISLAND = 0.1  # parts smaller than this share of the largest are dropped
HOLE = 0.02  # holes smaller than this share of the subject are filled


def load_cv2() -> ModuleType:
    """OpenCV, for masks."""
    return opencv("Making masks")


def disc_kernel(radius: int) -> np.ndarray:
    """[2 r + 1, 2 r + 1], uint8: a disc to grow and shrink by."""
    cv2 = load_cv2()
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def band_labels(mask: np.ndarray, reach: int) -> np.ndarray:
    """What a mask says when its outline may be wrong by ``reach`` pixels; the frame's edge is no outline.

    Args:
        mask: [H, W], bool.
        reach: Pixels to either side.

    Returns:
        [H, W], uint8: sure beyond the reach, a guess within.
    """
    cv2, inside = load_cv2(), mask.astype(np.uint8)
    bordered = cv2.copyMakeBorder(inside, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    core = cv2.erode(bordered, disc_kernel(reach))[reach : -reach or None, reach : -reach or None]
    near = cv2.dilate(inside, disc_kernel(reach))
    guess = np.where(mask, MAYBE_IN, MAYBE_OUT)
    return np.where(core, SURE_IN, np.where(near, guess, SURE_OUT)).astype(np.uint8)


def cut_by_colour(picture: np.ndarray, labels: np.ndarray, room: int, rounds: int) -> np.ndarray:
    """The subject of a picture, by the colours of what is known to be in it and around it.

    Source: Rother et al., GrabCut, 2004. The same picture and labels always give the same result.

    Args:
        picture: [H, W, 3], uint8.
        labels: [H, W], uint8; see `SURE_OUT`. Only guesses change.
        room: Pixels around the guesses whose colours count as background: near ones say more than the whole frame.
        rounds: How often colours are learned and the subject cut anew.

    Returns:
        [H, W], bool; as the labels say when they leave nothing to guess or know only one side.
    """
    inside = labels % 2 == SURE_IN
    part = padded_bounding_box(labels != SURE_OUT, room)
    known = np.ascontiguousarray(labels[part])
    if inside[part].all() or not inside.any() or not (labels >= MAYBE_OUT).any():
        return inside
    cv2 = load_cv2()
    cv2.setRNGSeed(0)  # of this thread; its colours begin at random ones
    cv2.grabCut(
        np.ascontiguousarray(picture[part]),
        known,
        None,
        np.zeros(MODEL),
        np.zeros(MODEL),
        rounds,
        cv2.GC_INIT_WITH_MASK,
    )
    inside = np.zeros_like(inside)
    inside[part] = known % 2 == SURE_IN
    return inside


def padded_bounding_box(mask: np.ndarray, room: int) -> tuple[slice, slice]:
    """Rows and columns of what is in a mask [H, W], and ``room`` pixels around; of all of it when it is empty."""
    H, W = mask.shape
    left, top, right, bottom = bounding_box(torch.from_numpy(mask)) or (0, 0, W, H)
    return slice(max(top - room, 0), bottom + room), slice(max(left - room, 0), right + room)


def clean_mask(mask: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """A mask without hairs, small islands and small holes.

    Args:
        mask: [H, W], bool.
        wanted: [H, W], bool: an island that touches it stays.

    Returns:
        [H, W], bool.
    """
    cv2 = load_cv2()
    whole = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc_kernel(1)).astype(bool) | (mask & wanted)
    labels, areas = connected_components(whole)
    largest = areas.max(initial=0)
    keep = areas >= ISLAND * largest
    keep[np.unique(labels[wanted & whole]) - 1] = True
    whole = np.concatenate([[False], keep])[labels]
    return fill_small_holes(whole, HOLE * whole.sum())


def fill_small_holes(mask: np.ndarray, largest: float) -> np.ndarray:
    """[H, W], bool: a mask and its holes of at most ``largest`` pixels; a bay at the frame's edge is no hole."""
    labels, areas = connected_components(~mask, diagonal=False)
    hole = areas <= largest
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    hole[np.unique(edges[edges > 0]) - 1] = False
    return mask | np.concatenate([[False], hole])[labels]


def connected_components(mask: np.ndarray, diagonal: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Number of the connected part that each pixel [H, W] is in, 0 outside, and the areas of parts 1, 2, ..."""
    cv2 = load_cv2()
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8 if diagonal else 4)
    return labels, stats[1:, cv2.CC_STAT_AREA]
