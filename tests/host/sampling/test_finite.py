"""NaN is refused where it comes in: a scheduler of the host gives it at a single step, and a LATENT may hold it."""

import pytest
import torch

pytestmark = pytest.mark.host

TAKING = {
    "VaceSetNoiseMask": ("latent", {"grow": 0}),
    "VaceTrimLatent": ("samples", {"trim_latent": -1}),
    "VaceDecodeLatent": ("samples", {"fps": 0.0, "trim_latent": -1, "length": -1}),
    "VaceDecodeVideo": ("samples", {"fps": 0.0, "trim_latent": -1, "length": -1}),
    "VaceSampleContext": ("latent", {"settings": {"settings": "official (50 steps)"}}),
}


@pytest.fixture
def made(call, vae, vace_model, prompts):
    """What the nodes take beside a LATENT, and the LATENT."""
    (vcu, *_) = call("VaceBuildVcu", control_video=torch.rand(5, 32, 32, 3), inside_mask="empty")
    (context, *_) = call("VaceEncodeVcu", vae=vae, vcu=vcu)
    positive, negative, latent, _ = call(
        "VaceApplyContext", positive=prompts[0], negative=prompts[1], context=context, strength=1.0, batch_size=1
    )
    model = {"model": vace_model, "positive": positive, "negative": negative}
    return {"vcu": vcu, "vae": vae, **model}, latent


def test_a_scheduler_of_the_host_gives_nan_at_one_step(call, made):
    parts, latent = made
    settings = {"seed": 0, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "kl_optimal", "denoise": 1.0}
    model = {name: parts[name] for name in ("model", "positive", "negative")}
    (sampled,) = call("KSampler", **model, latent_image=latent, **settings)
    assert sampled["samples"].isnan().any(), "the host has mended it: leave this test out"


@pytest.mark.parametrize("sampler", ["official unipc", "euler", "dpmpp_2m_sde_gpu"])
def test_such_a_scheduler_is_named(call, made, sampler):
    parts, latent = made
    settings = {
        "settings": "custom",
        "steps": 1,
        "cfg": 1.0,
        "shift": 0.0,
        "sampler": sampler,
        "scheduler": "kl_optimal",
    }
    model = {name: parts[name] for name in ("model", "positive", "negative")}
    with pytest.raises(ValueError, match=r"^settings\.scheduler is kl_optimal, .* NaN at settings\.steps 1"):
        call("VaceSampleContext", **model, latent=latent, seed=0, settings=settings, denoise=1.0, boundary=0.875)


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
@pytest.mark.parametrize("node", TAKING)
def test_it_is_refused_by_the_name_of_its_socket(call, made, host_nodes, node, value):
    parts, latent = made
    socket, settings = TAKING[node]
    wanted = {one.id for one in host_nodes[node].define_schema().inputs}
    samples = latent["samples"].clone()
    samples[0, 3, 1, 2, 1] = value
    given = {name: part for name, part in parts.items() if name in wanted and name != "vcu"}
    given |= {"vcu": parts["vcu"]} if node == "VaceSetNoiseMask" else {}
    with pytest.raises(ValueError, match=f"^{socket} holds NaN or infinite values"):
        call(node, **given, **settings, **{socket: {**latent, "samples": samples}})
