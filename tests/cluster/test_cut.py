"""A prompt cut at its VCU wires: nothing is lost, nothing sampled twice, and no model is needed to prepare."""

import pytest

from harness.cluster.batches import catalog, workflow
from wan_vace.cluster.batch.cut import cut, with_vcus
from wan_vace.cluster.batch.workflow import wires

MODELS = ("DevLoadMiniature", "VaceSampleVcu", "VaceSampleLongVideo")


def kinds(prompt):
    return sorted(node["class_type"] for node in (prompt or {}).values())


@pytest.mark.parametrize(
    "name", ["control_video", "inpaint_moving_box", "text_to_video", "compose_inpaint_and_control"]
)
def test_what_lies_before_the_vcu_is_prepared_and_the_rest_samples(name):
    prompt = workflow(name)
    parts = cut(prompt, catalog())
    assert not set(kinds(parts.prepare)) & set(MODELS)
    assert kinds(parts.prepare)[-1] == "VaceSaveVcu" and len(parts.savers) == 1
    assert kinds(parts.sample) == sorted(["DevLoadMiniature", "SaveVideo", "VaceLoadVcu", "VaceSampleVcu"])
    whole = set(parts.prepare) | set(parts.sample)
    assert whole >= set(prompt) and len(whole) == len(prompt) + 2
    for part in (parts.prepare, parts.sample):
        wired = sum(isinstance(v, list) for node in part.values() for v in node["inputs"].values())
        assert len(list(wires(part))) == wired, "every wire ends at a node that is there"


def test_files_of_vcus_are_named_when_they_are_known():
    parts = cut(workflow("control_video"), catalog())
    (loader,) = [
        n for n in with_vcus(parts.sample, ["ab/x.vcu.safetensors"]).values() if n["class_type"] == "VaceLoadVcu"
    ]
    assert loader["inputs"]["file"] == "ab/x.vcu.safetensors"


def test_a_crop_that_is_stitched_back_stays_with_the_sampling():
    parts = cut(workflow("crop_and_stitch"), catalog())
    assert "VaceCropVcu" in kinds(parts.sample) and "VaceCropVcu" not in kinds(parts.prepare)
    assert "VaceInpaintVideo" in kinds(parts.prepare) and "VaceInpaintVideo" not in kinds(parts.sample)


def test_pasting_back_takes_the_same_vcu_as_the_sampler():
    parts = cut(workflow("inpaint_exact_pixels"), catalog())
    assert kinds(parts.sample).count("VaceLoadVcu") == 1


def test_a_vcu_of_what_was_sampled_is_not_prepared():
    prompt = workflow("control_video")
    prompt["7"] = {"class_type": "VaceBuildVcu", "inputs": {"control_video": ["5", 0]}}
    prompt["8"] = prompt["5"] | {"inputs": prompt["5"]["inputs"] | {"vcu": ["7", 0]}}
    prompt["6"]["inputs"]["video"] = ["8", 0]
    parts = cut(prompt, catalog())
    assert kinds(parts.sample).count("VaceSampleVcu") == 2 and "7" in parts.sample and "4" in parts.prepare


def test_a_preview_without_a_result_is_prepared_and_one_with_it_is_not():
    prompt = workflow("control_video")
    prompt["7"] = {"class_type": "VacePreviewVcu", "inputs": {"vcu": ["4", 0]}}
    prompt["8"] = {"class_type": "VacePreviewVcu", "inputs": {"vcu": ["4", 0], "result": ["5", 0]}}
    parts = cut(prompt, catalog())
    assert "7" in parts.prepare and "8" in parts.sample and "7" not in parts.sample


def test_a_loaded_vcu_is_not_saved_again_and_what_has_no_vcu_is_not_cut():
    prompt = workflow("control_video")
    prompt["4"] = {"class_type": "VaceLoadVcu", "inputs": {"file": "a.vcu.safetensors"}}
    del prompt["2"], prompt["3"]
    assert cut(prompt, catalog()).prepare is None
    only = {"1": {"class_type": "LoadVideo", "inputs": {"file": "a"}}, "2": {"class_type": "SaveVideo", "inputs": {}}}
    assert cut(only, catalog()).prepare is None and cut(only, catalog()).sample == only
