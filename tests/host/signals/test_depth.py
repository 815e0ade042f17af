"""VACE Annotate Depth in the real host: connected geometry and pictures, users' files, inputs that do not fit."""

import asyncio
import pickle
import sys

import pytest
import torch
from safetensors.torch import save_file

from wan_vace.annotators.depth.control import CLIP, OFFICIAL, STEADY, depth_control
from wan_vace.annotators.depth.networks import DepthAnythingSize, depth_anything, depth_anything_network

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("empty_folders")]

LEVEL = 1 / 255
SMALL, LARGE, MIDAS = "depth anything v2 small", "depth anything v2 large", "midas"
TINY = DepthAnythingSize(24, 2, 4, (1, 2, 3, 4), (8, 12, 16, 20), 16)
BACKWARDS = (
    ("backbone.encoder.layer.", "pretrained.blocks."),
    (".attention.o_proj.", ".attn.proj."),
    ("backbone.layernorm.", "pretrained.norm."),
    ("backbone.embeddings.patch_embeddings.projection.", "pretrained.patch_embed.proj."),
    ("backbone.embeddings.position_embeddings", "pretrained.pos_embed"),
    ("backbone.embeddings.", "pretrained."),
    (".layer_scale1.lambda1", ".ls1.gamma"),
    (".layer_scale2.lambda1", ".ls2.gamma"),
    *((f"neck.convs.{i}.", f"depth_head.scratch.layer{i + 1}_rn.") for i in range(4)),
    *((f"neck.fusion_stage.layers.{i}.", f"depth_head.scratch.refinenet{4 - i}.") for i in range(4)),
    *((f"neck.reassemble_stage.layers.{i}.projection.", f"depth_head.projects.{i}.") for i in range(4)),
    *((f"neck.reassemble_stage.layers.{i}.resize.", f"depth_head.resize_layers.{i}.") for i in range(4)),
    (".projection.", ".out_conv."),
    *((f".residual_layer{i}.convolution{j}.", f".resConfUnit{i}.conv{j}.") for i in (1, 2) for j in (1, 2)),
    ("head.conv1.", "depth_head.scratch.output_conv1."),
    ("head.conv2.", "depth_head.scratch.output_conv2.0."),
    ("head.conv3.", "depth_head.scratch.output_conv2.2."),
)


@pytest.fixture
def sources(host):
    """The module that the host's own copy of the pack uses."""
    package = host.NODE_CLASS_MAPPINGS["VaceAnnotateDepth"].__module__.removesuffix(".signals.depth")
    return sys.modules[f"{package}._host.signals.depth"]


@pytest.fixture
def small(sources, monkeypatch):
    """Depth Anything V2 with fewer layers and channels, in everything else as it is."""
    weights, _ = sources.DEPTH_NETWORKS[SMALL]
    monkeypatch.setitem(sources.DEPTH_NETWORKS, SMALL, (weights, depth_anything(TINY, 350)))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(6)
    network = depth_anything_network(TINY, "cpu").eval().requires_grad_(False)
    for weight in network.parameters():  # large enough that the answer depends on the picture
        if weight.ndim > 1:
            weight.normal_(std=weight[0].numel() ** -0.5)
    network.head.conv3.bias.fill_(2.0)
    return network


def original(network):
    """Weights by the names of the published files."""
    tensors = network.state_dict()
    named = {}
    for key in list(tensors):
        if ".q_proj." in key:
            parts = [tensors.pop(key.replace(".q_", f".{letter}_")) for letter in "qkv"]
            tensors[key.replace(".attention.q_proj.", ".attn.qkv.")] = torch.cat(parts)
    for key, value in tensors.items():
        for name, published in BACKWARDS:
            key = key.replace(name, published)
        named[key] = value.contiguous()
    return named


def put(tmp_path, name, tensors, folder="vace_annotators"):
    path = tmp_path / "models" / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (save_file if path.suffix == ".safetensors" else torch.save)(tensors, path)
    return path


def depth(call, method=SMALL, frames=None, value_range=STEADY, invert=False, **connected):
    name = "connected depth" if connected else method
    return call("VaceAnnotateDepth", frames=frames, range=value_range, invert=invert, method=name, **connected)


def clip(num_frames=3, height=33, width=47):
    return torch.rand(num_frames, height, width, 3)


