"""NaN is named at the first step, with the file it comes from; looking for it changes and costs nothing else."""

import dataclasses
import importlib

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.host import locations

from .test_adapter import conditioned, encode, sample

pytestmark = pytest.mark.host

ADAPTER = "vace/small_vace_adapter.safetensors"


@pytest.fixture(scope="module")
def weights(host):
    return load_file(locations.base_dir() / "models" / ADAPTER)


@pytest.fixture(autouse=True)
def _forget(host):
    """Unload everything, so that what a test patched does not stay in the models that all tests share."""
    yield
    importlib.import_module("comfy.model_management").unload_all_models()


@pytest.fixture
def damaged(call, plain_model, weights, tmp_path):
    """The plain model with an adapter that has one NaN."""

    def attach(key):
        tensors = {name: value.clone() for name, value in weights.items()}
        tensors[key].view(-1)[5] = torch.nan
        save_file(tensors, tmp_path / "damaged.safetensors")
        load = importlib.import_module("wan_vace.nodes._host.adapter").load_adapter
        return call("VaceApplyAdapter", model=plain_model, adapter=load(tmp_path / "damaged.safetensors"))[0]

    return attach


@pytest.fixture
def inputs(call, vae, prompts):
    return conditioned(call, prompts, [(encode(call, vae), 0.8)])


@pytest.mark.parametrize(
    "key",
    ["vace_patch_embedding.bias", "vace_blocks.0.self_attn.q.weight", "vace_blocks.1.after_proj.weight",
     "vace_blocks.1.modulation"],
)  # fmt: skip
def test_a_damaged_adapter_is_named_at_the_first_step(call, damaged, inputs, key):
    with pytest.raises(ValueError, match=r"^The VACE adapter damaged\.safetensors gives NaN.*download it again"):
        sample(call, damaged(key), inputs, steps=2)


def test_an_adapter_that_begins_later_is_looked_at_then(call, damaged, inputs):
    model = damaged("vace_blocks.1.after_proj.weight")
    curve = {"steps": "0:0, 50%:0, 50%:1", "frames": "1", "blocks": "", "references": 1.0}
    model = call("VaceSetStrength", model=model, **curve)[0]
    with pytest.raises(ValueError, match=r"damaged\.safetensors gives NaN"):
        sample(call, model, inputs, steps=4)


def test_strength_0_never_meets_it(call, vae, prompts, plain_model, damaged):
    inputs = conditioned(call, prompts, [(encode(call, vae), 0.0)])
    found = sample(call, damaged("vace_blocks.0.ffn.0.bias"), inputs)
    assert torch.equal(found, sample(call, plain_model, inputs))


def test_a_base_that_is_damaged_is_not_laid_on_the_adapter(call, plain_model, inputs):
    adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]
    model = plain_model.clone()
    bias = model.get_model_object("diffusion_model").head.head.bias
    model.add_object_patch("diffusion_model.head.head.bias", torch.nn.Parameter(torch.full_like(bias, torch.nan)))
    model = call("VaceApplyAdapter", model=model, adapter=adapter)[0]
    with pytest.raises(ValueError, match=r"^model gives NaN or infinite values without its VACE adapter too"):
        sample(call, model, inputs)


def test_a_context_that_is_nan_is_named(call, vae, prompts, plain_model):
    adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]
    model = call("VaceApplyAdapter", model=plain_model, adapter=adapter)[0]
    context = encode(call, vae)
    inputs = conditioned(
        call, prompts, [(dataclasses.replace(context, latents=torch.full_like(context.latents, torch.nan)), 0.8)]
    )
    with pytest.raises(ValueError, match=r"^The VACE context is NaN or infinite"):
        sample(call, model, inputs)


def test_a_run_is_looked_at_once(call, plain_model, inputs, monkeypatch):
    looks, look = [], torch.aminmax
    monkeypatch.setattr(torch, "aminmax", lambda values: looks.append(tuple(values.shape)) or look(values))
    adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]
    model = call("VaceApplyAdapter", model=plain_model, adapter=adapter)[0]
    for run in (1, 2):
        sample(call, model, inputs, steps=5)
        assert len(looks) == run


def test_a_merged_model_that_gives_nan_stops_at_its_first_step(call, vace_model, inputs):
    model = vace_model.clone()
    bias = model.get_model_object("diffusion_model").head.head.bias
    model.add_object_patch("diffusion_model.head.head.bias", torch.nn.Parameter(torch.full_like(bias, torch.nan)))
    positive, negative, latent = inputs
    settings = {"settings": "custom", "steps": 3, "cfg": 1.0, "shift": 5.0, "sampler": "euler", "scheduler": "simple"}
    run = {"positive": positive, "negative": negative, "latent": latent, "seed": 3, "denoise": 1.0, "boundary": 0.875}
    with pytest.raises(ValueError, match=r"^model gives NaN or infinite values at step 1, so the video would be black"):
        call("VaceSampleContext", model=model, settings=settings, **run)
