"""Workflows turned to the miniature: what changes, what stays, and the inputs they load."""

import copy
import json

import numpy as np
import pytest
import torch
from PIL import Image

from harness.canvas.switch import as_run
from harness.canvas.texts import texts
from harness.host import base_directory, locations, serve
from harness.miniature import inputs as miniature_inputs
from harness.miniature.demo import SHOWS, prompt_of, read_film
from harness.miniature.tasks import BOXES, PREFIX, TASKS
from harness.workflows import API, as_graph, miniature, published, widget_names
from wan_vace.miniature.contact_sheet import GAP, LABEL, SCALE, SIDE, TITLE, contact_sheet
from wan_vace.miniature.world import draw_scene, words
from wan_vace.vace_core.video.boxes import boxes_at, parse_tracks

NAMES = sorted(path.stem for path in API.glob("*.json"))
INPUTS = locations.base_dir() / "input"


def inputs_of(prompt, class_type):
    return next(node["inputs"] for node in prompt.values() if node["class_type"] == class_type)


def test_every_workflow_has_its_task_and_no_other():
    assert sorted(TASKS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_keeps_its_nodes_and_wires_and_its_inputs_exist(name):
    original = published(name)
    before = copy.deepcopy(original)
    prompt = miniature(original, name)
    assert original == before and prompt.keys() == original.keys()
    for node_id, node in prompt.items():
        links = {key: value for key, value in original[node_id]["inputs"].items() if isinstance(value, list)}
        assert links.items() <= node["inputs"].items()
        for socket in {"LoadVideo": ["file"], "LoadImage": ["image"]}.get(node["class_type"], []):
            assert (INPUTS / node["inputs"][socket]).is_file()
    assert not [n for n in prompt.values() if n["class_type"] in ("VaceLoadModels", "CLIPLoader")]


@pytest.mark.parametrize("name", NAMES)
def test_prompts_are_of_the_words_that_it_knows(name):
    for text in TASKS[name].prompt.split("---"):
        assert len(words.token_ids(text)) >= 5


def test_sampling_is_as_the_miniature_was_trained_for():
    sampler = inputs_of(miniature(published("text_to_video"), "text_to_video"), "VaceSampleVcu")
    shown = {key: sampler[f"settings.{key}"] for key in ("steps", "cfg", "shift", "sampler", "scheduler")}
    assert shown == {"steps": 20, "cfg": 3.0, "shift": 3.0, "sampler": "euler", "scheduler": "simple"}
    assert sampler["negative_prompt"] == ""
    prompt = miniature(published("inpaint_with_reference"), "inpaint_with_reference", steps=4)
    assert inputs_of(prompt, "KSampler")["steps"] == 4
    assert prompt["9"]["inputs"]["text"] == TASKS["inpaint_with_reference"].prompt
    assert prompt["10"]["inputs"]["text"] == ""


def test_sizes_become_small_and_zero_still_follows_what_is_connected():
    build = inputs_of(miniature(published("text_to_video")), "VaceBuildVcu")
    assert (build["width"], build["height"], build["length"]) == (64, 64, 17)
    inpaint = inputs_of(miniature(published("inpaint_moving_box"), "inpaint_moving_box"), "VaceInpaintVideo")
    assert (inpaint["width"], inpaint["height"], inpaint["length"]) == (0, 0, 0)


def test_an_adapter_goes_on_the_plain_model():
    prompt = miniature(published("adapter_on_plain_model"), "adapter_on_plain_model")
    assert inputs_of(prompt, "DevLoadMiniature") == {"model": "text to video"}
    assert inputs_of(prompt, "VaceLoadAdapter") == {"adapter_name": "miniature_vace_adapter.safetensors"}
    assert inputs_of(prompt, "VaceSetStrength")["steps"] == "0:1, 60%:1, 60%:0"


def test_the_boxes_hold_the_circle_in_every_frame():
    clip = draw_scene(miniature_inputs.SCENES["red_circle"])
    (track,) = parse_tracks("boxes", BOXES, 64, 64, 17)
    for mask, box in zip(clip.masks[0], boxes_at(track, 17), strict=True):
        left, top, right, bottom = (round(side) for side in box.sides)
        inside = torch.zeros_like(mask)
        inside[top:bottom, left:right] = 1
        assert mask.sum() > 250 and (mask * (1 - inside)).sum() == 0


def test_films_and_pictures_lose_nothing():
    clip = draw_scene(miniature_inputs.SCENES["red_circle"])
    frames = (clip.frames * 255).round().byte().numpy()
    np.testing.assert_array_equal(read_film(INPUTS / f"{PREFIX}red_circle.webm"), frames)
    np.testing.assert_array_equal(np.asarray(Image.open(INPUTS / f"{PREFIX}red_circle_first.png")), frames[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_browsers_form_holds_the_same_values(name):
    prompt = miniature(published(name), name)
    published_graph = json.loads(texts()[name].graph.read_text("utf-8"))
    graph = as_graph(published_graph, prompt)
    assert graph["links"] == as_run(published_graph)["links"]
    for node in graph["nodes"]:
        api = prompt[str(node["id"])]
        assert node["type"] == api["class_type"]
        shown = dict(zip(widget_names(node), node.get("widgets_values", []), strict=True))
        plain = {key: value for key, value in api["inputs"].items() if not isinstance(value, list)}
        assert plain.items() <= shown.items()


def test_serve_writes_every_workflow_among_the_users(tmp_path):
    files = serve.write_workflows(tmp_path / "workflows")
    assert [file.stem for file in files] == [text.title for text in texts().values()]
    assert [f.stem for f in files if "DevLoadMiniature" not in f.read_text("utf-8")] == ["VACE Save a VCU"]


def test_other_weights_are_another_recipe(tmp_path):
    weights = tmp_path / "weights.safetensors"
    recipes = set()
    for content in (b"placeholder", b"trained"):
        weights.write_bytes(content)
        recipes.add(base_directory._recipe(locations.locate(), "inputs.checkpoints", [weights]))
    assert len(recipes) == 2


def test_the_demo_is_three_tasks_of_which_one_follows_a_pose():
    prompts = {show.name: prompt_of(show, steps=3) for show in SHOWS}
    assert list(prompts) == ["inpaint", "outpaint", "pose"]
    assert inputs_of(prompts["inpaint"], "VaceSampleVcu")["keep_pixels"] is True
    assert inputs_of(prompts["pose"], "LoadVideo") == {"file": f"{PREFIX}yellow_figure_pose.webm"}
    loader = next(i for i, node in prompts["pose"].items() if node["class_type"] == "LoadVideo")
    assert inputs_of(prompts["pose"], "VaceBuildVcu")["control_video"] == [loader, 0]
    assert all(inputs_of(prompt, "VaceSampleVcu")["settings.steps"] == 3 for prompt in prompts.values())


def test_a_contact_sheet_has_each_part_below_the_other():
    dark, light = (np.full((9, 64, 32, 3), level, np.uint8) for level in (0, 200))
    cell = SIDE * SCALE
    sheet = np.asarray(contact_sheet([("one", {"a": dark}), ("two", {"b": dark, "c": light})], columns=2))
    assert sheet.shape == (2 * TITLE + 3 * (cell + GAP) + GAP, LABEL + 2 * (cell + GAP), 3)
    middle = LABEL + cell // 2
    assert (sheet[TITLE + cell // 2, middle] == 0).all()
    assert (sheet[2 * TITLE + 2 * (cell + GAP) + cell // 2, middle] == 200).all()
