"""What annotators get from the host: results kept by content, progress, interruption, weights, networks."""

import importlib
import os
import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from harness.faults import child
from wan_vace.annotators.lines.gray import BT601_LUMA, Gray
from wan_vace.annotators.lines.informative import Generator
from wan_vace.annotators.protocol import silent

pytestmark = pytest.mark.host


@dataclass(frozen=True)
class Counting(Gray):
    """A real annotator that notes how often it is asked."""

    calls: list = field(default_factory=list, compare=False)
    weights: str = "a.pth"

    @property
    def identity(self):
        """With the weights, as of a network."""
        return *super().identity, self.weights

    def __call__(self, frames, tick):
        """Count, then work."""
        self.calls.append(len(frames))
        return super().__call__(frames, tick)


@pytest.fixture(scope="module")
def base(host):
    return importlib.import_module("wan_vace.nodes._host.signals.annotate")


@pytest.fixture(scope="module")
def files(host):
    return importlib.import_module("wan_vace.nodes._host.signals.files")


@pytest.fixture(scope="module")
def networks(host):
    return importlib.import_module("wan_vace.nodes._host.signals.networks")


@pytest.fixture
def temp(host, tmp_path, monkeypatch):
    """An empty temp folder of the host."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path))
    return tmp_path / "vace_annotations"


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


def test_an_unchanged_clip_is_annotated_once(base, temp):
    frames, one = torch.rand(5, 7, 9, 3), Counting()
    first, again = base.annotate(one, frames), base.annotate(Counting(calls=one.calls), frames.clone())
    assert one.calls == [5] and torch.equal(first, again)
    assert torch.equal(first, Gray()(frames, silent))


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"luma": BT601_LUMA}, lambda frames: frames),
        ({"weights": "b.pth"}, lambda frames: frames),
        ({}, lambda frames: frames.flip(0)),
        ({}, lambda frames: frames[:-1]),
        ({}, lambda frames: frames.reshape(4, 6, 8, 3)),
        ({}, lambda frames: frames.index_fill(0, torch.tensor(3), 0.5)),
    ],
    ids=["settings", "weights", "order", "length", "shape", "one frame"],
)
def test_whatever_differs_is_annotated(base, temp, settings, change):
    frames, calls = torch.rand(4, 8, 6, 3), []
    base.annotate(Counting(calls=calls), frames)
    changed = change(frames)
    control = base.annotate(Counting(calls=calls, **settings), changed)
    assert len(calls) == 2 and torch.equal(control, Counting(**settings)(changed, silent))


def test_what_is_not_kept_is_annotated_and_leaves_no_file(base, temp):
    frames, one = torch.rand(2, 4, 4, 3), Counting()
    assert torch.equal(base.annotate(one, frames, keep=False), base.annotate(one, frames, keep=False))
    assert len(one.calls) == 2 and not temp.exists()


def test_frames_that_are_not_in_order_in_memory_count_by_content(base, temp):
    frames, one = torch.rand(2, 3, 4, 4).movedim(1, -1), Counting()
    base.annotate(one, frames)
    base.annotate(one, frames.contiguous())
    assert len(one.calls) == 1


@pytest.mark.parametrize("content", [b"", b"no tensors", "cut", "other"])
def test_a_broken_file_is_made_again(base, temp, content):
    frames, one = torch.rand(3, 8, 8, 3), Counting()
    control = base.annotate(one, frames)
    (kept,) = temp.iterdir()
    if content == "other":
        save_file({"else": torch.zeros(1)}, kept)
    else:
        kept.write_bytes(kept.read_bytes()[:-7] if content == "cut" else content)
    assert torch.equal(base.annotate(one, frames), control) and len(one.calls) == 2
    assert load_file(kept)["control"].shape == control.shape


def test_what_was_used_longest_ago_goes_first(base, temp, monkeypatch):
    one, clips = Counting(), [torch.rand(1, 16, 16, 3) for _ in range(3)]
    base.annotate(one, clips[0])
    (kept,) = temp.iterdir()
    monkeypatch.setattr(base, "LIMIT_BYTES", 2 * kept.stat().st_size)
    base.annotate(one, clips[1])
    for age, file in enumerate([kept, *(file for file in temp.iterdir() if file != kept)]):
        os.utime(file, (1000 + age, 1000 + age))
    base.annotate(one, clips[0])  # the older one, used again
    base.annotate(one, clips[2])
    assert len(one.calls) == 3 and len(list(temp.iterdir())) == 2
    base.annotate(one, clips[0])
    assert len(one.calls) == 3
    base.annotate(one, clips[1])
    assert len(one.calls) == 4


def test_after_the_clock_was_set_back_what_is_new_stays(base, temp, monkeypatch):
    one, clips = Counting(), [torch.rand(1, 16, 16, 3) for _ in range(2)]
    base.annotate(one, clips[0])
    (kept,) = temp.iterdir()
    (temp / "left.safetensors.99.part").touch()
    for path in temp.iterdir():
        os.utime(path, (2**32, 2**32))
    monkeypatch.setattr(base, "LIMIT_BYTES", kept.stat().st_size)
    base.annotate(one, clips[1])
    assert len(list(temp.iterdir())) == 1 and not kept.exists()
    base.annotate(one, clips[1])
    assert len(one.calls) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process that would be ended is forked")
def test_a_file_that_is_cut_later_changes_nothing_that_was_read(base, temp):
    frames = torch.rand(5, 64, 64, 3)

    @dataclass(frozen=True)
    class Finder(Gray):
        def __call__(self, frames, tick):
            return {"found": super().__call__(frames, tick)}

    found = base.find_in_frames(Finder(), frames, ("found",))["found"]

    def read_as_it_is_cut():
        again = base.find_in_frames(Finder(), frames, ("found",))["found"]
        (kept,) = temp.iterdir()
        os.truncate(kept, 0)
        return torch.equal(again, found)

    ended = child.run(read_as_it_is_cut)
    assert (ended.kind, ended.value) == (child.DONE, True), ended


def test_a_disk_that_takes_nothing_costs_nothing(base, temp):
    temp.write_text("a file where the folder would be", "utf-8")
    frames, one = torch.rand(2, 4, 4, 3), Counting()
    assert torch.equal(base.annotate(one, frames), Gray()(frames, silent))


def test_a_file_that_cannot_be_finished_leaves_none(base, temp):
    frames, one = torch.rand(2, 4, 4, 3), Counting()
    control = base.annotate(one, frames)
    (kept,) = temp.iterdir()
    kept.unlink()
    kept.with_name(f"{kept.name}.{os.getpid()}.part").mkdir()  # where it would be written
    assert torch.equal(base.annotate(one, frames), control)
    assert not kept.exists()


@pytest.mark.parametrize("keep", [True, False])
def test_it_stops_between_chunks_when_the_user_stops_the_queue(base, temp, keep):
    import comfy.model_management as management

    done = []

    @dataclass(frozen=True)
    class Stopped(Gray):
        def __call__(self, frames, tick):
            def stop(now, total):
                done.append(now)
                management.interrupt_current_processing(True)
                tick(now, total)

            return super().__call__(frames, stop)

    with pytest.raises(management.InterruptProcessingException):
        base.annotate(Stopped(), torch.rand(40, 4, 4, 3), keep=keep)
    assert done == [16] and not management.processing_interrupted() and not temp.exists()


def test_a_queue_that_was_stopped_before_starts_nothing(base, temp):
    import comfy.model_management as management

    one = Counting()
    management.interrupt_current_processing(True)
    with pytest.raises(management.InterruptProcessingException):
        base.annotate(one, torch.rand(1, 4, 4, 3))
    assert not one.calls


def test_progress_goes_from_nothing_to_all(base, temp):
    import comfy.utils

    shown, before = [], comfy.utils.PROGRESS_BAR_HOOK
    comfy.utils.set_progress_bar_global_hook(lambda value, total, *_, **__: shown.append((value, total)))
    try:
        base.annotate(Gray(), torch.rand(40, 4, 4, 3))
    finally:
        comfy.utils.set_progress_bar_global_hook(before)
    assert shown[0] == (0, 40) and shown[-1] == (40, 40) and shown == sorted(shown)


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
