"""VACE Sample Context: the host's samplers bit for bit, with one expert, two, a guider or noise levels."""

from typing import NamedTuple

import pytest
import torch

pytestmark = pytest.mark.host

SIZE = {"width": 48, "height": 32, "length": 5}
SEED, STEPS, SHIFT, BOUNDARY = 3, 4, 5.0, 0.875


class Case(NamedTuple):
    """What is sampled, and how."""

    path: str  # ksampler, guider (SamplerCustomAdvanced) or experts (two KSamplerAdvanced)
    sampler: str
    scheduler: str
    cfg: float
    denoise: float
    mask: bool
    references: int
    attached: bool
    batch: int


# Every pair of path, sampler, cfg, denoise, mask and references appears; a mask with experts is tested further below.
CASES = [
    Case("ksampler", "uni_pc", "simple", 5.0, 1.0, False, 2, False, 1),
    Case("ksampler", "uni_pc", "beta", 1.0, 0.6, True, 0, True, 1),
    Case("ksampler", "euler", "beta", 5.0, 0.6, True, 2, False, 2),
    Case("ksampler", "dpmpp_2m", "normal", 1.0, 1.0, True, 2, True, 1),
    Case("ksampler", "lcm", "simple", 1.0, 0.6, False, 0, False, 1),
    Case("ksampler", "dpmpp_sde", "sgm_uniform", 5.0, 0.6, True, 2, False, 1),
    Case("guider", "uni_pc", "beta", 5.0, 0.6, False, 2, True, 1),
    Case("guider", "euler", "simple", 1.0, 1.0, True, 0, False, 1),
    Case("guider", "dpmpp_2m", "simple", 5.0, 0.6, True, 2, False, 2),
    Case("guider", "lcm", "beta", 1.0, 1.0, False, 2, True, 1),
    Case("guider", "dpmpp_sde", "beta", 1.0, 0.6, False, 0, False, 1),
    Case("experts", "uni_pc", "simple", 1.0, 1.0, False, 0, True, 1),
    Case("experts", "euler", "simple", 5.0, 1.0, False, 2, False, 2),
    Case("experts", "euler", "beta", 1.0, 0.6, False, 2, True, 1),
    Case("experts", "dpmpp_2m", "normal", 5.0, 0.6, False, 0, False, 1),
    Case("experts", "lcm", "simple", 1.0, 1.0, False, 2, False, 1),
    Case("experts", "dpmpp_sde", "beta", 5.0, 1.0, False, 2, True, 1),
]


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def custom(**changed):
    numbers = {"steps": STEPS, "cfg": 4.0, "shift": SHIFT, "sampler": "euler", "scheduler": "simple"}
    return {"settings": "custom", **numbers, **changed}


def vcu_of(call, references=2):
    pictures = {f"reference_image_{i}": rand(1, 32, 48, 3, seed=10 + i) for i in range(references)}
    options = {"fit": "cover", "inside_mask": "empty", "soft_mask": False}
    mask = torch.zeros(5, 32, 48)
    mask[:, :, 24:] = 1
    return call(
        "VaceBuildVcu", references=pictures, control_video=rand(5, 32, 48, 3), control_masks=mask, **SIZE, **options
    )[0]


def encoded(vae, positive, latent):
    """The latent with the references' pictures and an encoded video in it, as denoise below 1 wants it."""
    count = latent["vace_num_references"]
    pictures = positive[0][1]["vace_frames"][0][:, :16, :count]
    samples = torch.cat([pictures, vae.encode(rand(5, 32, 48, 3, seed=4))], dim=2)
    return {**latent, "samples": samples.expand(latent["samples"].shape[0], -1, -1, -1, -1).clone()}


def with_mask(latent):
    """Right half generated, left half kept; the references generated."""
    mask = torch.ones(latent["samples"].shape[2], 32, 48)
    mask[latent["vace_num_references"] :, :, :24] = 0
    return {**latent, "noise_mask": mask}


