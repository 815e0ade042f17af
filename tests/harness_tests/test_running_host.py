"""One real ComfyUI with the development nodes and small checkpoints, asked in turn."""

import copy

import numpy as np
import pytest
from PIL import Image

from harness.host.client import PromptFailedError, PromptRefusedError
from harness.host.server import ComfyServer

pytestmark = [pytest.mark.host, pytest.mark.server]
PICTURE = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 32, "height": 24, "batch_size": 2, "color": 255}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}, "_meta": {"title": "Look"}},
}
LATENT = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "small_wan_vace.safetensors", "weight_dtype": "default"}},
    "2": {"class_type": "VAELoader", "inputs": {"vae_name": "small_wan_vae.safetensors"}},
    "3": {"class_type": "DevLoadSmallTextEncoder", "inputs": {}},
    "4": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["3", 0], "text": "a small dragon, 一条小龙"}},
    "5": {
        "class_type": "WanVaceToVideo",
        "inputs": {
            "positive": ["4", 0],
            "negative": ["4", 0],
            "vae": ["2", 0],
            "width": 64,
            "height": 64,
            "length": 5,
            "batch_size": 1,
            "strength": 1.0,
        },
    },
    "6": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["1", 0],
            "positive": ["5", 0],
            "negative": ["5", 1],
            "latent_image": ["5", 2],
            "seed": 1,
            "steps": 2,
            "cfg": 3.0,
            "sampler_name": "euler",
            "scheduler": "simple",
            "denoise": 1.0,
        },
    },
    "7": {"class_type": "VAEDecode", "inputs": {"samples": ["6", 0], "vae": ["2", 0]}},
    "8": {"class_type": "PreviewImage", "inputs": {"images": ["7", 0]}},
}


@pytest.fixture(scope="module")
def server():
    with ComfyServer() as running:
        yield running


def test_run_reports_progress_and_outputs(server):
    seen = []
    entry = server.run(PICTURE, on_progress=seen.append)
    files = server.outputs(entry)
    assert [p.title for p in seen] == ["EmptyImage", "Look"]
    assert [Image.open(f).size for f in files] == [(32, 24)] * 2


def test_a_refused_prompt_names_node_and_input(server):
    prompt = copy.deepcopy(PICTURE)
    prompt["1"]["inputs"]["width"] = "wide"
    with pytest.raises(PromptRefusedError, match=r"node 1 \(EmptyImage\).*width") as refusal:
        server.queue(prompt)
    assert refusal.value.status == 400
    assert refusal.value.node_errors["1"]["class_type"] == "EmptyImage"


def test_a_prompt_with_one_bad_output_is_refused_whole(server):
    prompt = PICTURE | {"3": {"class_type": "PreviewImage", "inputs": {"images": ["9", 0]}}}
    with pytest.raises(PromptRefusedError, match=r"node 3 \(PreviewImage\)"):
        server.run(prompt)
    server.wait_idle()


def test_an_exception_in_a_node_is_carried_over(server):
    prompt = copy.deepcopy(LATENT)
    prompt["5"]["inputs"]["width"] = 70
    with pytest.raises(PromptFailedError) as failure:
        server.run(prompt)
    assert (failure.value.node_id, failure.value.node_type) == ("5", "WanVaceToVideo")
    assert failure.value.exception_type == "RuntimeError"
    assert "shape" in failure.value.exception_message


def test_a_timeout_interrupts_the_run(server):
    prompt = copy.deepcopy(LATENT)
    prompt["6"]["inputs"]["steps"] = 5000
    with pytest.raises(TimeoutError, match=r"not done after 2 seconds"):
        server.run(prompt, timeout=2)
    server.wait_idle(20)


def test_the_small_checkpoints_sample_and_decode(server):
    files = server.outputs(server.run(LATENT))
    frames = np.stack([np.asarray(Image.open(f), dtype=float) for f in files])
    assert frames.shape == (5, 64, 64, 3)
    assert (frames.std(axis=(1, 2, 3)) > 10).all()


def test_the_pack_is_served(server):
    assert "DevLoadSmallTextEncoder" in server.object_info()
    assert server.process.poll() is None
