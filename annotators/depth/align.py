"""Scale and shift that differ from frame to frame, found and taken out.

Networks see each frame alone, so the same wall gets other values in every frame: the source of flicker in depth videos.
"""

import torch
from torch import Tensor

from ...vace_core.robust import tukey_weight

ROUNDS = 20
DEVIATION = 1.4826  # of a normal distribution, in median absolute deviations
LEAST = 0.005  # of a frame's spread: residuals below are taken for noise
LOST = 0.7  # of the spread: where more than this is left unexplained, frames do not match (moving ones: up to 0.55)
SETTLED = 1e-7  # of the scale: it changes no more


def align_depth(samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scale and shift that give each frame the values of the frame before it.

    What moves or appears counts as outlier: from a start of medians, Tukey's weights settle on the rest. The scale is
    the ratio of deviations and not a regression's slope, because that is smaller than 1 wherever frames do not match,
    and the product over a clip would fade. Where frames do not match at all, a single time is the end of a scene, and
    several times in a row are fast motion, in which the medians are made equal.

    Args:
        samples: [T, N], the same places in all frames, on the CPU; NaN is unknown.

    Returns:
        ``(scale, shift, first)``, [T] each: value * scale + shift is comparable over the frames of a scene; ``first``
        is true where a scene begins, and there scale is 1 and shift 0.
    """
    scale, shift, first = fitted(samples[1:].double(), samples[:-1].double())
    scales, shifts = [1.0], [0.0]
    for a, b, anew in zip(scale.tolist(), shift.tolist(), first.tolist(), strict=True):
        shifts.append(0.0 if anew else scales[-1] * b + shifts[-1])
        scales.append(1.0 if anew else scales[-1] * a)
    first = torch.cat([torch.ones(1, dtype=torch.bool), first])
    return torch.tensor(scales, dtype=torch.float64), torch.tensor(shifts, dtype=torch.float64), first


def fitted(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scale and shift from the values of one frame to those of another.

    Args:
        x: [P, N], float64, of P pairs the later frame; NaN is unknown.
        y: [P, N], the earlier frame.

    Returns:
        ``(scale, shift, ends)``, [P] each; ``ends`` is true where a scene ends between x and y.
    """
    known = x.isfinite() & y.isfinite()
    middle_x, spread_x = _spread(x.where(known, torch.nan))
    middle_y, spread_y = _spread(y.where(known, torch.nan))
    rough = spread_y / spread_x
    start = rough, middle_y - rough * middle_x
    scale, shift, left = _settled(x.where(known, 0), y.where(known, 0), known, *start, LEAST * rough.abs() * spread_x)
    lost = ~(left <= LOST * spread_y) | ~(scale > 0) | ~scale.isfinite()
    scale, shift = torch.where(lost, start[0], scale), torch.where(lost, start[1], shift)
    scale, shift, lost, rough = (each[:, 0] for each in (scale, shift, lost, rough))
    beside = torch.zeros(len(lost) + 2, dtype=torch.bool)
    beside[1:-1] = lost
    return scale, shift, ~(rough.isfinite() & (rough > 0)) | lost & ~(beside[:-2] | beside[2:])


def _settled(
    x: Tensor, y: Tensor, known: Tensor, scale: Tensor, shift: Tensor, least: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Scale and shift from a rough start by Tukey's weights, and the median of what they leave unexplained.

    Residuals below ``least`` [P, 1] are taken for noise.
    """
    for _ in range(ROUNDS):
        away = (y - scale * x - shift).abs()
        left = away.where(known, torch.nan).nanmedian(1, keepdim=True).values
        weight = tukey_weight(away, torch.maximum(DEVIATION * left, least)).where(known, 0)
        weight = weight / weight.sum(1, keepdim=True)
        middles = [(weight * each).sum(1, keepdim=True) for each in (x, y)]
        squares = [(weight * (each - m).square()).sum(1, keepdim=True) for each, m in zip((x, y), middles, strict=True)]
        before, scale = scale, (squares[1] / squares[0]).sqrt()
        shift = middles[1] - scale * middles[0]
        if not ((scale - before).abs() > SETTLED * scale).any():
            break
    return scale, shift, left


def _spread(values: Tensor) -> tuple[Tensor, Tensor]:
    """Median of each row and the median absolute deviation; of those that deviate, where more than half do not.

    So the size of somebody cut out on black does not count, but how near he is.
    """
    middle = values.nanmedian(1, keepdim=True).values
    away = (values - middle).abs()
    median = away.nanmedian(1, keepdim=True).values
    return middle, torch.where(median > 0, median, away.where(away > 0, torch.nan).nanmedian(1, keepdim=True).values)
