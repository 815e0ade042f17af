"""The colour wheel that motion is drawn with: hue is direction, strength is speed, white is rest."""

import math

import numpy as np
import torch
from torch import Tensor

from ..protocol import LEVELS, on_threads

# From each colour to the next, in how many hues; the last goes back to the first.
CORNERS = (
    ((255, 0, 0), 15),
    ((255, 255, 0), 6),
    ((0, 255, 0), 4),
    ((0, 255, 255), 11),
    ((0, 0, 255), 13),
    ((255, 0, 255), 6),
)
EPSILON = 1e-5  # pixels, added to the radius by the official tool, so that rest is white
FINER = 128  # steps from a hue to the next in the table below: an eighth of what 8 bits can show


def colour_wheel() -> np.ndarray:
    """The 55 hues of the Middlebury benchmark, as RGB levels [55, 3].

    The first is motion to the right; then come down (on the screen), left and up.
    Source: Baker et al., A Database and Evaluation Methodology for Optical Flow, 2007; ``flow_viz.py`` of RAFT.
    """
    hues = []
    for (colour, steps), (target, _) in zip(CORNERS, CORNERS[1:] + CORNERS[:1], strict=True):
        way = np.subtract(target, colour)
        hues += [colour + np.sign(way) * (abs(way) * step // steps) for step in range(steps)]
    return np.stack(hues)


def flow_colours(flow: Tensor, radius: Tensor) -> Tensor:
    """Motion as colours; numpy and threads on the CPU, torch elsewhere.

    Source: ``flow_to_image`` in ``flow_viz.py`` of RAFT, which VACE's flow annotator draws with. There what is faster
    than the radius is darkened; its own radius is never exceeded, so no model has seen that, and here it keeps full
    colour. torchvision's ``flow_to_image`` is no substitute: it scales each field by its own fastest pixel, and a
    steady clip needs one radius for all.

    Args:
        flow: [t, H, W, 2] in pixels, x first.
        radius: [t] or [], the motion in pixels that gets full colour.

    Returns:
        [t, H, W, 3], uint8, RGB, on the flow's device.
    """
    radii = radius.expand(len(flow)) + EPSILON
    return (by_numpy if flow.device.type == "cpu" else by_torch)(flow, radii)


def largest_motion(flow: Tensor) -> Tensor:
    """[t], the largest motion in pixels in each field of flow [t, H, W, 2]."""
    return torch.stack([speed(one).amax() for one in flow])


def speed(flow: Tensor) -> Tensor:
    """[..., H, W] in pixels of flow [..., H, W, 2]."""
    return torch.hypot(flow[..., 0], flow[..., 1])


def by_numpy(flow: Tensor, radii: Tensor) -> Tensor:
    """See `flow_colours`; a thread for each field.

    Args:
        flow: [t, H, W, 2] on the CPU.
        radii: [t], above 0.
    """
    table = _inverse_colours()

    def draw(one: np.ndarray, radius: float) -> np.ndarray:
        x, y = one[..., 0], one[..., 1]
        colours = table.take(_index(np.arctan2(-y, -x)).astype(np.int32), axis=0)
        colours *= np.minimum(np.sqrt(x * x + y * y) / np.float32(radius), 1)[..., None]
        return np.subtract(LEVELS, colours, out=colours).astype(np.uint8)

    return torch.from_numpy(np.stack(on_threads(draw, list(flow.numpy()), radii.tolist())))


def by_torch(flow: Tensor, radii: Tensor) -> Tensor:
    """What `by_numpy` gives, within a level, on any device; a field at a time, to spare memory."""
    table = torch.from_numpy(_inverse_colours()).to(flow.device)
    colours = torch.empty((*flow.shape[:3], 3), dtype=torch.uint8, device=flow.device)
    for drawn, one, radius in zip(colours, flow, radii, strict=True):
        strength = (speed(one) / radius).clamp(max=1)[..., None]
        drawn.copy_(LEVELS - table[_index(torch.atan2(-one[..., 1], -one[..., 0])).long()] * strength)
    return colours


def _index(angle: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """Where in the table an angle in [-pi, pi] is, still with a fraction; 54 steps are the full turn, as officially."""
    return (angle + math.pi) * ((len(colour_wheel()) - 1) * FINER / (2 * math.pi)) + 0.5


def _inverse_colours() -> np.ndarray:
    """What full strength takes from white, float32 [54 * FINER + 1, 3], between hues in proportion."""
    hues = colour_wheel()
    at = np.arange((len(hues) - 1) * FINER + 1) / FINER
    full = [np.interp(at, np.arange(len(hues)), hues[:, channel]) for channel in range(3)]
    return (LEVELS - np.stack(full, axis=-1)).astype(np.float32)
