"""VACE Annotate Flow in the real host: without files, with files of users, with its own model; inputs that misfit."""

import asyncio
import importlib
import re
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from harness.hearing import heard
from wan_vace.annotators.flow.control import OFFICIAL_SCALE, STEADY_SCALE, Dis, Flow
from wan_vace.annotators.flow.raft import raft_network, torchvision_names
from wan_vace.annotators.flow.wheel import flow_colours, largest_motion
from wan_vace.annotators.protocol import silent

pytestmark = pytest.mark.host
FLOW_LOADER = pytest.mark.since("0.24.0", reason="before, the host loads no models of optical flow")

DIS = {"method": "dis", "check": True}
BACKWARDS = (
    (r"^feature_encoder", "fnet"),
    (r"^context_encoder", "cnet"),
    (r"(net\.layer\d\.\d)\.convnormrelu(\d)\.0", r"\1.conv\2"),
    (r"(net\.layer\d\.\d)\.convnormrelu(\d)\.1", r"\1.norm\2"),
    (r"net\.conv\.", "net.conv2."),
    (r"net\.convnormrelu\.0", "net.conv1"),
    (r"net\.convnormrelu\.1", "net.norm1"),
    (r"motion_encoder\.conv\.0", "encoder.conv"),
    (r"motion_encoder\.convcorr(\d)\.0", r"encoder.convc\1"),
    (r"motion_encoder\.convflow(\d)\.0", r"encoder.convf\1"),
    (r"recurrent_block\.convgru(\d)\.conv(\w)", r"gru.conv\2\1"),
    (r"mask_predictor\.convrelu\.0", "update_block.mask.0"),
    (r"mask_predictor\.conv\.", "update_block.mask.2."),
)
PUBLISHED = "raft_large_C_T_SKHT_V2-ff5fadd5"


@pytest.fixture(autouse=True)
def flow_folder(empty_folders, tmp_path, monkeypatch):
    """An empty folder of optical flow models."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    place = tmp_path / "models/optical_flow"
    place.mkdir(parents=True)
    entry = ([str(place)], folder_paths.supported_pt_extensions)
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "optical_flow", entry)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(4)
    return raft_network().eval().requires_grad_(False)


def original_names(tensors):
    """Weights as in raft-things.pth: the original's names, two for a layer that has two."""
    named = {}
    for key, value in tensors.items():
        for pattern, original in BACKWARDS:
            key = re.sub(pattern, original, key)
        named[f"module.{key}"] = value
        named[f"module.{key.replace('downsample.1', 'norm3')}"] = value
    return named


def put(tmp_path, folder, name, tensors):
    path = tmp_path / "models" / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (save_file if path.suffix == ".safetensors" else torch.save)(tensors, path)


def flow(call, frames, method=DIS, scale=OFFICIAL_SCALE):
    return call("VaceAnnotateFlow", frames=frames, method=method, scale=scale)


def clip(num_frames=3, height=33, width=47):
    return torch.rand(num_frames, height, width, 3)


def by_torchvision(network, frames, iterations):
    """Control frames [T, H, W, 3] of frames whose sides RAFT takes as they are."""
    pixels = frames.movedim(-1, 1) * 2 - 1
    field = network(pixels[:-1], pixels[1:], num_flow_updates=iterations)[-1].movedim(1, -1)
    colours = flow_colours(field, largest_motion(field)).float() / 255
    return torch.cat([colours[:1], colours])


def test_it_works_without_files_at_an_odd_size(call):
    frames = clip()
    control, video, report = flow(call, frames)
    assert control.shape == frames.shape
    assert torch.equal(control, Flow()(frames, silent))
    assert torch.equal(video.get_components().images, control)
    assert report.startswith("The fastest point of a frame moves ") and "px" in report


