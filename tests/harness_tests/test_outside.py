"""What is made of the words of other people's tools: their own, as they were printed or returned."""

import copy
import json

import pytest

from harness.canvas.texts import FOLDER, texts
from harness.outside import inside, report

PASSED = (
    "Validating node configuration...\nRunning security checks...\n✓ All validation checks passed successfully\n",
    0,
)
WARNED = (
    "Validating node configuration...\nRunning security checks...\nSecurity warnings found:\n"
    "S307 Use of possibly insecure function; consider using `ast.literal_eval`\n --> planted.py:1:5\n  |\n"
    "1 | x = eval(input())\n  |     ^^^^^^^^^^^^^\n\n\n"
    "We will soon disable exec and eval, and multiple statements in a single line, so\nthis will be an error soon.\n",
    0,
)
REFUSED = (
    "Validating node configuration...\nError: project version is empty. Set `project.version` in pyproject.toml, or \n"
    'configure `[tool.comfy.version].path` if using `dynamic = ["version"]`.\n',
    1,
)
REMARKS = [
    {
        "level": "error",
        "code": "missing-node-class",
        "message": "node #3: class 'VaceSampleVcx' is not installed on this instance - resolve it via the Comfy "
        "Registry (resolve_missing_nodes)",
        "node_id": 3,
        "class_type": "VaceSampleVcx",
    },
    {
        "level": "info",
        "code": "node-disabled",
        "message": "1 node(s) muted/bypassed - skipped at run time and not validated: #5. set_mode 0 re-enables one",
        "node_ids": [5],
    },
]
CHECK = report.Check("comfy-cli", "prompts", "a node of nobody", 33, [], True, {})


def published(name):
    text = texts()[name]
    return json.loads(text.graph.read_text("utf-8")), json.loads((FOLDER / "api" / f"{name}.json").read_text("utf-8"))


def test_a_package_with_warnings_is_no_clean_one_though_the_status_is():
    assert not report.registry_findings(*PASSED)
    (warning,) = report.registry_findings(*WARNED)
    assert "S307" in warning and "planted.py:1:5" in warning
    (refusal,) = report.registry_findings(*REFUSED)
    assert refusal.startswith("Error: project version is empty")
    assert report.registry_findings("", 2) == ["status 2"]


def test_what_is_meant_so_is_counted_apart():
    findings, meant = report.sort_out("A.json", REMARKS)
    assert findings == [f"A.json: missing-node-class: {REMARKS[0]['message']}"]
    assert meant == ["node-disabled"]


@pytest.mark.parametrize(
    "remark",
    [
        {"level": "warning", "code": "widget-count-drift", "message": "LoadVideo #3: has 1 widget values"},
        {
            "level": "info",
            "code": "widget-count-drift",
            "message": "VaceSampleVcu #4: 2 saved value(s) past the schema",
        },
        {"level": "info", "code": "node-disabled", "message": "2 node(s) muted/bypassed - skipped at run time: #5, #6"},
    ],
    ids=lambda remark: remark["message"][:16],
)
def test_the_same_remark_of_something_else_is_a_finding(remark):
    assert report.sort_out("A.json", [remark]) == ([f"A.json: {remark['code']}: {remark['message']}"], [])


@pytest.mark.parametrize("wrong", [{"count": 0}, {"findings": ["one"]}, {"noticed": False}], ids=str)
def test_a_check_that_checks_nothing_does_not_pass(wrong):
    assert CHECK.passed
    assert not report.Check(**CHECK.__dict__ | wrong).passed


def test_the_table_has_what_was_found_and_what_was_overlooked():
    blind = report.Check("comfy-draftsman", "how they read", "an overlap", 33, ["A: x: y"], False, {"no-groups": 4})
    text = report.as_text([CHECK, blind], "ComfyUI 1.2.3")
    assert "| comfy-cli | prompts | 33 | 0 | a node of nobody: found |" in text
    assert "| comfy-draftsman | how they read | 33 | 1 | an overlap: NOT FOUND |" in text
    assert "- A: x: y" in text and "`no-groups`, 4 times" in text and "Nothing was found" not in text


def test_another_node_input_or_wire_is_a_difference_and_a_default_is_none():
    _, prompt = published("inpaint_moving_box")
    assert not inside.differences(copy.deepcopy(prompt), prompt)
    sampler = next(one for one, node in prompt.items() if node["class_type"] == "VaceSampleVcu")
    name, value = next((name, value) for name, value in prompt[sampler]["inputs"].items() if isinstance(value, str))
    for change, codes in [
        ({"vcu": None}, ["other-input"]),
        ({name: f"not {value}"}, ["other-input"]),
        ({"more": "a default"}, []),
        ({"more": ["1", 0]}, ["other-input"]),
    ]:
        found = copy.deepcopy(prompt)
        found[sampler]["inputs"].update(change)
        assert [one["code"] for one in inside.differences(found, prompt)] == codes, change
    found = copy.deepcopy(prompt)
    found[sampler]["class_type"] = "VaceOfNobody"
    assert [one["code"] for one in inside.differences(found, prompt)] == ["other-node"]
    del found[sampler]
    assert [one["code"] for one in inside.differences(found, prompt)] == ["other-node"]


@pytest.mark.parametrize("plant", [inside.cut, inside.rename, inside.overlap, inside.rename_prompt])
def test_a_planted_fault_is_in_the_copy(plant):
    graph, prompt = published("text_to_video")
    _, other_graph, other_prompt = plant("", *copy.deepcopy((graph, prompt)))
    assert (graph, prompt) != (other_graph, other_prompt)