def sample(call, **inputs):
    return call(
        "VaceSampleContext", **{"seed": SEED, "settings": custom(), "denoise": 1.0, "boundary": BOUNDARY, **inputs}
    )


def shifted(call, model, shift=SHIFT):
    return call("ModelSamplingSD3", model=model, shift=shift)[0]


def switch(call, model, case):
    """The first step below the boundary, counted on the sigmas that KSampler would take."""
    discards = case.sampler == "uni_pc"  # takes one more and leaves out the last but one
    (sigmas,) = call(
        "BasicScheduler", model=model, scheduler=case.scheduler, steps=STEPS + discards, denoise=case.denoise
    )
    return next(i for i, sigma in enumerate(sigmas.tolist()) if sigma < BOUNDARY)


def hosts_own(call, case, model, low, inputs):
    """The same by the host's nodes."""
    positive, negative, latent = inputs
    model, low = shifted(call, model), shifted(call, low)
    common = {"steps": STEPS, "cfg": case.cfg, "sampler_name": case.sampler, "scheduler": case.scheduler}
    common |= {"positive": positive, "negative": negative, "denoise": case.denoise}
    if case.path == "ksampler":
        return call("KSampler", model=model, seed=SEED, latent_image=latent, **common)[0]
    if case.path == "experts":
        step = switch(call, model, case)
        assert 0 < step < STEPS
        first = {"add_noise": "enable", "noise_seed": SEED, "return_with_leftover_noise": "enable"}
        second = {"add_noise": "disable", "noise_seed": SEED + 1, "return_with_leftover_noise": "disable"}
        half = call(
            "KSamplerAdvanced", model=model, latent_image=latent, start_at_step=0, end_at_step=step, **first, **common
        )[0]
        return call(
            "KSamplerAdvanced", model=low, latent_image=half, start_at_step=step, end_at_step=10000, **second, **common
        )[0]
    guider, solver, sigmas = custom_parts(call, case, model, positive, negative)
    (noise,) = call("RandomNoise", noise_seed=SEED)
    return call(
        "SamplerCustomAdvanced", noise=noise, guider=guider, sampler=solver, sigmas=sigmas, latent_image=latent
    )[0]


def custom_parts(call, case, model, positive, negative):
    (guider,) = call("CFGGuider", model=model, positive=positive, negative=negative, cfg=case.cfg)
    (solver,) = call("KSamplerSelect", sampler_name=case.sampler)
    (sigmas,) = call("BasicScheduler", model=model, scheduler=case.scheduler, steps=STEPS, denoise=case.denoise)
    return guider, solver, sigmas


def ours(call, case, model, low, inputs):
    positive, negative, latent = inputs
    if case.path == "guider":
        guider, solver, sigmas = custom_parts(call, case, shifted(call, model), positive, negative)
        return sample(call, guider=guider, sampler_object=solver, sigmas=sigmas, latent=latent)
    settings = custom(cfg=case.cfg, sampler=case.sampler, scheduler=case.scheduler)
    experts = {"low_noise_model": low} if case.path == "experts" else {}
    parts = {"positive": positive, "negative": negative, "latent": latent, "denoise": case.denoise}
    return sample(call, model=model, settings=settings, **experts, **parts)


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, c)))
def test_it_is_the_hosts_sampling_bit_for_bit(call, vae, vace_model, attached, low_noise, applied, case):
    positive, negative, latent = applied(case.references, case.batch)
    latent = encoded(vae, positive, latent) if case.denoise < 1 or case.mask else latent
    latent = with_mask(latent) if case.mask else latent
    model = attached if case.attached else vace_model
    expected = hosts_own(call, case, model, low_noise, (positive, negative, latent))["samples"]
    actual, video = ours(call, case, model, low_noise, (positive, negative, latent))
    difference = (actual["samples"] - expected).abs().max().item()
    print(f"\n{'  '.join(f'{value!s:>11}' for value in case)}  difference {difference}")
    assert difference == 0.0 and actual["samples"].isfinite().all() and expected.std() > 0.01
    (trimmed,) = call("VaceTrimLatent", samples=actual, trim_latent=-1)
    assert torch.equal(video["samples"], trimmed["samples"]) and video["vace_num_references"] == 0
    assert torch.equal(video["samples"], expected[:, :, case.references :])


