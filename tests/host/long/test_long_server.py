"""A long video over HTTP: killed in the middle of a segment, the next run goes on where it was."""

import os
import shutil
import threading
import time
import uuid

import av
import pytest
import torch

from harness.host.client import HostDiedError, PromptFailedError
from harness.host.server import ComfyServer
from harness.workflows import small

pytestmark = [pytest.mark.host, pytest.mark.server]
SEGMENTS = 4


def prompt(run, steps=3):
    """A control clip of 17 frames in four segments."""
    graph = {
        "m": {"class_type": "UNETLoader", "inputs": {"unet_name": "", "weight_dtype": "default"}},
        "c": {"class_type": "CLIPLoader", "inputs": {}},
        "v": {"class_type": "VAELoader", "inputs": {"vae_name": ""}},
        "clip": {"class_type": "LoadImage", "inputs": {"image": "boy_and_dog.webp"}},
        "vcu": {
            "class_type": "VaceBuildVcu",
            "inputs": {
                "control_video": ["clip", 0], "width": 64, "height": 48, "length": 17, "fit": "cover",
                "inside_mask": "empty", "soft_mask": False,
            },
        },
        "s": {
            "class_type": "VaceSampleLongVideo",
            "inputs": {
                "model": ["m", 0], "clip": ["c", 0], "vae": ["v", 0], "vcu": ["vcu", 0], "prompts": "a boy\n---\nrain",
                "negative_prompt": "", "seed": 5, "settings": "custom", "settings.steps": steps, "settings.cfg": 4.0,
                "settings.shift": 16.0, "settings.sampler": "uni_pc", "settings.scheduler": "simple",
                "segment_length": 5, "overlap": 1, "anchor": True, "match_colour": True, "drift_limit": 0.0,
                "keep_pixels": True, "run": run, "redo": "", "strength": 1.0, "boundary": 0.875,
            },
        },
        "film": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["s", 0], "filename_prefix": "test/long", "format": "mp4", "codec": "h264"},
        },
        "report": {"class_type": "PreviewAny", "inputs": {"source": ["s", 1]}},
    }  # fmt: skip
    return small(graph)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def run_name():
    name = f"test_{uuid.uuid4().hex[:8]}"
    yield name
    for folder in (ComfyServer().folders["output"] / "vace_runs").glob(f"{name}*"):
        shutil.rmtree(folder)


def stored(server, name):
    folder = server.folders["output"] / "vace_runs" / name
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.glob("segment_*.rgb")}


def frames_of(server, name):
    """The frames alone; behind them a file tells how long it took."""
    return {file: data[: 5 * 48 * 64 * 3] for file, (_, data) in stored(server, name).items()}


def video_of(server, entry):
    (file,) = [path for path in server.outputs(entry) if path.suffix == ".mp4"]
    with av.open(str(file)) as container:
        return torch.stack([torch.from_numpy(f.to_ndarray(format="rgb24")) for f in container.decode(video=0)])


def kill_in_segment(server, name, number):
    """Queue the prompt and kill the server, without any warning, while it works on a segment."""

    def queue():
        try:
            server.run(prompt(name))
        except (HostDiedError, PromptFailedError, OSError):
            return

    waiting = threading.Thread(target=queue)
    waiting.start()
    end = time.monotonic() + 120
    while len(stored(server, name)) < number - 1 and time.monotonic() < end:
        time.sleep(0.01)
    server.process.kill()
    server.process.wait(30)
    waiting.join(60)


def test_killed_in_the_middle_of_a_segment_it_resumes_bit_for_bit(run_name):
    cut, whole = f"{run_name}_cut", f"{run_name}_whole"
    with ComfyServer() as server:
        kill_in_segment(server, cut, 3)
        finished = stored(server, cut)
        assert 2 <= len(finished) < SEGMENTS
    with ComfyServer() as server:
        resumed = server.run(prompt(cut))
        after = stored(server, cut)
        assert {name: after[name] for name in finished} == finished  # none of the finished ones was made again
        uninterrupted = server.run(prompt(whole))
        remade, at_once = frames_of(server, cut), frames_of(server, whole)
        assert len(at_once) == SEGMENTS
        assert [name for name in at_once if remade[name] != at_once[name]] == []
        # Of the same frames the host's H.264 encoder does not always make the same file, so those are only counted.
        assert len(video_of(server, resumed)) == len(video_of(server, uninterrupted)) == 17
        report = resumed["outputs"]["report"]["text"][0]
        assert "17 frames in 4 segments of 5 frames; each keeps 1 of the one before." in report


def test_changed_inputs_fail_with_the_sentence_and_lose_nothing(run_name):
    with ComfyServer() as server:
        server.run(prompt(run_name, steps=1))
        before = stored(server, run_name)
        with pytest.raises(PromptFailedError, match=f"The run {run_name} was begun with something else: settings"):
            server.run(prompt(run_name, steps=2))
        assert stored(server, run_name) == before
