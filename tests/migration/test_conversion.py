"""Migration without ComfyUI: what becomes of a graph in each format, and what is said of it."""

import copy

import pytest

from wan_vace.migration.command import MigrationError, migrate
from wan_vace.migration.placing import free_place


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def prompt():
    """A graph in API format, with a node inside a subgraph."""
    return {
        "1": node("LoadImage", image="a.png"),
        "2": node("LoadVideo", file="a.mp4"),
        "7:3": node(
            "WanVaceToVideo",
            positive=["5", 0], negative=["6", 0], vae=["4", 0], width=832, height=480, length=81, batch_size=2,
            strength=0.7, control_video=["2", 0], control_masks=["1", 1], reference_image=["1", 0],
        ),
        "8": node("KSampler", positive=["7:3", 0], negative=["7:3", 1], latent_image=["7:3", 2]),
        "9": node("TrimVideoLatent", samples=["8", 0], trim_amount=["7:3", 3]),
    }  # fmt: skip


def test_in_a_prompt_the_node_becomes_three_and_keeps_its_id():
    data, before = prompt(), prompt()
    report = migrate(data)
    assert report.done == [
        "Node 7:3 is now VACE Apply Context; 10 is its VACE Build VCU and 11 its VACE Encode VCU.",
    ]
    assert {k: v for k, v in data.items() if k not in ("7:3", "10", "11")} == {
        k: v for k, v in before.items() if k != "7:3"
    }
    assert data["10"]["class_type"] == "VaceBuildVcu" and data["10"]["inputs"] == {
        "control_video": ["2", 0], "control_masks": ["1", 1], "references.reference_image_0": ["1", 0],
        "width": 832, "height": 480, "length": 81, "inside_mask": "control", "soft_mask": True,
    }  # fmt: skip
    assert data["11"]["inputs"] == {"vae": ["4", 0], "vcu": ["10", 0], "mask_edges": "soft"}
    assert data["7:3"]["class_type"] == "VaceApplyContext" and data["7:3"]["inputs"] == {
        "positive": ["5", 0], "negative": ["6", 0], "strength": 0.7, "batch_size": 2, "context": ["11", 0],
    }  # fmt: skip


def test_what_is_left_out_has_the_cores_defaults_and_only_what_can_differ_is_told():
    data = {"1": node("WanVaceToVideo", positive=["2", 0], negative=["2", 0], vae=["3", 0])}
    report = migrate({"prompt": data})
    assert data["2"]["inputs"] == {"width": 832, "height": 480, "length": 81} and not report.differs


@pytest.mark.parametrize(("given", "made"), [(81, 81), (80, 77), (4, 1), (1, 1)])
def test_a_length_that_is_not_4n_1_becomes_what_the_core_made_of_it(given, made):
    data = {"1": node("WanVaceToVideo", length=given)}
    report = migrate(data)
    assert data["2"]["inputs"]["length"] == made
    told = [f"length {given} is now {made}, the frames that WanVaceToVideo made of it."] if given != made else []
    assert report.differs == told


def test_exact_puts_the_cores_resizing_in_front():
    data = prompt()
    report = migrate(data, exact=True)
    kinds = [one["class_type"] for one in data.values()]
    assert kinds.count("ImageScale") == 3 and kinds.count("ImageFromBatch") == 1
    assert [line for line in report.differs if line.startswith("A reference")] == []


def test_a_mask_without_a_video_stays_and_is_said():
    data = prompt()
    del data["7:3"]["inputs"]["control_video"]
    before = copy.deepcopy(data)
    with pytest.raises(
        MigrationError, match=r"^Node 7:3 \(WanVaceToVideo\) has control_masks but no control_video, which"
    ):
        migrate(data)
    assert data == before


def test_nodes_of_other_packs_are_named_with_their_counterpart():
    data = prompt() | {
        "20": node("WanVideoVACEEncode"),
        "21": node("WanVideoVACEStartToEndFrame"),
        "22": node("VaceLoadVcu"),
    }
    first, second = migrate(data).left
    assert first.startswith("Node 20 (WanVideoVACEEncode) stays as it is: WanVideoWrapper has models, samplers and")
    assert "VACE Build VCU and VACE Encode VCU" in first
    assert second == "Node 21 (WanVideoVACEStartToEndFrame) stays as it is."


def graph():
    """The browser's format: a node inside a subgraph whose width comes from outside, one outside behind a Primitive."""
    inner = {
        "id": "sub",
        "state": {"lastNodeId": 40, "lastLinkId": 50},
        "inputs": [
            {"name": "width", "type": "INT", "linkIds": [50]},
            {"name": "video", "type": "IMAGE", "linkIds": [49]},
        ],
        "outputs": [],
        "nodes": [
            vace(40, {"width": 50, "control_video": 49}),
            {"id": 39, "type": "Note", "pos": [0, 0], "size": [9, 9]},
        ],
        "links": [
            {"id": 50, "origin_id": -10, "origin_slot": 0, "target_id": 40, "target_slot": 6, "type": "INT"},
            {"id": 49, "origin_id": -10, "origin_slot": 1, "target_id": 40, "target_slot": 3, "type": "IMAGE"},
        ],
    }
    primitive = {
        "id": 3, "type": "PrimitiveNode", "pos": {"0": 0, "1": 400}, "size": {"0": 200, "1": 80}, "mode": 0,
        "outputs": [{"name": "INT", "type": "INT", "widget": {"name": "width"}, "links": [1]}],
        "widgets_values": [768, "fixed"], "properties": {"Run widget replace on values": False},
    }  # fmt: skip
    outer = {
        "id": 5, "type": "sub", "pos": [0, 900], "size": [200, 80],
        "inputs": [
            {"name": "width", "type": "INT", "widget": {"name": "width"}, "link": None},
            {"name": "video", "type": "IMAGE", "link": None},
        ],
        "properties": {"proxyWidgets": [["40", "length"], ["40", "strength"], ["39", "text"]]},
    }  # fmt: skip
    return {
        "last_node_id": 5,
        "last_link_id": 1,
        "nodes": [vace(1, {"width": 1}), primitive, outer],
        "links": [[1, 3, 0, 1, 6, "INT"]],
        "definitions": {"subgraphs": [inner]},
        "version": 0.4,
    }


