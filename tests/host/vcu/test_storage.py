"""VCU files in the real host's folders, and nothing outside them."""

import errno
import os
from pathlib import Path

import pytest
import torch

from harness.host.locations import pack_module
from wan_vace.vace_core.notes import sentences

pytestmark = pytest.mark.host

SUFFIX = ".vcu.safetensors"


@pytest.fixture
def folders(host, tmp_path):
    """The host's input and output folders, empty and of this test alone."""
    import folder_paths

    before = folder_paths.get_input_directory(), folder_paths.get_output_directory()
    new = tmp_path / "input", tmp_path / "output"
    for folder in new:
        folder.mkdir()
    folder_paths.set_input_directory(str(new[0]))
    folder_paths.set_output_directory(str(new[1]))
    yield new
    folder_paths.set_input_directory(before[0])
    folder_paths.set_output_directory(before[1])


@pytest.fixture
def vcu(call):
    mask = (torch.rand(5, 32, 48) > 0.5).float()
    return call(
        "VaceBuildVcu", control_video=torch.rand(5, 32, 48, 3), control_masks=mask,
        references={"reference_image_0": torch.rand(2, 9, 7, 3)}, width=0, height=0, length=6, fit="cover",
        inside_mask="empty", soft_mask=False,
    )[0]  # fmt: skip


def save(call, vcu, prefix="vcu/scene", precision="exact"):
    return call("VaceSaveVcu", vcu=vcu, filename_prefix=prefix, precision=precision)


def options(host_nodes):
    (file,) = host_nodes["VaceLoadVcu"].GET_SCHEMA().inputs
    return file.options


def test_what_is_saved_is_listed_and_comes_back(call, host_nodes, folders, vcu):
    file, report = save(call, vcu)
    assert file == f"vcu/scene_00001_{SUFFIX} [output]" and report == ""
    assert options(host_nodes) == [file]
    back, report = call("VaceLoadVcu", file=file)
    assert torch.equal(back.frames, vcu.frames) and torch.equal(back.mask, vcu.mask)
    assert all(torch.equal(a.image, b.image) for a, b in zip(back.references, vcu.references, strict=True))
    assert (back.kind, back.control_amount, back.notes) == ("repaint", 0, vcu.notes)
    assert report.splitlines() == sentences(vcu.notes)


def test_a_sound_comes_back(call, folders):
    from dataclasses import replace

    empty = call(
        "VaceBuildVcu", references={}, width=32, height=32, length=1, fit="cover", inside_mask="empty", soft_mask=False
    )[0]
    audio = {"waveform": torch.rand(1, 2, 100), "sample_rate": 44100}
    back = call("VaceLoadVcu", file=save(call, replace(empty, audio=audio, fps=24.0))[0])[0]
    assert torch.equal(back.audio["waveform"], audio["waveform"]) and back.audio["sample_rate"] == 44100
    assert back.fps == 24
    _, report = save(call, replace(empty, audio="hum"))
    assert report == "The sound is of type str, not the host's AUDIO; it is not saved."


def test_files_are_numbered_and_whole(call, folders, vcu):
    names = [save(call, vcu, "scene", "8-bit")[0] for _ in range(2)]
    assert names == [f"scene_0000{i}_{SUFFIX} [output]" for i in (1, 2)]
    assert sorted(p.name for p in folders[1].iterdir()) == [f"scene_0000{i}_{SUFFIX}" for i in (1, 2)]


def test_the_input_folder_is_read_without_a_mark_and_listed_first(call, host_nodes, folders, vcu):
    saved, _ = save(call, vcu)
    path = folders[1] / saved.removesuffix(" [output]")
    (folders[0] / f"mine{SUFFIX}").write_bytes(path.read_bytes())
    (folders[0] / "other.safetensors").write_bytes(b"")
    assert options(host_nodes) == [f"mine{SUFFIX}", saved]
    assert torch.equal(call("VaceLoadVcu", file=f"mine{SUFFIX}")[0].frames, vcu.frames)


@pytest.mark.parametrize("prefix", ["../scene", "vcu/../../scene", "/tmp/scene", "C:\\scene", "..\\scene", "", "a\0b"])
def test_nothing_is_saved_outside_the_output_folder(call, folders, vcu, prefix):
    with pytest.raises(ValueError, match=r"filename_prefix is .* it must name a file inside the output folder"):
        save(call, vcu, prefix)
    assert not [p for p in folders[1].parent.rglob("*") if p.is_file()]


