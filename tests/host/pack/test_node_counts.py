"""The README's table of nodes per task, counted again from the installed templates and our own workflows."""

import json
import re
from importlib.metadata import files, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NOTES = ("MarkdownNote", "Note")
ROW = re.compile(r"^\| \[(?P<ours>\w+)\]\([^)]*\) \| (?P<count>\d+) \| `(?P<template>\w+)` \| (?P<there>\d+) \|", re.M)
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
    nodes = [*graph["nodes"], *(n for s in graph.get("definitions", {}).get("subgraphs", []) for n in s["nodes"])]
    return sum(node["type"] not in NOTES for node in nodes)


def test_the_table_has_every_core_template_of_vace():
    templates = {f.stem for f in map(Path, map(str, files("comfyui-workflow-templates-json"))) if "wan_vace" in f.name}
    assert templates == {row["template"] for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["ours"])
def test_the_counts_are_true_and_at_most_a_third(row):
    ours = json.loads((ROOT / "example_workflows" / "api" / f"{row['ours']}.json").read_text("utf-8"))
    assert len(ours) == int(row["count"])
    assert template_nodes(row["template"]) == int(row["there"])
    assert 3 * len(ours) <= int(row["there"])
