"""The pack over HTTP, as API users and the front end run it."""

import copy
import json
import os
import threading
import time
from pathlib import Path

import av
import pytest

from harness.host.client import PromptFailedError, PromptRefusedError
from harness.host.server import ComfyServer
from harness.workflows import small

pytestmark = [pytest.mark.host, pytest.mark.server]

PAGE = {"extra_pnginfo": {"workflow": {"nodes": []}}}
WORKFLOWS = sorted((Path(__file__).resolve().parents[3] / "example_workflows" / "api").glob("*.json"))
SIZE = {"width": 64, "height": 48, "length": 10, "steps": 2}


@pytest.fixture(scope="module")
def server():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ComfyServer() as running:
        yield running


def workflow(name="inpaint_with_reference", **size):
    path = next(p for p in WORKFLOWS if p.stem == name)
    return small(json.loads(path.read_text("utf-8")), **{**SIZE, **size})


def node_of(prompt, class_type):
    return next(node for node in prompt.values() if node["class_type"] == class_type)


def cached(entry):
    """Ids of the nodes that the host did not run again."""
    return {i for kind, data in entry["status"]["messages"] if kind == "execution_cached" for i in data["nodes"]}


def test_the_video_has_the_frames_and_size_asked_for(server):
    entry = server.run(workflow(seed=11))
    (video,) = [f for f in server.outputs(entry) if f.suffix == ".mp4"]
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 16
    assert len(frames) == 10 and frames[0].shape == (48, 64, 3)


def test_repairs_are_an_output_and_logged_once(server):
    prompt = {i: node for i, node in workflow(width=0, height=0).items() if int(i) <= 5}
    prompt["99"] = {"class_type": "PreviewAny", "inputs": {"source": ["5", 1]}}
    entry = server.run(prompt)
    report = entry["outputs"]["99"]["text"][0].splitlines()
    assert report == [
        "control_video has 33 frames; the first 10 are used.",
        "Size 350 x 350 becomes 352 x 352: the model needs multiples of 16.",
        "control_video is resized from 350 x 350 to 352 x 352 (cover).",
        "10 frames are generated as 13 (the model needs 4n + 1); VACE Decode Latent gives 10 back.",
    ]
    log = server.log.read_text("utf-8")
    assert all(log.count(f"VACE Build VCU: {line}") == 1 for line in report[1:3])


def test_a_prompt_or_strength_edit_encodes_nothing_again(server):
    prompt = workflow(seed=12)
    server.run(prompt)
    encoder = next(i for i, n in prompt.items() if n["class_type"] == "VaceEncodeVcu")
    edited = copy.deepcopy(prompt)
    node_of(edited, "CLIPTextEncode")["inputs"]["text"] = "a dragon"
    node_of(edited, "VaceApplyContext")["inputs"]["strength"] = 0.5
    assert encoder in cached(server.run(edited))
    other = copy.deepcopy(prompt)
    node_of(other, "VaceEncodeVcu")["inputs"]["mask_edges"] = "soft"
    assert encoder not in cached(server.run(other))


def test_an_interrupt_ends_the_run_within_two_seconds_and_the_next_prompt_runs(server):
    sampling, stopped, failures = threading.Event(), [], []
    endless = workflow(seed=13, steps=10000)
    node_of(endless, "KSampler")["inputs"]["sampler_name"] = "euler"  # uni_pc cannot take so many steps

    def run():
        try:
            server.run(endless, on_progress=lambda p: p.value > 1 and sampling.set())
        except PromptFailedError as failure:
            failures.append(failure)
        stopped.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    assert sampling.wait(60), "sampling did not start"
    start = time.monotonic()
    server.interrupt()
    thread.join(30)
    assert failures and failures[0].exception_type == "Interrupted"
    assert stopped[0] - start < 2
    assert server.run(workflow(seed=14))["status"]["status_str"] == "success"


def test_a_number_out_of_range_is_answered_with_400_and_the_socket(server):
    prompt = workflow()
    node_of(prompt, "VaceBuildVcu")["inputs"]["width"] = -16
    with pytest.raises(PromptRefusedError, match=r"VaceBuildVcu.*width") as refusal:
        server.queue(prompt)
    assert refusal.value.status == 400


def test_a_wire_of_another_type_is_answered_with_400(server):
    prompt = workflow()
    node_of(prompt, "VaceEncodeVcu")["inputs"]["vcu"] = ["1", 0]
    with pytest.raises(PromptRefusedError, match=r"VaceEncodeVcu.*vcu.*IMAGE.*VACE_VCU") as refusal:
        server.queue(prompt)
    assert refusal.value.status == 400


def test_a_wrong_input_fails_with_its_sentence_at_its_node(server):
    prompt = workflow()
    prompt["20"] = {"class_type": "ImageToMask", "inputs": {"image": ["1", 0], "channel": "green"}}
    node_of(prompt, "VaceBuildVcu")["inputs"]["control_masks"] = ["20", 0]
    with pytest.raises(PromptFailedError) as failure:
        server.run(prompt)
    assert failure.value.node_type == "VaceBuildVcu"
    assert "control_masks looks like a picture, not a mask" in failure.value.exception_message
    assert "use Threshold Mask" in failure.value.exception_message


def test_a_model_without_vace_is_refused_before_sampling(server):
    prompt = workflow()
    node_of(prompt, "UNETLoader")["inputs"]["unet_name"] = "small_wan_t2v.safetensors"
    with pytest.raises(PromptFailedError, match=r"VaceApplyContext.*plain Wan text-to-video model without VACE blocks"):
        server.run(prompt)


def pictured(server, length, columns=2, extra=None):
    """What a run of a task and a preview has in the history; ``extra`` is that of a page."""
    layout = {"boxes": "1,1,40,40 9,9,50,50", "width": 64, "height": 64, "length": length}
    prompt = {
        "1": {"class_type": "VaceDrawLayout", "inputs": layout},
        "2": {"class_type": "VacePreviewVcu", "inputs": {"vcu": ["1", 0], "columns": columns}},
    }
    prompt_id = server.post("/prompt", {"prompt": prompt, "extra_data": extra or {}})["prompt_id"]
    server.wait_idle()
    return server.history(prompt_id)


def test_a_vcu_is_pictured_for_pages_only(server):
    assert set(pictured(server, 5)["outputs"]) == {"2"}
    shown = pictured(server, 6, extra=PAGE)
    assert set(shown["outputs"]) == {"1", "2"}
    name = shown["outputs"]["1"]["images"][0]["filename"]
    (picture,) = [file for file in server.outputs(shown) if file.name == name]
    assert 0 < picture.stat().st_size < 100_000


@pytest.mark.since("0.24.0", reason="before, the host tells pictures of a cached node only where it is an output")
def test_the_picture_of_a_vcu_comes_again_from_the_cache(server):
    first, again = [pictured(server, 7, columns, PAGE) for columns in (2, 3)]
    assert cached(again) == {"1"}
    assert again["outputs"]["1"] == first["outputs"]["1"]
