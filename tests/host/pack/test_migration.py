"""ComfyUI's own VACE templates, migrated: they load in the browser, and give what they gave, to the bit."""

import copy
import json
from importlib.metadata import files, version
from pathlib import Path

import pytest
from safetensors.torch import load_file

from harness.browser.browser import VIEW, front_end_or_skip, listen, open_front_end
from harness.inputs.wrapper_graph import wrapper_prompt
from harness.workflows import small
from wan_vace.migration.command import migrate
from wan_vace.migration.shapes import SHAPES, SOCKET

TEMPLATES = "0.3.292"  # of comfyui-workflow-templates-core, as ComfyUI 0.30.0 asks for

pytestmark = [
    pytest.mark.host,
    pytest.mark.server,
    pytest.mark.skipif(version("comfyui-workflow-templates-core") != TEMPLATES, reason="other templates are installed"),
]

# Small values of the nodes that say them, by the node's id: width, height, and what else is slow or large.
WIDTH, HEIGHT = "width", "height"
VALUES = {
    "video_wan_vace_14B_t2v": {},
    "video_wan_vace_14B_v2v": {},
    "video_wan_vace_14B_ref2v": {"158.value": WIDTH, "159.value": HEIGHT, "160.value": 16},
    "video_wan_vace_flf2v": {
        "220:193.value": WIDTH,
        "220:194.value": HEIGHT,
        "220:131.value": 1,  # second, of 16 frames
        "220:202.value": 1,
        "220:204.value": 1,
    },
    "video_wan_vace_inpainting": {
        "306:297.value": WIDTH,
        "306:290.value": HEIGHT,
        "306:289.length": 9,
        "306:270.value": 1,
        "306:273.value": 1,
        "306:269.expand": 2,
    },
    "video_wan_vace_outpainting": {"137.value": WIDTH, "139.value": HEIGHT, "131.value": 9}
    | {f"110.{side}": 16 * (side in ("left", "right")) for side in ("left", "right", "top", "bottom")},
}
GRAPHS = [*VALUES, "video_wan_vace_14B_ref2v, all on"]
# What they load, and the size that comes out.
FITTING = {
    "images": ["miniature_red_circle_first.png", "miniature_blue_square.png"],
    "video": "miniature_red_circle.webm",
}
ODD = {"images": ["first.png", "dragon.png"], "video": "car.mp4"}
SIZES = {"outpainting": (96, 64)}  # the video with its new borders
WITH_SIZE = ("WanVaceToVideo", "VaceBuildVcu", "ImageScale", "SolidMask")  # where it is no wire


def template(graph):
    name, _, switched = graph.partition(", ")
    entry = next(f for f in files("comfyui-workflow-templates-json") if f.name == f"{name}.json")
    data = json.loads(Path(entry.locate()).read_text("utf-8"))
    for node in data["nodes"] if switched else ():
        if node["mode"] == 4 and not node["type"].endswith("Loader"):
            node["mode"] = 0
    return data


def test_every_template_with_the_node_is_tried():
    found = {f.name.removesuffix(".json") for f in files("comfyui-workflow-templates-json") if f.suffix == ".json"}
    with_node = {name for name in found if '"WanVaceToVideo"' in json.dumps(template(name))}
    assert with_node == set(VALUES)


@pytest.fixture(scope="module")
def prompts():
    """By graph and way, as the browser makes a prompt of it: the template, the migrated one, and that with --exact."""
    made = {}
    with front_end_or_skip() as (server, browser):
        page = browser.new_page(viewport=VIEW)
        heard = listen(page)
        open_front_end(page, server.url)
        for graph in GRAPHS:
            for way in ("core", "migrated", "exact"):
                data = template(graph)
                if way != "core":
                    migrate(data, exact=way == "exact")
                page.evaluate("([data, name]) => app.loadGraphData(data, true, true, name)", [data, f"{graph} {way}"])
                page.wait_for_timeout(500)  # a Primitive takes over its limits after loading
                made[graph, way] = page.evaluate("async () => (await app.graphToPrompt()).output")
        assert not heard
    return made


@pytest.fixture(scope="module")
def server():
    from harness.host.server import ComfyServer

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        with ComfyServer() as running:
            yield running


def runnable(prompt, graph, inputs, size):
    """The same prompt on small models and inputs, up to the trimmed latent, which is saved."""
    prompt = without_loras_and_sam(copy.deepcopy(prompt))
    images = iter(inputs["images"])
    for _, node in sorted(prompt.items()):
        if node["class_type"] == "LoadImage":
            node["inputs"]["image"] = next(images)
        elif node["class_type"] == "LoadVideo":
            node["inputs"]["file"] = inputs["video"]
        elif node["class_type"] in WITH_SIZE:
            given = {WIDTH: size[0], HEIGHT: size[1], "length": 17}
            node["inputs"] |= {k: v for k, v in given.items() if isinstance(node["inputs"].get(k), int)}
    for place, value in VALUES[graph.partition(", ")[0]].items():
        node_id, name = place.split(".")
        if node_id in prompt:  # a Primitive is none
            prompt[node_id]["inputs"][name] = dict(zip((WIDTH, HEIGHT), size, strict=True)).get(value, value)
    (trim,) = (node_id for node_id, node in prompt.items() if node["class_type"] == "TrimVideoLatent")
    prompt["save"] = {"class_type": "SaveLatent", "inputs": {"samples": [trim, 0], "filename_prefix": "migration"}}
    return small(upstream(prompt, "save"), steps=2)


