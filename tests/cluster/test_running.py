"""Whole batches with Ray and a recorded stub of ComfyUI: every job once, faults survived, mistakes told."""

import errno
import hashlib
import io
import json
import signal
import tempfile
from pathlib import Path

import pytest
import ray
from ray.exceptions import ObjectStoreFullError, RayTaskError
from rich.console import Console

from harness.cluster.batches import RECORDED, write_table, write_workflow
from harness.cluster.running import stub_host, wait_for
from harness.host.locations import base_dir
from wan_vace.cluster.batch import DONE, FAILED, RUNNING, Manifest
from wan_vace.cluster.command import run_command
from wan_vace.cluster.errors import BatchError
from wan_vace.cluster.faults import FAULT, MISTAKE, UNSURE, full_disk_told, judge, pause
from wan_vace.cluster.pool import FREE, REFUSED, SAMPLE, Member, Pool, _own_ending, share_of, what_is_wrong
from wan_vace.cluster.report import sampling_share
from wan_vace.cluster.settings import BASE, COMFYUI, PYTHON
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.files import write_error
from wan_vace.vace_core.long.lock import RunLock

FILM = (RECORDED / "video.mp4").read_bytes()
DISKS = ((errno.ENOSPC, "No space left on device"), (errno.EIO, "Input/output error"))
HOSTILE = '"><script>alert(1)</script>'


def say(verb, batch, *more):
    """What a verb that only looks at the manifest says, in this process."""
    console = Console(record=True, file=io.StringIO(), width=200)
    run_command([verb, str(batch.folder), *more], console)
    return console.export_text()


def scratch(batch):
    """Folders that workers have of a batch where none is shared."""
    digest = hashlib.sha256(str(batch.folder).encode()).hexdigest()[:12]
    return list(Path(tempfile.gettempdir()).glob(f"wan_vace_cluster*/*{digest}*"))


def test_good_jobs_are_done_and_bad_ones_told_apart(batch):
    """A poisoned job among good ones, a mistake, a full disk, one that hangs; then what people look at."""
    bad = {"wrong": "mistake", "poison": "die", "crowded": "full", "stuck": f"hang {HOSTILE}"}
    made = batch({"one": "a", "two": "b"} | bad | {"three": "c"})
    status, said = made.call("run", "--workers", "2", "--prepare", "1", "--retries", "1", "--limit", "3")
    assert status == 1 and "3 of 7 done, 4 failed." in said, said
    rows = {row["name"]: dict(row) for row in Manifest(made.folder).jobs()}
    assert {name for name, row in rows.items() if row["state"] == DONE} == {"one", "two", "three"}
    assert (rows["wrong"]["attempts"], rows["poison"]["attempts"]) == (1, 2), "mistakes once, faults again"
    assert rows["wrong"]["error"].endswith("mask: got 3 frames, it must have 17. Connect one for each frame.")
    assert "ComfyUI" in rows["poison"]["error"] and rows["poison"]["error"].endswith("Tried 2 times.")
    assert "No space left on device" in rows["crowded"]["error"] and "longer than 3 s" in rows["stuck"]["error"]
    for name in ("one", "two", "three"):
        (output,) = json.loads(rows[name]["outputs"])
        assert (made.folder / "outputs" / name / output["name"]).read_bytes() == FILM
    page = (made.folder / "report.html").read_text("utf-8")
    assert HOSTILE not in page and "&lt;script&gt;" in page and page.count("<img") == 3
    assert 0 < sampling_share(Manifest(made.folder)) <= 1
    assert "poison: failed" in say("status", made)
    assert "2 jobs wait again" in say("retry", made, "--job", "wrong", "--job", "stuck")
    assert "2 jobs are cancelled" in say("cancel", made)
    assert not list((made.folder / "made").rglob("*.mp4")) and not list(made.folder.rglob("*.part"))


