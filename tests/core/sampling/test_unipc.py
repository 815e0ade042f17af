"""The official solver against diffusers' own, against the official numbers, and against what an exact solver finds."""

import math
from itertools import pairwise

import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.sampling.unipc import Estimate, UniPc, correct, official_sigmas, predict, whole_timesteps

SHAPE = (2, 3, 4)


def waving(sample, sigma):
    """A model that is linear in the sample and moves with the noise level."""
    return 0.3 * sample * sigma + math.sin(3 * sigma) + 0.2 * torch.cos(sample)


def test_the_official_noise_levels_and_timesteps():
    sigmas = official_sigmas(25, 16.0)
    assert len(sigmas) == 26 and sigmas[-1] == 0
    timesteps = whole_timesteps(1000 * torch.tensor(sigmas[:-1])).tolist()
    # int64 of 1000 * sigma, as FlowUniPCMultistepScheduler.set_timesteps casts it: rounded down.
    assert timesteps[:2] == [999, 997] and timesteps[-6:] == [834, 799, 752, 685, 581, 399]
    assert [round(sigma, 3) for sigma in sigmas[-4:]] == [0.685, 0.582, 0.4, 0]


@pytest.mark.parametrize(("steps", "shift"), [(1, 16.0), (2, 5.0), (4, 1.0), (25, 16.0), (50, 3.0)])
def test_it_is_diffusers_solver_step_by_step(steps, shift):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(steps)
    sigmas = official_sigmas(steps, shift)
    reference = diffusers.UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, solver_order=2, solver_type="bh2"
    )
    reference.set_timesteps(steps)
    reference.sigmas = torch.tensor(sigmas, dtype=torch.float64)
    reference.timesteps = torch.tensor([int(1000 * sigma) for sigma in sigmas[:-1]])
    reference.num_inference_steps = steps
    reference.model_outputs, reference.lower_order_nums, reference.last_sample = [None] * 2, 0, None
    reference._step_index = 0
    solver = UniPc()
    ours = theirs = torch.randn(SHAPE, dtype=torch.float64)
    for k, (sigma, target) in enumerate(pairwise(sigmas)):
        velocity = (theirs - waving(theirs, sigma)) / sigma
        theirs = reference.step(velocity, reference.timesteps[k], theirs, return_dict=False)[0]
        ours = solver.step(ours, waving(ours, sigma), sigma, target)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12 * max(1, theirs.abs().max().item()))


def test_each_step_is_the_paper_s_formula():
    """Order 2 written out as in the paper's Appendix: a linear system for the corrector's weights, solved by torch."""
    torch.manual_seed(0)
    clips = [torch.randn(SHAPE, dtype=torch.float64) for _ in range(3)]
    sample = torch.randn(SHAPE, dtype=torch.float64)
    s, levels = (0.9, 0.7, 0.4), [math.log((1 - v) / v) for v in (0.9, 0.7, 0.4)]
    h = levels[2] - levels[1]
    r = (levels[0] - levels[1]) / h
    base = s[2] / s[1] * sample - (1 - s[2]) * math.expm1(-h) * clips[1]
    predicted = base - (1 - s[2]) * math.expm1(-h) * 0.5 * (clips[0] - clips[1]) / r
    earlier, here, reached = (Estimate(level, clip) for level, clip in zip(s, clips, strict=True))
    torch.testing.assert_close(predict(sample, here, s[2], earlier), predicted, rtol=0, atol=1e-12)

    phi = math.expm1(-h)
    phi_2 = phi / -h - 1
    phi_3 = phi_2 / -h - 0.5
    system = torch.tensor([[1, 1], [r, 1]], dtype=torch.float64)
    weights = torch.linalg.solve(system, torch.tensor([phi_2 / phi, 2 * phi_3 / phi], dtype=torch.float64))
    added = weights[0] * (clips[0] - clips[1]) / r + weights[1] * (clips[2] - clips[1])
    corrected = base - (1 - s[2]) * phi * added
    torch.testing.assert_close(correct(sample, here, reached, earlier), corrected, rtol=0, atol=1e-12)


def test_the_last_step_gives_the_estimate_itself():
    sample, clip = torch.randn(SHAPE), torch.randn(SHAPE)
    assert torch.equal(UniPc().step(sample, clip, 0.4, 0.0), clip)


def test_twice_the_steps_leave_about_a_quarter_of_the_error():
    """Of order 2 between two noise levels; the last step to 0 is of order 1 for every solver of the family."""

    def between(steps):
        sigmas = torch.linspace(0.9, 0.2, steps + 1, dtype=torch.float64).tolist()
        solver, sample = UniPc(), noise
        for sigma, target in pairwise(sigmas):
            sample = solver.step(sample, waving(sample, sigma), sigma, target)
        return sample

    noise = torch.randn(SHAPE, dtype=torch.float64)
    exact = between(2000)
    errors = [(between(steps) - exact).abs().max().item() for steps in (40, 80)]
    assert errors[1] < errors[0] / 3.5


@pytest.mark.parametrize("sigmas", [official_sigmas(6, 16.0), [1.0, 0.9, 0.5, 0.2, 0.0], [1.0, 0.0]], ids=len)
def test_a_perfect_model_is_followed_exactly_whatever_the_steps(sigmas):
    """A model that always says the same clip leaves a straight line, from noise alone as from the official begin."""
    noise, clip = torch.randn(SHAPE, dtype=torch.float64), torch.randn(SHAPE, dtype=torch.float64)
    sample = (1 - sigmas[0]) * clip + sigmas[0] * noise
    solver = UniPc()
    for sigma, target in pairwise(sigmas):
        sample = solver.step(sample, clip, sigma, target)
        torch.testing.assert_close(sample, (1 - target) * clip + target * noise, rtol=0, atol=1e-12)


def test_a_whole_timestep_stays_itself_in_single_precision():
    exact = torch.arange(0, 1000, dtype=torch.float64)
    assert torch.equal(whole_timesteps(1000 * (exact / 1000).float()).double(), exact)


@pytest.mark.parametrize(
    ("steps", "shift", "words"), [(0, 16.0, "steps is 0"), (5, 0.0, "shift is 0"), (5, math.nan, "shift")]
)
def test_what_cannot_be_a_schedule_is_refused(steps, shift, words):
    with pytest.raises(VaceInputError, match=words):
        official_sigmas(steps, shift)
