"""Every published kind of file against a float32 model of what its numbers mean, worked out independently."""

import importlib
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.host.precision import tolerances, unet_flag
from harness.inputs.checkpoints import SEED, TEXT_DIM, diffusion_weights
from layouts.kinds import KINDS

from .test_adapter import conditioned, encode, sample

pytestmark = pytest.mark.host

# The host multiplies int8 layers in int8, inputs rounded to 255 steps for each token, and so does LightX2V.
TOLERANCE = {"int8, comfy_quant": 0.05, "LightX2V int8": 0.05}
FP8_TOLERANCE = 0.1  # where the device multiplies in fp8, inputs rounded to it as well
CONFIG = {"config": f'{{"transformer": {{"text_dim": {TEXT_DIM}}}}}'}


@pytest.fixture(scope="module")
def weights(host):
    torch.manual_seed(SEED)
    return diffusion_weights()


@pytest.fixture(scope="module")
def pack(host):
    return importlib.import_module("wan_vace.nodes._host.adapter")


@pytest.fixture(scope="module")
def inputs(call, vae):
    generator = torch.Generator().manual_seed(7)
    prompts = [[[torch.randn(1, 24, TEXT_DIM, generator=generator), {}]] for _ in range(2)]
    return conditioned(call, prompts, [(encode(call, vae, references=1), 0.8)])


@pytest.fixture(scope="module")
def plain_model(call):
    """In float32, as everything here that no file quantises."""
    with unet_flag("fp32_unet"):
        return call("UNETLoader", unet_name="small_wan_t2v.safetensors", weight_dtype="default")[0]


@pytest.fixture(autouse=True)
def _known_to_this_host(host, request):
    import comfy.quant_ops

    needs = request.node.callspec.params["kind"].needs
    if needs and needs not in comfy.quant_ops.QUANT_ALGOS:
        pytest.skip(f"this ComfyUI does not know {needs}")


@pytest.fixture
def row(record_property, request):
    """Keep a kind's line for the table."""
    return lambda column, value: record_property("layout", (request.node.callspec.params["kind"].name, column, value))


def is_vace(key):
    return key.startswith("vace_")


def merged(weights):
    """The host's own model of plain weights, in float32."""
    import comfy.sd

    with unet_flag("fp32_unet"):
        return comfy.sd.load_diffusion_model_state_dict(dict(weights), metadata=CONFIG)


def allowed(kind, model):
    """What a kind may differ by: nothing, but for layers that the device multiplies in less than float32."""
    import comfy.model_management

    if "fp8" in kind.name and comfy.model_management.supports_fp8_compute(model.load_device):
        return FP8_TOLERANCE
    dtype = model.model.manual_cast_dtype or model.model.get_dtype()
    return max(TOLERANCE.get(kind.name, 0), tolerances(dtype, model.load_device, torch.ones(1), 0.0, 0.0)["atol"])


def difference(call, expected, model, inputs):
    """The largest, relative to the largest value of what is expected."""
    expected, found = (sample(call, each, inputs, steps=2) for each in (expected, model))
    assert expected.isfinite().all() and found.isfinite().all()
    return ((expected - found).abs().max() / expected.abs().max()).item()


def lora(model):
    """A LoRA for some VACE blocks, on a merged model or an adapter."""
    import comfy.sd

    generator, weights = torch.Generator().manual_seed(3), {}
    for name in ("vace_blocks.0.ffn.2", "vace_blocks.1.self_attn.k"):
        size = 256 if "ffn" in name else 128
        weights[f"diffusion_model.{name}.lora_up.weight"] = torch.rand(128, 4, generator=generator) - 0.5
        weights[f"diffusion_model.{name}.lora_down.weight"] = torch.rand(4, size, generator=generator) - 0.5
    return comfy.sd.load_lora_for_models(model, None, weights, 0.9, 0.0)[0]


OF_HOST = [kind for kind in KINDS if kind.host and ("scaled" in kind.name or "comfy_quant" in kind.name)]