@pytest.mark.long
def test_without_a_shared_folder_files_and_vcus_go_through_the_object_store(batch):
    made = batch({"one": "a", "two": "b", "late": "hang"})
    made.shared = False
    driver = made.start("--workers", "1", "--prepare", "1", "--retries", "0")
    wait_for(lambda: made.count(DONE) == 2)
    wait_for(lambda: made.states()["late"] == RUNNING)
    assert len(scratch(made)) == 2
    assert "1 jobs are cancelled" in say("cancel", made, "--job", "late")
    assert driver.wait(60) == 1 and made.states()["late"] == "cancelled"
    assert not (made.folder / "made").exists() and not list((made.folder / "files").rglob("*.safetensors"))
    for name in ("one", "two"):
        assert [path.read_bytes() for path in (made.folder / "outputs" / name).iterdir()] == [FILM]
    assert not scratch(made), "workers leave nothing behind"


def ask(*words, host=True):
    """The status of a command that starts no Ray, and all that it says."""
    console = Console(record=True, file=io.StringIO(), width=200)
    where = ["--comfyui", str(stub_host().comfyui), "--base", str(base_dir())] if host else []
    return run_command([*map(str, words), *where], console), console.export_text()


def test_a_bad_table_runs_nothing(tmp_path):
    """All that is wrong is said at once, by a ComfyUI that was asked what its nodes take."""
    (tmp_path / "miniature_yellow_figure.webm").write_bytes(b"a clip")
    rows = [
        {"job": "one", "VACE Sample VCU.seed": "x", "Nobody.seed": "1"},
        {"job": "one", "Load Video.file": "gone.webm"},
    ]
    status, said = ask("check", write_workflow(tmp_path, "control_video"), write_table(tmp_path / "shots.csv", rows))
    assert status == 1 and "row 2, column VACE Sample VCU.seed: 'x' is no whole number." in said, said
    assert "column Nobody.seed: There is no such node." in said
    assert 'row 3, column job: "one" is the name of row 2 already.' in said
    assert "row 3, column Load Video.file: There is no file gone.webm in" in said
    assert "4 things are to be put right in the table; nothing was run." in said


@pytest.mark.parametrize(
    ("table", "more", "sentence"),
    [
        ("job,5.seed\n", (), "shots.csv has no rows"),
        (None, (), "There is no table"),
        ("job\na\n", ("--to", "{folder}/shots.csv"), "shots.csv/manifest.sqlite cannot be opened: "),
        ("job\na\n", ("--comfyui", "{folder}"), "main.py is not there on"),
    ],
    ids=["empty", "missing", "a file for a folder", "no ComfyUI"],
)
def test_what_cannot_begin_is_said_before_anything_starts(tmp_path, capsys, monkeypatch, table, more, sentence):
    for name in (COMFYUI, PYTHON, BASE):
        monkeypatch.delenv(name, raising=False)
    if table:
        (tmp_path / "shots.csv").write_text(table, "utf-8")
    graph = write_workflow(tmp_path, "text_to_video")
    more = [word.format(folder=tmp_path) for word in more]
    assert ask("run", graph, tmp_path / "shots.csv", "--comfyui", "nowhere", *more, host=False) == (1, "")
    assert sentence in capsys.readouterr().err.replace("\n", "")
    assert not ray.is_initialized()


def test_workers_of_another_version_than_the_first_one_that_was_up_are_refused():
    pool = Pool(None)
    pool.members = {name: Member(name, SAMPLE, None) for name in ("left", "middle", "right")}
    left, middle, right = pool.members.values()

    def about(machine, pack):
        return {"comfyui": "0.30.0", "pack": pack, "machine": machine, "error": ""}

    assert pool.judge(middle, about("m", "a1")) == ""
    said = pool.judge(left, about("l", "b2"))
    assert said == ("left cannot work: l has version b2 of pack, middle on m has a1. Install one version everywhere.")
    assert pool.judge(right, about("r", "a1")) == "", "it is as the first one, whoever was refused"
    assert (left.state, middle.state, right.state) == (REFUSED, FREE, FREE) and left.about["error"] in said
    assert "has version b2" in pool.judge(middle, about("elsewhere", "b2")), "one that was up may come up elsewhere"


