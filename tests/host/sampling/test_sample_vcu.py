"""The sampler node against the graph it stands for, over HTTP, and references with their own strength."""

import copy
import json
import os
from pathlib import Path

import av
import pytest
import torch
from PIL import Image

from harness.host.client import PromptFailedError, PromptRefusedError
from harness.host.server import ComfyServer
from harness.workflows import small

pytestmark = [pytest.mark.host, pytest.mark.server]


@pytest.fixture(scope="module")
def server():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ComfyServer() as running:
        yield running


LOADERS = {
    "m": {"class_type": "UNETLoader", "inputs": {"unet_name": "", "weight_dtype": "default"}},
    "c": {"class_type": "CLIPLoader", "inputs": {}},
    "v": {"class_type": "VAELoader", "inputs": {"vae_name": ""}},
    "clip": {"class_type": "LoadImage", "inputs": {"image": "boy_and_dog.webp"}},
    "vcu": {
        "class_type": "VaceBuildVcu",
        "inputs": {
            "control_video": ["clip", 0], "width": 64, "height": 48, "length": 6, "fit": "cover",
            "inside_mask": "empty", "soft_mask": False,
        },
    },
}  # fmt: skip
SETTINGS = {"seed": 5, "steps": 3, "cfg": 4.0}


def short_graph():
    return {
        **LOADERS,
        "s": {
            "class_type": "VaceSampleVcu",
            "inputs": {
                "model": ["m", 0], "clip": ["c", 0], "vae": ["v", 0], "vcu": ["vcu", 0], "prompt": "a boy",
                "negative_prompt": "ugly", "seed": SETTINGS["seed"], "settings": "custom",
                "settings.steps": SETTINGS["steps"], "settings.cfg": SETTINGS["cfg"], "settings.shift": 16.0,
                "settings.sampler": "uni_pc", "settings.scheduler": "simple",
                "strength": 0.9, "fps": 0.0, "keep_pixels": False, "boundary": 0.875,
            },
        },
        "save": {"class_type": "SaveLatent", "inputs": {"samples": ["s", 1], "filename_prefix": "test/short"}},
        "film": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["s", 0], "filename_prefix": "test/short", "format": "mp4", "codec": "h264"},
        },
    }  # fmt: skip


def long_graph():
    encoded = {"vae": ["v", 0], "vcu": ["vcu", 0], "mask_edges": "official", "antialias_references": False}
    applied = {"positive": ["p", 0], "negative": ["n", 0], "context": ["e", 0], "strength": 0.9, "batch_size": 1}
    sampled = {"model": ["shift", 0], "positive": ["a", 0], "negative": ["a", 1], "latent_image": ["a", 2]}
    return {
        **LOADERS,
        "p": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["c", 0], "text": "a boy"}},
        "n": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["c", 0], "text": "ugly"}},
        "e": {"class_type": "VaceEncodeVcu", "inputs": encoded},
        "a": {"class_type": "VaceApplyContext", "inputs": applied},
        "shift": {"class_type": "ModelSamplingSD3", "inputs": {"model": ["m", 0], "shift": 16.0}},
        "s": {
            "class_type": "KSampler",
            "inputs": {**sampled, **SETTINGS, "sampler_name": "uni_pc", "scheduler": "simple", "denoise": 1.0},
        },
        "save": {"class_type": "SaveLatent", "inputs": {"samples": ["s", 0], "filename_prefix": "test/long"}},
    }


def latents(server, entry):
    from safetensors.torch import load_file

    return [load_file(f)["latent_tensor"] for f in server.outputs(entry) if f.suffix == ".latent"]


def latent(server, entry):
    (one,) = latents(server, entry)
    return one


def test_the_sampler_equals_the_long_graph_bit_for_bit(server):
    short, long = server.run(small(short_graph())), server.run(small(long_graph()))
    assert torch.equal(latent(server, short), latent(server, long))
    (film,) = [f for f in server.outputs(short) if f.suffix == ".mp4"]
    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
        assert container.streams.video[0].average_rate == 16


def nodes_run(server, graph):
    """Ids of the nodes that the host ran and did not take from its cache."""
    events = []
    server.run(graph, on_event=events.append)
    return {e["data"].get("node") or "" for e in events if e["type"] == "executing"}


def steps_run(server, graph):
    """Names of the sampler's inner steps that the host ran."""
    return {node.rpartition(".")[2] for node in nodes_run(server, graph) if node.startswith("s.")}