def distances(num_frames=3, height=33, width=47):
    """A floor from 10 m at the top to 2 m at the bottom, with bumps."""
    floor = torch.linspace(10, 2, height)[:, None].expand(height, width)
    return (floor + torch.rand(height, width)).expand(num_frames, -1, -1).clone()


def test_distances_of_depth_anything_3_become_nearness_and_sky_is_black(call):
    metres = distances()
    sky = torch.zeros_like(metres)
    sky[:, :5] = 0.9
    geometry = {"depth": metres, "image": clip(), "mode": "mono", "sky": sky}
    control, video, report = depth(call, depth=geometry)
    near = torch.where(sky > 0.5, torch.nan, 1 / metres)
    assert torch.equal(control, depth_control(near, STEADY, False))
    assert control[:, -1].mean() > 0.7 > control[:, 6].mean() and not control[:, :5].any()
    assert torch.equal(video.get_components().images, control)
    assert report == "15% of the depth is sky or unknown; it is drawn as far away."


def test_what_moge_did_not_see_is_black(call):
    metres = distances()
    metres[:, :4] = torch.inf
    mask = torch.ones_like(metres, dtype=torch.bool)
    mask[:, 4:6] = False
    control, _, report = depth(call, depth={"depth": metres, "image": clip(), "mask": mask})
    assert not control[:, :6].any() and control[:, -1].mean() > 0.7
    assert report.startswith("18% of the depth is sky or unknown")


@pytest.mark.since("0.26.0", reason="before, the host has no Depth Anything 3")
def test_sky_is_where_the_host_s_own_renderer_draws_it(call):
    metres = distances()
    sky = torch.rand_like(metres)
    geometry = {"depth": metres, "image": clip(), "mode": "mono", "sky": sky}
    output = {"output": "depth", "normalization": "v2_style", "apply_sky_clip": False}
    rendered = call("DA3Render", da3_geometry=geometry, output=output)[0]
    control = depth(call, depth=geometry, value_range=CLIP)[0]
    far = torch.quantile(metres[sky < 0.3], 0.9)
    sure = (metres < far) | (sky >= 0.3)  # the farthest are black in both, and where they begin differs
    assert torch.equal((control[..., 0] == 0)[sure], (rendered[..., 0] == 0)[sure])


@pytest.mark.since("0.26.0", reason="before, the host has no Depth Anything 3")
def test_the_wires_are_the_host_s(host):
    from comfy_execution.validation import validate_node_input

    nodes = host.NODE_CLASS_MAPPINGS
    wires = [nodes[name].GET_SCHEMA().outputs[0].io_type for name in ("DA3Inference", "MoGeInference")]
    inputs = {i.id: i for i in nodes["VaceAnnotateDepth"].GET_SCHEMA().inputs}
    accepted = inputs["depth"].get_io_type()
    assert inputs["method"].default == "connected depth"
    assert all(validate_node_input(wire, accepted) for wire in [*wires, "IMAGE", "VIDEO"])


def test_the_host_accepts_a_graph_with_it(host):
    import execution

    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 2, "color": 0}},
        "2": {
            "class_type": "VaceAnnotateDepth",
            "inputs": {"method": "connected depth", "depth": ["1", 0], "range": STEADY, "invert": False},
        },
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    valid, error, _, errors = asyncio.run(execution.validate_prompt("depth", prompt, None))
    assert valid, (error, errors)


@pytest.mark.parametrize("invert", [False, True])
def test_pictures_and_videos_of_depth_are_taken_with_frame_rate_and_sound(call, invert):
    pictures = torch.rand(4, 20, 30, 1).expand(-1, -1, -1, 3)
    control, _, report = depth(call, depth=pictures, value_range=OFFICIAL, invert=invert)
    assert torch.equal(control, depth_control(pictures[..., 0], OFFICIAL, invert)) and report == ""
    audio = {"waveform": torch.zeros(1, 1, 100), "sample_rate": 100}
    source = call("CreateVideo", images=pictures, fps=25.0, audio=audio)[0]
    again, video, _ = depth(call, depth=source, value_range=OFFICIAL, invert=invert)
    parts = video.get_components()
    assert torch.equal(again, control) and parts.frame_rate == 25 and parts.audio is audio


