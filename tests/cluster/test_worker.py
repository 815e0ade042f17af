"""What a worker does around its ComfyUI, which is not started here."""

import asyncio
import os
import platform
import tempfile

import pytest

from harness.cluster.batches import catalog, workflow
from wan_vace.cluster.errors import BatchError
from wan_vace.cluster.settings import Settings
from wan_vace.cluster.worker import Worker


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
