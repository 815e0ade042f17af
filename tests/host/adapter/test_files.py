"""Adapters out of every kind of file there is, each written by its test in that kind's true layout."""

import importlib
import json
import os

import pytest
import torch
from safetensors.torch import save_file

from harness.hostile.weights import PICKLES

pytestmark = pytest.mark.host

OFFICIAL = "diffusion_pytorch_model"


@pytest.fixture(scope="module")
def files(host):
    return importlib.import_module("wan_vace.nodes._host.adapter.files")


@pytest.fixture(scope="module")
def model(host):
    """A whole VACE model of the host, 4 blocks and 2 of VACE, named as the official one."""
    from harness.inputs.checkpoints import diffusion_weights

    torch.manual_seed(0)
    return diffusion_weights()


@pytest.fixture(scope="module")
def adapter(model):
    return {key: value for key, value in model.items() if key.startswith("vace_")}


@pytest.fixture(scope="module")
def base(model, adapter):
    return {key: value for key, value in model.items() if key not in adapter}


def same(found, wanted):
    def raw(tensor):
        return tensor.dtype, tensor.shape, tensor.contiguous().flatten().view(torch.uint8)

    assert found.keys() == wanted.keys()
    for key in wanted:
        (dtype, shape, values), (wanted_dtype, wanted_shape, wanted_values) = raw(found[key]), raw(wanted[key])
        assert (dtype, shape) == (wanted_dtype, wanted_shape), key
        assert torch.equal(values, wanted_values), key
    return True


