"""The official solver: UniPC of order 2 in its B2 form, on the official noise levels.

Sources: Zhao et al., "UniPC" (arXiv:2302.04867); ``FlowUniPCMultistepScheduler`` in Wan-Video/Wan2.1's
``wan/utils/fm_solvers_unipc.py`` with the settings of ``wan/vace.py``: order 2, ``bh2``, data prediction, a corrector
in every step but the first, order 1 in the last step. Noise levels are those of flow matching: a sample at sigma is
(1 - sigma) * clip + sigma * noise. Coefficients are computed in float64 and applied in the sample's own precision; the
official code computes them in float32.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..errors import VaceInputError

ORDER = 2
TRAIN_STEPS = 1000
# A timestep that is whole in float64 may lie this much below it in float32.
FLOAT32 = 1e-3
HIGHEST = 1 - 1 / TRAIN_STEPS  # the official schedule begins one training step below pure noise


def official_sigmas(steps: int, shift: float) -> list[float]:
    """Noise levels of the official schedule: evenly spaced from 0.999 down, then shifted, then 0.

    Args:
        steps: Sampling steps, 1 or more.
        shift: Timestep shift, above 0; 1 leaves them evenly spaced.

    Returns:
        ``steps + 1`` numbers in [0, 1), descending, the last 0.

    Raises:
        VaceInputError: If steps or shift cannot be used.
    """
    if steps < 1:
        raise VaceInputError(f"steps is {steps}; set it to 1 or more.")
    if not shift > 0:
        raise VaceInputError(f"shift is {shift:g}; the official schedule needs one above 0. 16 is official for VACE.")
    even = [HIGHEST * (1 - k / steps) for k in range(steps)]
    return [*(shift * sigma / (1 + (shift - 1) * sigma) for sigma in even), 0.0]


def whole_timesteps(timesteps: Tensor) -> Tensor:
    """Timesteps as the official code tells them to the model: whole, rounded down.

    Args:
        timesteps: Noise levels times 1000, any shape, in the float32 in which noise levels reach a sampler.
    """
    return (timesteps + FLOAT32).floor()


@dataclass(frozen=True)
class Estimate:
    """What the model says of the clip at a noise level.

    Attributes:
        sigma: The noise level, in (0, 1].
        clip: The clip without noise, any shape.
    """

    sigma: float
    clip: Tensor


@dataclass
class UniPc:
    """The state of one run: what was estimated so far, and where the last step began.

    A second model may go on with it (``wan/text2video.py`` of Wan 2.2 keeps one scheduler for both experts).
    """

    last: Estimate | None = None
    before: Estimate | None = None
    start: Tensor | None = None
    order: int = 1

    def step(self, sample: Tensor, clip: Tensor, sigma: float, target: float) -> Tensor:
        """The sample at the next noise level.

        Args:
            sample: At ``sigma``, as the last step gave it.
            clip: The model's estimate of the clip from that sample.
            sigma: Noise level of the sample, above 0.
            target: The next noise level, below it; 0 gives the estimate itself, by a step of order 1.
        """
        here = Estimate(sigma, clip)
        if self.last is not None:
            earlier = self.before if self.order == ORDER else None
            sample = correct(self.start, self.last, here, earlier)
        self.order = 1 if target == 0 or self.last is None else ORDER
        after = predict(sample, here, target, self.last if self.order == ORDER else None)
        self.before, self.last, self.start = self.last, here, sample
        return after


def predict(sample: Tensor, here: Estimate, target: float, earlier: Estimate | None = None) -> Tensor:
    """UniP: the sample at a lower noise level from what is known at this one.

    Args:
        sample: At ``here``'s noise level.
        here: The estimate there.
        target: The noise level wanted, in [0, 1).
        earlier: The estimate one step before, for order 2; None for order 1.
    """
    step, phi = _step(here.sigma, target)
    others = [] if earlier is None else [(earlier, 0.5 / _ratio(earlier, here, step))]
    return _combined(sample, here, target, phi, others)


def correct(start: Tensor, here: Estimate, reached: Estimate, earlier: Estimate | None = None) -> Tensor:
    """UniC: a step made again, now that the estimate at its end is known.

    Args:
        start: The sample from which the step was made.
        here: The estimate there.
        reached: The estimate at the end of the step.
        earlier: The estimate one step before ``here``, for order 2; None for order 1.
    """
    step, phi = _step(here.sigma, reached.sigma)
    if earlier is None:
        return _combined(start, here, reached.sigma, phi, [(reached, 0.5)])
    first = (phi / -step - 1) / phi
    second = 2 * ((phi / -step - 1) / -step - 0.5) / phi
    ratio = _ratio(earlier, here, step)
    of_earlier = (first - second) / (1 - ratio)
    return _combined(start, here, reached.sigma, phi, [(earlier, of_earlier / ratio), (reached, first - of_earlier)])


def _combined(
    sample: Tensor, here: Estimate, target: float, phi: float, others: Sequence[tuple[Estimate, float]]
) -> Tensor:
    """The exponential step, and the differences of other estimates to this one, weighted."""
    own = 1 - sum(weight for _, weight in others)
    mixed = here.clip * own
    for estimate, weight in others:
        mixed = mixed + estimate.clip * weight
    return sample * (target / here.sigma) - mixed * ((1 - target) * phi)


def _step(sigma: float, target: float) -> tuple[float, float]:
    """Length of a step in half log-SNR, and exp(-length) - 1, which B2 uses for B(h) as well."""
    step = _half_log_snr(target) - _half_log_snr(sigma)
    return step, math.expm1(-step)


def _ratio(earlier: Estimate, here: Estimate, step: float) -> float:
    """The last step's length over this one's, negative."""
    return (_half_log_snr(earlier.sigma) - _half_log_snr(here.sigma)) / step


def _half_log_snr(sigma: float) -> float:
    """Infinite at both ends: without noise, and of noise alone, where other schedules begin."""
    if sigma in (0, 1):
        return math.inf if sigma == 0 else -math.inf
    return math.log1p(-sigma) - math.log(sigma)
