"""A long video of one segment against VACE Sample VCU, before anything is rounded to 8 bits."""

import importlib

import pytest
import torch

pytestmark = pytest.mark.host

SETTINGS = {"settings": "custom", "steps": 3, "cfg": 4.0, "shift": 5.0, "sampler": "uni_pc", "scheduler": "simple"}
SHARED = {"seed": 5, "boundary": 0.875}


@pytest.fixture(scope="module")
def clip(call):
    from harness.nodes.wan_vace_dev import load_clip

    return load_clip()


@pytest.fixture
def vcu(call):
    """Six frames that are repainted in part, with a reference."""
    generator = torch.Generator().manual_seed(3)
    video, picture = (torch.rand(count, 32, 48, 3, generator=generator) for count in (6, 1))
    mask = torch.zeros(6, 32, 48)
    mask[:, 8:24, 8:40] = 1
    sizes = {"width": 0, "height": 0, "length": 0, "fit": "cover", "inside_mask": "empty", "soft_mask": False}
    references = {"reference_image_0": picture}
    return call("VaceBuildVcu", control_video=video, control_masks=mask, references=references, **sizes)[0]


@pytest.fixture(params=["one model", "two experts"])
def models(request, call, vace_model):
    if request.param == "one model":
        return {"model": vace_model}
    weaker = call(
        "VaceSetStrength", model=vace_model, steps="1", frames="1, 0.2", blocks="", references=1.0
    )  # fmt: skip
    return {"model": vace_model, "low_noise_model": weaker[0]}


def run_expansion(call, expansion):
    """The outputs of a node that expanded to a graph, each of its nodes run once, as the host does."""
    done = {}

    def value(given):
        if isinstance(given, list) and len(given) == 2 and given[0] in expansion.expand:
            name, index = given
            if name not in done:
                node = expansion.expand[name]
                done[name] = call(node["class_type"], **{key: value(each) for key, each in node["inputs"].items()})
            return done[name][index]
        return given

    return [value(each) for each in expansion.args]


def test_one_segment_equals_sample_vcu_before_it_is_stored(call, vae, clip, vcu, models):
    sampling, long = (importlib.import_module(f"wan_vace.nodes._host.{name}") for name in ("sampling", "long"))
    generator = importlib.import_module("wan_vace.nodes._host.long.generator")
    core = importlib.import_module("wan_vace.vace_core.long")
    read_settings = importlib.import_module("wan_vace.nodes._settings").read_settings
    choices = sampling.SamplerChoices(("a boy", "ugly"), {**SHARED, "settings": SETTINGS}, 0.9, 0.0, keep_pixels=False)
    graph = sampling.sampling_graph({**models, "clip": clip, "vae": vae, "vcu": vcu}, choices)
    video, _, _ = run_expansion(call, graph)
    frames = video.get_components().images
    unused = {"anchor": False, "match_colour": False, "drift_limit": 0.0, "keep_pixels": False, "run": "", "redo": ""}
    job = long.LongJob(
        models=models, clip=clip, vae=vae, source=core.in_memory(vcu), prompts="a boy", negative_prompt="ugly",
        settings=read_settings(SETTINGS), strength=0.9, segment_length=81, overlap=17, **SHARED, **unused,
    )  # fmt: skip
    made = generator.SegmentGenerator(job).make(core.Segment(0, 0, 6, 0), "a boy", 5, generator.Neighbours())
    assert frames.shape == (6, 32, 48, 3) and frames.isfinite().all()
    assert torch.equal(made.frames, frames)