@pytest.mark.parametrize("change", [lambda model: model, lora], ids=["plain", "LoRA"])
@pytest.mark.parametrize("kind", OF_HOST, ids=lambda kind: kind.name)
def test_what_the_host_can_quantise_equals_its_merged_model(call, pack, weights, inputs, kind, change, tmp_path, same):
    """Whatever the host computes with such layers: in fp8 or int8, dequantised, patched by a LoRA."""
    import comfy.model_management
    import comfy.sd

    path, _ = kind.write(tmp_path, {key: value for key, value in weights.items() if is_vace(key)})
    base = {key: value for key, value in weights.items() if not is_vace(key)}
    save_file(load_file(path) | base, tmp_path / "together.safetensors", CONFIG)
    with unet_flag(None):
        model = comfy.sd.load_diffusion_model(str(tmp_path / "together.safetensors"))
        # A model with quantised layers has the others in what it computes in.
        plain = {"dtype": model.model.get_dtype_inference()}
        plain_model = comfy.sd.load_diffusion_model_state_dict(base, plain, CONFIG)
        adapter = pack.load_adapter(path)
    attached = call("VaceApplyAdapter", model=plain_model, adapter=change(adapter))[0]
    results = [sample(call, each, inputs, steps=2) for each in (change(model), attached)]
    comfy.model_management.unload_all_models()
    same(f"{kind.name}{', LoRA' * (change is lora)}", *results)


def is_read_wrongly(call, path, means, inputs):
    """Whether the host's own loader makes something else of a file, so that refusing it is right."""
    import comfy.sd

    try:
        found = sample(call, comfy.sd.load_diffusion_model(str(path)), inputs, steps=2)
    except (RuntimeError, ValueError, KeyError, TypeError):
        return True
    expected = sample(call, merged(means), inputs, steps=2)
    return not found.isfinite().all() or (found - expected).abs().max() > 0.1 * expected.abs().max()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_adapter_is_what_the_file_means(call, pack, weights, plain_model, inputs, kind, row, tmp_path):
    own = weights if kind.whole else {key: value for key, value in weights.items() if is_vace(key)}
    path, means = kind.write(tmp_path, own)
    if kind.refused:
        with pytest.raises(ValueError, match=rf"is quantised as {re.escape(kind.refused)} \(.*Choose the same file in"):
            pack.load_adapter(path)
        row("VACE Load Adapter", "refused by name")
        return
    means = {key: value for key, value in means.items() if is_vace(key)}
    with unet_flag("fp32_unet"):
        adapter = pack.load_adapter(path)
    attached = call("VaceApplyAdapter", model=plain_model, adapter=adapter)[0]
    found = difference(call, merged(weights | means), attached, inputs)
    assert found <= allowed(kind, adapter)
    row("VACE Load Adapter", found)


@pytest.mark.parametrize("kind", [k for k in KINDS if k.needs in ("mxfp8", "nvfp4")], ids=lambda kind: kind.name)
def test_a_format_that_an_older_host_does_not_know_is_named(pack, weights, kind, tmp_path, monkeypatch):
    import comfy.quant_ops

    path, _ = kind.write(tmp_path, {key: value for key, value in weights.items() if is_vace(key)})
    monkeypatch.delitem(comfy.quant_ops.QUANT_ALGOS, kind.needs)
    with pytest.raises(ValueError, match=rf"is quantised as {kind.needs}.*, which this ComfyUI does not know\. Update"):
        pack.load_adapter(path)


@pytest.mark.parametrize("kind", [k for k in KINDS if k.host is not None], ids=lambda kind: kind.name)
def test_a_whole_file_loads_right_or_is_refused(call, pack, weights, inputs, kind, row, tmp_path, monkeypatch):
    import comfy.sd
    import folder_paths

    path, means = kind.write(tmp_path, weights)
    folders, extensions = folder_paths.folder_names_and_paths["diffusion_models"]
    both = {**folder_paths.folder_names_and_paths, "diffusion_models": ([*folders, str(tmp_path)], extensions)}
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", both)
    if not kind.host:
        with pytest.raises(ValueError, match=rf'^model is "{path.name}", which .*(quant|scaled fp8)'):
            pack.require_loadable(path.name)
        row("VACE Load Models", "refused by name")
        assert is_read_wrongly(call, path, means, inputs)
        return
    pack.require_loadable(path.name)
    with unet_flag("fp32_unet"):
        model = comfy.sd.load_diffusion_model(str(path))
    found = difference(call, merged(means), model, inputs)
    assert found <= allowed(kind, model)
    row("VACE Load Models", found)
