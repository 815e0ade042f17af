"""Subgraph blueprints: found by the host, and each the same as the published workflow that it is made of."""

import json
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import av
import pytest

from harness.browser.browser import MODES, VIEW, listen, open_front_end, set_mode
from harness.canvas.blueprints import BLUEPRINTS, CATEGORY, FOLDER
from harness.canvas.identity import LARGE
from harness.canvas.plane import Plane
from harness.canvas.subgraph import CALLED, INPUT, OUTPUT
from harness.structure.schema import complete
from harness.workflows import published, small

pytestmark = [pytest.mark.host, pytest.mark.server]

NAMES = sorted(one.name for one in BLUEPRINTS)
SIZE = {"width": 64, "height": 48, "length": 10, "segment_length": 9, "overlap": 5, "steps": 2}
OPEN = "async graph => { await app.loadGraphData(graph, true, true, 'blueprint'); }"
PROMPT = "async () => (await app.graphToPrompt()).output"
# Nodes beside the blueprint, with values; wires between them by title; what the blueprint shows, set.
ASSEMBLE = """async ([nodes, wires, values]) => {
  const made = {blueprint: app.graph._nodes[0]};
  for (const [id, type, given] of nodes) {
    made[id] = app.graph.add(LiteGraph.createNode(type));
    for (const widget of made[id].widgets ?? []) if (widget.name in given) widget.value = given[widget.name];
  }
  for (const [from, output, to, name] of wires)
    made[from].connect(output, made[to], made[to].inputs.findIndex(i => i.name === name));
  for (const widget of made.blueprint.widgets) if (widget.name in values) widget.value = values[widget.name];
  return Object.fromEntries(Object.entries(made).map(([id, node]) => [id, String(node.id)]));
}"""


def definition_of(one):
    graph = json.loads(one.file.read_text("utf-8"))
    return graph["definitions"]["subgraphs"][0]


def outside_of(one, api):
    """Ids of the workflow's nodes that stay beside the blueprint."""
    return [node_id for node_id in api if node_id not in {str(node["id"]) for node in definition_of(one)["nodes"]}]


def called(name):
    return CALLED.get(name, name.rpartition(".")[2])


def values_of(one, api):
    """What the workflow gives the inputs that the blueprint shows."""
    shown = {socket["name"] for socket in definition_of(one)["inputs"]}
    inside = [node for node_id, node in api.items() if node_id not in outside_of(one, api)]
    given = {called(name): value for node in inside for name, value in node["inputs"].items()}
    return {name: value for name, value in given.items() if name in shown and not isinstance(value, list)}


def wires_of(one, api):
    """The wires of the workflow that do not lie inside the blueprint."""
    outside, inputs = outside_of(one, api), definition_of(one)["inputs"]
    links = {link["id"]: link for link in definition_of(one)["links"]}
    names = {
        (str(links[i]["target_id"]), links[i]["target_slot"]): socket["name"]
        for socket in inputs
        for i in socket["linkIds"]
    }
    sockets = {str(node["id"]): [s["name"] for s in node["inputs"]] for node in definition_of(one)["nodes"]}
    for node_id, node in api.items():
        for name, value in node["inputs"].items():
            if not isinstance(value, list) or not {node_id, value[0]} & set(outside):
                continue
            if node_id in outside:
                yield (
                    value[0] if value[0] in outside else "blueprint",
                    value[1] if value[0] in outside else 0,
                    node_id,
                    name,
                )
            else:
                yield *value, "blueprint", names[node_id, sockets[node_id].index(name)]


def assembled(page, one):
    """The prompt of the blueprint with the workflow's other nodes beside it, and its nodes' ids by the workflow's."""
    api = complete(published(one.workflow))
    page.evaluate(OPEN, json.loads(one.file.read_text("utf-8")))
    outside = [(i, api[i]["class_type"], api[i]["inputs"]) for i in outside_of(one, api)]
    ids = page.evaluate(ASSEMBLE, [outside, list(wires_of(one, api)), values_of(one, api)])
    host = ids.pop("blueprint")
    return page.evaluate(PROMPT), {i: ids.get(i, f"{host}:{i}") for i in api}


def as_shown(api, ids):
    """A workflow's prompt with these ids."""

    def moved(value):
        return [ids[value[0]], value[1]] if isinstance(value, list) else value

    return {
        ids[i]: (node["class_type"], {name: moved(value) for name, value in node["inputs"].items()})
        for i, node in api.items()
    }