def test_settings_are_passed_on(call):
    frames = clip()
    control, _, report = flow(call, frames, {"method": "dis", "check": False}, STEADY_SCALE)
    assert torch.equal(control, Flow(Dis(False), STEADY_SCALE)(frames, silent))
    assert "Full colour is " in report


def test_frame_rate_and_sound_go_along(call):
    audio = {"waveform": torch.zeros(1, 1, 100), "sample_rate": 100}
    source = call("CreateVideo", images=clip(), fps=25.0, audio=audio)[0]
    parts = flow(call, source)[1].get_components()
    assert parts.frame_rate == 25 and parts.audio is audio


def test_repairs_are_reported_first(call):
    _, _, report = flow(call, clip()[..., :1])
    assert report.startswith("frames has one channel; it is used as grey RGB.\nThe fastest point")


@pytest.mark.parametrize(
    ("method", "folder", "name"),
    [
        ("raft", "VACE-Annotators/flow", "raft-things.pth"),
        ("raft", "vace_annotators", "raft-things.safetensors"),
        ("raft large", "optical_flow", f"{PUBLISHED}.pth"),
        ("raft large", "optical_flow", f"{PUBLISHED}.safetensors"),
        ("raft large", "optical_flow", "raft_large.pth"),
        ("raft large", "optical_flow", "raft_large_mine.safetensors"),
    ],
)
def test_files_are_found_and_give_torchvision_s_flow(call, network, tmp_path, method, folder, name):
    tensors = network.state_dict()
    if method == "raft":
        tensors = {key: value.clone() for key, value in original_names(tensors).items()}
        assert not any(key in network.state_dict() for key in tensors)
    put(tmp_path, folder, name, tensors)
    frames = clip(2, 128, 136)
    control, _, report = flow(call, frames, {"method": method, "iterations": 2})
    torch.testing.assert_close(control, by_torchvision(network, frames, 2), rtol=0, atol=1.01 / 255)
    assert report.startswith(f"Motion is found by {name}.\nThe fastest point")


@FLOW_LOADER
def test_the_host_s_model_gives_the_same(call, network, tmp_path):
    put(tmp_path, "optical_flow", "mine.safetensors", network.state_dict())
    model = call("OpticalFlowLoader", model_name="mine.safetensors")[0]
    frames = clip(3, 128, 136)
    control, _, report = flow(call, frames, {"method": "connected model", "optical_flow": model, "iterations": 2})
    torch.testing.assert_close(control, by_torchvision(network, frames, 2), rtol=0, atol=1.01 / 255)
    assert report.startswith("Motion is found by the model on optical_flow.")
    odd = clip(2, 61, 45)
    assert flow(call, odd, {"method": "connected model", "optical_flow": model, "iterations": 1})[0].shape == odd.shape


def test_the_host_manages_the_network(host, host_nodes, network, tmp_path):
    import comfy.model_management as management

    models = importlib.import_module("wan_vace.nodes._host.signals.flow")
    put(tmp_path, "vace_annotators", "raft-things.pth", original_names(network.state_dict()))
    raft, told = heard(models.raft_from_file, "raft", 1)
    assert told == ["Motion is found by raft-things.pth."]
    managed = raft.load()
    flow = managed(*torch.rand(2, 1, 3, 128, 128), 1)
    assert flow.shape == (1, 2, 128, 128) and flow.dtype == torch.float32 and not flow.requires_grad
    assert any(loaded.model is managed.patcher for loaded in management.current_loaded_models)