def vace(node_id, links):
    names = ("positive", "negative", "vae", "control_video", "control_masks", "reference_image", "width")
    return {
        "id": node_id, "type": "WanVaceToVideo", "title": "WanVaceToVideo", "pos": [600, 0], "size": [315, 254],
        "inputs": [{"name": name, "type": "*", "link": links.get(name)} for name in names],
        "outputs": [{"name": "positive", "type": "CONDITIONING", "links": [77]}],
        "widgets_values": [640, 352, 33, 1, 0.5],
    }  # fmt: skip


def check_links(scope):
    """Every link is known at both of its ends."""
    nodes = {each["id"]: each for each in scope["nodes"]}
    for link in scope["links"]:
        keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
        number, origin, slot, target, socket = link[:5] if isinstance(link, list) else (link[key] for key in keys)
        ends = scope["inputs"][slot]["linkIds"] if origin == -10 else nodes[origin]["outputs"][slot]["links"]
        assert number in ends and nodes[target]["inputs"][socket]["link"] == number
    numbers = [link[0] if isinstance(link, list) else link["id"] for link in scope["links"]]
    assert len(set(numbers)) == len(numbers)
    sockets = [s["link"] for each in scope["nodes"] for s in each.get("inputs", ()) if s["link"] is not None]
    assert sorted(sockets) == sorted(numbers)


@pytest.mark.parametrize("exact", [False, True])
def test_in_the_browsers_format_links_agree_and_other_nodes_stay(exact):
    data, before = graph(), graph()
    report = migrate(data, exact)
    sub = data["definitions"]["subgraphs"][0]
    check_links(data)
    check_links(sub)
    ids = [each["id"] for scope in (data, sub) for each in scope["nodes"]]
    assert len(set(ids)) == len(ids) and max(ids) == data["last_node_id"] == sub["state"]["lastNodeId"]
    assert sub["nodes"][1] == before["definitions"]["subgraphs"][0]["nodes"][1]
    assert [line.split(";")[0] for line in report.done] == [
        "Node 1 is now VACE Apply Context",
        "Node 3 is now an Int: a Primitive would round what it gives to the limits of what it feeds.",
        "Node 40 is now VACE Apply Context",
    ]
    apply = data["nodes"][0]
    assert apply["pos"] == [600, 0] and apply["outputs"] == before["nodes"][0]["outputs"] and "title" not in apply
    assert apply["widgets_values"] == [0.5, 1]
    build = next(each for each in data["nodes"] if each["type"] == "VaceBuildVcu")
    assert build["widgets_values"] == [640, 352, 33, "empty", "cover", False]
    # The video is not connected outside, so nothing that needs one is put in front of it.
    assert not any(each["type"] == "ImageScale" for each in sub["nodes"])


def test_a_primitive_keeps_its_value_and_its_place():
    data, before = graph(), graph()
    migrate(data)
    was, now = before["nodes"][1], data["nodes"][1]
    assert now["type"] == "PrimitiveInt" and "widget" not in now["outputs"][0]
    assert all(now[key] == was[key] for key in ("id", "pos", "size", "mode", "widgets_values"))


def test_what_a_subgraph_shows_outside_is_looked_for_where_it_is():
    data = graph()
    migrate(data)
    build = next(n["id"] for n in data["definitions"]["subgraphs"][0]["nodes"] if n["type"] == "VaceBuildVcu")
    assert data["nodes"][2]["properties"]["proxyWidgets"] == [
        [str(build), "length"],
        ["40", "strength"],
        ["39", "text"],
    ]


@pytest.mark.parametrize("mode", [2, 4])
def test_what_a_silent_node_gives_gets_nothing_in_front(mode):
    data = graph()
    data["nodes"].append(
        {"id": 4, "type": "LoadImage", "pos": [0, 0], "size": [9, 9], "mode": mode, "outputs": [{"links": [2]}]}
    )
    data["links"].append([2, 4, 0, 1, 5, "IMAGE"])
    data["nodes"][0]["inputs"][5]["link"] = 2
    report = migrate(data, exact=True)
    assert not any(each["type"] == "ImageScale" for each in data["nodes"])
    assert not any(line.startswith("A reference") for line in report.differs)


def test_a_new_node_stands_on_none():
    taken = [(0, 0, 300, 300), (-340, 0, 300, 200), (-340, 240, 300, 100)]
    left, top = free_place([300, 200], taken[0], taken)
    assert not any(left < x + w and x < left + 300 and top < y + h and y < top + 200 for x, y, w, h in taken)
