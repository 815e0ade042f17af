"""Which adapters the node offers, that nothing outside the model folders is one, and what reading one costs."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

pytestmark = pytest.mark.host

PACK_ROOT = Path(__file__).resolve().parents[3]
INDEX = "diffusion_pytorch_model.safetensors.index.json"
PART = "diffusion_pytorch_model-00001-of-00002.safetensors"


@pytest.fixture(scope="module")
def files(host):
    return importlib.import_module("wan_vace.nodes._host.adapter.files")


@pytest.fixture
def models(host, tmp_path, monkeypatch):
    """The host's model folders, empty and of this test alone."""
    import folder_paths

    root = tmp_path / "models"
    for name in ("vace", "unet", "diffusion_models", "vae"):
        (root / name).mkdir(parents=True)
    whole = [str(root / "unet"), str(root / "diffusion_models")]
    monkeypatch.setattr(folder_paths, "models_dir", str(root))
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "diffusion_models", (whole, {".safetensors"}))
    return root


@pytest.fixture(scope="module")
def small(host):
    from harness.inputs.checkpoints import diffusion_weights

    return {key: value for key, value in diffusion_weights().items() if key.startswith("vace_")}


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_adapters_and_whole_models_are_offered_whatever_their_format(files, models):
    touch(*(models / "vace" / name for name in ("b.safetensors", "sub/a.gguf", "c.txt", "d.PTH", "e.json")))
    touch(models / "diffusion_models" / "whole.sft", models / "unet" / "old.pt", models / "vae" / "no.safetensors")
    assert files.adapter_files() == ["b.safetensors", "d.PTH", "sub/a.gguf", "old.pt", "whole.sft"]
    for name in files.adapter_files():
        assert files.adapter_path(name).relative_to(models).as_posix().endswith(f"/{name}")


def test_a_divided_model_is_offered_once(files, models):
    folder = models / "diffusion_models" / "fun" / "high_noise_model"
    touch(folder / INDEX, folder / PART, folder / "Wan2.1_VAE.pth", models / "vace" / INDEX, models / "vace" / PART)
    assert files.adapter_files() == [PART, "fun/high_noise_model/", "fun/high_noise_model/Wan2.1_VAE.pth"]
    assert files.adapter_path("fun/high_noise_model/") == folder


def test_the_same_name_twice_is_the_adapters_own_folder(files, models):
    touch(models / "vace" / "a.safetensors", models / "diffusion_models" / "a.safetensors")
    assert files.adapter_files() == ["a.safetensors"]
    assert files.adapter_path("a.safetensors") == models / "vace" / "a.safetensors"


def test_a_vace_folder_of_the_users_own_is_looked_into(files, models, tmp_path, monkeypatch):
    import folder_paths

    touch(tmp_path / "disk" / "a.safetensors")
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "vace", ([str(tmp_path / "disk")], set()))
    touch(models / "vace" / "b.safetensors")
    assert files.adapter_files() == ["a.safetensors", "b.safetensors"]
    assert files.adapter_path("a.safetensors") == tmp_path / "disk" / "a.safetensors"


def test_folders_that_are_not_there_are_no_error(files, models):
    import folder_paths

    for name in ("vace", "unet", "diffusion_models"):
        (models / name).rmdir()
    before = set(folder_paths.folder_names_and_paths)
    assert files.adapter_files() == []
    assert set(folder_paths.folder_names_and_paths) == before  # looking changes nothing in the host


@pytest.mark.parametrize(
    "name",
    [
        "../vae/x.safetensors",
        "a/../../vae/x.safetensors",
        "{models}/vae/x.safetensors",
        "..\\vae\\x.safetensors",
        "C:/x.safetensors",
        "",
        "/",
        "a\0b",
        "gone.safetensors",
        "gone/",
        "there.safetensors/",
        "folder",
    ],
)
def test_nothing_else_is_given(files, models, name):
    touch(models / "vae" / "x.safetensors", models / "vace" / "there.safetensors", models / "vace" / "folder" / "x.pt")
    with pytest.raises(ValueError, match=r"is not in the models folders vace or diffusion_models\. Put it there"):
        files.adapter_path(name.format(models=models))


def test_links_in_the_model_folders_are_followed_as_the_host_follows_them(files, models, tmp_path):
    import folder_paths

    elsewhere = tmp_path / "elsewhere"
    touch(elsewhere / "x.safetensors", elsewhere / "blob", elsewhere / "parts" / INDEX, elsewhere / "parts" / PART)
    (models / "vace" / "linked").symlink_to(elsewhere)
    (models / "vace" / "y.safetensors").symlink_to(elsewhere / "blob")  # as download caches keep their files
    names = ["linked/parts/", "linked/x.safetensors", "y.safetensors"]
    assert files.adapter_files() == names
    for name in names:
        assert files.adapter_path(name) == models / "vace" / name
    (models / "diffusion_models" / "linked").symlink_to(elsewhere)
    for name in names[1:2]:
        assert folder_paths.get_full_path("diffusion_models", name)  # the host's own answer


