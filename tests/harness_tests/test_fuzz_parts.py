"""The parts of the fuzzer that need no server: what prompts it makes, how it judges, and how it makes them small."""

from random import Random

import pytest

from harness.fuzz import outcomes, values
from harness.fuzz.described import Input, Node, read
from harness.fuzz.graphs import Grower
from harness.fuzz.report import Report
from harness.fuzz.session import compared
from harness.fuzz.shrink import shrink

INFO = {
    "VaceOne": {
        "input": {
            "required": {"video": ("IMAGE,VIDEO", {})},
            "optional": {
                "length": ("INT", {"min": 1, "max": 16384, "default": 81}),
                "by": (
                    "COMFY_DYNAMICCOMBO_V3",
                    {"options": [{"key": "a", "inputs": {"required": {"left": ("FLOAT", {"min": 0, "max": 8})}}}]},
                ),
            },
        },
        "output": ["IMAGE", "STRING"],
        "output_node": False,
    },
    "ImageInvert": {"input": {"required": {"image": ("IMAGE", {})}}, "output": ["IMAGE"], "output_node": False},
}
VIDEO = Node("VaceOne", (Input("video", "IMAGE", False),), ("IMAGE",), False)


def entry(kind, **data):
    return {"status": {"messages": [["execution_start", {}], [kind, data]]}, "outputs": {}}


def raised(kind="wan_vace.VaceInputError", text="video is empty.", node="VaceOne", trace=()):
    return entry("execution_error", exception_type=kind, exception_message=text, node_type=node, traceback=list(trace))


def judged(given, prompt=None):
    return outcomes.judge(given, prompt or {"n0": {"class_type": "VaceOne", "inputs": {}}}, {"VaceOne": VIDEO}).kind


def test_a_seed_makes_the_same_prompts_and_another_seed_others():
    grower = Grower(INFO)
    first, again, other = ([grower.prompt(random) for _ in range(20)] for random in map(Random, (1, 1, 2)))
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)


def test_every_wire_of_a_prompt_that_is_not_spoilt_leads_to_a_node_of_its_type(monkeypatch):
    monkeypatch.setattr(Grower, "spoil", lambda *_: None)
    grower = Grower(INFO)
    for seed in range(50):
        prompt = grower.prompt(Random(seed))
        wires = [value for node in prompt.values() for value in node["inputs"].values() if isinstance(value, list)]
        assert wires
        assert all(key in prompt for key, _ in wires)
        assert any(node["class_type"] == "VaceOne" for node in prompt.values())
        assert all(1 <= node["inputs"]["length"] <= 33 for node in prompt.values() if "length" in node["inputs"])


def test_nested_inputs_are_read():
    assert read(INFO["VaceOne"], "VaceOne").socket_names() == {"video", "length", "by", "left"}


def test_choices_that_make_pictures_large_are_never_left_to_the_default():
    budget = Input("budget", "COMBO", True, {"default": "480p"}, ("480p", "720p", "as is"))
    assert {values.usual(budget, Random(seed)) for seed in range(20)} == {"as is"}
    assert values.is_costly(budget)


def test_values_out_of_range_are_among_the_bad_ones_and_none_among_the_usual():
    length = Input("length", "INT", True, {"min": 1, "max": 16384, "default": 81})
    random = Random(0)
    usual = [values.usual(length, random) for _ in range(200)]
    bad = [values.bad(length, random) for _ in range(400)]
    assert all(type(value) is int and 1 <= value <= 9 for value in usual)
    assert {0, 16385} <= {value for value in bad if type(value) is int}
    assert {None, "text"} <= {value for value in bad if value is None or isinstance(value, str)}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (raised(), outcomes.OUR_ERROR),
        (raised(text="Something is wrong."), outcomes.UNNAMED),
        (raised(kind="IndexError"), outcomes.CRASHED),
        (raised(kind="ValueError", node="SaveVideo"), outcomes.CORE_ERROR),
        (
            raised(
                kind="ValueError", node="SaveVideo", trace=['File "/x/custom_nodes/wan-vace/nodes/a.py", line 1, in f']
            ),
            outcomes.CRASHED,
        ),
        (entry("execution_interrupted"), outcomes.INTERRUPTED),
        (entry("execution_success"), outcomes.SUCCESS),
    ],
)
def test_what_the_host_says_is_judged(given, kind):
    assert judged(given) == kind


def test_nan_in_an_output_is_a_fault_of_its_node():
    given = entry("execution_success") | {"outputs": {"digest": {"digest": ["input_0 ab12 . is not finite"]}}}
    prompt = {
        "n0": {"class_type": "VaceOne", "inputs": {}},
        "digest": {"class_type": "DevDigest", "inputs": {"input_0": ["n0", 0]}},
    }
    found = outcomes.judge(given, prompt, {"VaceOne": VIDEO})
    assert (found.kind, found.where) == (outcomes.NOT_FINITE, "VaceOne.0")


def test_a_prompt_that_succeeded_must_give_the_same_again():
    first = outcomes.Outcome(outcomes.SUCCESS, digests=("input_0 aa",))
    other = outcomes.Outcome(outcomes.SUCCESS, digests=("input_0 bb",))
    prompt = {
        "n0": {"class_type": "VaceOne", "inputs": {}},
        "digest": {"class_type": "DevDigest", "inputs": {"input_0": ["n0", 1]}},
    }
    assert compared(first, first, prompt) == first
    assert compared(first, other, prompt).kind == outcomes.ANOTHER
    assert compared(first, other, prompt).where == "VaceOne.1"
    assert compared(outcomes.Outcome(outcomes.REFUSED), first, prompt) == first
    asked_anew = {"n0": {"class_type": "VaceSampleLongVideo", "inputs": {"redo": "1"}}}
    assert compared(first, other, asked_anew) == other
    assert compared(first, outcomes.Outcome(outcomes.REFUSED), prompt).kind == outcomes.FORGOTTEN
    assert compared(first, outcomes.Outcome(outcomes.INTERRUPTED), prompt).kind == outcomes.INTERRUPTED


def test_a_failing_prompt_is_shrunk_to_what_makes_it_fail():
    grower = Grower(INFO)
    prompt = {
        "n0": {"class_type": "ImageInvert", "inputs": {"image": ["picture", 0]}},
        "n1": {"class_type": "VaceOne", "inputs": {"video": ["n0", 0], "length": 5, "note": "abcdefXhijk"}},
        "n2": {"class_type": "VaceOne", "inputs": {"video": ["n1", 0]}},
    }

    def fails(one):
        return any("X" in node["inputs"].get("note", "") for node in one.values())

    small = shrink(grower.finished(prompt), fails, grower.nodes)
    ours = {key: node for key, node in small.items() if key != "digest"}
    assert ours == {"n1": {"class_type": "VaceOne", "inputs": {"length": 5, "note": "X"}}}


def test_the_report_counts_by_outcome_and_tells_faults(tmp_path):
    report = Report(seed=3)
    for outcome in (outcomes.Outcome(outcomes.SUCCESS), outcomes.Outcome(outcomes.REFUSED, "VaceOne.length")):
        report.count(outcome, {"n0": {"class_type": "VaceOne", "inputs": {}}})
    report.faults.append(
        {"kind": outcomes.CRASHED, "where": "VaceOne", "text": "boom \ud800", "file": "fault_000.json"}
    )
    report.write(tmp_path)
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "| success | | 1 |" in text
    assert "| VaceOne | 1 |" in text
    assert "| | VaceOne.length | 1 |" in text
    assert "FAULT an exception of ours: VaceOne: boom" in text
