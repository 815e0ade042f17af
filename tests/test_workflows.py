"""The example workflows: each exists for the browser and for the API, and both are the same graph."""

import json
from collections import Counter

import pytest
import torch
from PIL import Image

from harness.canvas.note import TYPE as NOTE
from harness.canvas.switch import as_run
from harness.canvas.texts import FILE, FOLDER, texts
from harness.structure.schema import complete, cut, with_own_numbers
from harness.workflows import widget_names
from wan_vace.vace_core.notes import collect_notes
from wan_vace.vace_core.sampling import CUSTOM, DEFAULT, PRESETS, SamplerSettings, note_guidance
from wan_vace.vace_core.strength import note_strengths
from wan_vace.vace_core.vcu import Reference, empty_vcu, note_area, note_length, with_range_notes
from wan_vace.vace_core.video import nearest_length

API = sorted((FOLDER / "api").glob("*.json"))
NAMES = [path.stem for path in API]


def load(path):
    return json.loads(path.read_text("utf-8"))


def test_every_workflow_has_both_forms_a_picture_and_a_text():
    assert sorted(texts()) == NAMES
    titles = sorted(text.title for text in texts().values())
    assert titles == sorted(p.stem for p in FOLDER.glob("*.json")) == sorted(p.stem for p in FOLDER.glob("*.jpg"))
    assert FILE.read_text("utf-8").count("\n### ") == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_have_the_same_nodes_wires_and_values(name):
    api, graph = load(FOLDER / "api" / f"{name}.json"), as_run(load(texts()[name].graph))
    nodes = {str(node["id"]): node for node in graph["nodes"] if node["type"] != NOTE}
    assert {i: n["class_type"] for i, n in api.items()} == {i: n["type"] for i, n in nodes.items()}
    wires = {
        (str(source), slot, str(target), nodes[str(target)]["inputs"][socket]["name"])
        for _, source, slot, target, socket, _ in graph["links"]
    }
    assert wires == {
        (*value, i, name) for i, n in api.items() for name, value in n["inputs"].items() if isinstance(value, list)
    }
    for i, node in api.items():
        values = Counter(str(v) for v in node["inputs"].values() if not isinstance(v, list))
        shown = Counter(str(v) for v in nodes[i].get("widgets_values", []))
        numbers = Counter(str(float(v)) for v in nodes[i].get("widgets_values", []) if isinstance(v, int | float))
        missing = [v for v in values if v not in shown and str(_number(v)) not in numbers]
        assert not missing, f"{node['class_type']} shows other values than {missing}"


@pytest.mark.parametrize("name", NAMES)
def test_the_browser_shows_the_defaults_that_the_api_form_leaves_out(name):
    graph = {str(node["id"]): node for node in as_run(load(texts()[name].graph))["nodes"]}
    for i, node in complete(load(FOLDER / "api" / f"{name}.json")).items():
        if node["class_type"].startswith("Vace"):
            shown = dict(zip(widget_names(graph[i]), graph[i].get("widgets_values", []), strict=True))
            wired = {name for name, value in node["inputs"].items() if isinstance(value, list)}
            shown = {name: v for name, v in shown.items() if name not in wired | {"control_after_generate"}}
            assert shown == {k: v for k, v in node["inputs"].items() if k not in wired}, node["class_type"]


@pytest.mark.parametrize("name", NAMES)
def test_the_api_form_lists_only_what_it_changes(name):
    api = load(FOLDER / "api" / f"{name}.json")
    assert api == cut(api)


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.parametrize("name", NAMES)
def test_workflows_are_small_and_start_with_official_settings(name):
    api = complete(load(FOLDER / "api" / f"{name}.json"))
    assert len(api) <= 18
    for node in api.values():
        if node["class_type"].startswith("VaceSample"):
            assert node["inputs"]["settings"] == DEFAULT
        elif node["class_type"] == "KSampler":
            assert (node["inputs"]["steps"], node["inputs"]["cfg"]) == (PRESETS[DEFAULT].steps, PRESETS[DEFAULT].cfg)