@pytest.mark.parametrize("name", ["linked/../x.safetensors", "linked/../../x.safetensors", "linked\\..\\x.safetensors"])
def test_a_link_is_no_way_out_for_a_name(files, models, tmp_path, name):
    touch(tmp_path / "elsewhere" / "folder" / "a.safetensors", tmp_path / "elsewhere" / "x.safetensors")
    (models / "vace" / "linked").symlink_to(tmp_path / "elsewhere" / "folder")
    with pytest.raises(ValueError, match=r"is not in the models folders vace or diffusion_models"):
        files.adapter_path(name)


def test_a_link_to_nothing_is_said_to_be_one(files, models, tmp_path):
    (models / "vace" / "x.safetensors").symlink_to(tmp_path / "gone.safetensors")
    with pytest.raises(ValueError, match=r'"x.safetensors" is a link to a file that is not there\. Make the link anew'):
        files.adapter_path("x.safetensors")


def test_a_linked_adapter_is_read(files, models, tmp_path, small):
    save_file(small, tmp_path / "blob")
    (models / "vace" / "x.safetensors").symlink_to(tmp_path / "blob")
    tensors = files.read_adapter(files.adapter_path("x.safetensors")).tensors
    assert {key: tensor.shape for key, tensor in tensors.items()} == {key: small[key].shape for key in tensors}


def test_a_whole_folder_may_be_a_link(files, models, tmp_path):
    (models / "vace").rmdir()
    touch(tmp_path / "disk" / "a.safetensors")
    (models / "vace").symlink_to(tmp_path / "disk")
    assert files.adapter_path("a.safetensors").samefile(tmp_path / "disk" / "a.safetensors")


MEASURE = """
import os, sys, types
from pathlib import Path
root, comfyui, path = sys.argv[1:]
for name, place in (("wan_vace", root), ("wan_vace.nodes", f"{root}/nodes")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [place]
sys.argv = sys.argv[:1]
sys.path.insert(0, comfyui)
from comfy.cli_args import args
args.cpu = True
from wan_vace.nodes._host.adapter.files import read_adapter
status = lambda: {k: v for k, v in (l.split(":") for l in Path("/proc/self/status").read_text().splitlines())}
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = int(status()["VmHWM"].split()[0])
tensors = read_adapter(Path(path)).tensors
total = sum(float(t.sum()) for t in tensors.values())
print(int(status()["VmHWM"].split()[0]) - before, sum(t.nbytes for t in tensors.values()) // 1024)
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="measures memory as Linux tells it")
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_the_base_never_comes_into_memory(small, tmp_path, suffix):
    wide = {k: torch.ones([size * 4 if size in (128, 256) else size for size in v.shape]) for k, v in small.items()}
    big = {f"blocks.{i}.ffn.0.weight": torch.zeros(2560, 5120) for i in range(4)}  # 200 MB
    path = tmp_path / f"merged{suffix}"
    save_file(big | wide, path) if suffix == ".safetensors" else torch.save(big | wide, path)
    command = [sys.executable, "-c", MEASURE, str(PACK_ROOT), os.environ["COMFYUI_PATH"], str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown, size = map(int, done.stdout.split())
    assert size > 20_000 and grown < 1.1 * size + 6_000


def test_nodes_read_a_file_again_that_was_replaced(host, host_nodes, lora_folder, tmp_path):
    import folder_paths

    adapter = host_nodes["VaceLoadAdapter"].fingerprint_inputs
    loras = [host_nodes[node].fingerprint_inputs for node in ("VaceLoadLora", "VaceCreateHookLora")]
    assert adapter(adapter_name="small_vace_adapter.safetensors")
    assert [state(lora_name=name) for state in loras for name in ("gone", None)] == [""] * 4
    assert adapter(adapter_name=None) == adapter(adapter_name="../x") == ""
    folder = next(iter(folder_paths.get_folder_paths("loras")))
    assert str(tmp_path) in folder_paths.get_folder_paths("loras") and folder
    (tmp_path / "a.safetensors").write_bytes(b"1")
    before = [state(lora_name="a.safetensors") for state in loras]
    (tmp_path / "a.safetensors").write_bytes(b"12")
    assert all(before) and all(
        state(lora_name="a.safetensors") != old for state, old in zip(loras, before, strict=True)
    )
