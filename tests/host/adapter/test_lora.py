"""LoRAs on the adapter's blocks against the merged model, which has base and adapter in one."""

import pytest
import torch
from safetensors.torch import save_file

from .test_cases import MERGED, PLAIN, lora_weights

pytestmark = pytest.mark.host
SAMPLER = {"seed": 3, "steps": 2, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}


@pytest.fixture
def loras(host, tmp_path, monkeypatch):
    """The only folder of LoRAs, with one for base and adapter, and one for the base alone."""
    import folder_paths

    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    both = lora_weights()
    save_file(both, tmp_path / "both.safetensors")
    save_file({key: tensor for key, tensor in both.items() if "vace" not in key}, tmp_path / "base.safetensors")
    save_file({"diffusion_model.vace_blocks.9.x.lora_up.weight": torch.ones(2, 2)}, tmp_path / "other.safetensors")
    return tmp_path


@pytest.fixture
def sample(call, vae, prompts):
    settings = {"width": 48, "height": 32, "length": 5, "fit": "cover", "inside_mask": "empty", "soft_mask": False}
    (vcu, *_) = call("VaceBuildVcu", references={}, control_video=torch.rand(5, 32, 48, 3), **settings)
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)
    positive, negative, latent, _ = call(
        "VaceApplyContext", positive=prompts[0], negative=prompts[1], context=context, strength=1.0, batch_size=1
    )
    conditioning = {"positive": positive, "negative": negative, "latent_image": latent}
    return lambda model: call("KSampler", model=model, **conditioning, **SAMPLER)[0]["samples"]


@pytest.fixture
def adapter(call):
    return call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]


@pytest.mark.parametrize("strengths", [(1.0,), (0.6, -0.3)])
def test_a_lora_on_base_and_adapter_is_that_on_the_merged_model(call, loras, sample, adapter, strengths, same):
    merged, base = (call("UNETLoader", unet_name=name, weight_dtype="default")[0] for name in (MERGED, PLAIN))
    plain_result = sample(merged)
    for strength in strengths:
        name = {"lora_name": "both.safetensors", "strength_model": strength}
        (merged,), (base,) = (call("LoraLoaderModelOnly", model=model, **name) for model in (merged, base))
        (adapter,) = call("VaceLoadAdapterLora", adapter=adapter, lora_name="both.safetensors", strength=strength)
    (attached,) = call("VaceApplyAdapter", model=base, adapter=adapter)
    expected = sample(merged)
    same(f"VACE Load Adapter LoRA, {len(strengths)}", expected, sample(attached))
    assert (expected - plain_result).abs().max() > 1e-3


def test_the_adapter_without_it_stays_as_it_was(call, loras, sample, adapter):
    (base,) = call("UNETLoader", unet_name=PLAIN, weight_dtype="default")
    (attached,) = call("VaceApplyAdapter", model=base, adapter=adapter)
    before = sample(attached)
    (patched,) = call("VaceLoadAdapterLora", adapter=adapter, lora_name="both.safetensors", strength=1.0)
    with_lora = sample(call("VaceApplyAdapter", model=base, adapter=patched)[0])
    assert torch.equal(sample(attached), before) and not torch.equal(with_lora, before)
    (switched_off,) = call("VaceLoadAdapterLora", adapter=adapter, lora_name="both.safetensors", strength=0.0)
    assert torch.equal(sample(call("VaceApplyAdapter", model=base, adapter=switched_off)[0]), before)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("base.safetensors", r"base\.safetensors has nothing for the adapter's blocks \(0 of its"),
        ("other.safetensors", r"other\.safetensors has nothing for the adapter's blocks \(1 of its 1 keys name VACE"),
        ("gone.safetensors", r'lora_name is "gone\.safetensors", which is not in models/loras'),
    ],
)
def test_a_file_that_does_nothing_here_is_refused(call, loras, adapter, name, message):
    with pytest.raises(ValueError, match=message):
        call("VaceLoadAdapterLora", adapter=adapter, lora_name=name, strength=1.0)