def test_a_guider_without_sigmas_takes_ksamplers_steps_and_its_own_cfg_and_shift(call, vae, vace_model, applied):
    positive, negative, latent = applied()
    model = shifted(call, vace_model, 7.0)
    (guider,) = call("CFGGuider", model=model, positive=positive, negative=negative, cfg=2.0)
    common = {"positive": positive, "negative": negative, "latent_image": latent, "seed": SEED, "denoise": 1.0}
    (expected,) = call(
        "KSampler", model=model, steps=STEPS, cfg=2.0, sampler_name="uni_pc", scheduler="simple", **common
    )
    actual, _ = sample(call, guider=guider, latent=latent, settings=custom(cfg=9.0, shift=1.0, sampler="uni_pc"))
    assert torch.equal(actual["samples"], expected["samples"])


def test_the_largest_seed_goes_with_solvers_that_draw_noise(call, vae, vace_model, applied):
    """The host's own sampler nodes raise OverflowError here."""
    positive, negative, latent = applied()
    parts = {"model": vace_model, "positive": positive, "negative": negative, "latent": latent}
    largest, before = (
        sample(call, **parts, seed=2**64 - back, settings=custom(sampler="euler_ancestral"))[0]["samples"]
        for back in (1, 2)
    )
    assert largest.isfinite().all() and not torch.equal(largest, before)  # the noise to begin with is its own


def test_shift_0_leaves_the_models_own(call, vae, vace_model, applied):
    positive, negative, latent = applied()
    inputs = {"positive": positive, "negative": negative, "latent": latent}
    own, _ = sample(call, model=shifted(call, vace_model, 2.5), settings=custom(shift=0.0), **inputs)
    set_to_it, _ = sample(call, model=vace_model, settings=custom(shift=2.5), **inputs)
    other, _ = sample(call, model=vace_model, settings=custom(shift=9.0), **inputs)
    assert torch.equal(own["samples"], set_to_it["samples"]) and not torch.equal(own["samples"], other["samples"])


def test_sigmas_of_the_user_are_not_written_to(call, vae, vace_model, applied):
    positive, negative, latent = applied()
    sigmas = torch.tensor([1.0, 0.8, 0.4, 0.0])
    inputs = {"model": vace_model, "positive": positive, "negative": negative, "latent": latent, "sigmas": sigmas}
    first, _ = sample(call, settings=custom(sampler="uni_pc"), **inputs)
    again, _ = sample(call, settings=custom(sampler="uni_pc"), **inputs)
    assert sigmas.tolist() == torch.tensor([1.0, 0.8, 0.4, 0.0]).tolist()
    assert torch.equal(first["samples"], again["samples"])


def test_two_experts_keep_what_the_mask_keeps_where_two_host_nodes_leave_noise(
    call, vae, vace_model, low_noise, applied
):
    positive, negative, latent = applied()
    latent = with_mask(encoded(vae, positive, latent))
    parts = {"positive": positive, "negative": negative, "latent": latent}
    result, _ = sample(call, model=vace_model, low_noise_model=low_noise, **parts)
    case = Case("experts", "euler", "simple", 4.0, 1.0, True, 2, False, 1)
    chained = hosts_own(call, case, vace_model, low_noise, (positive, negative, latent))
    kept = (slice(None), slice(None), slice(2, None), slice(None), slice(0, 3))
    ours_off, theirs_off = ((r["samples"] - latent["samples"])[kept].abs().max().item() for r in (result, chained))
    print(f"\nkept half after two experts: ours {ours_off:.2g} off, two KSamplerAdvanced {theirs_off:.2g} off")
    assert ours_off < 1e-4 and theirs_off > 0.1
    free = {**latent, "noise_mask": torch.ones(4, 32, 48)}
    bare = {key: value for key, value in latent.items() if key != "noise_mask"}
    masked, unmasked = (
        sample(call, model=vace_model, low_noise_model=low_noise, **{**parts, "latent": one})[0]["samples"]
        for one in (free, bare)
    )
    assert torch.allclose(masked, unmasked, atol=1e-3)