def test_another_prompt_seed_strength_or_batch_encodes_no_video_again(server):
    graph = small(short_graph())
    graph["s"]["inputs"]["seed"] = 77
    graph["vcu"]["inputs"]["length"] = 5
    assert {"encode", "sample"} <= steps_run(server, graph)
    for changed in ({"prompt": "a dragon"}, {"seed": 78}, {"strength": 0.5}, {"settings.steps": 2}):
        edited = copy.deepcopy(graph)
        edited["s"]["inputs"] |= changed
        again = steps_run(server, edited)
        assert "sample" in again and "encode" not in again, changed
    apart = small(long_graph())
    apart["vcu"]["inputs"]["length"] = 9
    assert "e" in nodes_run(server, apart)
    apart["a"]["inputs"]["batch_size"] = 2
    again = nodes_run(server, apart)
    assert {"a", "s"} <= again and "e" not in again


def test_frame_rate_and_sound_of_a_video_come_out_again(server):
    from harness.host.locations import base_dir

    source = write_talkie(base_dir() / "input" / "talkie.mp4", fps=24)
    graph = short_graph()
    graph["clip"] = {"class_type": "LoadVideo", "inputs": {"file": source.name}}
    (film,) = [f for f in server.outputs(server.run(small(graph))) if f.suffix == ".mp4"]
    with av.open(str(film)) as container:
        assert container.streams.video[0].average_rate == 24
        assert len(container.streams.audio) == 1


def write_talkie(path: Path, fps: int) -> Path:
    """A short clip with sound."""
    import numpy as np

    with av.open(str(path), "w") as container:
        film, sound = container.add_stream("libx264", rate=fps), container.add_stream("aac", rate=44100)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        for k in range(9):
            picture = np.full((48, 64, 3), 20 * k, dtype=np.uint8)
            container.mux(film.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(film.encode())
        wave = np.sin(np.arange(16384) / 20).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


def test_a_plain_model_is_refused_before_anything_is_encoded(server):
    graph = small(short_graph())
    graph["m"]["inputs"]["unet_name"] = "small_wan_t2v.safetensors"
    events = []
    with pytest.raises(PromptFailedError, match="plain Wan text-to-video model without VACE blocks"):
        server.run(graph, on_event=events.append)
    assert not [e for e in events if e["type"] == "executing" and (e["data"].get("node") or "").startswith("s.")]


def test_kept_pixels_come_out_as_they_went_in_at_the_frame_rate_asked_for(server):
    graph = small(short_graph())
    graph["clip"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 48, "batch_size": 6, "color": 0x336699},
    }
    graph["black"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 64, "height": 48}}
    graph["vcu"]["inputs"]["control_masks"] = ["black", 0]
    graph["parts"] = {"class_type": "GetVideoComponents", "inputs": {"video": ["s", 0]}}
    graph["png"] = {"class_type": "SaveImage", "inputs": {"images": ["parts", 0], "filename_prefix": "test/kept"}}
    graph["s"]["inputs"] |= {"keep_pixels": True, "fps": 24.0}
    events = []
    entry = server.run(graph, on_event=events.append)
    pictures = [Image.open(f).convert("RGB") for f in server.outputs(entry) if f.suffix == ".png"]
    assert len(pictures) == 6 and all(p.getcolors() == [(64 * 48, (0x33, 0x66, 0x99))] for p in pictures)
    (film,) = [f for f in server.outputs(entry) if f.suffix == ".mp4"]
    with av.open(str(film)) as container:
        assert container.streams.video[0].average_rate == 24
    ran = {(e["data"].get("node") or "") for e in events if e["type"] == "executing"}
    assert {"hold", "decode"} <= {node.rpartition(".")[2] for node in ran if node.startswith("s.")}
    graph["s"]["inputs"]["keep_pixels"] = False
    again = [Image.open(f).convert("RGB") for f in server.outputs(server.run(graph)) if f.suffix == ".png"]
    assert all(len(p.getcolors(maxcolors=1 << 24)) > 1 for p in again)