def test_nothing_is_saved_through_a_link(call, folders, vcu, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folders[1] / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="must name a file inside the output folder"):
        save(call, vcu, "link/scene")


@pytest.mark.parametrize("mark", ["", " [output]", " [input]"])
@pytest.mark.parametrize(
    "name", ["../secret", "vcu/../../secret", "{tmp}/secret", "..\\secret", "C:/secret", "", "a\0b"]
)
def test_nothing_is_loaded_from_outside(call, host_nodes, folders, tmp_path, name, mark):
    (tmp_path / f"secret{SUFFIX}").write_bytes(b"")
    file = name.format(tmp=tmp_path) + (SUFFIX if name else "") + mark
    message = "leads out of the (input|output) folder"
    with pytest.raises(ValueError, match=message):
        call("VaceLoadVcu", file=file)
    assert "leads out of" in host_nodes["VaceLoadVcu"].validate_inputs(file=file)
    assert host_nodes["VaceLoadVcu"].fingerprint_inputs(file=file) == ""


def test_nothing_is_loaded_through_a_link(call, folders, tmp_path):
    (tmp_path / f"secret{SUFFIX}").write_bytes(b"")
    (folders[0] / f"link{SUFFIX}").symlink_to(tmp_path / f"secret{SUFFIX}")
    with pytest.raises(ValueError, match="leads out of the input folder"):
        call("VaceLoadVcu", file=f"link{SUFFIX}")


def test_a_name_that_is_not_there_or_no_vcu_is_refused(call, folders):
    with pytest.raises(ValueError, match=r'"gone\.vcu\.safetensors" is not in the input folder\. Put it there'):
        call("VaceLoadVcu", file=f"gone{SUFFIX}")
    with pytest.raises(ValueError, match=r'"model\.safetensors" does not end in \.vcu\.safetensors'):
        call("VaceLoadVcu", file="model.safetensors")


def test_the_node_runs_again_when_the_file_changes(host_nodes, call, folders, vcu):
    node = host_nodes["VaceLoadVcu"]
    file, _ = save(call, vcu)
    before = node.fingerprint_inputs(file=file)
    assert node.validate_inputs(file=file) is True and before == node.fingerprint_inputs(file=file)
    path = folders[1] / file.removesuffix(" [output]")
    path.write_bytes(path.read_bytes() + b" ")
    assert node.fingerprint_inputs(file=file) != before


def truncate(data):
    return data[: len(data) // 2]


@pytest.mark.parametrize("spoil", [truncate, lambda _: b"", lambda _: b"PK\3\4 not a tensor", lambda d: d[:5]])
def test_a_file_that_is_cut_off_or_something_else_is_refused_by_name(call, folders, vcu, spoil):
    file, _ = save(call, vcu)
    path = Path(folders[1] / file.removesuffix(" [output]"))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=r"vcu/scene_00001_\.vcu\.safetensors \[output\] cannot be read \(.*cut off"):
        call("VaceLoadVcu", file=file)


def test_a_foreign_file_is_refused_by_name(call, folders):
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(4)}, folders[0] / f"lora{SUFFIX}")
    with pytest.raises(ValueError, match=r"lora\.vcu\.safetensors holds no VCU"):
        call("VaceLoadVcu", file=f"lora{SUFFIX}")


def test_pictures_that_share_memory_are_saved(call, folders):
    video = torch.rand(5, 32, 48, 3)
    twice = {"reference_image_0": video[:1], "reference_image_1": video[:1]}
    settings = {"width": 0, "height": 0, "length": 0, "fit": "cover", "inside_mask": "empty", "soft_mask": False}
    vcu = call("VaceBuildVcu", control_video=video, references=twice, **settings)[0]
    back, _ = call("VaceLoadVcu", file=save(call, vcu)[0])
    assert all(torch.equal(reference.image, video[0]) for reference in back.references)


