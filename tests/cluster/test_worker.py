"""What a worker does around its ComfyUI, which is not started here."""

import asyncio
import os
import platform
import sys
import tempfile
from pathlib import Path

import pytest

from harness.cluster.batches import catalog, workflow
from wan_vace.cluster.batch import DONE, Store
from wan_vace.cluster.comfy import ComfyProcess
from wan_vace.cluster.errors import BatchError, HostDiedError
from wan_vace.cluster.settings import Settings
from wan_vace.cluster.worker import NEW, Worker

LEASH = Path(__file__).parents[2] / "cluster" / "leash.py"
SERVER = """
import http.server, pathlib, sys
tries = pathlib.Path(__file__).with_name("tries")
tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
if len(tries.read_text()) <= {fails}:
    sys.exit("address already in use")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200), self.end_headers(), self.wfile.write(b"{{}}")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answer).serve_forever()
"""


@pytest.fixture
def worker(tmp_path):
    """Makes a worker of one batch."""

    def make(name="sample-1", *, batch="batch", shared=True):
        settings = Settings("", "", "", (), str(tmp_path / batch), shared, 60.0, None, "")
        made = Worker(name, settings, on_cpu=True)
        made._catalog = catalog()
        made.settle()
        return made

    return make


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("video/shot", "job/token/shot"),
        ("", "job/token/ComfyUI"),
        ("video/", "job/token/result"),
        (["9", 0], "job/token/result"),
    ],
)
def test_results_are_named_by_their_attempt_whatever_the_workflow_says(worker, said, named):
    prompt = workflow("text_to_video")
    (saver,) = (node for node in prompt.values() if node["class_type"] == "SaveVideo")
    saver["inputs"]["filename_prefix"] = said
    prompt["9"] = {"class_type": "PrimitiveString", "inputs": {"value": "shot"}}
    task = {
        "job": "job",
        "token": "token",
        "prompt": {k: n for k, n in prompt.items() if n["class_type"] == "SaveVideo"},
    }
    (made,) = worker()._named(task).values()
    assert made["inputs"]["filename_prefix"].startswith(named), made
    assert saver["inputs"]["filename_prefix"] == said


def test_workers_write_apart_and_share_their_long_videos(worker):
    one, two = worker("sample-1")._comfy, worker("sample-2")._comfy
    assert one.output != two.output and one.input == two.input
    for comfy in (one, two, one):  # one starts twice
        comfy._share_runs()
    (one.output / "vace_runs" / "walk").mkdir()
    assert (two.output / "vace_runs" / "walk").is_dir() and (two.output.parent / "vace_runs" / "walk").is_dir()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has a temporary folder for each user")