def test_frames_give_size_frame_rate_and_sound(call):
    audio = {"waveform": torch.zeros(1, 1, 100), "sample_rate": 100}
    source = call("CreateVideo", images=clip(3, 66, 94), fps=24.0, audio=audio)[0]
    control, video, report = depth(call, frames=source, depth={"depth": distances()})
    parts = video.get_components()
    assert control.shape == (3, 66, 94, 3) and parts.frame_rate == 24 and parts.audio is audio
    assert report == "depth is resized from 47 x 33 to 94 x 66."
    geometry = {"depth": distances()}
    control, _, report = depth(call, frames=clip(3, 33, 47), depth=geometry)
    assert torch.equal(control, depth(call, depth=geometry)[0]) and report == ""


@pytest.mark.parametrize(
    ("connected", "message"),
    [
        (
            {"depth": torch.rand(2, 9, 9, 3)},
            r"depth has colours, but a depth picture is grey\. Connect an ordinary vid",
        ),
        ({"depth": torch.rand(2, 9, 9, 4)}, r"depth has 4 channels \(RGB with alpha\)"),
        ({"depth": torch.full((2, 9, 9, 3), 0.5)}, r"The depth is flat"),
        ({"depth": {"points": None}}, r"depth holds no depth\. Connect Run Depth Anything 3 or Run MoGe Inference"),
        (
            {"depth": {"depth": distances(2)}, "frames": clip(3)},
            r"depth has 2 frames and frames has 3, they must be of",
        ),
        ({"depth": {"depth": distances()}, "frames": torch.rand(3, 9, 9, 4)}, r"frames has 4 channels"),
        ({"depth": {"depth": distances()}, "frames": torch.rand(3, 33, 47)}, r"frames must have shape"),
    ],
)
def test_what_is_no_depth_of_this_video_is_refused(call, connected, message):
    with pytest.raises(ValueError, match=message):
        depth(call, **connected)


def test_without_a_source_the_message_says_what_to_connect_and_download(call):
    message = (
        r"depth is not connected, and no depth can be seen without a model\. Either connect Run Depth Anything 3 .*"
        r"depth_anything_3_mono_large\.safetensors from https://.*models/geometry_estimation\), or choose depth "
        r"anything v2 small as method \(depth_anything_v2_vits\.pth from https://.*goes into models/vace_annotators\)"
    )
    with pytest.raises(ValueError, match=message):
        depth(call, depth=None)


def test_without_a_source_the_message_offers_what_is_here(call, tmp_path):
    put(tmp_path, "depth_anything_v2_vitl_fp16.safetensors", {"a": torch.zeros(1)}, "depthanything")
    put(tmp_path, "dpt_hybrid-midas-501f0c75.pt", {}, "VACE-Annotators/depth")
    with pytest.raises(ValueError, match=r"choose depth anything v2 large or midas as method: its file is here"):
        depth(call, depth=None)


@pytest.mark.parametrize("name", ["depth_anything_v2_vits.pth", "depth_anything_v2_vits_fp32.safetensors"])
def test_depth_anything_sees_with_its_file(call, small, network, tmp_path, name):
    put(tmp_path, name, original(network), "depthanything")
    frames = clip()
    control, _, report = depth(call, frames=frames)
    recipe = depth_anything(TINY, 1)
    expected = recipe.make()
    expected.load_state_dict(network.state_dict())
    with torch.inference_mode():
        maps = recipe.maps(recipe.wrap(expected.eval()), frames.movedim(-1, 1))
    assert maps.std() > 0.01
    torch.testing.assert_close(control, depth_control(maps, STEADY, False), rtol=0, atol=1.01 * LEVEL)
    assert report == f"Depth is seen by {name}."


def test_another_range_does_not_run_the_network_again(call, small, network, tmp_path, sources, monkeypatch):
    put(tmp_path, "depth_anything_v2_vits.pth", original(network))
    reads = []
    read = sources.read_weights
    monkeypatch.setattr(sources, "read_weights", lambda path: reads.append(path) or read(path))
    frames = clip(2)
    first, inverted = depth(call, frames=frames)[0], depth(call, frames=frames, invert=True)[0]
    official = depth(call, frames=frames, value_range=OFFICIAL)[0]
    assert len(reads) == 1
    torch.testing.assert_close(inverted, 1 - first)
    assert all(official[i].max() == 1 and official[i].min() == 0 for i in (0, 1))


