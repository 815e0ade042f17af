"""Published workflows on somebody else's canvas: links of files, owners of nodes, what they say, how they lie."""

import json
import re

import numpy as np
import pytest

from harness.canvas.arrange import LEFT, arrange
from harness.canvas.identity import CORE, FILES, LARGE_LORA, LORA, WITHOUT, alternatives_of, project
from harness.canvas.note import PRESET, TYPE, height_of
from harness.canvas.plane import Plane
from harness.canvas.switch import BYPASSED, STRENGTH, SWITCH, as_run, with_switch
from harness.canvas.switch import TITLE as SWITCH_TITLE
from harness.canvas.texts import texts
from harness.host.locations import NEWEST
from harness.structure.schema import load as schema
from harness.workflows import published
from wan_vace.vace_core.sampling import PRESETS

NAMES = sorted(texts())
MODEL = re.compile(r".*\.(safetensors|pth?|ckpt|gguf|onnx)")


def graph_of(name):
    return json.loads(texts()[name].graph.read_text("utf-8"))


def nodes_of(name):
    return [node for node in graph_of(name)["nodes"] if node["type"] not in WITHOUT]


def places_of(graph):
    return np.array([node["pos"] for node in graph["nodes"]], float)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_file_that_a_node_names_can_be_downloaded(name):
    for node in nodes_of(name):
        named = [v for v in node.get("widgets_values", []) if isinstance(v, str) and MODEL.fullmatch(v)]
        models = node["properties"].get("models", [])
        others = [file.name for file in alternatives_of(node["type"], named)]
        assert [model["name"] for model in models] == named + others, node["type"]
        for model in models:
            file = FILES[model["name"]]
            assert model == {"name": file.name, "url": file.url, "directory": file.directory}
            assert model["url"].endswith(f"/{file.name}" if file.home else f"/{file.directory}/{file.name}")


@pytest.mark.parametrize("name", NAMES)
def test_every_node_says_whose_it_is(name):
    ours = {"cnr_id": project("name"), "ver": project("version")}
    for node in nodes_of(name):
        expected = ours if node["type"] in schema() else {"cnr_id": CORE, "ver": NEWEST}
        assert {key: node["properties"][key] for key in expected} == expected
        assert node["properties"]["Node name for S&R"] == node["type"]


@pytest.mark.parametrize("name", NAMES)
def test_the_note_says_what_the_workflow_does_and_where_its_files_are(name):
    (note,) = (node for node in graph_of(name)["nodes"] if node["type"] == TYPE)
    (said,) = note["widgets_values"]
    assert said.startswith(texts()[name].text.replace("`", "**"))
    files = {model["name"]: model for node in nodes_of(name) for model in node["properties"].get("models", [])}
    for model in files.values():
        assert f"[{model['name']}]({model['url']})" in said and f"**{model['directory']}**" in said
    assert note["size"][1] == height_of(said) < 640
    assert "`" not in said, "Nodes 2.0 writes code blue on blue"


@pytest.mark.parametrize("name", NAMES)
def test_the_text_names_nodes_and_inputs_that_are_there(name):
    text, nodes = texts()[name].text, nodes_of(name)
    menu = {node["name"] for node in schema().values()}
    titles = {node["_meta"]["title"] for node in published(name).values()} | {SWITCH_TITLE}
    unknown = [one for one in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text) if one not in titles | menu]
    assert not unknown
    shown = {socket["name"].rpartition(".")[2] for node in nodes for socket in node["inputs"]}
    values = " ".join(str(value) for node in nodes for value in node.get("widgets_values", []))
    assert not [one for one in re.findall(r"`([^`]+)`", text) if one not in shown and one not in values]


@pytest.mark.parametrize("name", NAMES)
def test_no_node_lies_on_another_and_no_wire_runs_behind_one(name):
    graph = graph_of(name)
    plane, places = Plane.of(graph), places_of(graph)
    assert plane.overlaps(places, apart=20) == 0
    assert plane.hidden(places).sum() == 0
    source, target = plane.wires[:, 0].astype(int), plane.wires[:, 2].astype(int)
    assert (places[source, 0] + plane.sizes[source, 0] < places[target, 0]).all(), "wires run from left to right"


def test_nodes_and_wires_in_the_way_are_found():
    graph = graph_of("text_to_video")
    places = places_of(graph)
    ids = [node["type"] for node in graph["nodes"]]
    places[ids.index("SaveVideo")] = places[ids.index("VaceSampleVcu")] + [10, 10]
    assert Plane.of(graph).overlaps(places) == 1
    places = places_of(graph)
    loader, sampler = ids.index("VaceLoadModels"), ids.index("VaceSampleVcu")
    places[[sampler, ids.index("SaveVideo")], 0] += 1000
    places[ids.index(TYPE)] = places[loader] + [500, 0]  # between both, where their wires run
    behind = Plane.of(graph).hidden(places)
    assert set(behind.sum(0).nonzero()[0]) == {ids.index(TYPE)}


def test_a_chain_is_laid_out_in_its_order_the_same_way_each_time():
    sockets = [{"name": "in"}]
    nodes = [{"id": i, "size": [100, 50], "inputs": sockets, "widgets_values": []} for i in (3, 1, 2)]
    graph = {"nodes": nodes, "links": [[1, 1, 0, 2, 0, "*"], [2, 2, 0, 3, 0, "*"]]}
    arrange(graph)
    first = {node["id"]: node["pos"] for node in nodes}
    assert first[1][0] == LEFT and first[1][0] < first[2][0] < first[3][0] and len({y for _, y in first.values()}) == 1
    arrange(graph)
    assert first == {node["id"]: node["pos"] for node in nodes}


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_with_load_models_has_the_switch_for_few_steps_and_it_is_off(name):
    graph, api = graph_of(name), published(name)
    switches = [node for node in graph["nodes"] if node["type"] == SWITCH]
    taken = any(value == [i, 0] for i, n in api.items() if n["class_type"] == "VaceLoadModels" for value in _wires(api))
    assert len(switches) == taken == (len(with_switch(api)) - len(api))
    assert all(node["mode"] == BYPASSED and node["title"] == SWITCH_TITLE for node in switches)
    assert all(node.get("mode", 0) == 0 for node in graph["nodes"] if node not in switches)
    (note,) = (node for node in graph["nodes"] if node["type"] == TYPE)
    assert (f"select *{SWITCH_TITLE}*" in note["widgets_values"][0]) == bool(switches)


def _wires(api):
    return [value for node in api.values() for value in node["inputs"].values() if isinstance(value, list)]


def test_the_preset_and_the_strength_of_the_switch_are_those_of_its_lora():
    settings = PRESETS[PRESET]
    low, high = map(float, re.findall(r"0\.\d", settings.belongs_to))
    assert all(file.name.removesuffix(".safetensors") in settings.belongs_to for file in (LORA, LARGE_LORA))
    assert low <= STRENGTH <= high


def test_past_what_is_bypassed_run_the_wires_that_go_into_it():
    graph = graph_of("text_to_video")
    run = as_run(graph)
    gone = {node["id"] for node in graph["nodes"]} - {node["id"] for node in run["nodes"]}
    assert len(gone) == 1 and not gone & {end for link in run["links"] for end in (link[1], link[3])}
    ids = {node["type"]: node["id"] for node in run["nodes"]}
    (link,) = (link for link in run["links"] if link[5] == "MODEL")
    assert (link[1], link[3]) == (ids["VaceLoadModels"], ids["VaceSampleVcu"])
