"""Colour drift, measured where the truth is known and taken back everywhere.

A sampler gives kept frames back in slightly other colours, and everything it generates with them. Where the truth is
known (frames of the segment before, pixels of the source) that change is fitted as a smooth map of low order, and
undone. The truth is always what was stored or given, never what was decoded, so errors do not add up over segments.
`benchmarks/colour_drift.py` shows what each choice here is worth on a synthetic drift, and what stays unmeasured.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import require_shape
from ..robust import tukey_weight

BLOCK = 8  # pixels; colours are compared as means over blocks, in which noise and small displacements average out
# Near black and white decoded colours are clipped and tell less than they should, so they are not fitted.
DARKEST, BRIGHTEST = 0.03, 0.97
# Variance of colour that no change is worth, and blocks of a colourful picture (of that variance) that it is worth: a
# flat or a small picture changes brightness, not contrast and hue, and almost nothing known changes almost nothing.
RIDGE = 1e-4
PRIOR_BLOCKS = 1.0
PRIOR_VARIANCE = 0.03
# A change beyond these is no drift but another picture.
SMALLEST_GAIN, LARGEST_GAIN = 0.5, 2.0
# Least absolute errors have one solution and lead near it; Tukey's weights then take out what is something else.
ABSOLUTE_ROUNDS, TUKEY_ROUNDS = 8, 8
MEDIAN_LENGTH = 1.538  # of three independent normal errors, in standard deviations
SMALLEST_ERROR = 0.5 / 255
TIME_VARIANCE = 1 / 12  # of -0.5 to 0.5
STEPS = 255


@dataclass(frozen=True, eq=False)
class ColourMap:
    """What a segment's colours went through; `apply_colour_map` takes it back.

    A true colour x came out as ``gain (x - pivot) + offset``. Both change evenly over the segment, by ``gain_slope``
    and ``offset_slope`` from its first to its last frame, and are given for its middle.

    Attributes:
        gain: [3, 3].
        offset: [3].
        gain_slope: [3, 3].
        offset_slope: [3].
        pivot: [3], the mean of the true colours.
        num_frames: T of the segment.
        drift: Mean absolute change that the map makes of the known colours, in [0, 1].
        before: Mean absolute difference of known and decoded colours, as means over blocks, in [0, 1].
        after: The same once the map is applied: what is left.
    """

    gain: Tensor
    offset: Tensor
    gain_slope: Tensor
    offset_slope: Tensor
    pivot: Tensor
    num_frames: int
    drift: float = 0.0
    before: float = 0.0
    after: float = 0.0

    def correction(self, frame: int) -> tuple[Tensor, Tensor]:
        """What undoes the change in one frame: ``colour @ matrix + shift``.

        Args:
            frame: Its place in the segment.

        Returns:
            ``(matrix, shift)``, [3, 3] and [3].
        """
        time = _time(frame, self.num_frames)
        gain, offset = self.gain + time * self.gain_slope, self.offset + time * self.offset_slope
        left, gains, right = torch.linalg.svd(gain.double())
        matrix = torch.linalg.inv(left * gains.clamp(SMALLEST_GAIN, LARGEST_GAIN) @ right).T.to(gain)
        return matrix, self.pivot - offset @ matrix

    def sentence(self) -> str:
        """The numbers in words."""
        return (
            f"Known colours came back {STEPS * self.before:.1f} of 255 off on average; the correction changes them by "
            f"{STEPS * self.drift:.1f} and leaves {STEPS * self.after:.1f}."
        )


def identity_map(num_frames: int) -> ColourMap:
    """The map that changes nothing.

    Args:
        num_frames: T of the segment.
    """
    none = torch.zeros(3)
    return ColourMap(torch.eye(3), none, torch.zeros(3, 3), none, none, num_frames)


def fit_colour_map(decoded: Tensor, truth: Tensor, weight: Tensor) -> ColourMap:
    """The change that a segment's colours went through, as far as what is known tells it.

    Decoded colours are explained by true ones, and the result is inverted. They are compared as means over blocks,
    because noise of single pixels shrinks every gain, and contrast would fade over many segments. Blocks that came
    back as something else are left out (Tukey's biweight). The map is 3 x 3 with an offset, as single channels do not
    follow a change of hue. It changes over time only when both ends of the segment are known: what the overlap says
    about frames that come long after it is less than its noise. One frame is worked on at a time.

    Args:
        decoded: [T, H, W, 3], in [0, 1].
        truth: [T, H, W, 3], in [0, 1]; anything where it is not known.
        weight: [T, H, W], 0 or more: how much a pixel counts, 0 where the truth is not known.

    Returns:
        The map; the identity when nothing is known.

    Raises:
        VaceInputError: If the shapes differ.
    """
    require_shape("decoded", decoded, "T H W C", (None, None, None, 3))
    require_shape("truth", truth, "T H W C", decoded.shape)
    require_shape("weight", weight, "T H W", decoded.shape[:3])
    colour_map = identity_map(len(decoded))
    clear = _known(decoded, truth, weight, clipped=False)
    if len(clear.weight):
        colour_map = _fitted(clear, len(decoded))
    return _judged(colour_map, _known(decoded, truth, weight, clipped=True))


def apply_colour_map(frames: Tensor, colour_map: ColourMap, first: int = 0) -> Tensor:
    """Frames in the colours that they should have had, one frame at a time.

    Args:
        frames: [n, H, W, 3], in [0, 1].
        colour_map: Of the segment that they belong to.
        first: The place of the first of them in the segment.

    Returns:
        [n, H, W, 3], in [0, 1].
    """
    corrected = torch.empty_like(frames)
    for index, frame in enumerate(frames):
        matrix, shift = (part.to(frame) for part in colour_map.correction(first + index))
        corrected[index] = (frame @ matrix + shift).clamp(0, 1)
    return corrected


@dataclass(frozen=True, eq=False)
class _Known:
    """Blocks whose true colours are known, in double precision.

    Attributes:
        decoded: [n, 3], mean colours.
        truth: [n, 3].
        weight: [n], in blocks.
        frame: [n], where they are in the segment.
    """

    decoded: Tensor
    truth: Tensor
    weight: Tensor
    frame: Tensor

    def at_both_ends(self, num_frames: int) -> bool:
        """Whether the first and the last quarter of the segment hold some."""
        early, late = self.frame < num_frames / 4, self.frame >= num_frames * 3 / 4
        return bool(early.any() and late.any())

    def mean(self, values: Tensor) -> float:
        """Weighted mean size of [n, 3] values."""
        return (values.abs().mean(1) @ self.weight / self.weight.sum()).item()


def _known(decoded: Tensor, truth: Tensor, weight: Tensor, clipped: bool) -> _Known:
    """Weighted means over the known pixels of each block, with or without those that are near black or white."""
    rows = [torch.zeros(0, 8, dtype=torch.float64)]
    for t in weight.flatten(1).any(1).nonzero()[:, 0].tolist():
        given, true, counts = decoded[t].float(), truth[t].float(), weight[t].float()
        if not clipped:
            clear = (true >= DARKEST) & (true <= BRIGHTEST) & (given > 0) & (given < 1)
            counts = counts * clear.all(-1)
        counts = counts[..., None]
        planes = torch.cat([counts, *(torch.where(counts > 0, part * counts, 0) for part in (given, true))], -1)
        planes = rearrange(planes, "h w c -> 1 c h w")
        blocks = F.avg_pool2d(planes, BLOCK, ceil_mode=True, divisor_override=BLOCK**2)
        sums = rearrange(blocks, "1 c rows columns -> (rows columns) c").double()
        sums = sums[sums[:, 0] > 0].cpu()
        rows.append(torch.cat([sums, torch.full_like(sums[:, :1], t)], 1))
    found = torch.cat(rows)
    counts = found[:, :1]
    return _Known(found[:, 1:4] / counts, found[:, 4:7] / counts, found[:, 0], found[:, 7])


def _fitted(known: _Known, num_frames: int) -> ColourMap:
    time = _time(known.frame, num_frames) if known.at_both_ends(num_frames) else None
    residual = known.decoded - known.truth
    residual = residual - _median(residual, known.weight)
    for weighting in (_absolute,) * ABSOLUTE_ROUNDS + (_tukey,) * TUKEY_ROUNDS:
        weight = known.weight * weighting(residual, known.weight)
        pivot = weight @ known.truth / weight.sum()
        features = _features(known.truth - pivot, time)
        solved = _ridge(features, known.decoded, weight, pivot)
        residual = known.decoded - features @ solved
    slope = solved[4:] if time is not None else torch.zeros(4, 3)
    parts = (solved[:3].T, solved[3], slope[:3].T, slope[3], pivot)
    return ColourMap(*(part.float() for part in parts), num_frames)


def _time(frame: Tensor | int, num_frames: int) -> Tensor | float:
    """-0.5 at the first frame of a segment, 0.5 at its last."""
    return frame / (num_frames - 1) - 0.5 if num_frames > 1 else frame * 0.0


def _features(colours: Tensor, time: Tensor | None) -> Tensor:
    """[n, 4] colours and 1, or [n, 8] with both times the time."""
    still = torch.cat([colours, torch.ones_like(colours[:, :1])], 1)
    return still if time is None else torch.cat([still, still * time[:, None]], 1)


def _ridge(features: Tensor, decoded: Tensor, weight: Tensor, pivot: Tensor) -> Tensor:
    """Weighted least squares with a pull towards no change: [4 or 8, 3]."""
    count = features.shape[1]
    prior = PRIOR_BLOCKS / weight.sum().item()
    pull = features.new_tensor([RIDGE + PRIOR_VARIANCE * prior] * 3 + [prior])
    pull = torch.cat([pull, TIME_VARIANCE * pull])[:count]
    unchanged = features.new_zeros(count, 3)
    unchanged[:3], unchanged[3] = torch.eye(3), pivot
    weighted = features.T * (weight / weight.sum())
    return torch.linalg.solve(weighted @ features + pull.diag(), weighted @ decoded + pull[:, None] * unchanged)


def _absolute(residual: Tensor, weight: Tensor) -> Tensor:
    """[n], such that least squares minimise the sum of lengths."""
    length = residual.norm(dim=1)
    return SMALLEST_ERROR / length.clamp(min=SMALLEST_ERROR)


def _tukey(residual: Tensor, weight: Tensor) -> Tensor:
    """[n], in [0, 1]: 0 for what no normal error explains."""
    length = residual.norm(dim=1, keepdim=True)
    scale = max(_median(length, weight).item() / MEDIAN_LENGTH, SMALLEST_ERROR)
    return tukey_weight(length[:, 0], scale)


def _median(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted median of each column of [n, C]."""
    ordered, order = values.sort(0)
    below = (weight[order].cumsum(0) < weight.sum() / 2).sum(0, keepdim=True)
    return ordered.gather(0, below.clamp(max=len(values) - 1))[0]


def _judged(colour_map: ColourMap, known: _Known) -> ColourMap:
    """The map with its three numbers, over all that is known, clipped or not."""
    if not len(known.weight):
        return colour_map
    corrected = known.decoded.clone()
    for frame in known.frame.unique().tolist():
        matrix, shift = (part.double() for part in colour_map.correction(int(frame)))
        here = known.frame == frame
        corrected[here] = (corrected[here] @ matrix + shift).clamp(0, 1)
    return replace(
        colour_map,
        drift=known.mean(corrected - known.decoded),
        before=known.mean(known.decoded - known.truth),
        after=known.mean(corrected - known.truth),
    )
