"""Depth maps in the look of VACE's depth control: near is white, far is black, three equal channels."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ...vace_core.errors import VaceInputError
from ...vace_core.notes import tell
from ..protocol import CHUNK, LEVELS, Tick, blank, chunks, on_levels, write_gray
from .align import align_depth

STEADY, CLIP, OFFICIAL = "steady", "per clip", "official per frame"
RANGES = (STEADY, CLIP, OFFICIAL)

LOW, HIGH = 0.01, 0.99  # of a clip's pixels are farther than black and than white
FLAT = 1e-4  # of the largest value: what differs by less is no depth
SAMPLED = 4096  # places of a frame that are measured, about
PACKED = 256**3 - 1  # levels of three channels together
COLOURED_SHARE, COLOURED = (
    0.05,
    0.1,
)  # of pixels whose channels differ by more: no depth picture; compression makes less
NETWORK_PIXELS = 4 * 480 * 832  # at once, for a network: on a CPU more costs memory and saves nothing


@dataclass(frozen=True)
class DepthToGray:
    """How depth becomes grey: value * gain + offset, in [0, 1] or beyond, where it is cut.

    Attributes:
        gain: [T], above 0, or 0 for a frame without depth.
        offset: [T].
    """

    gain: Tensor
    offset: Tensor


def depth_control(maps: Tensor, value_range: str, invert: bool) -> Tensor:
    """Depth as VACE's control video.

    Source: ``DepthAnnotator`` in ali-vilab/VACE's ``vace/annotators/depth.py``, which stretches each frame from its
    smallest to its largest value (`OFFICIAL`) and divides by zero where they are the same; here such a frame is black.
    It cuts to levels, here they are rounded.

    Args:
        maps: [T, H, W], in any unit, larger is nearer (disparity, inverse depth); NaN is unknown or sky.
        value_range: One of `RANGES`. `CLIP` stretches all frames alike, from the 1st to the 99th of a hundred parts of
            the clip's pixels; `STEADY` first takes out how much scale and shift differ from frame to frame.
        invert: Near becomes black.

    Returns:
        [T, H, W, 3] in [0, 1], on 8-bit levels, on the device of the maps.

    Raises:
        VaceInputError: If the depth is the same in all places of every frame.
    """
    grey = {STEADY: steady_grey, CLIP: clip_grey, OFFICIAL: frame_grey}[value_range](maps)
    flat = (grey.gain == 0).nonzero().flatten().tolist()
    if len(flat) == len(maps):
        raise VaceInputError(
            "The depth is flat: it is the same in all places of every frame, so it says nothing about the scene. "
            "Connect a video that shows something, or check what makes the depth."
        )
    if flat:
        tell(
            "no-depth",
            f"{len(flat)} of {len(maps)} frames have no depth, the first is frame {flat[0]}; they are black.",
        )
    control = blank(maps.shape, maps.device)
    # A frame at a time stays in the processor's cache.
    for drawn, values, gain, offset in zip(control, maps, grey.gain.tolist(), grey.offset.tolist(), strict=True):
        shade = (values * gain).float().add_(offset).nan_to_num_(nan=0.0)
        on_levels(shade, shade)
        write_gray(drawn, (1 - shade if invert else shade)[..., None])
    return control


def frame_grey(maps: Tensor) -> DepthToGray:
    """Each frame from its smallest to its largest value."""
    return _stretched(*extremes(maps))


def clip_grey(maps: Tensor) -> DepthToGray:
    """All frames in the range that most of the clip's pixels are in."""
    ones = torch.ones(len(maps), dtype=torch.float64)
    return _ranged(sampled(maps), extremes(maps), ones, torch.zeros_like(ones))


def steady_grey(maps: Tensor) -> DepthToGray:
    """The frames of a scene in one range, after the scale and shift of each was made those of the frame before it."""
    samples, bounds = sampled(maps), extremes(maps)
    scale, shift, first = align_depth(samples)
    starts = [*first.nonzero().flatten().tolist(), len(maps)]
    if len(starts) > 2:
        tell(
            "scene-ends",
            f"The depth changes as a whole before frame {', '.join(map(str, starts[1:-1]))}, as where a scene ends; "
            f"its range starts anew there.",
        )
    parts = [slice(*ends) for ends in pairwise(starts)]
    greys = [_ranged(samples[p], tuple(b[p] for b in bounds), scale[p], shift[p]) for p in parts]
    return DepthToGray(torch.cat([grey.gain for grey in greys]), torch.cat([grey.offset for grey in greys]))


