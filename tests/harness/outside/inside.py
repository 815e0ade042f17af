"""A script for the environment of the tools, which lacks everything else: what they say of every workflow, as JSON."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path


def main(given: str, out: str) -> None:
    """Run.

    Args:
        given: File with ``info`` (a file, what /object_info says), ``comfy`` (how comfy-cli is called) and ``cases``
            (name, graph and prompt of each workflow).
        out: File for what each check remarks, by its name: of each workflow, and of the planted fault.
    """
    from comfy_cli.workflow_to_api import convert_ui_to_api
    from comfy_draftsman.graph.lint import lint
    from comfy_draftsman.graph.model import Workflow
    from comfy_draftsman.graph.validate import validate

    task = json.loads(Path(given).read_text("utf-8"))
    info = json.loads(Path(task["info"]).read_text("utf-8"))
    cases = [(name, _read(graph), _read(prompt)) for name, graph, prompt in task["cases"]]
    checks = {
        "convert": (lambda _, graph, prompt: differences(convert_ui_to_api(graph, info), prompt), cut),
        "validate": (lambda _, graph, __: validate(Workflow.from_ui(graph), info), rename),
        "lint": (lambda _, graph, __: lint(Workflow.from_ui(graph), info), overlap),
        "prompt": (lambda _, __, prompt: _prompt(prompt, task, Path(out)), rename_prompt),
    }
    remarks = {}
    for name, (check, plant) in checks.items():
        planted = plant(*copy.deepcopy(cases[0]))
        remarks[name] = {"planted": check(*planted), "files": {case[0]: check(*case) for case in cases}}
    Path(out).write_text(json.dumps(remarks), "utf-8")


def differences(found: dict, prompt: dict) -> list[dict]:
    """Where a converted graph is not its prompt; what the prompt leaves out may only be a value."""
    remarks = []
    for one in sorted({*found, *prompt}):
        ours, theirs = prompt.get(one), found.get(one)
        if not ours or not theirs or ours["class_type"] != theirs["class_type"]:
            remarks.append({"code": "other-node", "message": f"node {one} is {theirs} instead of {ours}"})
            continue
        for name in sorted({*ours["inputs"], *theirs["inputs"]}):
            value, there = theirs["inputs"].get(name), ours["inputs"].get(name)
            if value != there and (name in ours["inputs"] or isinstance(value, list)):
                remarks.append({"code": "other-input", "message": f"node {one}: {name} is {value} instead of {there}"})
    return remarks


def _prompt(prompt: dict, task: dict, out: Path) -> list[dict]:
    file = out.with_name("prompt.json")
    file.write_text(json.dumps(prompt), "utf-8")
    command = [sys.executable, *task["comfy"], "workflow", "validate", "--workflow", str(file), "--input", task["info"]]
    run = subprocess.run(command, capture_output=True, text=True)
    said = json.loads(run.stdout)
    if said["ok"]:
        return said["data"]["warnings"]
    return [*said["error"]["details"]["errors"], *said["error"]["details"]["warnings"]]


def _read(file: str) -> dict:
    return json.loads(Path(file).read_text("utf-8"))


def cut(name: str, graph: dict, prompt: dict) -> tuple:
    """A wire is missing."""
    graph["links"].pop()
    for node in graph["nodes"]:
        for socket in node.get("inputs", []):
            kept = {link[0] for link in graph["links"]}
            socket["link"] = socket.get("link") if socket.get("link") in kept else None
    return name, graph, prompt


def rename(name: str, graph: dict, prompt: dict) -> tuple:
    """A node that nobody has."""
    next(node for node in graph["nodes"] if node["type"].startswith("Vace"))["type"] = "VaceOfNobody"
    return name, graph, prompt


def overlap(name: str, graph: dict, prompt: dict) -> tuple:
    """A node lies on another."""
    graph["nodes"][0]["pos"] = graph["nodes"][1]["pos"]
    return name, graph, prompt


def rename_prompt(name: str, graph: dict, prompt: dict) -> tuple:
    """A node that nobody has."""
    next(node for node in prompt.values() if node["class_type"].startswith("Vace"))["class_type"] = "VaceOfNobody"
    return name, graph, prompt


if __name__ == "__main__":
    main(*sys.argv[1:])