def write_parts(folder, weights, config=None, parts=3):
    """A divided checkpoint as diffusers and the official repositories hold it."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{OFFICIAL}-{i + 1:05}-of-{parts:05}.safetensors" for i in range(parts)]
    keys = sorted(weights)
    where = {key: names[i * parts // len(keys)] for i, key in enumerate(keys)}
    for name in names:
        save_file({key: weights[key] for key in keys if where[key] == name}, folder / name, {"format": "pt"})
    index = {"metadata": {"total_size": 1}, "weight_map": where}
    (folder / f"{OFFICIAL}.safetensors.index.json").write_text(json.dumps(index))
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return where


OFFICIAL_CONFIG = {"_class_name": "VaceWanModel", "model_type": "vace", "num_layers": 4, "vace_layers": [0, 2]}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "diffusion_model."])
def test_merged_file(files, model, adapter, tmp_path, prefix, dtype):
    save_file({prefix + key: value.to(dtype) for key, value in model.items()}, tmp_path / "merged.safetensors")
    found = files.read_adapter(tmp_path / "merged.safetensors")
    assert same(found.tensors, {key: value.to(dtype) for key, value in adapter.items()})
    assert (found.metadata, found.layers) == (None, None)


def test_file_of_the_adapter_alone(files, adapter, tmp_path):
    save_file(adapter, tmp_path / "module.sft", {"author": "me"})
    found = files.read_adapter(tmp_path / "module.sft")
    assert same(found.tensors, adapter) and found.metadata == {"author": "me"}


def test_official_single_file_brings_its_layers(files, model, adapter, tmp_path):
    save_file(model, tmp_path / f"{OFFICIAL}.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(OFFICIAL_CONFIG))
    found = files.read_adapter(tmp_path / f"{OFFICIAL}.safetensors")
    assert same(found.tensors, adapter) and found.layers == (0, 2)
    (tmp_path / f"{OFFICIAL}.safetensors").rename(tmp_path / "other.safetensors")  # no longer that config's
    assert files.read_adapter(tmp_path / "other.safetensors").layers is None


def test_official_folder_of_parts(files, model, adapter, tmp_path):
    where = write_parts(tmp_path / "Wan2.1-VACE-14B", model, OFFICIAL_CONFIG)
    assert len({where[key] for key in adapter}) > 1
    found = files.read_adapter(tmp_path / "Wan2.1-VACE-14B")
    assert same(found.tensors, adapter) and found.layers == (0, 2)
    part = files.read_adapter(tmp_path / "Wan2.1-VACE-14B" / where["vace_blocks.0.ffn.0.weight"])
    assert same(part.tensors, adapter)  # any part stands for all


@pytest.mark.parametrize("noise", ["high_noise_model", "low_noise_model"])
def test_wan22_vace_fun(files, model, adapter, tmp_path, noise):
    config = {"_class_name": "VaceWanTransformer3DModel", "num_layers": 4, "vace_layers": [0, 2], "in_dim": 16}
    write_parts(tmp_path / "Fun" / noise, {key: value.bfloat16() for key, value in model.items()}, config)
    found = files.read_adapter(tmp_path / "Fun" / noise)
    assert same(found.tensors, {key: value.bfloat16() for key, value in adapter.items()}) and found.layers == (0, 2)


# As in diffusers' transformer_wan_vace.py.
DIFFUSERS = [("before_proj", "proj_in"), ("after_proj", "proj_out"), ("norm3", "norm2"), ("ffn.0", "ffn.net.0.proj"),
             ("ffn.2", "ffn.net.2"), ("modulation", "scale_shift_table"), ("self_attn.norm", "attn1.norm"),
             ("cross_attn.norm", "attn2.norm"), ("self_attn.o", "attn1.to_out.0"), ("cross_attn.o", "attn2.to_out.0"),
             ("self_attn.", "attn1.to_"), ("cross_attn.", "attn2.to_")]  # fmt: skip


def diffusers(key):
    for ours, theirs in DIFFUSERS:
        key = key.replace(ours, theirs)
    return key.replace("attn1.to_norm", "attn1.norm").replace("attn2.to_norm", "attn2.norm")


def test_diffusers_folder(files, model, adapter, tmp_path):
    config = {"_class_name": "WanVACETransformer3DModel", "num_layers": 4, "vace_layers": [0, 2]}
    write_parts(tmp_path / "transformer", {diffusers(key): value for key, value in model.items()}, config)
    found = files.read_adapter(tmp_path / "transformer")
    assert same(found.tensors, adapter) and found.layers == (0, 2)


def fp8(weights):
    return {k: v.to(torch.float8_e4m3fn) if k.endswith("weight") and v.ndim == 2 else v for k, v in weights.items()}


def test_plain_fp8(files, model, adapter, tmp_path):
    save_file(fp8(model), tmp_path / "fp8.safetensors")
    assert same(files.read_adapter(tmp_path / "fp8.safetensors").tensors, fp8(adapter))


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_scaled_fp8_of_the_older_kind(files, model, adapter, tmp_path, prefix):
    import comfy.utils

    scales = {k.replace(".weight", ".scale_weight"): torch.tensor(0.5) for k, v in fp8(model).items()
              if v.dtype == torch.float8_e4m3fn}  # fmt: skip
    mark = {"scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}
    save_file({prefix + k: v for k, v in (fp8(model) | scales | mark).items()}, tmp_path / "old.safetensors")
    found = files.read_adapter(tmp_path / "old.safetensors")
    own = {key: value for key, value in scales.items() if key.startswith("vace_")}
    assert own and same(found.tensors, fp8(adapter) | own | mark)
    converted, _ = comfy.utils.convert_old_quants(dict(found.tensors), "", found.metadata)
    quantised = {key for key in converted if key.endswith(".comfy_quant")}
    assert quantised == {key.replace(".scale_weight", ".comfy_quant") for key in own}


def test_scaled_fp8_of_the_newer_kind(files, model, adapter, tmp_path):
    form = torch.tensor(list(b'{"format": "float8_e4m3fn"}'), dtype=torch.uint8)
    quantised = [k for k, v in fp8(model).items() if v.dtype == torch.float8_e4m3fn]
    companions = {k.replace(".weight", ".weight_scale"): torch.tensor(0.5) for k in quantised}
    companions |= {k.replace(".weight", ".comfy_quant"): form.clone() for k in quantised}
    save_file(fp8(model) | companions, tmp_path / "new.safetensors")
    found = files.read_adapter(tmp_path / "new.safetensors")
    assert same(found.tensors, fp8(adapter) | {k: v for k, v in companions.items() if k.startswith("vace_")})


def test_scaled_fp8_that_is_listed_in_the_text(files, model, adapter, tmp_path):
    import comfy.utils

    layers = [k.removesuffix(".weight") for k, v in fp8(model).items() if v.dtype == torch.float8_e4m3fn]
    text = {"_quantization_metadata": json.dumps({"layers": {k: {"format": "float8_e4m3fn"} for k in layers}})}
    scales = {f"{layer}.weight_scale": torch.tensor(0.5) for layer in layers}
    save_file(fp8(model) | scales, tmp_path / "text.safetensors", text)
    found = files.read_adapter(tmp_path / "text.safetensors")
    converted, _ = comfy.utils.convert_old_quants(dict(found.tensors), "", found.metadata)
    wanted = {f"{layer}.comfy_quant" for layer in layers if layer.startswith("vace_")}
    assert wanted == {key for key in converted if key.endswith(".comfy_quant")}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [lambda weights: weights, lambda weights: {"state_dict": weights, "epoch": 3}])
def test_torch_files(files, model, adapter, tmp_path, zipped, wrap):
    torch.save(wrap(model), tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert same(files.read_adapter(tmp_path / "a.pth").tensors, adapter)


class Code:
    """A pickle that makes a folder when it is trusted."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_torch_file_never_runs(files, adapter, tmp_path):
    torch.save({**adapter, "x": Code(tmp_path / "ran")}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt is refused: it holds more than tensors .*Choose a safetensors file"):
        files.read_adapter(tmp_path / "a.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("data", [b"", b"no pickle at all", b"PK\x03\x04 no zip"])
def test_a_damaged_torch_file(files, tmp_path, data):
    (tmp_path / "a.pth").write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.pth (cannot be read|is refused.*is damaged)"):
        files.read_adapter(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("256 MiB of zeros, packed", r"it unpacks to 268\d+ bytes"),
        ("a tensor of gigabytes over one number", r"its tensors claim \d+ bytes"),
        ("a tensor without numbers", r"vace_blocks\.0\.after_proj\.weight is no plain tensor"),
    ],
)
def test_a_torch_file_that_claims_more_than_it_holds(files, tmp_path, kind, said):
    with pytest.raises(ValueError, match=rf"a\.pth cannot be read \({said}\)\. It may be cut off"):
        files.read_adapter(PICKLES[kind](tmp_path))


def test_a_torch_file_of_something_else(files, tmp_path):
    torch.save([1, 2], tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a\.pth is empty; it has no VACE adapter"):
        files.read_adapter(tmp_path / "a.pth")


@pytest.mark.parametrize("cut", [4, 500, -1000])
def test_a_file_that_is_cut_off(files, adapter, tmp_path, cut):
    save_file(adapter, tmp_path / "a.safetensors")
    (tmp_path / "a.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"a\.safetensors cannot be read \(.*\)\. It may be cut off"):
        files.read_adapter(tmp_path / "a.safetensors")


def test_a_base_is_told_from_an_adapter(files, base, tmp_path):
    save_file(base, tmp_path / "t2v.safetensors")
    with pytest.raises(ValueError, match=r"t2v\.safetensors is a Wan text-to-video model.*a VACE module such as"):
        files.read_adapter(tmp_path / "t2v.safetensors")
    image = base | {"patch_embedding.weight": torch.zeros(128, 36, 1, 2, 2)}
    write_parts(tmp_path / "i2v", image)
    with pytest.raises(ValueError, match=r"i2v/ is a Wan image-to-video model"):
        files.read_adapter(tmp_path / "i2v")


def test_half_an_adapter_is_named(files, adapter, tmp_path):
    save_file({k: v for k, v in adapter.items() if k != "vace_blocks.1.ffn.2.bias"}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"a\.safetensors is incomplete: vace_blocks\.1\.ffn\.2\.bias is missing"):
        files.read_adapter(tmp_path / "a.safetensors")


def test_only_the_parts_with_the_adapter_are_needed(files, model, adapter, tmp_path):
    where = write_parts(tmp_path / "a", model, parts=6)
    needed = {where[key] for key in adapter}
    unneeded = set(where.values()) - needed
    assert unneeded
    for name in unneeded:
        (tmp_path / "a" / name).unlink()
    assert same(files.read_adapter(tmp_path / "a").tensors, adapter)
    gone = where["vace_patch_embedding.weight"]
    (tmp_path / "a" / gone).unlink()
    with pytest.raises(ValueError, match=rf"a/{gone} is missing, .*index\.json names it\. Download it too"):
        files.read_adapter(tmp_path / "a")


def rewrite_index(folder, change):
    path = folder / f"{OFFICIAL}.safetensors.index.json"
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "{", r"a/.*index\.json cannot be read"),
        (lambda text: "[]", "has no weight_map"),
        (lambda text: '{"weight_map": {"a": 1}}', "has no weight_map"),
        (lambda text: text.replace(f"{OFFICIAL}-00001", f"../{OFFICIAL}-00001"), "it must name files in its own"),
        (lambda text: text.replace(f"{OFFICIAL}-00001", f"..\\\\{OFFICIAL}-00001"), "it must name files in its own"),
        (lambda text: text.replace("-00002-of", "-00003-of"), r"-00003-of-00003.safetensors lacks vace_"),
    ],
)
def test_a_wrong_index(files, model, tmp_path, change, message):
    write_parts(tmp_path / "a", model)
    rewrite_index(tmp_path / "a", change)
    with pytest.raises(ValueError, match=message):
        files.read_adapter(tmp_path / "a")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([0, 1, 2], "its config.json lists 3 VACE layers, but it holds 2 blocks"),
        (2, "vace_layers of its config.json is 2, it must be a list"),
        ([0, "2"], "it must be a list"),
        ([0, True], "it must be a list"),
    ],
)
def test_wrong_layers(files, model, tmp_path, layers, message):
    write_parts(tmp_path / "a", model, {"vace_layers": layers})
    with pytest.raises(ValueError, match=message):
        files.read_adapter(tmp_path / "a")


def test_what_is_no_weight_file(files, tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match=r"a\.txt is no weight file; it must end in \.safetensors"):
        files.read_adapter(tmp_path / "a.txt")
    with pytest.raises(ValueError, match="is no divided model"):
        files.read_adapter(tmp_path)
