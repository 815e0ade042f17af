"""The pack, loaded by ComfyUI's own loader: ids, tooltips, help pages, workflows."""

import json
import re
from pathlib import Path

import pytest

from harness.browser import specs

pytestmark = pytest.mark.host

PACK_ROOT = Path(__file__).resolve().parents[3]
NODE_IDS = [
    "VaceAnnotateDepth",
    "VaceAnnotateFlow",
    "VaceAnnotateGray",
    "VaceAnnotateLineart",
    "VaceAnnotatePose",
    "VaceApplyAdapter",
    "VaceApplyContext",
    "VaceAugmentMask",
    "VaceBridgeVideos",
    "VaceBuildLongVcu",
    "VaceBuildVcu",
    "VaceComposeVcus",
    "VaceCreateHookLora",
    "VaceCropVcu",
    "VaceDecodeLatent",
    "VaceDecodeVideo",
    "VaceDrawBoxMask",
    "VaceDrawLayout",
    "VaceDrawPose",
    "VaceEncodeVcu",
    "VaceExtendVideo",
    "VaceFitVideo",
    "VaceGrowMask",
    "VaceInpaintVideo",
    "VaceInterpolateFrames",
    "VaceJoinVideos",
    "VaceLoadAdapter",
    "VaceLoadLora",
    "VaceLoadModels",
    "VaceLoadVcu",
    "VaceLoopVideo",
    "VaceMakeAnything",
    "VaceMaskSubject",
    "VaceMixControls",
    "VaceOutpaintVideo",
    "VacePasteBack",
    "VacePlaceKeyframes",
    "VacePrepareReference",
    "VacePreviewVcu",
    "VaceSampleContext",
    "VaceSampleLongVideo",
    "VaceSampleVcu",
    "VaceSaveVcu",
    "VaceSetContextWindows",
    "VaceSetNoiseMask",
    "VaceSetStrength",
    "VaceSplitByMask",
    "VaceStitchCrop",
    "VaceTrackLayout",
    "VaceTrackMask",
    "VaceTrimLatent",
]
WORKFLOWS = sorted((PACK_ROOT / "example_workflows" / "api").glob("*.json"))


def test_exactly_these_ids_register_because_saved_workflows_hold_them(host_nodes):
    assert sorted(host_nodes) == NODE_IDS


@pytest.mark.parametrize("node_id", NODE_IDS)
def test_every_input_and_output_has_a_tooltip(host_nodes, node_id):
    schema = host_nodes[node_id].GET_SCHEMA()
    bare = [socket.id or socket.display_name for socket in [*schema.inputs, *schema.outputs] if not socket.tooltip]
    assert not bare, f"without tooltip: {bare}"
    assert schema.description and schema.display_name.startswith("VACE") and schema.category.startswith("vace")


@pytest.mark.parametrize("node_id", NODE_IDS)
def test_id_and_menu_name_are_one_name(host_nodes, node_id):
    words = host_nodes[node_id].GET_SCHEMA().display_name.split()
    assert words[0] == "VACE" and "Vace" + "".join(word[0].upper() + word[1:].lower() for word in words[1:]) == node_id


@pytest.mark.parametrize("node_id", NODE_IDS)
def test_the_front_end_can_place_the_node_and_keep_its_wires(host_nodes, node_id):
    inputs = host_nodes[node_id].GET_NODE_INFO_V1()["input"]
    assert not specs.unplaceable(inputs), "let the first option bring a widget, or make the socket an ordinary one"
    assert not specs.forgetful(inputs), "let its first option bring nothing"


@pytest.mark.parametrize("node_id", NODE_IDS)
def test_every_node_has_a_help_page_that_names_its_sockets(host_nodes, node_id):
    page = (PACK_ROOT / "web" / "docs" / f"{node_id}.md").read_text("utf-8")
    schema = host_nodes[node_id].GET_SCHEMA()
    missing = [s.id or s.display_name for s in schema.inputs if s.id not in page]
    missing += [s.display_name for s in schema.outputs if s.display_name not in page]
    assert not missing, f"{node_id}.md does not mention {missing}"


@pytest.mark.parametrize("page", sorted((PACK_ROOT / "web" / "docs").glob("*.md")), ids=lambda p: p.stem)
def test_help_pages_name_nodes_that_exist(host_nodes, page):
    names = {node.GET_SCHEMA().display_name for node in host_nodes.values()}
    unknown = set(re.findall(r"\*(VACE [^*]+)\*", " ".join(page.read_text("utf-8").split()))) - names
    assert not unknown, f"{page.name} names {unknown}"


def test_no_help_page_is_left_of_a_node_that_is_gone():
    assert sorted(p.stem for p in (PACK_ROOT / "web" / "docs").glob("*.md")) == NODE_IDS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflows_use_nodes_and_inputs_that_exist(host, host_nodes, path):
    for node in json.loads(path.read_text("utf-8")).values():
        types = host.NODE_CLASS_MAPPINGS[node["class_type"]].INPUT_TYPES()
        known = {name for group in types.values() for name in group}
        unknown = {name.split(".")[0] for name in node["inputs"]} - known
        assert not unknown, f"{node['class_type']} has no {unknown}"