def test_the_official_settings_as_numbers_of_ones_own_are_the_same_numbers():
    by_name = load(FOLDER / "api" / "text_to_video.json")
    (given,) = (n["inputs"] for n in with_own_numbers(by_name).values() if n["class_type"] == "VaceSampleVcu")
    own = {name.removeprefix("settings."): value for name, value in given.items() if name.startswith("settings.")}
    assert given["settings"] == CUSTOM and SamplerSettings(**own) == PRESETS[DEFAULT]


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_small_files(name):
    path = texts()[name].picture
    with Image.open(path) as picture:
        assert 300 <= picture.width <= 1000
    assert path.stat().st_size < 250_000


# Frames that a node makes of its numbers, where it has no length.
LENGTHS = {
    "VaceExtendVideo": lambda node: node["before"] + node["overlap"] + node["after"],
    "VaceBridgeVideos": lambda node: node["overlap_first"] + node["gap"] + node["overlap_second"],
    "VaceLoopVideo": lambda node: 2 * node["overlap"] + node["gap"],
}


def real_vcu(api):
    """The VCU of a workflow at its real size; what follows a clip has the size and length that the model is best at."""
    inputs = {node["class_type"]: node["inputs"] for node in api.values()}
    lengths = [make(inputs[name]) for name, make in LENGTHS.items() if name in inputs]
    # A window's length is not the video's, and a picture's width is not either.
    makers = [v for name, v in inputs.items() if name.startswith("Vace") and name != "VaceSetContextWindows"]
    sizes = {
        key: max((v[key] for v in makers if isinstance(v.get(key), int) and v[key] > 0), default=default)
        for key, default in (("width", 832), ("height", 480), ("length", 81))
    }
    references = [key for v in makers for key in v if key.startswith("references.")]
    pictures = [Reference(torch.ones(4, 4, 3))] * len(references)
    return empty_vcu(max(lengths, default=sizes["length"]), sizes["height"], sizes["width"], pictures)


def told_of(api):
    """What the nodes of a workflow would tell of its VCU, its model and its numbers."""
    inputs = {node["class_type"]: node["inputs"] for node in api.values()}
    files = " ".join(str(value) for node in inputs.values() for value in node.values())
    models = [name for name in ("1.3B", "14B") if name in files]
    limits = [
        inputs.get("VaceSetContextWindows", {}).get("length"),
        *(v.get("segment_length") for v in inputs.values()),
    ]
    vcu = real_vcu(api)
    with collect_notes() as notes:
        note_length(min([vcu.num_frames, *filter(None, limits)]))
        note_area(vcu.height, vcu.width, models)
        for node in inputs.values():
            note_strengths([node[key] for key in ("strength",) if key in node])
            numbers = {key.split(".")[-1]: value for key, value in node.items()}
            if {"steps", "cfg"} <= numbers.keys():
                note_guidance(SamplerSettings(numbers["steps"], numbers["cfg"], 16.0), numbers["cfg"], all_steps=True)
    return [note.code for note in (*with_range_notes(vcu).notes, *notes)]


@pytest.mark.parametrize("name", NAMES)
def test_no_workflow_leaves_at_its_real_size_what_the_model_was_trained_with(name):
    assert told_of(with_own_numbers(load(FOLDER / "api" / f"{name}.json"))) == []


def test_workflows_that_leave_it_would_be_told_of():
    changes = {
        "longer-than-trained": {"length": nearest_length(97)},
        "larger-than-trained": {"width": 1280, "height": 720},
        "strength-far-from-trained": {"strength": 5.0},
        "guided-few-steps": {"settings.steps": 4},
    }
    for code, change in changes.items():
        api = with_own_numbers(load(FOLDER / "api" / "text_to_video.json"))
        for node in api.values():
            node["inputs"].update({key: value for key, value in change.items() if key in node["inputs"]})
        assert told_of(api) == [code]
    api = with_own_numbers(load(FOLDER / "api" / "long_video_in_windows.json"))
    api = {key: node for key, node in api.items() if node["class_type"] != "VaceSetContextWindows"}
    assert told_of(api) == ["longer-than-trained"]
