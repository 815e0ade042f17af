"""What we say of the core templates, held against those installed: nodes per task, and where model files are."""

import json
import re
from importlib.metadata import files, version
from pathlib import Path

import pytest

from harness.canvas.identity import FILES

ROOT = Path(__file__).resolve().parents[3]
NOTES = ("MarkdownNote", "Note")
ROW = re.compile(
    r"^\| \[(?P<ours>[\w ]+)\]\([^)]*\) \| (?P<count>\d+) \| `(?P<template>\w+)` \| (?P<there>\d+) \|", re.MULTILINE
)
TEMPLATES = "0.3.292"  # of comfyui-workflow-templates-core, as ComfyUI 0.30.0 asks for

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(version("comfyui-workflow-templates-core") != TEMPLATES, reason="other templates are installed"),
]
ROWS = [match.groupdict() for match in ROW.finditer((ROOT / "README.md").read_text("utf-8"))]


def template_nodes(name):
    """Nodes of a core template, those inside its subgraphs included and notes left out."""
    entry = next(f for f in files("comfyui-workflow-templates-json") if f.name == f"{name}.json")
    graph = json.loads(Path(entry.locate()).read_text("utf-8"))
    return sum(node["type"] not in NOTES for node in nodes_in(graph))


def test_the_table_has_every_core_template_of_vace():
    templates = {f.stem for f in map(Path, map(str, files("comfyui-workflow-templates-json"))) if "wan_vace" in f.name}
    assert templates == {row["template"] for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["ours"])
def test_the_counts_are_true_and_at_most_a_third(row):
    graph = json.loads((ROOT / "example_workflows" / f"{row['ours']}.json").read_text("utf-8"))
    ours = [node for node in graph["nodes"] if node["type"] not in NOTES]
    assert len(ours) == int(row["count"])
    assert template_nodes(row["template"]) == int(row["there"])
    assert 3 * len(ours) <= int(row["there"])


def test_links_of_model_files_are_those_of_the_core_templates():
    entries = [f for f in files("comfyui-workflow-templates-json") if f.name.endswith(".json")]
    known = set()
    for entry in entries:
        for node in nodes_in(json.loads(Path(entry.locate()).read_text("utf-8"))):
            known |= {(m["name"], m["directory"], m["url"].partition("?")[0]) for m in models_in(node)}
    assert {(file.name, file.directory, file.url) for file in FILES.values()} <= known


def nodes_in(graph):
    if not isinstance(graph, dict):  # the list of templates
        return []
    inner = graph.get("definitions", {}).get("subgraphs", [])
    return [node for one in (graph, *inner) for node in one.get("nodes", [])]


def models_in(node):
    return (node.get("properties") or {}).get("models") or []
