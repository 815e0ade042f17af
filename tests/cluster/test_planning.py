"""Rows that become jobs, and every cell that cannot, in one list."""

import json

import pytest

from harness.cluster.batches import INFO, PROMPT, catalog, jobs_of, planner, workflow, write_workflow
from wan_vace.cluster.batch import Catalog, Files, Planner, Row
from wan_vace.cluster.batch.catalog import Socket
from wan_vace.cluster.batch.cells import CellError, read_cell
from wan_vace.cluster.batch.workflow import wires
from wan_vace.cluster.errors import BatchError


def findings(folder, *rows):
    planned = planner(folder)
    planned.plan([Row(number, cells) for number, cells in enumerate(rows, 2)])
    return [str(each) for each in planned.findings]


def test_a_row_fills_the_workflow_by_title_or_id_and_nested_inputs_too(tmp_path):
    cells = {PROMPT: "a red circle", "5.seed": "7", "5.settings.steps": "3", "Load Video.file": "other.webm"}
    (job,) = jobs_of(tmp_path, {"job": "shot_1"} | cells)
    sampler = job.cut.sample["5"]["inputs"]
    assert (sampler["prompt"], sampler["seed"], sampler["settings.steps"]) == ("a red circle", 7, 3)
    assert job.seed == "7" and job.name == "shot_1"
    (file,) = job.prepare_files
    assert file.endswith("/other.webm") and (tmp_path / "store" / file).read_bytes() == b"other.webm"
    assert job.cut.prepare["2"]["inputs"]["file"] == file and not job.sample_files


def test_a_cell_that_no_file_can_be_named_by_is_a_finding(tmp_path):
    found = findings(tmp_path, {"Load Video.file": "a\0b"}, {"Load Video.file": "x" * 5000})
    assert [text.split(":")[0] for text in found] == [f"row {number}, column Load Video.file" for number in (2, 3)]
    assert all("There is no file" in text for text in found)


def test_a_users_file_that_is_written_to_later_leaves_the_batch_as_it_was(tmp_path):
    (job,) = jobs_of(tmp_path, {"Load Video.file": "other.webm"})
    (name,) = job.prepare_files
    with (tmp_path / "other.webm").open("r+b") as file:
        file.write(b"OTHER")
    assert (tmp_path / "store" / name).read_bytes() == b"other.webm"
    assert not list((tmp_path / "store").rglob("*.part"))


def test_every_bad_cell_is_named_with_row_and_column_at_once(tmp_path):
    found = findings(
        tmp_path,
        {PROMPT: "fine", "5.seed": "-1"},
        {"5.seed": "many", "5.settings.steps": "0"},
        {"Load Video.file": "gone.webm"},
        {"VACE Build VCU.fit": "squeeze"},
        {"5.vcu": "x"},
        {"5.steps": "4"},
        {"Sampler.seed": "1"},
        {"job": "../a"},
        {"job": "Same"},
        {"job": "same"},
    )
    expected = [
        "row 2, column 5.seed: -1 must be from 0 to",
        "row 3, column 5.seed: 'many' is no whole number",
        "row 3, column 5.settings.steps: 0 must be from 1 to",
        "row 4, column Load Video.file: There is no file gone.webm in",
        "row 5, column VACE Build VCU.fit: 'squeeze' is none of the choices: cover",
        "row 6, column 5.vcu: vcu takes a wire, not a value. It has: prompt",
        "row 7, column 5.steps: steps is no input of this node. It has: prompt",
        "column Sampler.seed: There is no such node. Write title.input or id.input; titles are: Load Miniature",
        'row 9, column job: "../a" is to name a folder',
        'row 11, column job: "same" is the name of row 10 already',
    ]
    assert len(found) == len(expected)
    for text, begin in zip(found, expected, strict=True):
        assert text.startswith(begin), text


def test_two_nodes_of_one_title_are_told_apart_by_id(tmp_path):
    nodes = workflow("first_last_frame")
    for node in ("2", "3"):
        nodes[node]["_meta"]["title"] = "Load Image"
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(nodes), "utf-8")
    planned = Planner(path, catalog(), Files((tmp_path,)))
    planned.plan([Row(2, {"Load Image.image": "x.png"})])
    assert "2 nodes are called" in str(planned.findings[0]) and "Use an id: 2, 3" in str(planned.findings[0])


def test_a_row_may_have_another_workflow_and_only_its_own_columns(tmp_path):
    write_workflow(tmp_path, "text_to_video")
    first, second = jobs_of(
        tmp_path, {"Load Video.file": "other.webm"}, {"workflow": "text_to_video.json", PROMPT: "a blue square"}
    )
    kinds = [{node["class_type"] for node in job.cut.prepare.values()} for job in (first, second)]
    assert "LoadVideo" in kinds[0] and "LoadVideo" not in kinds[1]
    planned = planner(tmp_path)
    planned.plan([Row(2, {"workflow": "gone.json"})])
    assert "There is no workflow" in str(planned.findings[0])


def test_jobs_are_known_again_by_what_decides_about_them(tmp_path):
    rows = [{"5.seed": "1"}, {"5.seed": "2"}, {"5.seed": "1", "Load Video.file": "other.webm"}]
    first, second, third = jobs_of(tmp_path, *rows)
    assert len({job.fingerprint for job in (first, second, third)}) == 3
    assert first.prepare_key == second.prepare_key != third.prepare_key  # seeds of one shot are prepared once
    assert first.models == second.models == third.models
    (again,) = jobs_of(tmp_path, rows[0])
    assert again.fingerprint == first.fingerprint
    (tmp_path / "miniature_yellow_figure.webm").write_bytes(b"another clip of the same name")
    files = Files((tmp_path,))
    (changed,) = Planner(tmp_path / "control_video.json", catalog(), files).plan([Row(2, rows[0])])
    assert changed.fingerprint != first.fingerprint


