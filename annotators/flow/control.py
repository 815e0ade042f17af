"""Motion between frames, as fields in pixels and as the colours of VACE's flow control."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...vace_core.notes import Note
from ...vace_core.optional import opencv
from ..protocol import CHUNK, LEVELS, Tick, on_threads, require_frames, to_bytes
from .wheel import flow_colours, largest_motion, speed

OFFICIAL_SCALE, STEADY_SCALE = "official per frame", "steady per clip"
SCALES = (OFFICIAL_SCALE, STEADY_SCALE)

STEADY_SHARE = 0.99  # of a clip's pixels move less than what gets full colour
STEADY_LEAST = 1.0  # pixels: a clip that hardly moves stays pale instead of showing its noise
SAMPLED = 4  # every so many rows and columns count for that share

SMALLEST = 64  # pixels: below, OpenCV's DIS changes its settings by itself, refuses frames, and crashes on narrow ones
# Two motions contradict each other when going there and back misses, squared, by more than this
# (Sundaram et al., Dense point trajectories by GPU-accelerated large displacement optical flow, 2010).
MISSED_SHARE, MISSED_LEAST = 0.01, 0.5  # of both motions squared, and square pixels


class FlowFinder(Protocol):
    """A method of finding motion; a frozen dataclass."""

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, settings, weights."""

    def pairs(self, height: int, width: int) -> int:
        """Pairs of frames it takes at once."""

    def ready(self) -> Callable[[Tensor], Tensor]:
        """What finds it, all loaded: [t + 1, H, W, 3] in [0, 1] to [t, H, W, 2] in pixels, x first, on any device."""


@dataclass(frozen=True)
class Dis:
    """Dense inverse search by OpenCV, without weights; a `FlowFinder`.

    Attributes:
        check: Whether motion is also found backwards, and filled from around where the two contradict each other:
            something is covered or leaves the frame, or there is nothing to hold on to.
    """

    check: bool = True

    @property
    def identity(self) -> tuple[object, ...]:
        """Name and setting."""
        return "dis", self.check

    def pairs(self, height: int, width: int) -> int:
        """See `FlowFinder`."""
        return CHUNK

    def ready(self) -> Callable[[Tensor], Tensor]:
        """See `FlowFinder`; a thread for each pair."""

        def find(frames: Tensor) -> Tensor:
            pictures = list(to_bytes(frames).numpy())
            return torch.from_numpy(np.stack(on_threads(self._pair, pictures[:-1], pictures[1:])))

        return find

    def _pair(self, previous: np.ndarray, following: np.ndarray) -> np.ndarray:
        flow = dis_flow(previous, following)
        return (
            fill_unreliable(flow, forward_backward_consistent(flow, dis_flow(following, previous)))
            if self.check
            else flow
        )


@dataclass(frozen=True)
class Motion:
    """How fast a clip moves, in pixels from one frame to the next.

    Attributes:
        largest: Of each pair of frames.
        full_colour: What is drawn in full colour, when it is the same in all frames.
    """

    largest: tuple[float, ...]
    full_colour: float | None = None

    def notes(self) -> list[Note]:
        """What the user is told."""
        least, most = min(self.largest), max(self.largest)
        text = f"The fastest point of a frame moves {least:.1f} to {most:.1f} px from one frame to the next."
        notes = [Note("motion", text)]
        if self.full_colour is not None:
            return [*notes, Note("full-colour", f"Full colour is {self.full_colour:.1f} px in every frame.")]
        still = sum(fastest < STEADY_LEAST for fastest in self.largest)
        if still:
            text = (
                f"{still} of {len(self.largest)} pairs of frames move less than {STEADY_LEAST:.0f} px, and the official"
                f' scale shows their noise in full colour. Choose "{STEADY_SCALE}" to keep them white.'
            )
            notes.append(Note("noise-shown", text))
        elif most > 2 * least:
            text = (
                f"The official scale follows each frame, so the same speed changes its colour up to {most / least:.1f} "
                f'times. Choose "{STEADY_SCALE}" if the result pulses.'
            )
            notes.append(Note("scale-changes", text))
        return notes