def test_there_is_a_file_for_each_and_no_other():
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == NAMES


def test_the_host_lists_them_with_their_content(front_end):
    server, _ = front_end
    listed = {k: one for k, one in server.get("/global_subgraphs").items() if one["source"] == "custom_node"}
    ours = {one["name"]: k for k, one in listed.items() if one["info"]["node_pack"] == "custom_nodes.wan-vace"}
    assert sorted(ours) == NAMES
    for one in BLUEPRINTS:
        entry = server.get(f"/global_subgraphs/{urllib.parse.quote(ours[one.name])}")
        assert entry["data"] == one.file.read_text("utf-8")


@pytest.mark.parametrize("one", BLUEPRINTS, ids=lambda one: one.workflow)
def test_a_blueprint_is_one_node_with_few_inputs_and_a_description(one):
    graph = json.loads(one.file.read_text("utf-8"))
    (host,), (inside,) = graph["nodes"], graph["definitions"]["subgraphs"]
    assert host["type"] == inside["id"] and graph["extra"]["BlueprintDescription"] == one.description
    assert (inside["category"], inside["description"], inside["name"]) == (CATEGORY, one.description, one.name)
    assert len(host["inputs"]) == len(inside["inputs"]) <= 13
    names = [socket["name"] for socket in inside["inputs"]]
    assert len(set(names)) == len(names) and [socket["name"] for socket in host["inputs"]] == names
    assert [(socket["name"], socket["type"]) for socket in inside["outputs"]] == [("video", "VIDEO")]
    models = [m["name"] for node in inside["nodes"] for m in node["properties"].get("models", [])]
    assert {name for name in models if name not in host["widgets_values"]} <= {LARGE}  # what may be chosen instead
    assert len(set(models) - {LARGE}) == 3
    assert all("cnr_id" in node["properties"] for node in (host, *inside["nodes"]))


@pytest.mark.parametrize("one", BLUEPRINTS, ids=lambda one: one.workflow)
def test_its_inside_is_laid_out(one):
    inside = definition_of(one)
    links = [
        tuple(link.values()) for link in inside["links"] if INPUT != link["origin_id"] and link["target_id"] != OUTPUT
    ]
    graph = {"nodes": inside["nodes"], "links": links}
    plane = Plane.of(graph)
    places = plane.sizes * 0 + [node["pos"] for node in inside["nodes"]]
    assert plane.overlaps(places, apart=20) == 0 and plane.hidden(places).sum() == 0


@pytest.mark.parametrize("mode", MODES)
def test_each_is_the_workflow_it_is_made_of(front_end, mode):
    server, browser = front_end
    set_mode(server, mode)
    page = browser.new_page(viewport=VIEW)
    heard = listen(page)
    open_front_end(page, server.url)
    for one in BLUEPRINTS:
        shown, ids = assembled(page, one)
        expected = as_shown(complete(published(one.workflow)), ids)
        assert shown.keys() == expected.keys(), one.name
        for node_id, (class_type, inputs) in expected.items():
            given = shown[node_id]["inputs"]
            kept = given if class_type.startswith("Vace") else {k: v for k, v in given.items() if k in inputs}
            assert (shown[node_id]["class_type"], kept) == (class_type, inputs), one.name
    page.close()
    assert not heard


def test_the_host_runs_one_and_makes_what_the_workflow_makes(front_end):
    server, browser = front_end
    page = browser.new_page(viewport=VIEW)
    open_front_end(page, server.url)
    one = next(one for one in BLUEPRINTS if one.workflow == "swap_anything")
    shown, _ = assembled(page, one)
    page.close()
    prompts = [small(prompt, **SIZE) for prompt in (shown, published(one.workflow))]
    with ThreadPoolExecutor(1) as elsewhere:  # the browser's loop runs in this thread
        first, second = elsewhere.map(film_of, [server] * 2, prompts)
    assert first == second


def film_of(server, prompt):
    """The frames of its video, as the encoder had them."""
    (file,) = [file for file in server.outputs(server.run(prompt)) if file.suffix == ".mp4"]
    with av.open(str(file)) as container:
        return [frame.to_ndarray(format="rgb24").tobytes() for frame in container.decode(video=0)]