def test_a_preset_with_two_experts_equals_the_hosts_template_for_wan_2_2(server):
    """Its four steps change experts after the second, as ComfyUI's own video_wan2_2_14B_t2v does."""
    short, long = small(short_graph()), small(long_graph())
    axes = {f"{kind}_{axis}": 1.5 if kind == "scale" else 0.0 for kind in ("scale", "shift") for axis in "xyt"}
    short["low"] = long["low"] = {"class_type": "ScaleROPE", "inputs": {"model": ["m", 0], **axes}}  # another model
    inputs = {name: value for name, value in short["s"]["inputs"].items() if not name.startswith("settings")}
    short["s"]["inputs"] = {**inputs, "settings": "Wan 2.2 lightx2v LoRAs (4 steps)", "low_noise_model": ["low", 0]}
    short["video"] = {"class_type": "SaveLatent", "inputs": {"samples": ["s", 2], "filename_prefix": "test/video"}}
    common = {"steps": 4, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
    common |= {"positive": ["a", 0], "negative": ["a", 1]}
    first = {"add_noise": "enable", "noise_seed": 5, "return_with_leftover_noise": "enable"}
    second = {"add_noise": "disable", "noise_seed": 0, "return_with_leftover_noise": "disable"}
    long["shift"]["inputs"]["shift"] = 5.0
    long["shift2"] = {"class_type": "ModelSamplingSD3", "inputs": {"model": ["low", 0], "shift": 5.0}}
    high = {"model": ["shift", 0], "latent_image": ["a", 2], "start_at_step": 0, "end_at_step": 2}
    low = {"model": ["shift2", 0], "latent_image": ["half", 0], "start_at_step": 2, "end_at_step": 4}
    long["half"] = {"class_type": "KSamplerAdvanced", "inputs": {**high, **first, **common}}
    long["s"] = {"class_type": "KSamplerAdvanced", "inputs": {**low, **second, **common}}
    one, other = latents(server, server.run(short))
    assert torch.equal(one, other)  # there are no references
    assert torch.equal(one, latent(server, server.run(long)))


def test_the_official_preset_equals_its_numbers(server):
    """The example workflows name it; their results are those of the numbers they had."""
    numbers, named = small(short_graph()), small(short_graph())
    numbers["s"]["inputs"] |= {"settings.steps": 25, "settings.cfg": 5.0, "settings.shift": 16.0}
    numbers["s"]["inputs"] |= {"settings.sampler": "official unipc", "settings.scheduler": "official"}
    kept = {name: value for name, value in named["s"]["inputs"].items() if not name.startswith("settings")}
    named["s"]["inputs"] = kept
    assert torch.equal(latent(server, server.run(numbers)), latent(server, server.run(named)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"settings": "fast"}, r"settings is fast; it must be one of official demo \(25 steps\), .*custom\."),
        ({"settings.shift": -1.0}, "settings.shift"),
        ({"boundary": 2.0}, "boundary"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_encoded(server, changed, message):
    graph = small(short_graph())
    graph["s"]["inputs"] |= changed
    events = []
    with pytest.raises((PromptFailedError, PromptRefusedError), match=message):
        server.run(graph, on_event=events.append)
    assert not [e for e in events if e["type"] == "executing" and (e["data"].get("node") or "").startswith("s.")]


def test_an_attached_adapter_samples_like_the_merged_model(server):
    merged, attached = small(short_graph()), small(short_graph())
    attached["m"]["inputs"]["unet_name"] = "small_wan_t2v.safetensors"
    attached["a"] = {"class_type": "VaceLoadAdapter", "inputs": {"adapter_name": "small_vace_adapter.safetensors"}}
    attached["with"] = {"class_type": "VaceApplyAdapter", "inputs": {"model": ["m", 0], "adapter": ["a", 0]}}
    attached["s"]["inputs"]["model"] = ["with", 0]
    assert torch.equal(latent(server, server.run(merged)), latent(server, server.run(attached)))


def test_load_models_offers_the_files_that_are_there_and_uses_the_hosts_loaders(server, call, host):
    inputs = server.object_info()["VaceLoadModels"]["input"]["required"]
    assert "small_wan_vace.safetensors" in json.dumps(inputs["model"])
    assert "small_wan_vae.safetensors" in json.dumps(inputs["vae"])
    node = host.NODE_CLASS_MAPPINGS["VaceLoadModels"]
    result = node.execute(model="m", text_encoder="t", vae="v", weight_dtype="default")
    graph = {n["class_type"]: n["inputs"] for n in result.expand.values()}
    assert graph["UNETLoader"] == {"unet_name": "m", "weight_dtype": "default"}
    assert graph["CLIPLoader"] == {"clip_name": "t", "type": "wan", "device": "default"}
    assert graph["VAELoader"] == {"vae_name": "v"}
