"""The files of annotators' weights and the networks that they go into."""

import importlib
import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from wan_vace.annotators.lines.informative import Generator

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def files(host):
    return importlib.import_module("wan_vace.nodes._host.signals.files")


@pytest.fixture(scope="module")
def networks(host):
    return importlib.import_module("wan_vace.nodes._host.signals.networks")


@pytest.fixture
def models(host, tmp_path, monkeypatch):
    """An empty models folder, and no folder of another pack."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "models_dir", str(tmp_path / "models"))
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", {"custom_nodes": ([str(tmp_path / "packs")], set())})
    monkeypatch.delenv("AUX_ANNOTATOR_CKPTS_PATH", raising=False)
    return tmp_path / "models"


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_missing_file_is_named_with_its_folder_and_its_place(files, models):
    wanted = files.Weights(("lines.pth", "other.pth"), "https://example.org/lines")
    with pytest.raises(
        ValueError, match=r"VACE Annotate Lineart needs lines\.pth, .*not on this machine.*example\.org/lines"
    ) as e:
        files.find_weights(wanted, "VACE Annotate Lineart")
    assert str(e.value).endswith(f"put it into {models / 'vace_annotators'}.")
    assert files.available_weights([wanted]) == []


def test_files_are_looked_for_in_order(files, models, tmp_path, monkeypatch):
    import folder_paths

    wanted = files.Weights(("lines.pth", "other.pth"), "x")
    aux = tmp_path / "aux"
    monkeypatch.setenv("AUX_ANNOTATOR_CKPTS_PATH", str(aux))
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "sam2", ([str(tmp_path / "elsewhere")], set()))
    last_to_first = [
        tmp_path / "packs/comfyui_controlnet_aux/ckpts/lllyasviel/Annotators/lines.pth",
        aux / "lllyasviel/Annotators/lines.pth",
        models / "background_removal/lines.pth",
        tmp_path / "elsewhere/lines.pth",
        models / "detection/lines.pth",
        models / "VACE-Annotators/scribble/anime_style/lines.pth",
        models / "vace_annotators/below/lines.pth",
        models / "vace_annotators/other.pth",
        models / "vace_annotators/lines.pth",
    ]
    for path in last_to_first:
        put(path)
        first = path if path.name == "lines.pth" else last_to_first[-3]  # its own name goes before another one
        assert files.find_weights(wanted, "x") == first
    assert files.available_weights([wanted, files.Weights(("none.pth",), "x")]) == [wanted]


def test_a_link_to_a_folder_is_followed(files, models, tmp_path):
    path = put(tmp_path / "disk/lines.pth")
    (models / "vace_annotators").mkdir(parents=True)
    (models / "vace_annotators/mine").symlink_to(path.parent, target_is_directory=True)
    assert files.find_weights(files.Weights(("lines.pth",), "x"), "x").samefile(path)


def test_another_file_in_its_place_is_another_state(files, tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"one")
    one = files.weights_state(path)
    os.utime(path, (1, 1))
    assert files.weights_state(path) != one and files.weights_state(path)[0] == "a.pth"


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("write", [torch.save, lambda data, path: path.write_bytes(pickle.dumps(data))])
def test_a_pickle_with_code_in_it_is_refused_and_not_run(files, tmp_path, write):
    path, marker = tmp_path / "lines.pth", tmp_path / "ran"
    write({"weight": torch.zeros(1), "more": Payload(marker)}, path)
    with pytest.raises(
        ValueError, match=r"lines\.pth is refused: it holds more than tensors \(code, which is never run"
    ):
        files.read_weights(path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Payload(marker))).close()
    assert marker.exists(), "the payload is one"


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>not found</html>", np.arange(99).tobytes()])
def test_a_corrupt_file_is_refused(files, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} (cannot be read|is refused).*(download it again|safetensors file)"):
        files.read_weights(tmp_path / name)


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: {"state_dict": t, "epoch": 3}, lambda t: {"model": t}])
def test_weights_are_read_whatever_is_around_them(files, networks, tmp_path, wrap):
    torch.save(wrap(Generator().state_dict()), tmp_path / "a.pth")
    save_file(files.read_weights(tmp_path / "a.pth"), tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        tensors = files.read_weights(tmp_path / name)
        network = networks.load_weights(Generator, tensors, name)
        assert all(torch.equal(value, tensors[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("change", ["missing", "unexpected", "shape", "empty"])
def test_foreign_weights_are_named(networks, change):
    tensors = Generator().state_dict()
    if change == "missing":
        del tensors["model4.1.bias"]
    elif change == "unexpected":
        tensors["more"] = torch.zeros(1)
    elif change == "shape":
        tensors["model4.1.bias"] = torch.zeros(2)
    else:
        tensors = {}
    detail = {"unexpected": "more", "empty": "model0"}.get(change, r"model4\.1\.bias")
    message = rf"lines\.pth does not hold these weights \(.*{detail}.*\)\. It is another model's file, or cut off"
    with pytest.raises(ValueError, match=message):
        networks.load_weights(Generator, tensors, "lines.pth")


def test_a_network_is_in_the_host_s_care_and_computes_in_float32(networks):
    import comfy.model_management as management

    network = nn.Conv2d(3, 1, 3).half()
    pixels = torch.rand(2, 3, 8, 8).half()
    expected = nn.functional.conv2d(pixels.float(), network.weight.float(), network.bias.float())
    managed = networks.manage_network(network)
    answer = managed(pixels)
    assert answer.dtype == torch.float32 and not answer.requires_grad
    torch.testing.assert_close(answer.cpu(), expected)
    assert any(loaded.model is managed.patcher for loaded in management.current_loaded_models)


def test_a_network_may_take_several_inputs(networks):
    bilinear = nn.Bilinear(2, 3, 1)
    one, other = torch.rand(4, 2), torch.rand(4, 3)
    expected = bilinear(one, other)
    torch.testing.assert_close(networks.manage_network(bilinear)(one, other).cpu(), expected)
