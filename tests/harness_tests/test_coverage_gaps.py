"""What is said of a file that the tests run in part, and what is taken for a reason."""

import ast
import json
from collections import Counter

import pytest

from harness.coverage.__main__ import FILE as TABLE
from harness.coverage.__main__ import REASONS
from harness.coverage.gaps import END, UNEXPLAINED, Counts, Gap, as_text, counted, gaps, judged
from harness.host.locations import ROOT

SOURCE = """def one(x):
    if x:
        # not a statement
        raise ValueError(
            x)
    return x


class Two:
    def up(self, n):
        for k in range(n):
            if k:
                continue
            return k

    def down(self):
        a = 1
        return a
"""
FILE = "vace_core/masks/some.py"
# As coverage.py 7.17 writes it, of a run of one(0) and Two().up(2).
SAID = {
    "executed_lines": [1, 2, 6, 9, 10, 11, 12, 14, 16],
    "missing_lines": [4, 13, 17, 18],
    "missing_branches": [[2, 4], [11, 10], [12, 13]],
    "summary": {"num_statements": 13, "covered_lines": 9, "num_branches": 6, "covered_branches": 3},
    "functions": {
        "one": {"executed_lines": [2, 6], "missing_lines": [4]},
        "Two.up": {"executed_lines": [11, 12, 14], "missing_lines": [13]},
        "Two.down": {"executed_lines": [], "missing_lines": [17, 18]},
        "": {"executed_lines": [1, 9, 10, 16], "missing_lines": []},
    },
}
SAID["missing_branches"][1] = [11, -10]  # out of the function
KEYS = [
    f"{FILE}: one: raise ValueError(",
    f"{FILE}: Two.up: for k in range(n): -> the end",
    f"{FILE}: Two.up: continue",
    f"{FILE}: Two.down: a = 1",
]


@pytest.fixture
def found(tmp_path):
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(SOURCE, "utf-8")
    return gaps({FILE: SAID}, tmp_path)


def test_lines_without_one_that_is_run_between_them_are_one_gap_and_a_way_to_them_is_none(found):
    assert [gap.key for gap in found] == KEYS
    assert [gap.lines for gap in found] == ["4", "11 → `the end`", "13", "17-18"]


def test_a_gap_without_a_reason_and_a_reason_without_a_gap_are_named(found):
    reasons = {"only on another device": KEYS[:2], "never": [KEYS[2], "vace_core/gone.py: f: pass"]}
    explained, unexplained, stale = judged(found, reasons)
    assert unexplained == [KEYS[3]] and stale == ["vace_core/gone.py: f: pass"]
    assert list(explained.values()) == ["only on another device"] * 2 + ["never", UNEXPLAINED]


def test_a_second_gap_that_begins_alike_needs_a_reason_too(found):
    twice = [*found, Gap(FILE, "one", 5, 5, "raise ValueError(")]
    assert judged(twice, {"why": KEYS})[1:] == ([KEYS[0]], [])
    assert judged(twice, {"why": [*KEYS, KEYS[0]]})[1:] == ([], [])


def test_the_table_counts_by_folder_and_shows_each_gap_under_its_reason(found):
    counts = counted({FILE: SAID, "vace_core/notes.py": SAID, "nodes/_host/vcu/file.py": SAID})
    assert counts["vace_core/masks"] == Counts(13, 9, 6, 3)
    text = as_text(counts, judged(found, {"only on another device": KEYS[:3]})[0], "About.")
    assert "| **vace_core** | 26 | 18 | 69.2 | 12 | 6 | 50.0 |" in text
    assert "| `vace_core/masks` | 13 | 9 | 69.2 | 6 | 3 | 50.0 |" in text
    assert "| **nodes/_host** | 13 | 9 |" in text and "| **all** | 39 | 27 |" in text
    first, second = text.split("## ")[1:]
    assert first.startswith("Only on another device\n") and f"| `{FILE}` `one` | 4 | `raise ValueError(` |" in first
    assert second.startswith(UNEXPLAINED) and "17-18" in second


def lines_of(file, function):
    """The lines of a function that is named with what it stands in; of the whole file for what stands in none."""
    text = (ROOT / file).read_text("utf-8")
    node, lines = ast.parse(text), [line.strip() for line in text.splitlines()]
    if function == "module":
        return lines
    for name in function.split("."):
        within = (each for each in ast.walk(node) if each is not node and getattr(each, "name", None) == name)
        node = next(each for each in within if hasattr(each, "body"))
    return lines[node.lineno - 1 : node.end_lineno]


def test_every_reason_is_of_a_line_that_is_there():
    keys = [key for own in json.loads(REASONS.read_text("utf-8")).values() for key in own]
    for key, count in Counter(keys).items():
        file, function, text = key.split(": ", 2)
        lines = lines_of(file, function)
        text, _, target = (text, "", "") if text in lines else text.rpartition(" -> ")
        assert lines.count(text) >= count, key
        assert target in ("", END, *lines_of(file, "module")), key


def test_the_table_has_a_reason_for_every_gap():
    assert UNEXPLAINED not in TABLE.read_text("utf-8")