def test_without_a_shared_folder_each_batch_has_one_of_its_own_which_goes_with_it(worker, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    one, other = worker(batch="x/shots", shared=False), worker(batch="y/shots", shared=False)
    root = tmp_path / "tmp" / f"wan_vace_cluster_{os.getuid()}"
    assert len(list(root.iterdir())) == 2 and not (tmp_path / "x").exists()
    assert all(folder.stat().st_mode & 0o777 == 0o700 for folder in (root, *root.iterdir()))
    asyncio.run(one.clear())
    assert list(root.iterdir()) == [other._scratch]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has a temporary folder for each user")
def test_a_folder_that_another_user_may_have_laid_out_is_refused(worker, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"wan_vace_cluster_{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BatchError, match="belongs to another user"):
        worker(shared=False)


def test_a_worker_says_which_model_or_node_it_lacks(worker):
    made, prompt = worker(), workflow("text_to_video")
    assert asyncio.run(made._lacking(prompt)) == ""
    loader = next(node for node in prompt.values() if node["class_type"] == "DevLoadMiniature")
    loader["inputs"]["model"] = "wan2.1_vace_14B.safetensors"
    said = asyncio.run(made._lacking(prompt))
    assert said == f"sample-1 on {platform.node()} has no model wan2.1_vace_14B.safetensors."
    loader["class_type"] = "DepthAnything"
    assert asyncio.run(made._lacking(prompt)) == "sample-1 has no node DepthAnything."


def task(job="shot", savers=()):
    return {"job": job, "token": "token", "savers": list(savers), "files": [], "places": []}


def said(path, output):
    return {"type": "output", "subfolder": path.parent.relative_to(output).as_posix(), "filename": path.name}


def made_by(worker, *places):
    """Files in the output folder of its ComfyUI, and what that says of them, each by a node of its own."""
    outputs = {}
    for number, place in enumerate(places):
        path = worker._comfy.output / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{number} {place}".encode())
        outputs[str(number)] = {"images": [said(path, worker._comfy.output)]}
    return outputs


@pytest.mark.parametrize("shared", [True, False])
def test_two_results_of_one_name_are_both_kept(worker, tmp_path, monkeypatch, shared):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = worker(shared=shared)
    places = ["shot/token/a_00001_.png", "shot/token/b/A_00001_.png", "elsewhere/a_00001_.png"]
    report, contents = made._collect(task(), made_by(made, *places))
    assert [each["name"] for each in report["outputs"]] == ["a.png", "2_A.png", "3_a.png"]
    kept = [Path(each["path"]).read_bytes() for each in report["outputs"]] if shared else contents
    assert kept == [f"{number} {place}".encode() for number, place in enumerate(places)]


def test_a_file_that_comfyui_remembers_to_have_written_is_there_for_the_next_job_too(worker):
    """A node without a prefix whose inputs did not change is not run again; its file is named again."""
    made = worker()
    outputs = made_by(made, "elsewhere/mask.png")
    reports = [made._collect(task() | {"token": token}, outputs)[0] for token in ("one", "two")]
    assert [Path(report["outputs"][0]["path"]).read_bytes() for report in reports] == [b"0 elsewhere/mask.png"] * 2


def test_a_file_that_a_later_job_writes_again_in_place_changes_no_result_of_an_earlier_one(worker):
    made = worker()
    outputs = made_by(made, "elsewhere/mask.png")
    report, _ = made._collect(task(), outputs)
    (made._comfy.output / "elsewhere" / "mask.png").write_bytes(b"of a later job")
    assert Path(report["outputs"][0]["path"]).read_bytes() == b"0 elsewhere/mask.png"


def test_what_is_tidied_is_the_attempt_alone(worker):
    made = worker()
    made_by(made, "shot/token/a.png", "shot/other/a.png")
    made._tidy(task())
    assert [path.name for path in (made._comfy.output / "shot").iterdir()] == ["other"]
    made._tidy(task() | {"token": "other"})
    assert not (made._comfy.output / "shot").exists()


@pytest.mark.parametrize("shared", [True, False])
def test_vcus_of_one_content_belong_each_to_its_preparation(worker, tmp_path, monkeypatch, shared):
    """A length of 17 and of 18 frames give one and the same file; whoever drops the one leaves the other."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made, names = worker(shared=shared), []
    for key in ("first", "second"):
        path = made._comfy.output / key / "token" / "vcu_0_00001_.vcu.safetensors"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"the same")
        outputs = {"save": {"vcus": [said(path, made._comfy.output)]}}
        report, contents = made._collect(task(key, ["save"]), outputs)
        assert report["state"] == DONE and contents == ([] if shared else [b"the same"])
        names += report["vcus"]
    assert names[0] != names[1]
    store = Store(tmp_path / "store")
    for name in names:
        store.write(name, b"the same")
    store.remove(names[0])
    assert store.path(names[1]).read_bytes() == b"the same"


def test_copies_are_kept_as_far_as_they_fit_the_last_used_ones_first(tmp_path):
    store = Store(tmp_path)
    for age, name in enumerate(("a/clip", "b/clip", "c/clip")):
        store.write(name, bytes(100))
        os.utime(store.path(name), (age, age))
    store.write("a/clip", b"is there, and used now")
    assert store.path("a/clip").stat().st_mtime == 0, "ComfyUI takes a file that changed for another one"
    store.keep_to(250)
    assert [store.has(name) for name in ("a/clip", "b/clip", "c/clip")] == [True, False, True]
    assert not (tmp_path / "b").exists() and store.path("a/clip").read_bytes() == bytes(100)


def test_a_worker_that_was_not_asked_to_start_says_so_and_runs_nothing(tmp_path):
    settings = Settings("", "", "", (), str(tmp_path), True, 60.0, None, "")
    assert asyncio.run(Worker("sample-1", settings, on_cpu=True).run({})) == ({"state": NEW, "error": ""}, [])


def test_what_an_earlier_worker_left_unfinished_goes_and_long_videos_stay(worker):
    first = worker()
    first._comfy._share_runs()
    left = first._comfy.output / "shot" / "token" / "half.mp4"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    (first._comfy.output / "vace_runs" / "walk").mkdir()
    again = worker()
    assert not left.exists() and (again._comfy.output / "vace_runs" / "walk").is_dir()


@pytest.fixture
def process(tmp_path):
    """Makes a ComfyUI out of a program."""

    def make(program):
        (tmp_path / "main.py").write_text(program, "utf-8")
        settings = Settings(
            *(str(tmp_path), sys.executable, str(tmp_path), (), str(tmp_path / "batch"), True),
            *(60.0, None, LEASH.read_text("utf-8")),
        )
        return ComfyProcess(settings, tmp_path / "batch" / "workers" / "w", on_cpu=True)

    return make


async def _up_and_down(comfy):
    try:
        return await comfy.ensure() is await comfy.ensure()
    finally:
        await comfy.stop()


def test_a_comfyui_whose_port_was_taken_is_started_again_and_one_that_cannot_start_is_told(process, tmp_path):
    assert asyncio.run(_up_and_down(process(SERVER.format(fails=1))))
    assert (tmp_path / "tries").read_text() == "xx"
    with pytest.raises(HostDiedError, match=r"ComfyUI ended while it started\. .*\naddress already in use"):
        asyncio.run(_up_and_down(process(SERVER.format(fails=9))))


def test_a_start_that_is_cancelled_leaves_no_comfyui_that_is_taken_for_one_that_is_up(process):
    comfy = process("import time; time.sleep(600)")

    async def cancelled():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(comfy.ensure(), 0.5)

    asyncio.run(cancelled())
    assert comfy.client is None and not comfy.is_up
