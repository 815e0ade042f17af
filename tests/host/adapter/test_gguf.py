"""Adapters out of GGUF files, written by the library itself as the converters for ComfyUI write them."""

import importlib
import sys

import pytest
import torch

from harness.host.locations import pack_module
from harness.hostile.weights import BLOCK, GGUFS

pytestmark = pytest.mark.host

# Largest error of a value as a share of the largest value: half a step, and the rounding to float16.
ERROR = {"F32": 0, "F16": 2**-11, "BF16": 2**-8, "Q8_0": 0.5 / 127 + 2**-10, "Q4_0": 1 / 8 + 2**-10}
RESULT = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@pytest.fixture(scope="module")
def files(host):
    return importlib.import_module("wan_vace.nodes._host.adapter.files")


@pytest.fixture(scope="module")
def model(host):
    from harness.inputs.checkpoints import diffusion_weights

    torch.manual_seed(0)
    return diffusion_weights()


@pytest.fixture(scope="module")
def write():
    """Write matrices in one kind, all else in float32, as the converters do it."""
    gguf = pytest.importorskip("gguf")

    def write(path, weights, kind, reshape=False):
        writer = gguf.GGUFWriter(path, "wan")
        for key, value in weights.items():
            own = gguf.GGMLQuantizationType[kind if value.ndim == 2 else "F32"]
            if value.ndim > 4 and reshape:  # more axes than ggml has
                writer.add_array(f"comfy.gguf.orig_shape.{key}", list(value.shape))
                value = value.reshape(value.shape[0], -1)
            writer.add_tensor(key, gguf.quants.quantize(value.numpy(), own), raw_dtype=own)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    return write


@pytest.mark.parametrize("reshape", [False, True])
@pytest.mark.parametrize("kind", ERROR)
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_every_kind_comes_back(files, model, write, tmp_path, kind, reshape, prefix):
    path = write(tmp_path / "a.gguf", {prefix + key: value for key, value in model.items()}, kind, reshape)
    found = files.read_adapter(path)
    wanted = {key: value for key, value in model.items() if key.startswith("vace_")}
    assert found.tensors.keys() == wanted.keys() and found.layers is None
    for key, value in wanted.items():
        tensor = found.tensors[key]
        assert tensor.shape == value.shape, key
        assert tensor.dtype == (RESULT.get(kind, torch.float16) if value.ndim == 2 else torch.float32)
        error = (tensor.float() - value).abs().max() / value.abs().max()
        assert error <= (ERROR[kind] if value.ndim == 2 else 0), key


def test_without_the_library_it_says_how_to_get_it(files, tmp_path, monkeypatch):
    (tmp_path / "a.gguf").touch()
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ValueError, match=r"a\.gguf is a GGUF file, .*pip install gguf"):
        files.read_adapter(tmp_path / "a.gguf")


@pytest.mark.parametrize("cut", [0, 3, 100, 3000, -500])
def test_a_file_that_is_cut_off(files, model, write, tmp_path, cut):
    path = write(tmp_path / "a.gguf", model, "F16")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"a\.gguf cannot be read \(.*\)\. It may be cut off"):
        files.read_adapter(path)


def test_a_file_that_claims_more_than_it_holds(files, tmp_path):
    (tmp_path / "a.gguf").write_bytes(GGUFS["tensors over each other"])
    with pytest.raises(ValueError, match=r"a\.gguf cannot be read \(its tensors lie over each other\)"):
        files.read_adapter(tmp_path / "a.gguf")


def test_a_shape_kept_from_before_that_does_not_fit(host, tmp_path):
    (tmp_path / "a.gguf").write_bytes(GGUFS["a shape kept from before that does not fit"])
    file = pack_module("nodes._host.files").open_gguf(tmp_path / "a.gguf")
    with pytest.raises(ValueError, match=r"a\.gguf cannot be read \(.*\)\. It may be cut off"):
        file.tensor(BLOCK)


def test_a_base_is_told_from_an_adapter(files, model, write, tmp_path):
    base = {key: value for key, value in model.items() if not key.startswith("vace_")}
    with pytest.raises(ValueError, match=r"a\.gguf is a Wan text-to-video model; it has no VACE adapter"):
        files.read_adapter(write(tmp_path / "a.gguf", base, "Q8_0"))
