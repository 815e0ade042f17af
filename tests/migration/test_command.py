"""The command: files, what is refused, and that it needs nothing but Python."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.inputs.wrapper_graph import wrapper_prompt
from wan_vace.migration.command import main

ROOT = Path(__file__).resolve().parents[2]


def prompt():
    mask = {"control_video": ["2", 0], "control_masks": ["2", 1]}
    return {"2": {"class_type": "LoadImage", "inputs": {}}, "3": {"class_type": "WanVaceToVideo", "inputs": mask}}


def run(tmp_path, content, *options, source="in.json"):
    """Exit status, what is said, and the file that is written."""
    (tmp_path / "in.json").write_text(content, "utf-8")
    said = []
    status = main([str(tmp_path / source), str(tmp_path / "out.json"), *options], said.append, said.append)
    return status, said, tmp_path / "out.json"


def test_a_file_is_written_with_all_its_letters(tmp_path):
    data = prompt() | {"30": {"class_type": "CLIPTextEncode", "inputs": {"text": "猫 né"}}}
    status, said, out = run(tmp_path, "\ufeff" + json.dumps(data))
    assert status == 0 and said[-1] == f"Written: {out}" and "Where the result may differ from before:" in said
    assert json.loads(out.read_text("utf-8"))["30"] == data["30"] and list(tmp_path.glob("*.part")) == []


EXACT = "With --exact, sizes are handled as WanVaceToVideo does it."


@pytest.mark.parametrize(
    ("data", "options", "told"),
    [
        (prompt(), (), True),
        (prompt(), ("--exact",), False),
        (wrapper_prompt(), (), False),
        ({"3": {"class_type": "WanVaceToVideo", "inputs": {"length": 80}}}, (), False),
        (wrapper_prompt() | {"2a": prompt()["2"], "3a": prompt()["3"]}, (), True),
    ],
    ids=["resized", "exact", "wrapper", "nothing to resize", "both"],
)
def test_exact_is_offered_where_it_changes_something(tmp_path, data, options, told):
    status, said, _ = run(tmp_path, json.dumps(data), *options)
    assert status == 0 and "Where the result may differ from before:" in said
    assert (EXACT in said) is told


DAMAGED = r"This looks like a workflow, but its nodes or links are damaged\. Open it in ComfyUI and save it again\.$"
WRAPPER = '{"1": {"class_type": "WanVideoVACEEncode"}}'
NEITHER = r"This workflow has no WanVaceToVideo and no VACE graph of WanVideoWrapper\."
REFUSED = {
    "{": r"is no JSON\. If it is a picture or a video with a workflow in it, open it in ComfyUI and save the work",
    "[" * 100_000: r"is nested too deeply to be a workflow|is no JSON",
    "[]": r"This is no workflow of ComfyUI: it has neither nodes nor a class_type\. Save one in ComfyUI\.$",
    '{"a": 1}': r"This is no workflow of ComfyUI",
    "{}": r"This is no workflow of ComfyUI",
    '{"nodes": []}': DAMAGED,
    '{"nodes": 3, "links": []}': DAMAGED,
    '{"nodes": [{"id": 1}], "links": []}': DAMAGED,
    '{"nodes": [], "links": []}': rf"{NEITHER}$",
    '{"7": {"class_type": "OtherVaceNode"}}': rf"{NEITHER} Node 7 \(OtherVaceNode\) stays as it is\.$",
    WRAPPER: r"^error: Node 1 \(WanVideoVACEEncode\) stays as it is: .* converted whole, from its WanVideoDecode back",
}


@pytest.mark.parametrize("content", REFUSED, ids=lambda content: content[:20])
def test_what_cannot_be_migrated_is_answered_with_a_sentence(tmp_path, content):
    status, said, out = run(tmp_path, content)
    assert status == 1 and len(said) == 1 and said[0].startswith("error: ") and not out.exists()
    assert re.search(REFUSED[content], said[0])


def test_files_that_are_missing_in_the_way_or_out_of_reach(tmp_path):
    status, said, out = run(tmp_path, "{}", source="other.json")
    assert (status, said) == (1, [f"error: There is no file {tmp_path / 'other.json'}."])
    out.write_text("mine", "utf-8")
    status, said, _ = run(tmp_path, json.dumps(prompt()))
    assert (status, said) == (1, [f"error: {out} is there already. Choose another name, or add --force."])
    assert out.read_text("utf-8") == "mine"
    assert run(tmp_path, json.dumps(prompt()), "--force")[0] == 0 and "VaceBuildVcu" in out.read_text("utf-8")
    (tmp_path / "in.json").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    assert (
        main([str(tmp_path / "in.json"), str(tmp_path / "b.json")], complain=said.append) == 1
        and "is no JSON" in said[-1]
    )
    said = []
    (tmp_path / "in.json").write_text(json.dumps(prompt()), "utf-8")
    assert main([str(tmp_path / "in.json"), str(tmp_path / "none" / "b.json")], complain=said.append) == 1
    assert said[0].startswith(f"error: {tmp_path / 'none' / 'b.json'} cannot be written: ")
    assert main([str(tmp_path), str(tmp_path / "b.json")], complain=said.append) == 1 and "cannot be read" in said[-1]


@pytest.mark.parametrize("program", ["migration", "dev.py migrate"])
def test_it_runs_without_any_package_from_any_folder(tmp_path, program):
    (tmp_path / "in.json").write_text(json.dumps(prompt()), "utf-8")
    name, *verb = program.split()
    bare = [] if verb else ["-I", "-S"]  # -S: no site-packages
    command = [sys.executable, *bare, str(ROOT / name), *verb, "in.json", "out.json"]
    first, second = (
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False) for _ in range(2)
    )
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Node 3 is now VACE Apply Context") and (tmp_path / "out.json").is_file()
    assert second.returncode == 1 and "is there already" in second.stderr
