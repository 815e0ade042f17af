"""VACE Load Models and VACE Load Adapter, each given what belongs elsewhere, and tensors that belong to nobody."""

import importlib

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.host import locations
from harness.host.precision import unet_flag

pytestmark = pytest.mark.host

FILES = {"text_encoder": "umt5.safetensors", "vae": "small_wan_vae.safetensors", "weight_dtype": "default"}


@pytest.fixture(scope="module")
def adapter(host):
    return load_file(locations.base_dir() / "models" / "vace" / "small_vace_adapter.safetensors")


@pytest.fixture
def folder(host, tmp_path, monkeypatch):
    """The test's own folder among those of the diffusion models."""
    import folder_paths

    folders = folder_paths.folder_names_and_paths["diffusion_models"][0]
    folders.append(str(tmp_path))
    yield tmp_path
    folders.remove(str(tmp_path))


def t5(positions):
    """The names of a T5-xxl, and its width where that is a vector; all else has one value."""
    names = ["shared.weight", "spiece_model"]
    for block in range(24):
        names += [f"encoder.block.{block}.layer.0.SelfAttention.{part}.weight" for part in "qkvo"]
        names += [f"encoder.block.{block}.layer.1.DenseReluDense.{part}.weight" for part in ("wi_0", "wi_1", "wo")]
    names += [f"encoder.block.{b}.layer.0.SelfAttention.relative_attention_bias.weight" for b in range(positions)]
    return {name: torch.zeros(1) for name in names} | {"encoder.final_layer_norm.weight": torch.zeros(4096)}


@pytest.fixture
def text_encoders(host, tmp_path, monkeypatch):
    """The only folder of text encoders."""
    import folder_paths

    monkeypatch.setitem(folder_paths.folder_names_and_paths, "text_encoders", ([str(tmp_path)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    save_file(t5(positions=24), tmp_path / "umt5.safetensors")
    return tmp_path


@pytest.fixture
def load(host_nodes, text_encoders):
    def run(model, **inputs):
        node = host_nodes["VaceLoadModels"].PREPARE_CLASS_CLONE(None)
        return node.EXECUTE_NORMALIZED(model=model, **{**FILES, **inputs})

    return run


def test_a_module_in_the_place_of_a_model_is_told_where_it_belongs(load, folder, adapter):
    save_file(adapter, folder / "module.safetensors")
    with pytest.raises(ValueError, match=r'^model is "module\.safetensors", which holds a VACE adapter alone.*Apply'):
        load("module.safetensors")


@pytest.mark.parametrize("name", ["small_wan_vace.safetensors", "small_wan_t2v.safetensors"])
def test_merged_models_and_plain_bases_go_to_the_hosts_loaders(load, name):
    graph = load(name).expand
    assert {node["class_type"] for node in graph.values()} == {"UNETLoader", "CLIPLoader", "VAELoader"}


@pytest.mark.parametrize(
    ("tensors", "kind"),
    [
        (lambda: t5(positions=1), "t5-xxl, the text encoder of Flux and SD3, and no umt5-xxl"),
        (lambda: {"text_model.encoder.layers.0.mlp.fc1.weight": torch.zeros(1)}, "CLIP-L, a text encoder of"),
        (lambda: load_file(locations.base_dir() / "models" / "vae" / "small_wan_vae.safetensors"), r"a VAE\."),
        (lambda: load_file(locations.base_dir() / "models" / "text_encoders" / "small_umt5.safetensors"), "a umt5 of"),
    ],
    ids=["t5xxl", "clip_l", "vae", "a small umt5"],
)
def test_a_wrong_text_encoder_is_named(load, text_encoders, tensors, kind):
    save_file(tensors(), text_encoders / "x.safetensors")
    with pytest.raises(ValueError, match=rf'^text_encoder is "x\.safetensors", which is {kind}.*umt5_xxl_fp16'):
        load("small_wan_vace.safetensors", text_encoder="x.safetensors")


def test_a_text_encoder_that_is_cut_off_is_named(load, text_encoders):
    (text_encoders / "x.safetensors").write_bytes(b"\xff\x00\x00\x00\x00\x00\x00\x00{")
    with pytest.raises(ValueError, match=r"^x\.safetensors cannot be read"):
        load("small_wan_vace.safetensors", text_encoder="x.safetensors")


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".gguf"])
def test_a_text_encoder_of_another_format_is_left_to_the_hosts_loader(load, text_encoders, suffix):
    """A pickle has no header: it would be read here, and by the host's loader once more."""
    (text_encoders / f"x{suffix}").write_bytes(b"what nobody can read")
    graph = load("small_wan_vace.safetensors", text_encoder=f"x{suffix}").expand
    (loader,) = (node for node in graph.values() if node["class_type"] == "CLIPLoader")
    assert loader["inputs"]["clip_name"] == f"x{suffix}"


def test_the_adapter_of_a_merged_file_fits_the_plain_base_and_not_the_merged_model(call, vace_model, plain_model):
    adapter = call("VaceLoadAdapter", adapter_name="small_wan_vace.safetensors")[0]
    with pytest.raises(ValueError, match="model is a VACE model already, with its own adapter inside"):
        call("VaceApplyAdapter", model=vace_model, adapter=adapter)
    once = call("VaceApplyAdapter", model=plain_model, adapter=adapter)[0]
    with pytest.raises(ValueError, match=r"model has this adapter already\. Apply it once"):
        call("VaceApplyAdapter", model=once, adapter=adapter)


@pytest.mark.parametrize("prefix", ["transformer.", "model.", "module.diffusion_model."])
def test_the_prefix_of_any_loader_is_taken_off(adapter, tmp_path, prefix):
    load_adapter = importlib.import_module("wan_vace.nodes._host.adapter").load_adapter
    save_file({prefix + key: value for key, value in adapter.items()}, tmp_path / "a.safetensors")
    with unet_flag("fp32_unet"):  # as in the file
        found = load_adapter(tmp_path / "a.safetensors").model.diffusion_model.state_dict()
    assert all(torch.equal(found[key].cpu(), value) for key, value in adapter.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vace_blocks.0.extra.weight": torch.ones(2)}, r"a\.safetensors holds vace_blocks\.0\.extra\.weight, which"),
        ({"vace_blocks.0.ffn.0.weight": torch.ones(256, 128, dtype=torch.int8)}, r"the scale of vace_blocks\.0\.ffn"),
        ({"vace_blocks.0.ffn.0.weight_scale": torch.ones(3)}, r"vace_blocks\.0\.ffn\.0\.weight is|weight_scale"),
    ],
)  # fmt: skip
def test_a_tensor_that_fits_nowhere_is_named(adapter, tmp_path, change, message):
    load_adapter = importlib.import_module("wan_vace.nodes._host.adapter").load_adapter
    save_file(adapter | change, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=message):
        load_adapter(tmp_path / "a.safetensors")