@pytest.mark.parametrize(("boundary", "one"), [(0.0, "vace_model"), (1.0, "low_noise")])
def test_a_boundary_no_step_crosses_leaves_one_expert_and_says_so(
    call, vae, applied, vace_model, low_noise, boundary, one, caplog
):
    positive, negative, latent = applied()
    latent = encoded(vae, positive, latent)
    inputs = {"positive": positive, "negative": negative, "latent": latent, "denoise": 0.6}
    with caplog.at_level("INFO"):
        both, _ = sample(call, model=vace_model, low_noise_model=low_noise, boundary=boundary, **inputs)
    alone, _ = sample(call, model={"vace_model": vace_model, "low_noise": low_noise}[one], **inputs)
    assert torch.equal(both["samples"], alone["samples"])
    unused = "low_noise_model is not used: no" if one == "vace_model" else "model is not used: every"
    assert f"VACE Sample Context: {unused} step begins below the boundary of {boundary:g}." in caplog.text


def test_an_encoded_video_gets_the_references_before_it_and_its_mask_too(call, vae, vace_model, applied, caplog):
    positive, negative, latent = applied()
    whole = with_mask(encoded(vae, positive, latent))
    (video,) = call("VAEEncode", pixels=rand(5, 32, 48, 3, seed=4), vae=vae)
    parts = {"model": vace_model, "positive": positive, "negative": negative, "denoise": 0.6}
    expected, _ = sample(call, latent=whole, **parts)
    with caplog.at_level("INFO"):
        actual, alone = sample(call, latent={**video, "noise_mask": whole["noise_mask"][2:]}, **parts)
    assert torch.equal(actual["samples"], expected["samples"])
    assert "latent holds the video alone; the 2 references are put before it." in caplog.text
    still, _ = sample(call, latent={**video, "noise_mask": whole["noise_mask"][2]}, **parts)
    five, _ = sample(call, latent={**video, "noise_mask": whole["noise_mask"][None, None, 2:]}, **parts)
    assert torch.equal(still["samples"], expected["samples"]) and torch.equal(five["samples"], expected["samples"])
    frames, _ = call("VaceDecodeLatent", samples=actual, vae=vae, fps=0.0, trim_latent=-1, length=-1)
    assert frames.shape == (5, 32, 48, 3) and alone["samples"].shape[2] == 2


def test_an_empty_latent_of_the_video_alone_stays_empty(call, vae, vace_model, applied):
    positive, negative, latent = applied()
    parts = {"model": vace_model, "positive": positive, "negative": negative}
    expected, _ = sample(call, latent=latent, **parts)
    (video,) = call("EmptyHunyuanLatentVideo", **SIZE, batch_size=1)
    actual, _ = sample(call, latent=video, **parts)
    assert torch.equal(actual["samples"], expected["samples"]) and "downscale_ratio_spacial" not in actual


def test_the_noise_mask_of_our_node_fits(call, vae, vace_model, applied):
    positive, negative, latent = applied()
    held, _ = call("VaceSetNoiseMask", latent=latent, vcu=vcu_of(call), vae=vae, grow=0)
    parts = {"positive": positive, "negative": negative}
    numbers = {"steps": STEPS, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    (expected,) = call("KSampler", model=shifted(call, vace_model), seed=SEED, latent_image=held, **parts, **numbers)
    actual, _ = sample(call, model=vace_model, latent=held, **parts)
    assert torch.equal(actual["samples"], expected["samples"]) and not held["noise_mask"].all()