@pytest.mark.parametrize(
    ("method", "file", "place"),
    [("raft", r"raft-things\.pth", "ali-vilab/VACE-Annotators"), ("raft large", PUBLISHED, "Comfy-Org/void-model")],
)
def test_a_missing_file_is_named_with_its_place(call, method, file, place):
    message = rf"The flow method {method} needs {file}.*https://huggingface\.co/{place}.*vace_annotators"
    with pytest.raises(ValueError, match=message):
        flow(call, clip(), {"method": method, "iterations": 20})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"other": torch.zeros(1)}, r"raft-things\.pth does not hold these weights .*It is another model's file"),
        ({"weight": np.random.default_rng}, r"raft-things\.pth is refused: it holds more than tensors"),
        (b"<html>", r"raft-things\.pth (cannot be read|is refused)"),
    ],
    ids=["foreign", "code", "corrupt"],
)
def test_files_that_are_not_its_weights_are_refused(call, tmp_path, content, message):
    put(tmp_path, "vace_annotators", "raft-things.pth", content)
    if isinstance(content, bytes):
        (tmp_path / "models/vace_annotators/raft-things.pth").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        flow(call, clip(), {"method": "raft", "iterations": 1})


@pytest.mark.parametrize("model", [torch.zeros(1), "vae"])
def test_another_model_is_refused(call, vae, model):
    model = vae.patcher if model == "vae" else model
    with pytest.raises(ValueError, match=r"optical_flow is not a RAFT model as Load Optical Flow Model gives it"):
        flow(call, clip(), {"method": "connected model", "optical_flow": model, "iterations": 1})


def test_a_missing_model_is_asked_for(call):
    with pytest.raises(ValueError, match=r"method\.optical_flow is empty; it must be OPTICAL_FLOW\. Connect an output"):
        flow(call, clip(), {"method": "connected model"})


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (torch.rand(1, 8, 8, 3), r"frames has 1 frame, but flow needs at least 2\. Connect a video"),
        (torch.rand(2, 8, 8, 4), r"frames has 4 channels \(RGB with alpha\)"),
        (torch.rand(2, 8, 8), r"frames must have shape \[T, H, W, C\]"),
        (torch.full((2, 8, 8, 3), torch.nan), r"frames holds NaN"),
    ],
    ids=["one frame", "alpha", "a mask", "nan"],
)
def test_inputs_that_are_no_video_are_refused(call, frames, message):
    with pytest.raises(ValueError, match=message):
        flow(call, frames)


@pytest.mark.parametrize("method", ["gmflow", {"method": "gmflow"}])
def test_an_unknown_method_is_refused(call, method):
    with pytest.raises(
        ValueError, match=r"method is gmflow; it must be one of dis, raft, raft large, connected model\. Choose one\."
    ):
        flow(call, clip(), method)


def test_a_missing_opencv_is_named_with_its_command(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        ValueError, match=r"VACE Annotate Flow needs opencv-python-headless, .*pip install opencv-python-headless"
    ):
        flow(call, clip())


def test_nothing_is_left_in_the_temp_folder(call, tmp_path):
    flow(call, clip())
    assert not (tmp_path / "temp").exists()


def test_names_go_to_the_original_s_and_back(network):
    tensors = network.state_dict()
    back = torchvision_names(original_names(tensors))
    assert back.keys() == tensors.keys() and all(torch.equal(back[key], tensors[key]) for key in tensors)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("dis", {"check": True}),
        ("raft", {"iterations": 20}),
        pytest.param("connected model", {"iterations": 20, "optical_flow": ["3", 0]}, marks=FLOW_LOADER),
    ],
)
def test_a_prompt_with_it_is_valid(host, host_nodes, tmp_path, method, settings):
    import execution

    put(tmp_path, "optical_flow", "mine.pth", {})
    inputs = {"frames": ["1", 0], "method": method, "scale": OFFICIAL_SCALE}
    inputs |= {f"method.{name}": value for name, value in settings.items()}
    size = {"width": 64, "height": 48, "batch_size": 3, "color": 0}
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {"class_type": "VaceAnnotateFlow", "inputs": inputs},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    if "optical_flow" in settings:
        prompt["3"] = {"class_type": "OpticalFlowLoader", "inputs": {"model_name": "mine.pth"}}
    valid, error, _, errors = asyncio.run(execution.validate_prompt("flow", prompt, None))
    assert valid, (error, errors)