@dataclass(frozen=True)
class Flow:
    """Motion as colours: hue is direction, strength is speed, white is rest; an `Annotator`.

    The first field is there twice, so that there are as many control frames as frames.
    Source: ``FlowVisAnnotator`` in ali-vilab/VACE's ``vace/annotators/flow.py``. There sides that are no multiples of 8
    grow; here they stay.

    Attributes:
        finder: Finds the motion.
        scale: What gets full colour; one of `SCALES`. The official is each frame's fastest pixel; steady is one speed
            for the clip (`steady_radius`).
        found: Receives how fast the clip moves.
    """

    finder: FlowFinder = field(default_factory=Dis)
    scale: str = OFFICIAL_SCALE
    found: list[Motion] = field(default_factory=list, compare=False, repr=False)

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, method and scale."""
        return "flow", self.finder.identity, self.scale

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """[T, H, W, 3] on 8-bit levels of frames [T, H, W, 3].

        Raises:
            VaceInputError: If there is one frame only.
        """
        parts = flow_parts(frames, self.finder, tick)
        full_colour = None
        if self.scale == STEADY_SCALE:
            parts = [(part, flow.to(frames.device)) for part, flow in parts]  # all, before the first can be drawn
            full_colour = steady_radius([flow for _, flow in parts])
        control = torch.empty(frames.shape, device=frames.device, dtype=torch.float32)
        largest: list[float] = []
        for part, flow in parts:
            fastest = largest_motion(flow)
            radius = fastest if full_colour is None else fastest.new_tensor(full_colour)
            control[1:][part] = flow_colours(flow, radius).to(control.device).float() / LEVELS
            largest += fastest.tolist()
        control[0] = control[1]
        self.found.append(Motion(tuple(largest), full_colour))
        return control


def flow_parts(frames: Tensor, finder: FlowFinder, tick: Tick) -> Iterator[tuple[slice, Tensor]]:
    """Motion between frames, in parts, each with the pairs of frames it belongs to.

    Args:
        frames: [T, H, W, 3], RGB in [0, 1].
        finder: The method.
        tick: Called between parts.

    Yields:
        A slice of the T - 1 pairs, and their motion [t, H, W, 2], float32, in pixels, x first: what is at p in frame k
        is at p + flow[k] in frame k + 1. It lies on whatever device it was found.

    Raises:
        VaceInputError: If there is one frame only.
    """
    require_frames(frames, 2, "flow")
    find, total, step = finder.ready(), len(frames), finder.pairs(*frames.shape[1:3])
    for start in range(0, total - 1, step):
        part = slice(start, min(start + step, total - 1))
        yield part, find(frames[part.start : part.stop + 1])
        tick(part.stop + 1, total)


def steady_radius(flows: list[Tensor]) -> float:
    """The motion in pixels that nearly all of a clip's pixels (`STEADY_SHARE`) stay below, and `STEADY_LEAST` at least.

    Args:
        flows: [t, H, W, 2] each.
    """
    speeds = torch.cat([speed(flow[:, ::SAMPLED, ::SAMPLED]).flatten().cpu() for flow in flows])
    return max(float(np.quantile(speeds.numpy(), STEADY_SHARE)), STEADY_LEAST)


def dis_flow(previous: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Motion from one frame to another by dense inverse search, OpenCV's medium preset.

    Source: Kroeger et al., Fast Optical Flow using Dense Inverse Search, 2016.

    Args:
        previous: [H, W, 3] RGB or [H, W] grey, uint8.
        following: As ``previous``.

    Returns:
        [H, W, 2], float32, in pixels, x first: what is at p in ``previous`` is at p + flow in ``following``.
    """
    cv2 = opencv("VACE Annotate Flow")
    height, width = previous.shape[:2]
    edges = 0, max(SMALLEST - height, 0), 0, max(SMALLEST - width, 0)

    def prepared(frame: np.ndarray) -> np.ndarray:
        frame = np.ascontiguousarray(frame)
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame
        return cv2.copyMakeBorder(grey, *edges, cv2.BORDER_REPLICATE) if any(edges) else grey

    # An object of its own for each call: it works in its own memory, so threads cannot share one.
    finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return finder.calc(prepared(previous), prepared(following), None)[:height, :width]


def forward_backward_consistent(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Where motion forward and back again ends where it began, within the frame.

    Args:
        forward: [H, W, 2] in pixels, from the first frame to the second.
        backward: [H, W, 2] in pixels, from the second to the first.

    Returns:
        [H, W], bool.
    """
    cv2 = opencv("VACE Annotate Flow")
    height, width = forward.shape[:2]
    x = forward[..., 0] + np.arange(width, dtype=np.float32)
    y = forward[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    back = cv2.remap(backward, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    missed, there, back = (np.einsum("hwc,hwc->hw", way, way) for way in (forward + back, forward, back))
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return inside & (missed <= MISSED_SHARE * (there + back) + MISSED_LEAST)


def fill_unreliable(flow: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """Motion with its unsound places filled by the sound ones around them: means over an area as wide as it has to be.

    Args:
        flow: [H, W, 2].
        sound: [H, W], bool. If it is nowhere, the flow stays as it is.

    Returns:
        [H, W, 2]; equal to ``flow`` where it is sound.
    """
    if sound.all() or not sound.any():
        return flow
    cv2, weights = opencv("VACE Annotate Flow"), sound.astype(np.float32)
    around = _pyramid_fill(cv2, flow * weights[..., None], weights)
    np.copyto(around, flow, where=sound[..., None])
    return around


def _pyramid_fill(cv2: object, weighted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Values over weights, both at half the size, and where a weight is 0 at the size that has one; at full size."""
    height, width = weights.shape
    half = (width + 1) // 2, (height + 1) // 2
    weighted, weights = (cv2.resize(each, half, interpolation=cv2.INTER_AREA) for each in (weighted, weights))
    known = weighted / np.maximum(weights, np.finfo(np.float32).tiny)[..., None]
    if not weights.all():
        np.copyto(known, _pyramid_fill(cv2, weighted, weights), where=(weights == 0)[..., None])
    return cv2.resize(known, (width, height), interpolation=cv2.INTER_LINEAR)
