"""Small prompts for a real server: whole ways through the pack, and the same with core nodes alone."""

from __future__ import annotations

import contextlib
import time

from ..host.client import ComfyClient
from ..workflows import published, small

WIDTH, HEIGHT, LENGTH = 64, 48, 9
REST = 0.6  # seconds in which the host frees what it is asked to
PATIENCE = 900.0  # seconds, on a machine that does much else
LOADERS = {
    "model": {"class_type": "UNETLoader", "inputs": {}},
    "clip": {"class_type": "CLIPLoader", "inputs": {}},
    "vae": {"class_type": "VAELoader", "inputs": {}},
    "load": {"class_type": "LoadImage", "inputs": {"image": "boy_and_dog.webp"}},
    "frames": {
        "class_type": "ImageScale",
        "inputs": {
            "image": ["load", 0],
            "width": WIDTH,
            "height": HEIGHT,
            "crop": "center",
            "upscale_method": "bilinear",
        },
    },
}
SETTINGS = {
    "settings": "custom",
    "settings.steps": 2,
    "settings.cfg": 4.0,
    "settings.shift": 5.0,
    "settings.sampler": "uni_pc",
    "settings.scheduler": "simple",
}


def whole(name: str) -> dict:
    """Annotated, encoded, sampled, decoded, saved; and the VCU as a file."""
    nodes = LOADERS | {
        "annotate": _node("VaceAnnotateGray", frames=["frames", 0]),
        "build": _node("VaceBuildVcu", control_video=["annotate", 0], width=WIDTH, height=HEIGHT, length=LENGTH),
        "save vcu": _node("VaceSaveVcu", vcu=["build", 0], filename_prefix=f"{name}/vcu"),
        "sample": _node("VaceSampleVcu", vcu=["build", 0], prompt="a boy", seed=3, **_models(), **SETTINGS),
        "save": _node("SaveVideo", video=["sample", 0], filename_prefix=f"{name}/video", format="mp4", codec="h264"),
        "digest": _node("DevDigest", input_0=["build", 0], input_1=["sample", 0]),
    }
    return small(nodes)


def plain(name: str, steps: int = 1) -> dict:
    """A published workflow with a hash of each video that it saves."""
    prompt = small(published(name), width=WIDTH, height=HEIGHT, length=LENGTH, steps=steps)
    videos = [node["inputs"]["video"] for node in prompt.values() if node["class_type"] == "SaveVideo"]
    prompt["digest"] = _node("DevDigest", **{f"input_{k}": wire for k, wire in enumerate(videos)})
    return prompt


def long_video(run: str) -> dict:
    """A film of 17 frames in four segments."""
    nodes = LOADERS | {
        "build": _node("VaceBuildVcu", control_video=["frames", 0], length=17),
        "sample": _node(
            "VaceSampleLongVideo",
            vcu=["build", 0],
            prompts="a boy",
            seed=3,
            segment_length=5,
            overlap=1,
            run=run,
            **_models(),
            **SETTINGS,
        ),
        "digest": _node("DevDigest", input_0=["sample", 0]),
    }
    return small(nodes)


def beside_core(with_mask: bool) -> dict:
    """Control or an inpaint, by core nodes (the first hash) and by ours."""
    video = {"control_video": ["cut", 0]} | ({"control_masks": ["mask", 0]} if with_mask else {})
    nodes = LOADERS | {
        "cut": _node("ImageFromBatch", image=["frames", 0], batch_index=0, length=LENGTH),
        "grey": _node("ImageToMask", image=["cut", 0], channel="red"),
        "mask": _node("ThresholdMask", mask=["grey", 0], value=0.5),
        "positive": _node("CLIPTextEncode", clip=["clip", 0], text="a boy"),
        "negative": _node("CLIPTextEncode", clip=["clip", 0], text=""),
        "core": _node("WanVaceToVideo", vae=["vae", 0], batch_size=1, strength=1.0, **_prompts(), **_size(), **video),
        "core sample": _sampler("core"),
        "core decode": _node("VAEDecode", samples=["core sample", 0], vae=["vae", 0]),
        "build": _node("VaceBuildVcu", inside_mask="control", soft_mask=False, **video),
        "encode": _node("VaceEncodeVcu", vae=["vae", 0], vcu=["build", 0]),
        "apply": _node("VaceApplyContext", context=["encode", 0], **_prompts()),
        "our sample": _sampler("apply"),
        "our decode": _node("VaceDecodeLatent", samples=["our sample", 0], vae=["vae", 0]),
        "digest": _node("DevDigest", input_0=["core decode", 0], input_1=["our decode", 0]),
    }
    return small(nodes)


def ask(server: ComfyClient, prompt: dict) -> list[str]:
    """Hashes of what a prompt gave, by its digest."""
    entry = server.run(prompt, timeout=PATIENCE)
    return [text.partition(" ")[2] for text in entry["outputs"]["digest"]["digest"] if " " in text]


def free(server: ComfyClient) -> None:
    """Let a server forget models and results."""
    with contextlib.suppress(TimeoutError):
        server.wait_idle(PATIENCE)
    server.post("/free", {"unload_models": True, "free_memory": True})
    time.sleep(REST)


def _node(class_type: str, **inputs: object) -> dict:
    return {"class_type": class_type, "inputs": inputs}


def _models() -> dict:
    return {"model": ["model", 0], "clip": ["clip", 0], "vae": ["vae", 0]}


def _prompts() -> dict:
    return {"positive": ["positive", 0], "negative": ["negative", 0]}


def _size() -> dict:
    return {"width": WIDTH, "height": HEIGHT, "length": LENGTH}


def _sampler(source: str) -> dict:
    return _node(
        "KSampler",
        model=["model", 0],
        seed=3,
        steps=2,
        cfg=4.0,
        sampler_name="uni_pc",
        scheduler="simple",
        positive=[source, 0],
        negative=[source, 1],
        latent_image=[source, 2],
        denoise=1.0,
    )
