"""The official solver in the host: diffusers' UniPC around the same model, whole timesteps, masks, experts, guiders."""

import math

import pytest
import torch

from harness.host.locations import pack_module
from harness.host.precision import unet_flag
from wan_vace.vace_core.sampling import official_sigmas

from .test_sample_context import SHIFT, sample, shifted, with_mask

pytestmark = pytest.mark.host
STEPS = 6
SIGMAS = official_sigmas(STEPS, SHIFT)


def official(**changed):
    numbers = {"steps": STEPS, "cfg": 4.0, "shift": SHIFT, "sampler": "official unipc", "scheduler": "official"}
    return {"settings": "custom", **numbers, **changed}


def diffusers_sampler():
    """Diffusers' own solver as a SAMPLER of the host, in float64, on the noise levels it is given."""
    import diffusers
    from comfy.samplers import KSAMPLER

    def run(model, x, sigmas, extra_args=None, callback=None, disable=None):
        reference = diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, solver_order=2, solver_type="bh2"
        )
        reference.set_timesteps(len(sigmas) - 1)
        reference.sigmas = torch.tensor(SIGMAS, dtype=torch.float64)
        reference.model_outputs, reference.lower_order_nums = [None] * 2, 0
        reference._step_index, x = 0, x.double()
        for k, sigma in enumerate(SIGMAS[:-1]):
            # The model is asked at the whole timestep; what it says of the clip is turned into a velocity there.
            told = math.floor(sigma * 1000) / 1000
            clip = model(x.float(), torch.full([len(x)], told, device=x.device), **extra_args).double()
            velocity = (x - clip) / told
            x = reference.step(velocity, reference.timesteps[k], x, return_dict=False)[0]
        return x.float()

    return KSAMPLER(run)


@pytest.fixture(scope="module")
def vace_model(call):
    """In float32: it is the solver that is judged, and in 16 bits all solvers are alike."""
    with unet_flag("fp32_unet"):
        return call("UNETLoader", unet_name="small_wan_vace.safetensors", weight_dtype="default")[0]


@pytest.fixture
def told(vace_model, monkeypatch):
    """The timesteps that the network is told, call by call."""
    network, seen = vace_model.model.diffusion_model, []
    forward = network._forward

    def watch(x, timestep, *args, **kwargs):
        seen.append(sorted(set(timestep.flatten().tolist())))
        return forward(x, timestep, *args, **kwargs)

    monkeypatch.setattr(network, "_forward", watch)
    return seen


@pytest.fixture
def inputs(applied, vace_model):
    positive, negative, latent = applied(2)
    return {"model": vace_model, "positive": positive, "negative": negative, "latent": latent}


def samples(call, **inputs):
    return sample(call, **inputs)[0]["samples"]


def test_it_is_diffusers_solver_around_the_same_model(call, inputs):
    sigmas = torch.tensor(SIGMAS, dtype=torch.float32)
    ours = samples(call, settings=official(), **inputs)
    theirs = samples(call, settings=official(), sigmas=sigmas, sampler_object=diffusers_sampler(), **inputs)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-4 * theirs.abs().max().item())


def test_the_network_is_told_whole_timesteps_and_called_once_for_each_step(call, inputs, told):
    samples(call, settings=official(cfg=1.0), **inputs)
    assert told == [[float(int(1000 * sigma))] for sigma in SIGMAS[:-1]]


def test_a_solver_that_drops_a_noise_level_says_so(call, inputs, caplog):
    assert len(SIGMAS) == STEPS + 1 and SIGMAS[-1] == 0
    with caplog.at_level("INFO"):
        samples(call, settings=official(), **inputs)
        assert "leaves out" not in caplog.text
        samples(call, settings=official(sampler="uni_pc", scheduler="simple"), **inputs)
    assert "uni_pc leaves out the last noise level before 0" in caplog.text


def test_a_guider_gives_the_same_to_the_bit(call, inputs):
    model = shifted(call, inputs["model"])
    (guider,) = call("CFGGuider", model=model, positive=inputs["positive"], negative=inputs["negative"], cfg=4.0)
    alone = samples(call, settings=official(), **inputs)
    guided = samples(call, settings=official(), guider=guider, latent=inputs["latent"])
    assert torch.equal(alone, guided)


def test_what_a_mask_holds_stays(call, inputs, vae):
    latent = with_mask({**inputs["latent"], "samples": torch.randn_like(inputs["latent"]["samples"])})
    result = samples(call, settings=official(), **{**inputs, "latent": latent})
    kept = result[:, :, 2:, :, : result.shape[-1] // 2]
    torch.testing.assert_close(kept, latent["samples"][:, :, 2:, :, : result.shape[-1] // 2], rtol=0, atol=1e-5)


@pytest.mark.parametrize("boundary", [0.6, 0.875])
def test_a_second_expert_goes_on_with_what_the_first_has_seen(call, inputs, boundary):
    """With one model as both experts the run is the undivided one; the host's own solvers begin anew."""
    alone = samples(call, settings=official(), **inputs)
    divided = samples(call, settings=official(), low_noise_model=inputs["model"].clone(), boundary=boundary, **inputs)
    torch.testing.assert_close(divided, alone, rtol=0, atol=2e-5 * alone.abs().max().item())


def test_two_runs_of_one_node_do_not_remember_each_other(call, inputs):
    first, second = (samples(call, settings=official(), **inputs) for _ in range(2))
    assert torch.equal(first, second)


def test_it_samples_the_same_where_nobody_is_told_of_its_steps(host):
    """As other packs call a sampler's function; today's host always has itself told."""
    solve, seen = pack_module("nodes._host.sampling.solver").official_sampler().sampler_function, []
    given = (lambda x, sigma, **_: 0.5 * x, torch.randn(1, 16, 2, 4, 4), torch.tensor(SIGMAS))
    alone, told = solve(*given, disable=True), solve(*given, callback=seen.append, disable=True)
    assert torch.equal(alone, told) and [step["i"] for step in seen] == list(range(STEPS))


def test_denoise_leaves_out_the_first_part_of_a_longer_schedule(call, inputs, told):
    latent = {**inputs["latent"], "samples": torch.randn_like(inputs["latent"]["samples"])}
    samples(call, settings=official(cfg=1.0), denoise=0.5, **{**inputs, "latent": latent})
    assert [timestep for (timestep,) in told] == [
        float(int(1000 * s)) for s in official_sigmas(2 * STEPS, SHIFT)[STEPS:-1]
    ]
