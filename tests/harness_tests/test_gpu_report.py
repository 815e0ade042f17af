"""What the acceptance makes of what it measured: verdict, page, time for each part, and nothing private."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.gpu import page, plan
from harness.gpu.device import Watched, takes
from harness.gpu.record import FAILED, SKIPPED, STOPPED, Record, Row, read_record, replace_file
from harness.gpu.scrub import one_line, scrubbed
from harness.gpu.weights import SLACK, write_weights

CPU = torch.device("cpu")
GOOD = Row("models", "14B", "480p, merged", seconds=(2.0, 1.0, 4.0), per="forward", equal=True, peak=30.5, before=0.25)


def record(*rows, finished=True, parts=("models",)):
    tasks = {"models:1.3B": "ended after 5 s", "models:14B": "began", "encode": "not begun"}
    return Record(
        {"card": "NVIDIA H100"}, {"parts": parts, "budget": 420.0, "tiny": False}, tasks, list(rows), finished
    )


@pytest.mark.parametrize(
    ("rows", "outcome", "sentence"),
    [
        ([GOOD], "PASSED", "Equal to the bit: 1 of 1 that must be."),
        (
            [GOOD, replace(GOOD, what="b", equal=False)],
            "NOT PASSED",
            "NOT EQUAL: 1 of 2 that must be equal: models 14B, b.",
        ),
        ([GOOD, replace(GOOD, what="b", equal=None, state=FAILED)], "NOT PASSED", "FAILED: models 14B, b."),
        ([GOOD, Row("models", "", "c", SKIPPED)], "PASSED IN PART", "Skipped: 1; each says why."),
        ([GOOD, Row("models", "", "c", SKIPPED)], "PASSED IN PART", "Not compared: models, c."),
        ([GOOD, Row("encode", "", "c", STOPPED)], "PASSED IN PART", "Not compared: encode, c."),
        ([GOOD, Row("annotators", "", "c", SKIPPED)], "PASSED IN PART", "Skipped: 1; each says why."),
        ([GOOD, Row("models", "", "c", STOPPED)], "PASSED IN PART", "Stopped as their time was up: models, c."),
        ([Row("models", "", "c", SKIPPED)], "NOT PASSED", "Nothing that must be equal was compared."),
        (
            [replace(GOOD, within=False)],
            "PASSED",
            "Strength 0 takes the time of the plain base, within 1 %, in 0 of 1 rows.",
        ),
    ],
)
def test_the_verdict_says_what_is_equal_and_what_is_not(rows, outcome, sentence):
    found = record(*rows)
    assert page.outcome(found) == outcome and sentence in page.verdict(found)
    assert page.passed(found) is (outcome != "NOT PASSED")
    assert f"\n**{outcome}**\n" in page.as_markdown(found)
    assert not page.passed(replace(found, finished=False))


def test_a_run_that_was_cut_off_says_which_parts_ended():
    sentence, *_ = page.verdict(record(GOOD, finished=False))
    assert (
        sentence == "NOT FINISHED, cut off or still running: ended: models:1.3B; was in: models:14B; not begun: encode."
    )


def test_where_nothing_must_be_equal_nothing_has_to_be():
    assert page.passed(record(Row("annotators", "", "gray"), parts=("annotators",)))
    assert not page.passed(record(Row("models", "", "weights"), parts=("models:14B",)))


def test_a_row_has_minimum_median_and_maximum_and_empty_columns_are_left_out():
    text = page.as_markdown(record(GOOD))
    assert "| what | seconds | of one | peak GiB (before) | equal |\n" in text
    assert "| 480p, merged | 1.000 / 2.000 / 4.000 | forward | 30.50 (0.25) | yes |\n" in text


def test_workflows_stand_side_by_side():
    rows = [
        Row("workflows", "default", "inpaint", seconds=(1.5,)),
        Row("workflows", "classic", "inpaint", FAILED, note="a | b"),
    ]
    text = page.as_markdown(record(*rows, parts=("workflows",)))
    assert "| workflow | default | classic |\n| --- | --- | --- |\n| inpaint | ran, 1.500 s | failed: a \\| b |" in text


def test_a_later_row_takes_the_place_of_the_same_earlier_one(tmp_path):
    found = record(GOOD, Row("encode", "", "a"))
    found.put(replace(GOOD, note="again"))
    assert [row.note for row in found.rows] == ["again", ""]
    replace_file(tmp_path / "r.json", found.as_json())
    assert replace(read_record(tmp_path / "r.json"), options=found.options) == found


def test_time_is_divided_in_proportion_and_what_is_left_over_goes_on():
    tasks = plan.chosen(("encode", "models"))
    assert [task.name for task in tasks] == ["encode", "models:1.3B", "models:kinds", "models:14B"]
    assert sum(task.share for task in plan.TASKS) == 420
    assert plan.time_for(plan.TASKS, 420) == plan.TASKS[0].share
    assert plan.time_for(tasks[-1:], 77) == 77 and plan.time_for(tasks, -1) == 0
    assert plan.time_for(tasks[1:], 230) == pytest.approx(85)
    assert plan.chosen(("models:kinds",)) == tasks[2:3]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("File '/home/alice'", "File '…/…'"),
        ("in /home/alice/ComfyUI/main.py, line 3", "in …/main.py, line 3"),
        (r"C:\Users\Alice Smith\ComfyUI\main.py: no", "…/main.py: no"),
        (r"\\server\share\x.safetensors", "…/x.safetensors"),
        (f"{Path.home()}/with a space/x.py", "…/with a space/x.py"),
        ("ran as alice on alice-pc", "ran as … on …"),
        ("malice, 0.5 s/step, and/or 4/2", "malice, 0.5 s/step, and/or 4/2"),
        ("models/vae/x.safetensors", "models/vae/x.safetensors"),
    ],
)
def test_paths_and_names_are_taken_out_of_messages(said, kept):
    assert scrubbed(said, ("alice-pc", "alice")) == kept


def test_an_error_is_one_short_line():
    assert one_line("a\n  \x1b[31mb\x1b[0m") == "a b"
    assert len(one_line("x" * 5000)) < 310


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
def test_random_weights_are_a_file_that_others_read(tmp_path, dtype):
    shapes = {f"blocks.{i}.ffn.weight": torch.Size((256, 1024)) for i in range(3)}
    shapes |= {"norm.weight": torch.Size((8,)), "a.bias": torch.Size((512,)), "b.modulation": torch.Size((1, 6, 64))}
    found = load_file(write_weights(tmp_path / "w.safetensors", shapes, CPU, dtype))
    assert {name: (value.shape, value.dtype) for name, value in found.items()} == {
        name: (shape, dtype) for name, shape in shapes.items()
    }
    blocks = [found[f"blocks.{i}.ffn.weight"].float() for i in range(3)]
    assert all(block.std() == pytest.approx(1 / 32, rel=0.02) for block in blocks)
    assert not torch.equal(blocks[0], blocks[1]) and not torch.equal(blocks[1], blocks[2])
    assert (found["norm.weight"] == 1).all() and found["a.bias"].float().std() == pytest.approx(0.05, rel=0.2)
    assert shapes["norm.weight"].numel() < SLACK


def test_the_largest_memory_in_between_is_seen():
    with Watched(CPU) as seen:
        block = torch.ones(2**28, dtype=torch.uint8)
        torch.cat([block] * 2).sum()
        del block
    assert seen.peak - seen.before >= 0.25 and seen.seconds > 0


def test_a_type_that_the_device_has_not_is_known():
    assert takes(CPU, torch.bfloat16) and not takes(torch.device("meta"), torch.bfloat16)