def test_a_vcu_that_is_loaded_stays_what_it_was_whatever_becomes_of_its_file(call, folders, vcu):
    file, _ = save(call, vcu)
    back = call("VaceLoadVcu", file=file)[0]
    path = folders[1] / file.removesuffix(" [output]")
    path.write_bytes(bytes(path.stat().st_size))  # over it, as a copy does it
    assert torch.equal(back.frames, vcu.frames) and torch.equal(back.mask, vcu.mask)
    path.write_bytes(b"")  # whoever reads a file in memory that was cut, ends
    assert torch.equal(back.frames, vcu.frames)


def test_what_a_killed_process_left_goes_with_the_next_file(call, folders, vcu):
    (folders[1] / "vcu").mkdir()
    left, begun = (folders[1] / "vcu" / f"scene_00001_{SUFFIX}.{process}.part" for process in (98, 99))
    for part in (left, begun):
        part.write_bytes(b"half")
    os.utime(left, (0, 0))
    save(call, vcu)
    names = {path.name for path in left.parent.iterdir()}
    assert begun.name in names and left.name not in names and len(names) == 2


def test_a_file_where_the_folder_would_be_is_told(call, folders, vcu):
    (folders[1] / "a").write_bytes(b"")
    with pytest.raises(ValueError, match=r"cannot be written to .*Look whether that folder is there"):
        save(call, vcu, "a/scene")


def test_a_name_that_the_disk_does_not_take_is_told_and_leaves_nothing(call, folders, vcu):
    """A disk takes names of 255 bytes, and what is written beside the place has a longer one."""
    with pytest.raises(ValueError, match=r"cannot be written to .* \(File name too long\)"):
        save(call, vcu, "x" * 230)
    assert list(folders[1].iterdir()) == []


def test_a_name_that_no_file_can_have_is_refused(call, folders):
    with pytest.raises(ValueError, match="leads out of the input folder"):
        call("VaceLoadVcu", file=f"a\ud800{SUFFIX}")


def test_a_name_that_is_taken_meanwhile_is_left_for_the_next_number(vcu, folders, monkeypatch):
    """Another ComfyUI saves into the same folder between the look at what is there and the writing."""
    storage, link = pack_module("nodes._host.vcu.storage"), os.link

    def taken(partial, path):
        if path.name.startswith("scene_00001"):
            path.write_bytes(b"of another ComfyUI")
        link(partial, path)

    monkeypatch.setattr(os, "link", taken)
    name, _ = storage.save_vcu(vcu, "scene", "exact")
    assert name == f"scene_00002_{SUFFIX} [output]" and torch.equal(storage.load_vcu(name).frames, vcu.frames)
    assert (folders[1] / f"scene_00001_{SUFFIX}").read_bytes() == b"of another ComfyUI"


def test_a_disk_without_links_takes_files_too(vcu, folders, monkeypatch):
    def no_links(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    storage = pack_module("nodes._host.vcu.storage")
    name, _ = storage.save_vcu(vcu, "scene", "exact")
    assert torch.equal(storage.load_vcu(name).frames, vcu.frames) and len(list(folders[1].iterdir())) == 1


def test_a_file_that_is_cut_while_it_is_read_is_named(call, vcu, folders, monkeypatch):
    weights, storage = (pack_module(f"nodes._host.{name}") for name in ("files.weights", "vcu.storage"))
    name, _ = storage.save_vcu(vcu, "scene", "exact")
    (path,), parse = folders[1].iterdir(), weights.parse_json

    def cut(text):
        os.truncate(path, path.stat().st_size - 100)
        return parse(text)

    monkeypatch.setattr(weights, "parse_json", cut)
    with pytest.raises(ValueError, match=r"cannot be read \(.*it was cut off while it was read\)"):
        storage.load_vcu(name)


def test_a_disk_that_is_full_as_a_file_gets_its_name_is_told(vcu, folders, monkeypatch):
    def refused(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(ValueError, match=r"The disk is full: scene_00001_.* needs 1 MiB"):
        pack_module("nodes._host.vcu.storage").save_vcu(vcu, "scene", "exact")
    assert list(folders[1].iterdir()) == []


def test_what_is_not_there_has_no_state(host, tmp_path):
    path_state = pack_module("nodes._host.files").path_state
    assert path_state(None) == path_state(tmp_path / "gone") == "" and path_state(tmp_path) == ""
    (tmp_path / "file").write_bytes(b"12345")
    assert path_state(tmp_path / "file").endswith(" 5") and path_state(tmp_path) == path_state(tmp_path / "file")
