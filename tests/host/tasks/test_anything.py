"""The known combinations in the real host, in the test's process and over HTTP with nested sockets."""

import os
from pathlib import Path

import pytest
import torch

from harness.host.client import PromptFailedError, PromptRefusedError
from harness.host.server import ComfyServer

pytestmark = pytest.mark.host

SIZE = {"width": 0, "height": 0, "length": 0, "fit": "cover"}


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_anything_reads_a_video_with_its_rate(call):
    video = call("CreateVideo", images=rand(5, 32, 48, 3), fps=24.0)[0]
    vcu, report = call(
        "VaceMakeAnything", combination={"combination": "animate", "control_video": video}, references={}, **SIZE
    )
    assert vcu.fps == 24 and vcu.num_frames == 5 and report == ""


def test_every_combination_that_is_offered_exists(host_nodes, call):
    schema = host_nodes["VaceMakeAnything"].GET_SCHEMA()
    offered = [option.key for option in schema.inputs[0].options]
    with pytest.raises(
        ValueError, match=rf"combination is empty; it must be one of {', '.join(offered)}\.".replace("+", r"\+")
    ):
        call("VaceMakeAnything", combination=None, references={}, **SIZE)


def test_nested_sockets_are_explained_in_tooltips_and_on_the_help_page(host_nodes):
    page = (Path(__file__).resolve().parents[3] / "web" / "docs" / "VaceMakeAnything.md").read_text("utf-8")
    for option in host_nodes["VaceMakeAnything"].GET_SCHEMA().inputs[0].options:
        assert option.key in page
        assert all(socket.tooltip and socket.id in page for socket in option.inputs)


@pytest.fixture(scope="module")
def server():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ComfyServer() as running:
        yield running


FRAMES, MASK, VIDEO = ["1", 0], ["2", 0], ["3", 0]
SIDES = {f"combination.{side}": 0.25 for side in ("left", "right", "top", "bottom")}
BOXES = {"combination.boxes": "1,1,20,20 30,1,50,20", "combination.easing": "linear"}
NESTED = {
    "reference": ({}, 81),
    "animate": ({"combination.control_video": VIDEO}, 5),
    "swap": ({"combination.video": VIDEO, "combination.mask": MASK, "combination.grow": 2}, 5),
    "expand": ({"combination.picture": FRAMES, "combination.aspect": "", **SIDES}, 81),
    "move": ({"combination.picture": FRAMES, **BOXES}, 81),
    "first frame + motion": ({"combination.picture": FRAMES, "combination.control_video": FRAMES}, 6),
}


def prompt(combination, nested):
    """The combination on a grey clip of 5 frames of 64 x 48, shown as a contact sheet."""
    inputs = {"combination": combination, **nested, "references.reference_image_0": FRAMES, **SIZE}
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 5, "color": 0x808080}},
        "2": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 64, "height": 48}},
        "3": {"class_type": "CreateVideo", "inputs": {"images": FRAMES, "fps": 24.0}},
        "4": {"class_type": "VaceMakeAnything", "inputs": {**inputs, "width": 64, "height": 48}},
        "5": {"class_type": "PreviewAny", "inputs": {"source": ["4", 1]}},
        "6": {"class_type": "VaceSaveVcu", "inputs": {"vcu": ["4", 0], "filename_prefix": "c", "precision": "8-bit"}},
    }


@pytest.mark.server
@pytest.mark.parametrize("combination", NESTED)
def test_nested_sockets_arrive_over_http(server, combination):
    from safetensors import safe_open

    nested, length = NESTED[combination]
    (file,) = server.outputs(server.run(prompt(combination, nested)))
    with safe_open(file, "pt") as saved:
        assert f'"frames": [{length}, 48, 64, 3]' in saved.metadata()["vcu"]
    file.unlink()


@pytest.mark.server
def test_what_is_missing_or_of_another_type_or_unknown_is_refused(server):
    with pytest.raises(PromptRefusedError, match="Required input is missing: mask"):
        server.queue(prompt("swap", {"combination.video": VIDEO, "combination.grow": 2}))
    with pytest.raises(PromptRefusedError, match=r"combination\.control_video.*MASK.*IMAGE,VIDEO"):
        server.queue(prompt("animate", {"combination.control_video": MASK}))
    with pytest.raises(
        PromptFailedError, match="VaceInputError: combination is teleport; it must be one of reference, animate"
    ):
        server.run(prompt("teleport", {}))
