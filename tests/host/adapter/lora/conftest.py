"""Models whose weights were changed by hand, in float32, beside the same models with a LoRA."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from harness.host import locations
from harness.host.precision import unet_flag

from ..test_adapter import conditioned, encode, sample
from ..test_cases import MERGED, PLAIN
from .forms import DORA_TOLERANCE, STRENGTH


@pytest.fixture
def folder(host, tmp_path, monkeypatch):
    """The only folder of LoRAs."""
    import folder_paths

    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    return tmp_path


@pytest.fixture
def by_hand(folder):
    """A merged model whose checkpoint has been changed, by the name of each changed tensor."""
    import comfy.sd

    def load(changes):
        source = locations.base_dir() / "models" / "diffusion_models" / MERGED
        with safe_open(source, "pt") as file:
            metadata = file.metadata()
        weights = load_file(source)
        for name, change in changes.items():
            weights[name] = change(weights[name])
        save_file(weights, folder / "by_hand.safetensors", metadata)
        with unet_flag("fp32_unet"):
            return comfy.sd.load_diffusion_model(str(folder / "by_hand.safetensors"))

    return load


@pytest.fixture
def inputs(call, vae, prompts):
    return conditioned(call, prompts, [(encode(call, vae), 0.8)])


@pytest.fixture
def targets(call):
    """A merged model, and one with an adapter."""
    with unet_flag("fp32_unet"):
        merged, plain = (call("UNETLoader", unet_name=name, weight_dtype="default")[0] for name in (MERGED, PLAIN))
        adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]
    return merged, call("VaceApplyAdapter", model=plain, adapter=adapter)[0]


@pytest.fixture
def note_kind(record_property):
    """Keep what became of a kind of LoRA for the table of kinds."""
    return lambda kind, where, value: record_property("lora", (kind, where, value))


@pytest.fixture
def check(call, folder, by_hand, inputs, targets, note_kind, monkeypatch):
    """Both models with a file of these tensors give what the checkpoint with these changes gives."""
    import comfy.model_management

    # Elsewhere than on the CPU the host patches weights in fp16, which is noted here for each device.
    device = comfy.model_management.get_torch_device()
    monkeypatch.setitem(comfy.model_management.LORA_COMPUTE_DTYPES, device, torch.float32)
    exact = 0 if device.type == "cpu" else DORA_TOLERANCE  # what is done by hand is done on the CPU

    def compare(kind, tensors, changes, tolerance=0):
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / "x.safetensors")
        expected = sample(call, by_hand(changes), inputs)
        for where, model in zip(("merged", "attached"), targets, strict=True):
            assert (sample(call, model, inputs) - expected).abs().max() > 1e-3
            patched, report = call("VaceLoadLora", model=model, lora_name="x.safetensors", strength=STRENGTH)
            found = sample(call, patched, inputs)
            note_kind(kind, where, ((found - expected).abs().max() / expected.abs().max()).item())
            torch.testing.assert_close(found, expected, rtol=0, atol=tolerance or exact)
        return report

    return compare
