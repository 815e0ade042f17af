"""Batches on a real ComfyUI with the miniature: killed while it samples, made whole, equal to what is made alone."""

import shutil
import time

import numpy as np
import pytest

from harness.cluster.batches import INFO, SEED, frames_in, with_frames, workflow, write_table, write_workflow
from harness.cluster.running import Batch, kill, wait_for
from harness.host.server import ComfyServer
from wan_vace.cluster.batch import DONE, Manifest

STEPS = 2
pytestmark = [pytest.mark.server, pytest.mark.long]


def without_words(value):
    """What /object_info says, as far as it was recorded; which files there are is another matter."""
    if isinstance(value, dict):
        left_out = ("tooltip", "description", "search_aliases", "help")
        return {k: without_words(v) for k, v in value.items() if k not in left_out}
    return [without_words(each) for each in value] if isinstance(value, list) else value


def test_a_comfyui_killed_while_it_samples_costs_an_attempt_and_nothing_else(tmp_path, ray_address):
    rows = [
        {"job": "follow", SEED: 1},
        {"job": "replace", SEED: 2, "workflow": "inpaint_moving_box.json"},
    ]
    graph = write_workflow(tmp_path, "control_video", frames=True, steps=STEPS)
    write_workflow(tmp_path, "inpaint_moving_box", frames=True, steps=STEPS)
    batch = Batch(tmp_path / "batch", graph, write_table(tmp_path / "shots.csv", rows), address=ray_address)
    driver = batch.start("--workers", "1", "--prepare", "1")
    log = batch.folder / "workers" / "sample-1" / "comfyui.log"
    wait_for(lambda: driver.poll() is not None or (log.is_file() and "got prompt" in log.read_text("utf-8")), 600)
    (host,) = batch.hosts("sample-1")
    kill(host)
    assert driver.wait(600) == 0, batch.log()
    done = {row["name"]: row for row in Manifest(batch.folder).jobs(DONE)}
    assert (done["follow"]["attempts"], done["replace"]["attempts"]) == (2, 1)
    with ComfyServer() as server:
        info = server.object_info()
        for row, name in zip(rows, ("control_video", "inpaint_moving_box"), strict=True):
            prompt = with_frames(workflow(name, steps=STEPS))
            next(n for n in prompt.values() if n["class_type"] == "VaceSampleVcu")["inputs"]["seed"] = row[SEED]
            alone = frames_in(server.outputs(server.run(prompt, timeout=240)))
            made = list((batch.folder / "outputs" / row["job"]).iterdir())
            assert np.array_equal(alone, frames_in(made)) and sorted(p.suffix for p in made) == [".mp4", ".png"]
    for kind in ("VaceSampleVcu", "VaceSaveVcu", "VaceLoadVcu", "VaceBuildVcu", "SaveVideo"):
        now = {key: without_words(info[kind][key]) for key in ("input", "output", "output_node", "python_module")}
        recorded = INFO[kind]
        if kind == "VaceLoadVcu":  # the files that there are
            now["input"]["required"]["file"][1]["options"] = recorded["input"]["required"]["file"][1]["options"]
        now["input"].pop("hidden", None), recorded["input"].pop("hidden", None)
        assert now["input"] == recorded["input"] and now["output"] == recorded["output"], kind


def test_a_long_video_goes_on_at_its_last_segment_when_its_comfyui_is_killed(tmp_path, ray_address):
    rows = [{"job": "walk", "VACE Build VCU.length": 17 + 3 * 12}]
    graph = write_workflow(tmp_path, "long_video", frames=True, steps=STEPS)
    batch = Batch(tmp_path / "batch", graph, write_table(tmp_path / "shots.csv", rows), address=ray_address)
    driver = batch.start("--workers", "1", "--prepare", "0")
    runs = batch.folder / "made" / "vace_runs"
    wait_for(lambda: driver.poll() is not None or len(segments(runs)) == 2, 600)
    (host,) = batch.hosts("sample-1")
    kill(host)
    before = segments(runs)
    assert driver.wait(600) == 0, batch.log()
    after = segments(runs)
    assert len(before) < len(after) == 4 and before.items() <= after.items(), "finished segments were not made again"
    (row,) = Manifest(batch.folder).jobs(DONE)
    assert row["attempts"] == 2 and row["run"] in [folder.name for folder in runs.iterdir()]
    prompt = with_frames(workflow("long_video", steps=STEPS))
    prompt["2"]["inputs"]["length"] = rows[0]["VACE Build VCU.length"]
    with ComfyServer() as server:
        prompt["3"]["inputs"]["run"] = f"alone_{tmp_path.name}_{time.time_ns()}"
        alone = frames_in(server.outputs(server.run(prompt, timeout=240)))
        assert np.array_equal(alone, frames_in((batch.folder / "outputs" / "walk").iterdir()))
        shutil.rmtree(server.folders["output"] / "vace_runs" / prompt["3"]["inputs"]["run"])


def segments(runs):
    """Finished segments, and when they were written."""
    return {path.name: path.stat().st_mtime_ns for path in runs.glob("*/segment_*.rgb")}
