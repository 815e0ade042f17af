"""Strength for each token in windows, ours and the host's, against strengths that are cut by hand."""

import dataclasses

import pytest
import torch

from ..adapter.test_adapter import conditioned, sample, strength
from .test_windows import LIGHT, STATIC, T, by_hand, host_windowed, noise_of, one_step, windowed

pytestmark = pytest.mark.host


@pytest.mark.parametrize("references", [0, 2])
def test_weak_references_in_windows_equal_slices_by_hand(call, model, contexts, prompts, references, near):
    weak = dataclasses.replace(contexts[references], reference_strengths=(0.3, 0.6)[:references])
    inputs = conditioned(call, prompts, [(weak, 0.8), (contexts[0], 0.4)])
    noise = noise_of(inputs)
    expected = by_hand(call, model, inputs[0], noise, references)
    result = one_step(call, windowed(call, model, **STATIC), inputs[0], noise)
    torch.testing.assert_close(result, expected, **near(expected, 1e-5))


FIELDS = {
    "frames": {"frames": "1, 0"},
    "references": {"references": 0.3},
    "mask": {"mask": torch.rand(25, 32, 48, generator=torch.Generator().manual_seed(5))},
}


@pytest.mark.parametrize("late", [False, True], ids=["field first", "windows first"])
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_in_windows_equals_the_same_strengths_cut_by_hand(call, model, contexts, prompts, field, late, near):
    from wan_vace.vace_core.strength.curves import parse_curve
    from wan_vace.vace_core.strength.field import StrengthField

    settings = {"frames": "1", "references": 1.0, "mask": None, **FIELDS[field]}
    same = StrengthField(
        frames=parse_curve("frames", settings["frames"]), references=settings["references"], mask=settings["mask"]
    )
    inputs = conditioned(call, prompts, [(contexts[2], 0.8)])
    noise = noise_of(inputs)
    values = {**inputs[0][0][1], "vace_strength": [0.8 * same.token_factors(2, T, 4, 6)]}
    expected = by_hand(call, model, [[inputs[0][0][0], values]], noise, 2)
    changed = (
        strength(call, windowed(call, model, **STATIC), **settings)
        if late
        else windowed(call, strength(call, model, **settings), **STATIC)
    )
    result = one_step(call, changed, inputs[0], noise)
    torch.testing.assert_close(result, expected, **near(expected, 1e-5))
    without = one_step(call, windowed(call, model, **STATIC), inputs[0], noise)
    assert not torch.allclose(result, without, **near(without, 1e-4, 1e-4))


def test_a_field_works_in_the_hosts_windows(call, models, contexts, prompts):
    inputs = conditioned(call, prompts, [(contexts[1], 0.8)])
    merged, attached = (
        sample(call, host_windowed(call, strength(call, finish(base), frames="1, 0", references=0.3)), inputs, **LIGHT)
        for base, finish in models.values()
    )
    assert merged.isfinite().all() and torch.equal(merged, attached)


def test_a_field_in_the_hosts_windows_reaches_the_same_frames(call, model, contexts, prompts, near):
    """A strength of 0 in front of the last window is no VACE there and full VACE in the others."""
    inputs = conditioned(call, prompts, [(contexts[0], 0.8)])
    settings = {"steps": 1, "cfg": 1.0}
    field = {"frames": "0:1, 60%:1, 60%:0"}  # latent frames 4, 5, 6 of 0 to 6 have none
    batched = {"context_schedule": "batched", "context_overlap": 0, "freenoise": False, "context_length": 13}
    full, half = (
        sample(call, host_windowed(call, each, **batched), inputs, **settings)
        for each in (model, strength(call, model, **field))
    )
    tolerance = near(full, 1e-5)
    torch.testing.assert_close(half[:, :, :4], full[:, :, :4], **tolerance)
    assert (half[:, :, 4:] - full[:, :, 4:]).abs().max() > max(1e-3, tolerance["atol"])


def test_windows_that_do_not_say_their_frames_are_refused(call, model, contexts, prompts):
    inputs = conditioned(call, prompts, [(contexts[0], 0.8)])
    foreign = strength(call, model, frames="1, 0").clone()
    foreign.model_options["transformer_options"]["context_window"] = [0, 1, 2]
    with pytest.raises(ValueError, match=r"model has context windows that do not say .* Use VACE Set Context Windows"):
        sample(call, foreign, inputs)