@pytest.mark.parametrize(
    ("machines", "workers", "share"),
    [
        ([8.0], 3, 2.0),
        ([8.0, 8.0], 5, 2.0),  # of 16 CPUs each could have 3, and one of five would find no place
        ([0.0, 2.0, 2.0], 2, 2.0),
        ([2.0], 9, 0.22),
        ([64.0, 4.0], 2, 32.0),
        ([0.0], 4, 0.0),
        ([4.0], 0, 0.0),
        ([7.0], 25, 0.28),  # 25 times of which is 7, and 7 through it just below 25
    ],
)
def test_workers_ask_for_no_more_cpus_than_let_all_of_them_find_a_place(machines, workers, share):
    assert share_of(machines, workers) == share


@pytest.mark.parametrize("cpus", range(1, 33))
def test_a_machine_is_shared_in_whole_cpus_or_hundredths_whatever_the_rounding(cpus):
    for workers in range(1, 100):
        share = cpus // workers if cpus >= workers else 100 * cpus // workers / 100
        assert share_of([float(cpus)], workers) == share, workers


def test_what_sigterm_does_stays_as_it_was_where_ray_does_not_start():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="no Ray"), _own_ending():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise ValueError("no Ray")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_disk_quota_is_told_as_a_full_disk_is(tmp_path):
    error = OSError(errno.EDQUOT, "Disk quota exceeded", "a.mp4")
    assert judge("builtins.OSError", str(error)) == judge("ValueError", f"Save Video: {error}") == FAULT
    with pytest.raises(BatchError, match=r"is full\. Make room"), full_disk_told(tmp_path):
        raise error


def test_what_ray_says_of_a_dead_worker_is_one_line(monkeypatch):
    told = "ray::Worker.start() (pid=1)\n  File x\nOSError: [Errno 28] No space left on device\n"
    raised = RayTaskError("start", told, OSError())
    assert what_is_wrong(raised) == "RayTaskError: OSError: [Errno 28] No space left on device"
    assert what_is_wrong(ObjectStoreFullError("It is full.\nmore")).startswith("ObjectStoreFullError: ")
    assert "\n" not in what_is_wrong(ObjectStoreFullError("It is full.\nmore"))


def test_a_disk_that_is_full_when_the_report_is_written_is_said(tmp_path, monkeypatch, capsys):
    Manifest(tmp_path / "batch").close()

    def full(manifest):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("wan_vace.cluster.command.write_report", full)
    assert run_command(["status", str(tmp_path / "batch")], Console(file=io.StringIO())) == 1
    assert f"error: The disk of {tmp_path / 'batch'} is full. Make room" in capsys.readouterr().err


def test_a_run_that_another_machine_still_holds_is_tried_again(tmp_path):
    held = RunLock(tmp_path)
    with pytest.raises(VaceInputError) as error:
        RunLock(tmp_path)
    held.release()
    assert judge("wan_vace.VaceInputError", f"VACE Sample Long Video: {error.value}") == FAULT


@pytest.mark.parametrize(
    ("kind", "sentence", "whose"),
    [
        ("wan_vace.VaceInputError", "mask: ...", MISTAKE),
        ("torch.OutOfMemoryError", "Allocation on device", FAULT),
        ("builtins.OSError", "[Errno 28] No space left on device", FAULT),
        *(("wan_vace.VaceInputError", str(write_error(OSError(*said), Path("a.mp4"))), FAULT) for said in DISKS),
        ("wan_vace.VaceInputError", "a.mp4 cannot be written to made (Permission denied).", MISTAKE),
        ("RuntimeError", "CUDA error: an illegal memory access", FAULT),
        ("builtins.RuntimeError", "mat1 and mat2 shapes cannot be multiplied", UNSURE),
        ("ValueError", "x", UNSURE),
    ],
)
def test_mistakes_are_told_from_faults(kind, sentence, whose):
    assert judge(kind, sentence) == whose
    assert [pause(attempt, 5) for attempt in (1, 2, 3, 9)] == [5, 10, 20, 120]
    assert FAILED not in (MISTAKE, FAULT, UNSURE)
