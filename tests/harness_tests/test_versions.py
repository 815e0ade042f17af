"""Other versions of ComfyUI: which are known, and what is told of the tests there."""

import re
import subprocess
import sys

import pytest

from harness.host.locations import NEWEST, RELEASES, ROOT
from harness.host.versions import PACKAGES, as_text, chosen, told, versions_of

TESTS = """
import pytest

def test_a(): pass
def test_b(): assert 1 == 2, "not equal"
@pytest.mark.parametrize("name", ["a b"])
def test_c(name): pytest.skip("since 0.30.0: the decoder gives frames in parts")
def test_d(): pytest.skip("since 0.30.0: the decoder gives frames in parts")
def test_e(nothing): pass
"""

SINCE = re.compile(r'pytest\.mark\.since\("(.*)", reason="(.+)"\)$', re.MULTILINE)


def number(version):
    return tuple(map(int, version.split(".")))


def test_every_version_from_the_oldest_that_is_supported_is_tried_by_the_workflow():
    workflow = (ROOT / ".github" / "workflows" / "host.yml").read_text("utf-8")
    tried = re.findall('"(.*?)"', " ".join(re.findall(r"comfyui: \[(.*)\]", workflow)))
    assert sorted(tried, key=number) == sorted(RELEASES, key=number)
    assert max(RELEASES, key=number) == NEWEST
    (oldest,) = re.findall('requires-comfyui = ">=(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert min(RELEASES, key=number) == oldest


def test_no_test_is_left_out_on_the_newest_version_and_each_that_is_elsewhere_runs_on_a_known_one():
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests" / "host").rglob("test_*.py"))
    marks = SINCE.findall(text)
    assert marks and len(marks) == text.count("mark.since("), "a mark is written in another way than the others"
    assert {version for version, _ in marks} <= set(RELEASES)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ([], ["tests/host"]),
        (["-k", "lora"], ["tests/host", "-k", "lora"]),
        (["-n", "1", "tests/host/vcu"], ["-n", "1", "tests/host/vcu"]),
        (["tests/host/video/test_fit_video.py::test_a"], ["tests/host/video/test_fit_video.py::test_a"]),
    ],
)
def test_all_tests_of_the_host_are_run_unless_some_are_named(given, asked):
    assert chosen(given) == asked


def test_failures_are_named_and_skips_counted_by_their_reason(tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS, "utf-8")
    report = tmp_path / "report.xml"
    argv = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "--rootdir", str(tmp_path), str(tmp_path)]
    subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False)
    failures, skips = told(report)
    assert list(failures) == ["test_it.py::test_b", "test_it.py::test_e"]
    assert failures["test_it.py::test_b"].startswith("AssertionError: not equal")
    assert skips == {"since 0.30.0: the decoder gives frames in parts": 2}
    assert told(tmp_path / "none.xml") == ({}, {})


def test_the_table_has_a_row_for_each_version_and_what_failed_below():
    row = dict.fromkeys(PACKAGES, "1.2") | {"passed": 9, "failed": 1, "skipped": 2, "seconds": 60, "asked": ""}
    rows = {
        "0.30.0": row | {"failures": {}, "skips": {}},
        "0.16.3": row
        | {
            "asked": "-k lora",
            "failures": {"tests/host/test_a.py::test_b": "AssertionError"},
            "skips": {"since 0.30.0: so": 2},
        },
    }
    text = as_text(rows)
    assert (
        "| 0.30.0 | 2.6.0 | 1.2 | 1.2 | 1.2 | 1.2 | 9 | 1 | 2 | 60 | all |" in text
        and "| 60 | `-k lora` |" in text
        and "| 0.16.3 | 1.0.0 |" in text
    )
    assert "Failed on 0.30.0" not in text
    assert "## Failed on 0.16.3\n\n- `tests/host/test_a.py::test_b`: AssertionError" in text
    assert "## Skipped on 0.16.3\n\n- 2: since 0.30.0: so" in text


def test_versions_of_packages_are_found_by_whatever_way_their_names_are_written(tmp_path):
    for name in ("comfyui_frontend_package", "Pillow"):
        (tmp_path / f"{name}-1.39.19.dist-info").mkdir()
        (tmp_path / f"{name}-1.39.19.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1.39.19\n", "utf-8")
    assert versions_of(tmp_path, ["comfyui-frontend-package", "pillow"]) == ["1.39.19", "1.39.19"]
