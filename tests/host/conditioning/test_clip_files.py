"""Encoded clips on disk: read instead of encoded, within a limit, and whole whatever happens to file or process."""

import multiprocessing
import os
import signal
import time

import pytest
import torch

from harness.host.locations import pack_module
from wan_vace.vace_core.notes import collect_notes

from .test_streaming import half_of, random

pytestmark = pytest.mark.host
SECONDS, PATIENCE = 1.0, 60.0


@pytest.fixture
def clips(host):
    return pack_module("nodes._host.conditioning.clip_files")


@pytest.fixture
def temp(host, monkeypatch, tmp_path):
    """The host's temp folder, which is the test's own."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path))
    return tmp_path / "vace_clips"


def latents(number, frames=5):
    return torch.full((1, 16, frames, 2, 2), float(number))


def encoded(call, vae, seed=0, **options):
    """Latents of a clip, and how often the VAE encoded."""
    runs = []
    hook = vae.first_stage_model.conv1.register_forward_hook(lambda *_: runs.append(1))
    vcu = call("VaceBuildVcu", control_video=random(9, 32, seed))[0]
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, **options)
    hook.remove()
    return context.latents, len(runs)


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_a_vae_that_is_loaded_anew_reads_what_it_encoded_before(call, new_vae, streaming, temp):
    first, _ = encoded(call, new_vae(), disk_cache=64)
    again, runs = encoded(call, new_vae(), disk_cache=64)
    assert torch.equal(again, first) and runs == 0
    assert sorted(path.suffix for path in temp.iterdir()) == [".safetensors"] * 2
    vae = new_vae()
    with torch.no_grad():
        vae.first_stage_model.conv1.weight += 1e-3
    other, runs = encoded(call, vae, disk_cache=64)
    assert runs > 0 and not torch.equal(other, first)


@torch.inference_mode()
def test_nothing_is_kept_on_disk_unless_asked_for_nor_of_a_patched_vae(call, new_vae, clips, temp):
    encoded(call, new_vae())
    vae = new_vae()
    weight = vae.first_stage_model.conv1.weight
    vae.patcher.add_patches({"conv1.weight": ("diff", (torch.ones_like(weight),))}, 1.0)
    with collect_notes() as notes:
        assert clips.clip_files(vae, 64) is None
    assert [note.code for note in notes] == ["clip-not-stored"] and not temp.exists()


def cut_off(data):
    return data[:-100]


def one_byte_wrong(data):
    return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]


def header_wrong(data):
    return b"\xff" * 8 + data[8:]


def nothing(_data):
    return b""


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@pytest.mark.parametrize("damage", [cut_off, one_byte_wrong, header_wrong, nothing])
def test_a_damaged_file_is_told_of_and_written_anew(clips, streaming, new_vae, memory_of, temp, damage):
    with torch.inference_mode():
        vae, half = new_vae(), half_of(random(9))
        files = clips.clip_files(vae, 64)
        first = streaming.encode_half(vae, half, files)
        (path,) = temp.iterdir()
        path.write_bytes(damage(path.read_bytes()))
        memory_of(vae).clear()
        with collect_notes() as notes:
            again = streaming.encode_half(vae, half, files)
        assert torch.equal(again, first) and [note.code for note in notes] == ["clip-damaged"]
        with collect_notes() as notes:
            (content,) = {file.name for file in temp.iterdir()}
            assert torch.equal(clips.ClipFile(files, temp / content).read(), first) and notes == []


def test_the_files_keep_to_their_limit_and_those_used_last_stay(clips, tmp_path):
    files = clips.ClipFiles(tmp_path, 4 * 2048)
    for number in range(20):
        files.at((number,)).write(latents(number))
        time.sleep(0.01)
        assert torch.equal(files.at((0,)).read(), latents(0))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= files.limit
    there = [number for number in range(20) if files.at((number,)).read() is not None]
    assert 0 in there and there[1:] == list(range(21 - len(there), 20)) and len(there) > 2
    with collect_notes() as notes:
        files.at(("large",)).write(latents(1, frames=100))
    assert [note.code for note in notes] == ["clip-not-stored"] and files.at((0,)).read() is not None


def test_what_was_begun_and_left_is_cleared_away(clips, tmp_path):
    files, left, begun = clips.ClipFiles(tmp_path, 2**20), tmp_path / "a.part", tmp_path / "b.part"
    for part in (left, begun):
        part.write_bytes(b"half")
    os.utime(left, (0, 0))
    files.at((1,)).write(latents(1))
    assert not left.exists() and begun.exists()


def test_after_the_clock_was_set_back_what_is_new_stays(clips, tmp_path):
    files, left = clips.ClipFiles(tmp_path, 2 * 2048), tmp_path / "a.part"
    for number in range(2):
        files.at((number,)).write(latents(number))
    left.write_bytes(b"half")
    for path in tmp_path.iterdir():
        os.utime(path, (2**32, 2**32))
    for number in range(2, 5):
        files.at((number,)).write(latents(number))
    assert not left.exists() and files.at((4,)).read() is not None and files.at((0,)).read() is None


def write_on(files, first):
    """Clips, some of them those of the other process, without an end."""
    number = first
    while True:
        files.at((number % 7,)).write(latents(number % 7))
        files.at(((number + 3) % 7,)).read()
        number += 1


def test_processes_that_share_a_folder_and_are_killed_leave_whole_files(clips, tmp_path):
    files = clips.ClipFiles(tmp_path, 5 * 2048)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_on, args=(files, first), daemon=True) for first in (0, 3)]
    for writer in writers:
        writer.start()
    ends = time.monotonic() + SECONDS
    seen = 0
    with collect_notes() as notes:
        while time.monotonic() < ends or (not seen and time.monotonic() < ends + PATIENCE):  # on a busy machine
            for number in range(7):
                found = files.at((number,)).read()
                assert found is None or torch.equal(found, latents(number))
                seen += found is not None
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
        assert all(files.at((n,)).read() is None or torch.equal(files.at((n,)).read(), latents(n)) for n in range(7))
    assert notes == [] and seen > 0
    files.at((9,)).write(latents(9))
    whole = [path.stat().st_size for path in tmp_path.glob("*.safetensors")]
    assert sum(whole) <= files.limit


def test_a_folder_that_takes_no_file_is_told_of(clips, tmp_path):
    """A file that lies where the folder would be; what was encoded is used all the same."""
    (tmp_path / "vace_clips").write_text("of somebody else", "utf-8")
    with collect_notes() as notes:
        file = clips.ClipFiles(tmp_path / "vace_clips", 2**20).at((1,))
        assert file.read() is None
        file.write(latents(1))
    assert [note.code for note in notes] == ["clip-not-stored"] and "could not be kept in" in notes[0].text
    assert (tmp_path / "vace_clips").read_text("utf-8") == "of somebody else"


def test_weights_are_looked_at_once_and_those_that_are_not_in_memory_keep_nothing(clips, new_vae, temp):
    vae = new_vae()
    known = clips.clip_files(vae, 64).encoded_by
    vae.first_stage_model.encoder.register_state_dict_pre_hook(lambda *_: pytest.fail("they are looked at again"))
    assert clips.clip_files(vae, 64).encoded_by == known
    vae = new_vae()
    vae.first_stage_model.to("meta")
    with collect_notes() as notes:
        assert clips.clip_files(vae, 64) is None
    assert [note.code for note in notes] == ["clip-not-stored"] and "not in memory as a whole" in notes[0].text
