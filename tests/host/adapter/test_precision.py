"""The adapter's precision is what the host gives a VACE model of the same weights, by its flags and device facts."""

import importlib

import pytest
import torch
from safetensors.torch import save_file

from harness.host.precision import unet_flag
from harness.inputs.checkpoints import SEED, TEXT_DIM, diffusion_weights

pytestmark = pytest.mark.host

FLAGS = ["none", "bf16_unet", "fp16_unet", "fp32_unet", "fp8_e4m3fn_unet", "fp8_e5m2_unet"]
STORED = [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]
# What a device can do: 16 bits as on today's cards, bf16 alone, fp8 besides.
DEVICES = {"16 bits": "fp16 bf16", "bf16 alone": "bf16", "fp8": "fp16 bf16 fp8", "float32 alone": ""}


@pytest.fixture(autouse=True)
def _only_flags_of_the_test(host):
    """Whatever precision the host was started with."""
    with unet_flag(None):
        yield


@pytest.fixture(scope="module")
def weights(host):
    torch.manual_seed(SEED)
    return diffusion_weights()


@pytest.fixture
def both(weights):
    """By the type of a file: VACE parameters of the host's own model, and of the adapter."""

    def load(dtype):
        import comfy.sd

        model = importlib.import_module("wan_vace.nodes._host.adapter.model")
        stored = {key: value.to(dtype) for key, value in weights.items()}
        own = {key: value for key, value in stored.items() if key.startswith("vace_")}
        config = {"config": f'{{"transformer": {{"text_dim": {TEXT_DIM}}}}}'}
        merged = comfy.sd.load_diffusion_model_state_dict(stored, metadata=config)
        adapter = model.build_adapter(own, None, None)
        theirs = {k: v for k, v in merged.model.diffusion_model.state_dict().items() if k.startswith("vace_")}
        return (merged.model, theirs), (adapter.model, adapter.model.diffusion_model.state_dict())

    return load


@pytest.fixture
def device(monkeypatch):
    """Make the host believe that the device can do something."""
    import comfy.model_management as management

    functions = {"fp16": "should_use_fp16", "bf16": "should_use_bf16", "fp8": "supports_fp8_compute"}

    def pretend(abilities):
        for name, function in functions.items():
            able = name in abilities.split()
            monkeypatch.setattr(management, function, lambda *_, able=able, **__: able)

    return pretend


def require_dynamic_vram():
    import comfy.model_management

    if not hasattr(comfy.model_management, "archive_model_dtypes"):
        pytest.skip("this ComfyUI has no dynamic VRAM")


def assert_same(both, dtype):
    (merged, theirs), (adapter, ours) = both(dtype)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        assert ours[key].dtype == value.dtype, key
        assert torch.equal(ours[key].float(), value.float()), key
    assert adapter.get_dtype() == merged.get_dtype() and adapter.manual_cast_dtype == merged.manual_cast_dtype


@pytest.mark.parametrize("dtype", STORED, ids=str)
@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_of_the_host_is_followed(both, monkeypatch, flag, dtype):
    from comfy.cli_args import args

    if flag != "none":
        monkeypatch.setattr(args, flag, True)
    assert_same(both, dtype)


@pytest.mark.parametrize("dtype", STORED, ids=str)
@pytest.mark.parametrize("abilities", DEVICES)
def test_a_device_gets_what_the_host_would_give_it(both, device, abilities, dtype):
    device(DEVICES[abilities])
    assert_same(both, dtype)


def test_a_float32_file_takes_half_the_memory_where_the_host_computes_in_16_bits(both, device):
    device("")
    single = both(torch.float32)[1][1]
    device("fp16 bf16")
    half = both(torch.float32)[1][1]
    sizes = [sum(value.nbytes for key, value in state.items() if "blocks" in key) for state in (single, half)]
    assert sizes[0] == 2 * sizes[1]


@pytest.mark.parametrize("rest", [torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("dynamic", [False, True])
def test_what_an_fp8_file_stores_wide_stays_wide(weights, device, monkeypatch, tmp_path, rest, dynamic):
    """Where fp8 weights stay fp8, and with dynamic VRAM as well: there the file's own tensors become the parameters."""
    import comfy.model_patcher

    load_adapter = importlib.import_module("wan_vace.nodes._host.adapter.model").load_adapter
    stored = {
        key: value.to(torch.float8_e4m3fn if value.ndim == 2 and key.endswith("weight") else rest)
        for key, value in weights.items()
        if key.startswith("vace_")
    }
    save_file(stored, tmp_path / "a.safetensors")
    device("fp16 bf16 fp8")
    if dynamic:
        require_dynamic_vram()
        monkeypatch.setattr(comfy.model_patcher.ModelPatcher, "is_dynamic", lambda self: True)
    blocks = load_adapter(tmp_path / "a.safetensors").model.diffusion_model
    for key, value in blocks.state_dict().items():
        assert torch.equal(value.cpu().float(), stored[key].float()), key
        module, _, name = key.rpartition(".")
        wanted = torch.float32 if key.startswith("vace_patch_embedding") else stored[key].dtype
        assert getattr(blocks.get_submodule(module), f"{name}_comfy_model_dtype", wanted) == wanted, key


def test_dynamic_vram_casts_to_what_the_host_would_cast_to(both, device, monkeypatch):
    """There the file's types stay in memory; the type of each parameter on the device is noted beside it."""
    import comfy.model_patcher

    require_dynamic_vram()
    device("fp16 bf16")
    monkeypatch.setattr(comfy.model_patcher.ModelPatcher, "is_dynamic", lambda self: True)
    (merged, theirs), (adapter, ours) = both(torch.float32)
    for key in theirs:
        assert ours[key].dtype == theirs[key].dtype == torch.float32
        module, _, name = key.rpartition(".")
        noted = [
            getattr(model.diffusion_model.get_submodule(module), f"{name}_comfy_model_dtype")
            for model in (merged, adapter)
        ]
        assert noted[0] == noted[1], key


@pytest.mark.parametrize("flag", ["bf16_unet", "fp16_unet"])
def test_lora_hooks_round_as_in_the_merged_model(
    call, vae, prompts, weights, lora_folder, monkeypatch, tmp_path, same, flag
):
    """They are added to the weights in memory, in 16 bits where the host keeps them so."""
    import comfy.model_management
    import comfy.sd
    from comfy.cli_args import args

    from .test_cases import Setting
    from .test_hooks import lora_hook, with_hooks

    monkeypatch.setattr(args, flag, True)
    config = {"config": f'{{"transformer": {{"text_dim": {TEXT_DIM}}}}}'}
    base = {key: value for key, value in weights.items() if not key.startswith("vace_")}
    own = {key: value for key, value in weights.items() if key.startswith("vace_")}
    models = [comfy.sd.load_diffusion_model_state_dict(dict(each), metadata=config) for each in (weights, base)]
    build = importlib.import_module("wan_vace.nodes._host.adapter.model").build_adapter
    setting = Setting(call, vae, *models, build(own, None, None), prompts, tmp_path)
    positive, negative, latent = setting.inputs(references=1)
    results = setting.both((with_hooks(setting, positive, lora_hook(setting)), negative, latent), steps=2)
    comfy.model_management.unload_all_models()
    same(f"LoRA hook, {flag}", *results)