def test_a_long_video_goes_on_in_a_folder_of_its_own(tmp_path):
    (job,) = jobs_of(tmp_path, {"job": "walk"}, name="long_video")
    assert job.run.startswith("walk_") and job.cut.sample["3"]["inputs"]["run"] == job.run
    (named,) = jobs_of(tmp_path, {"job": "walk", "VACE Sample Long Video.run": "mine"}, name="long_video")
    assert named.run == "mine"


def test_two_long_videos_never_go_on_in_one_folder(tmp_path):
    rows = [{"VACE Sample Long Video.run": name} for name in ("mine", "Mine", "other")]
    planned = planner(tmp_path, "long_video")
    planned.plan([Row(number, cells) for number, cells in enumerate(rows, 2)])
    assert [str(each) for each in planned.findings] == [
        'row 3: The run "Mine" is that of row 2 already. Leave it empty: each job gets its own.'
    ]
    graph = tmp_path / "long_video.json"
    nodes = json.loads(graph.read_text("utf-8"))
    nodes["30"] = json.loads(json.dumps(nodes["3"]))
    graph.write_text(json.dumps(nodes), "utf-8")
    planned = Planner(graph, catalog(), Files((tmp_path,)))
    planned.plan([Row(2, {"30.run": "mine"}), Row(3, {"3.run": "Mine"}), Row(4, {"3.run": "own", "30.run": "OWN"})])
    assert [str(each) for each in planned.findings] == [
        'row 3: The run "Mine" is that of row 2 already. Leave it empty: each job gets its own.',
        'row 4: The run "OWN" is named twice here. Leave it empty: each job gets its own.',
    ]
    (job,) = Planner(graph, catalog(), Files((tmp_path,))).plan([Row(2, {"job": "walk"})])
    first, second = (job.cut.sample[node]["inputs"]["run"] for node in ("3", "30"))
    assert first == job.run and second == f"{first}_30"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"nodes": []}', "is in the browser's format"),
        ('{"1": {"inputs": {}}}', "each node needs a class_type"),
        ("{}", "is no workflow in API format"),
        (json.dumps({"1": {"class_type": "LoadVideo", "inputs": []}}), "and inputs by name"),
        ("[", "cannot be read"),
        (json.dumps({"1": {"class_type": "Nobody"}}), "ComfyUI has no node Nobody. Install the pack"),
        (json.dumps({"1": {"class_type": "LoadVideo", "inputs": {"file": "a"}}}), "saves a result. Add Save Video"),
    ],
)
def test_a_workflow_that_cannot_be_run_is_refused(tmp_path, text, sentence):
    path = tmp_path / "graph.json"
    path.write_text(text, "utf-8")
    with pytest.raises(BatchError, match=sentence):
        Planner(path, catalog(), Files((tmp_path,)))


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("INT", "3", 3),
        ("INT", 3.0, 3),
        ("FLOAT", "2.5", 2.5),
        ("BOOLEAN", "Yes", True),
        ("BOOLEAN", 0, False),
        ("STRING", 4, "4"),
        ("COMBO", "2", 2),
    ],
)
def test_a_cell_becomes_what_its_input_takes(kind, cell, value):
    got = read_cell(Socket("x", kind, True, {}, (1, 2) if kind == "COMBO" else None), cell)
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [("INT", "2.5"), ("INT", True), ("FLOAT", "nan"), ("FLOAT", []), ("BOOLEAN", "maybe"), ("STRING", {})],
)
def test_a_cell_of_another_type_is_refused(kind, cell):
    with pytest.raises(CellError):
        read_cell(Socket("x", kind, True), cell)


def test_lists_that_are_no_wires_are_values_and_wires_may_stand_where_a_table_writes(tmp_path):
    nodes = workflow("control_video")
    nodes["5"]["inputs"]["points"] = [[0, 1], [1, 0]]
    nodes["5"]["inputs"]["more"] = ["4", "0"]
    nodes["2"]["inputs"]["file"] = ["1", 0]
    nodes["5"]["inputs"]["settings"] = ["1", 0]
    assert {wire.socket for wire in wires(nodes) if wire.target == "5"}.isdisjoint({"points", "more"})
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(nodes), "utf-8")
    planned = Planner(path, catalog(), Files((tmp_path,)))
    assert len(planned.plan([Row(2, {PROMPT: "a"})])) == 1, planned.findings


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ({"prefix": "image", "min": 1, "max": 2}, ["image0", "image1"]),
        ({"names": ["a", "b", "c"], "min": 2}, ["a", "b", "c"]),
    ],
)
def test_inputs_that_grow_are_numbered_or_named(template, names):
    grown = template | {"input": {"required": {"value": ["INT", {"max": 7}]}, "optional": {}}}
    info = {"Grows": {"input": {"required": {"values": ["COMFY_AUTOGROW_V3", {"template": grown}]}}}}
    sockets = Catalog(info).sockets("Grows", {})
    assert list(sockets) == [f"values.{name}" for name in names]
    assert [socket.required for socket in sockets.values()].count(True) == template["min"]
    assert all(socket.kind == "INT" and socket.options == {"max": 7} for socket in sockets.values())


def test_inputs_of_a_dynamic_combo_are_those_of_its_choice():
    sockets = catalog().sockets("VaceSampleVcu", {"settings": "custom"})
    assert sockets["settings.steps"].kind == "INT" and "settings.steps" not in catalog().sockets("VaceSampleVcu", {})
    assert {"LoadVideo", "VaceLoadVcu"} <= {k for k in INFO for s in catalog().sockets(k, {}).values() if s.is_file}
    assert workflow("control_video")["5"]["inputs"]["settings"] == "custom"