def test_midas_wants_the_whole_network_of_its_file(call, tmp_path):
    put(tmp_path, "dpt_hybrid-midas-501f0c75.pt", {"pretrained.model.cls_token": torch.zeros(1, 1, 768)})
    with pytest.raises(
        ValueError, match=r"midas-501f0c75\.pt does not hold these weights .*pretrained\.model\.pos_embed"
    ):
        depth(call, MIDAS, clip())


def test_a_missing_library_is_named_with_its_command(call, tmp_path, monkeypatch):
    put(tmp_path, "dpt_hybrid-midas-501f0c75.pt", {})
    monkeypatch.setitem(sys.modules, "controlnet_aux.midas.midas.dpt_depth", None)
    with pytest.raises(ValueError, match=r"MiDaS needs controlnet-aux, .*pip install controlnet-aux"):
        depth(call, MIDAS, clip())


def test_licences_that_forbid_something_are_reported(call, sources, network, tmp_path, monkeypatch, small):
    weights, _ = sources.DEPTH_NETWORKS[LARGE]
    monkeypatch.setitem(sources.DEPTH_NETWORKS, LARGE, (weights, sources.DEPTH_NETWORKS[SMALL][1]))
    put(tmp_path, "depth_anything_v2_vitl.pth", original(network))
    report = depth(call, LARGE, clip(1))[2]
    assert report == ("Depth is seen by depth_anything_v2_vitl.pth, whose licence is: CC-BY-NC-4.0, no commercial use.")


@pytest.mark.parametrize(
    ("method", "file"),
    [
        (SMALL, r"depth_anything_v2_vits\.pth"),
        ("depth anything v2 base", r"depth_anything_v2_vitb\.pth"),
        (LARGE, r"depth_anything_v2_vitl\.pth"),
        (MIDAS, r"dpt_hybrid-midas-501f0c75\.pt"),
    ],
)
def test_a_missing_file_is_named_with_its_place(call, method, file):
    with pytest.raises(ValueError, match=rf"The depth method {method} needs {file}, .*https://.*vace_annotators"):
        depth(call, method, clip())


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_damaged_foreign_and_dangerous_files_are_refused(call, small, network, tmp_path):
    path = put(tmp_path, "depth_anything_v2_vits.pth", {"a.weight": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"vits\.pth does not hold these weights .* It is another model's file"):
        depth(call, frames=clip())
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match=r"vits\.pth (cannot be read|is refused)"):
        depth(call, frames=clip())
    path.write_bytes(pickle.dumps({"a": Payload(tmp_path / "ran")}))
    with pytest.raises(ValueError, match=r"vits\.pth is refused: it holds more than tensors"):
        depth(call, frames=clip())
    assert not (tmp_path / "ran").exists()
    torch.save({**original(network), "pretrained.cls_token": torch.full((1, 1, 24), torch.nan)}, path)
    with pytest.raises(ValueError, match=r"vits\.pth gives no numbers\. Its weight file is damaged"):
        depth(call, frames=clip())


def test_a_network_without_a_video_says_so(call, small, network, tmp_path):
    put(tmp_path, "depth_anything_v2_vits.pth", original(network))
    with pytest.raises(ValueError, match=r"frames is not connected, but depth anything v2 small has to see a video"):
        depth(call)
    with pytest.raises(ValueError, match=r"frames has 4 channels"):
        depth(call, frames=torch.rand(1, 9, 9, 4))


def test_an_unknown_method_is_refused(call):
    with pytest.raises(
        ValueError, match=r"method is zoedepth; it must be one of connected depth, depth anything v2 small, .*midas"
    ):
        depth(call, "zoedepth", clip())


@pytest.mark.parametrize("method", [SMALL, MIDAS])
def test_connected_depth_is_not_passed_over_when_a_network_is_chosen(call, method):
    message = rf"depth is connected, but method is {method}, .*\. Choose connected depth to use .*, or disconnect depth"
    with pytest.raises(ValueError, match=message):
        call(
            "VaceAnnotateDepth", frames=clip(), depth={"depth": distances()}, method=method, range=STEADY, invert=False
        )
