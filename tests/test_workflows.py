"""The example workflows: each exists for the browser and for the API, and both are the same graph."""

import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from harness.structure.schema import complete, cut
from harness.workflows import widget_names

FOLDER = Path(__file__).resolve().parent.parent / "example_workflows"
API = sorted((FOLDER / "api").glob("*.json"))
NAMES = [path.stem for path in API]


def load(path):
    return json.loads(path.read_text("utf-8"))


def test_every_workflow_has_both_forms_and_a_picture():
    assert NAMES == sorted(p.stem for p in FOLDER.glob("*.json")) == sorted(p.stem for p in FOLDER.glob("*.jpg"))


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_have_the_same_nodes_wires_and_values(name):
    api, graph = load(FOLDER / "api" / f"{name}.json"), load(FOLDER / f"{name}.json")
    nodes = {str(node["id"]): node for node in graph["nodes"]}
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
    graph = {str(node["id"]): node for node in load(FOLDER / f"{name}.json")["nodes"]}
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
        if node["class_type"] in ("VaceSampleVcu", "KSampler"):
            values = {name.removeprefix("settings."): value for name, value in node["inputs"].items()}
            assert values["cfg"] == 5.0 and values["steps"] == 25


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_small_files(name):
    path = FOLDER / f"{name}.jpg"
    with Image.open(path) as picture:
        assert 300 <= picture.width <= 1000
    assert path.stat().st_size < 250_000