def extremes(maps: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest and the largest value of each frame, [T] each, float64 on the CPU; +inf and -inf without any."""
    bounds = []
    for frame in maps:
        low, high = (bound.item() for bound in frame.aminmax())
        if math.isnan(low):
            low = frame.nan_to_num(nan=torch.inf).amin().item()
            high = frame.nan_to_num(nan=-torch.inf).amax().item()
        bounds.append((low, high))
    low, high = torch.tensor(bounds, dtype=torch.float64).unbind(1)
    return low, high


def sampled(maps: Tensor) -> Tensor:
    """Values of each frame on a grid, [T, N], float32 on the CPU."""
    step = max(math.isqrt(maps[0].numel() // SAMPLED), 1)
    return maps[:, step // 2 :: step, step // 2 :: step].flatten(1).float().cpu()


def _ranged(samples: Tensor, bounds: tuple[Tensor, Tensor], scale: Tensor, shift: Tensor) -> DepthToGray:
    """One range for frames of which value * scale + shift can be compared."""
    known = (samples * scale[:, None] + shift[:, None]).numpy()
    known = known[np.isfinite(known)]
    low, high = np.quantile(known, (LOW, HIGH)) if known.size else (np.inf, -np.inf)
    if _flat(torch.tensor(low), torch.tensor(high)):  # all but a little is at one depth
        low, high = ((bounds[0] * scale + shift).amin().item(), (bounds[1] * scale + shift).amax().item())
    grey = _stretched(torch.full_like(scale, low), torch.full_like(scale, high))
    there = ~_flat(*bounds)
    return DepthToGray(grey.gain * scale * there, (grey.offset + grey.gain * shift) * there)


def _stretched(low: Tensor, high: Tensor) -> DepthToGray:
    flat = _flat(low, high)
    gain = torch.where(flat, 0, 1 / torch.where(flat, 1, high - low))
    return DepthToGray(gain, torch.where(flat, 0, -low * gain))


def _flat(low: Tensor, high: Tensor) -> Tensor:
    """Whether values from low to high say nothing; also when there are none (+inf, -inf)."""
    return ~(high - low > FLAT * torch.maximum(low.abs(), high.abs()))


def picture_maps(name: str, frames: Tensor) -> Tensor:
    """A depth picture as a map.

    Args:
        name: The socket's name.
        frames: [T, H, W, 3] in [0, 1], grey, near is white.

    Returns:
        [T, H, W].

    Raises:
        VaceInputError: If it has colours.
    """
    maps = torch.empty(frames.shape[:3], device=frames.device)
    coloured = 0
    for frame, values in zip(frames, maps, strict=True):
        low, high = frame.aminmax(dim=-1)
        coloured += ((high - low) > COLOURED).sum().item()
        torch.mean(frame, -1, out=values)
    if coloured > COLOURED_SHARE * maps.numel():
        raise VaceInputError(
            f"{name} has colours, but a depth picture is grey. Connect an ordinary video to frames, with a method that "
            f"sees depth in it; if this is depth in colours, choose grey where it is made."
        )
    return maps


@dataclass(frozen=True, eq=False)
class DepthMaps:
    """Depth that a network sees, as a picture with 24 bits for each value; an `Annotator`.

    It is no control yet: `unpacked` and `depth_control` make it one. So the range can be chosen anew without running
    the network again.

    Attributes:
        load: Gives the network: [t, 3, H, W], RGB in [0, 1], to [t, H, W], larger is nearer.
        source: What tells its weights from others.
        size: Height and width it works in, of the frame's.
    """

    load: Callable[[], Callable[[Tensor], Tensor]]
    source: tuple[object, ...]
    size: Callable[[int, int], tuple[int, int]]

    @property
    def identity(self) -> tuple[object, ...]:
        """Name and weights."""
        return "depth maps", self.source

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """See `packed`, of frames [T, H, W, 3].

        Raises:
            VaceInputError: If the network gives no numbers.
        """
        network, (height, width) = self.load(), self.size(*frames.shape[1:3])
        maps = torch.empty(frames.shape[:3], device=frames.device)
        for part in chunks(len(frames), min(max(NETWORK_PIXELS // (height * width), 1), CHUNK)):
            maps[part] = network(rearrange(frames[part], "t h w c -> t c h w")).to(maps.device)
            tick(part.stop, len(frames))
        if not maps.isfinite().all():
            raise VaceInputError(f"{self.source[0]} gives no numbers. Its weight file is damaged: download it again.")
        return packed(maps)


def packed(maps: Tensor) -> Tensor:
    """Finite values as pictures: from the clip's smallest, black, to its largest, white, in 24 bits.

    Args:
        maps: [T, H, W].

    Returns:
        [T, H, W, 3] in [0, 1], on 8-bit levels; the first channel holds the highest 8 bits.
    """
    low, high = (bound.double() for bound in maps.aminmax())
    gain = 0 if _flat(low, high) else PACKED / (high - low)
    pictures = torch.empty((*maps.shape, 3), device=maps.device)
    for frame, picture in zip(maps, pictures, strict=True):
        rest = ((frame.double() - low) * gain).round_()
        for channel in (2, 1, 0):
            picture[..., channel] = rest.remainder(256) / LEVELS
            rest.div_(256, rounding_mode="floor")
    return pictures


def unpacked(pictures: Tensor) -> Tensor:
    """Values in [0, 1] of `packed` pictures [T, H, W, 3], as [T, H, W]."""
    weights = torch.tensor([256.0**2, 256.0, 1.0], device=pictures.device) / PACKED
    return torch.stack([(picture * LEVELS).round_() @ weights for picture in pictures])