def without_loras_and_sam(prompt):
    """The model without its LoRA; for the mask of SAM 3 the red of the picture, which is soft."""
    for node_id, node in prompt.items():
        if node["class_type"] == "SAM3_Detect":
            image = node["inputs"]["image"]
            node.update(class_type="ImageToMask", inputs={"image": image, "channel": "red"})
        for other in prompt.values() if node["class_type"].startswith("LoraLoader") else ():
            for name, value in other["inputs"].items():
                if isinstance(value, list) and value[0] == node_id:
                    other["inputs"][name] = node["inputs"][("model", "clip")[value[1]]]
    return prompt


def upstream(prompt, node_id):
    links = {value[0] for value in prompt[node_id]["inputs"].values() if isinstance(value, list)}
    return {k: v for link in links for k, v in upstream(prompt, link).items()} | {node_id: prompt[node_id]}


def latent(server, prompt):
    (saved,) = server.outputs(server.run(prompt))
    return load_file(saved)["latent_tensor"]


def both(server, prompts, graph, way, inputs, size):
    """What a template and its migrated form give."""
    size = next((own for name, own in SIZES.items() if name in graph and inputs is FITTING), size)
    core, ours = (runnable(prompts[graph, one], graph, inputs, size) for one in ("core", way))
    classes = [node["class_type"] for node in ours.values()]
    assert "WanVaceToVideo" not in classes and classes.count("VaceApplyContext") == 1
    return latent(server, core), latent(server, ours)


@pytest.mark.parametrize("graph", GRAPHS)
def test_inputs_of_the_outputs_size_give_the_same_to_the_bit(server, prompts, graph):
    expected, actual = both(server, prompts, graph, "migrated", FITTING, (64, 64))
    assert expected.isfinite().all() and expected.std() > 0.01
    assert expected.equal(actual)


@pytest.mark.parametrize("graph", GRAPHS)
def test_with_exact_inputs_of_any_size_give_the_same_to_the_bit(server, prompts, graph):
    expected, actual = both(server, prompts, graph, "exact", ODD, (64, 48))
    assert expected.isfinite().all() and expected.std() > 0.01
    assert expected.equal(actual)


def test_without_exact_a_reference_of_another_shape_is_seen_whole(server, prompts):
    expected, actual = both(server, prompts, "video_wan_vace_14B_ref2v", "migrated", ODD, (64, 48))
    assert expected.shape == actual.shape and not expected.equal(actual)


def test_other_nodes_keep_their_values_and_wires(prompts):
    for graph in GRAPHS:
        core = prompts[graph, "core"]
        for way in ("migrated", "exact"):
            made = prompts[graph, way]
            for node_id, node in core.items():
                if node["class_type"] == "WanVaceToVideo":
                    continue
                values = {k: v for k, v in made[node_id]["inputs"].items() if v != node["inputs"][k]}
                # What came of a Primitive comes of an Int.
                assert all(made[v[0]]["class_type"] == "PrimitiveInt" and v[0] not in core for v in values.values())
                assert made[node_id]["class_type"] == node["class_type"] and values.keys() <= {"width", "height"}


def test_the_sockets_that_are_written_are_those_of_the_nodes(host, host_nodes):
    for kind, shape in SHAPES.items():
        node = host.NODE_CLASS_MAPPINGS[kind]
        info = node.GET_NODE_INFO_V1()["input"] if hasattr(node, "GET_NODE_INFO_V1") else node.INPUT_TYPES()
        known = dict(sockets_of(info))
        for each in shape.inputs:
            group = each.name.partition(".")[0]
            declared, optional = known.get(each.name) or known[group]
            if each.name not in known:  # of a group that grows only the first ones are needed
                optional |= int(each.name.rpartition("_")[2]) >= declared[1]["template"]["min"]
            assert optional == each.optional, (kind, each.name)
            if each.is_widget and "default" in (declared[1] if len(declared) > 1 else {}):
                assert each.default == declared[1]["default"], (kind, each.name)
        order = [each.name for each in shape.inputs if each.default is not SOCKET]
        assert order == [name for name in known if name in order], kind
        assert len(order) == sum(is_widget(one) for one, _ in known.values()), kind


WIDGETS = "INT", "FLOAT", "BOOLEAN", "STRING", "COMBO", "COMFY_DYNAMICCOMBO_V3"


def is_widget(declared):
    return not isinstance(declared[0], str) or declared[0] in WIDGETS


def sockets_of(info, before="", needless=False):
    """Each input with what is declared of it and whether it may be left out, those of choices too."""
    for group, each in info.items():
        for name, one in each.items() if group != "hidden" else ():
            optional = needless or group == "optional"
            yield before + name, (one, optional)
            for option in one[1]["options"] if one[0] == "COMFY_DYNAMICCOMBO_V3" else ():
                yield from sockets_of(option["inputs"], f"{before}{name}.", optional)


def test_a_graph_of_the_wrapper_runs(server):
    data = wrapper_prompt()
    data["8"]["inputs"]["file"] = FITTING["video"]
    data["9"]["inputs"]["image"] = FITTING["images"][0]
    data["4a"] = {"class_type": "GetVideoComponents", "inputs": {"video": ["8", 0]}}
    for name in ("10", "11"):
        data[name]["inputs"] |= {"input_frames": ["4a", 0]}
    del data["2"]["inputs"]["lora"], data["4"], data["10"]["inputs"]["input_masks"], data["15"]
    data["16"] = {"class_type": "PreviewImage", "inputs": {"images": ["13", 0]}}
    migrate(data)
    entry = server.run(small(data, width=64, height=64, length=9, steps=2))
    assert len(entry["outputs"]["16"]["images"]) == 9
