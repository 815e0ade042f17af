"""What ComfyUI calls deprecated: the pack uses none of it, and is found out in a real host if it does."""

import json
import re

import pytest

from harness.host import base_directory
from harness.host.deprecations import ROOT, CallsDeprecatedWarning
from harness.host.server import ComfyServer
from harness.inputs.planted import planted

pytestmark = pytest.mark.host

GRAPHS = sorted([*(ROOT / "example_workflows").rglob("*.json"), *(ROOT / "subgraphs").glob("*.json")])
NODE = """
import comfy.samplers
from comfy_api.latest import ComfyExtension, io


def execute():
    comfy.samplers.resolve_areas_and_cond_masks([], 1, 1, "cpu")


class Planted(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="Planted", is_output_node=True)

    @classmethod
    def execute(cls):
        execute()
        return io.NodeOutput()


class Extension(ComfyExtension):
    async def get_node_list(self):
        return [Planted]


async def comfy_entrypoint():
    return Extension()
"""


def types_in(graph):
    """Classes of nodes anywhere in a workflow of either format."""
    if isinstance(graph, dict):
        own = graph.get("class_type") or ("inputs" in graph and graph.get("type"))
        yield from [own] if own else []
        graph = list(graph.values())
    for part in graph if isinstance(graph, list) else []:
        yield from types_in(part)


def test_no_workflow_and_no_expansion_holds_a_node_that_the_host_calls_deprecated(host, host_nodes):
    used = {name for path in GRAPHS for name in types_in(json.loads(path.read_text("utf-8")))}
    expanded = "\n".join(path.read_text("utf-8") for path in (ROOT / "nodes" / "_host").rglob("*.py"))
    used |= set(re.findall(r'\.node\(\s*"(\w+)"', expanded))
    assert {"KSampler", "LoadVideo", "VaceSampleVcu", "VaceEncodeVcu"} <= used
    old = {name for name, node in host.NODE_CLASS_MAPPINGS.items() if getattr(node, "DEPRECATED", False)}
    assert old, "the host marks some of its own"
    assert not used & old


def test_a_node_of_ours_that_calls_what_the_host_calls_deprecated_is_found(host, deprecated):
    from comfy.samplers import resolve_areas_and_cond_masks

    def execute(call):
        call([], 1, 1, "cpu")

    planted(execute, str(ROOT / "nodes" / "planted.py"))(resolve_areas_and_cond_masks)
    line = deprecated.pop()
    assert line.startswith("nodes/planted.py:2: ") and "resolve_areas_and_cond_masks" in line and not deprecated


@pytest.mark.long
@pytest.mark.server
def test_a_server_tells_of_it(tmp_path):
    base_directory.prepare(tmp_path)
    pack = tmp_path / "custom_nodes" / "wan-vace"
    pack.unlink()
    pack.mkdir()
    (pack / "__init__.py").write_text(NODE, "utf-8")
    told = pytest.warns(CallsDeprecatedWarning, match=r"__init__\.py:7: .*resolve_areas_and_cond_masks")
    with told, ComfyServer(cpu=True, base=tmp_path) as server:
        server.run({"1": {"class_type": "Planted", "inputs": {}}})
