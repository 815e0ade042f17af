"""Several processes of tests: each has models and inputs of its own, nobody's output, and leaves nothing behind."""

import os
import subprocess
import sys

import pytest

from harness.host import locations
from harness.host.workers import own_base_directory, workers_env

TESTS = """
import os
from pathlib import Path
import pytest
from harness.host.locations import base_dir

@pytest.mark.parametrize("number", range(4))
def test_one(number):
    note = base_dir() / "output" / "note"
    with open(os.environ["SEEN"], "a") as seen:
        print(os.environ.get("PYTEST_XDIST_WORKER", "alone"), base_dir(), note.exists(), file=seen)
"""


@pytest.fixture
def base(tmp_path, monkeypatch):
    """A development folder with a base directory."""
    monkeypatch.delenv(locations.BASE, raising=False)
    monkeypatch.setenv("WAN_VACE_DEV", str(tmp_path / "dev"))
    base = tmp_path / "dev" / "base"
    for name in ("models/vae/small.safetensors", "input/clip.mp4", "output/note", "temp/note"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(name)
    (tmp_path / "pack").mkdir()
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "pack").symlink_to(tmp_path / "pack")
    return base


def test_a_process_works_on_a_copy_and_takes_it_away(base):
    with own_base_directory():
        own = locations.base_dir()
        assert own != base and (own / "custom_nodes" / "pack").is_symlink()
        (own / "input" / "clip.mp4").write_text("changed")
        assert (own / "models" / "vae" / "small.safetensors").read_text() == "models/vae/small.safetensors"
        assert (own / "output").is_dir() and not any((own / "output").iterdir())
    assert locations.base_dir() == base and not own.exists()
    assert (base / "input" / "clip.mp4").read_text() == "input/clip.mp4"


def run_tests(tmp_path, *arguments):
    """Tests that note which process they are in and what base directory it has; gives these."""
    for number in range(2):
        (tmp_path / f"test_{number}.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text((locations.ROOT / "tests" / "conftest.py").read_text())
    seen = tmp_path / "seen"
    env = os.environ | {"SEEN": str(seen)} | workers_env()
    env.pop("PYTEST_XDIST_WORKER", None)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), *arguments]
    subprocess.run([*argv, str(tmp_path)], env=env, check=True, capture_output=True, timeout=120)
    return [line.split() for line in seen.read_text().splitlines()]


def test_files_of_tests_are_divided_among_processes_that_share_nothing(base, tmp_path):
    lines = run_tests(tmp_path, "-n", "2", "--dist", "loadfile")
    assert len(lines) == 8
    assert {worker for worker, *_ in lines} == {"gw0", "gw1"}
    assert len({folder for _, folder, _ in lines}) == 2 and str(base) not in {folder for _, folder, _ in lines}
    assert {noted for *_, noted in lines} == {"False"}
    assert sorted(path.name for path in base.parent.iterdir()) == ["base"]


def test_one_process_works_on_the_base_directory_itself(base, tmp_path):
    lines = run_tests(tmp_path, "-n", "0")
    assert {tuple(line) for line in lines} == {("alone", str(base), "True")}


@pytest.mark.parametrize(("cores", "processes"), [(1, "1"), (2, "2"), (64, "4")])
def test_a_process_for_each_core_and_four_at_most(monkeypatch, cores, processes):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert workers_env() == {"PYTEST_XDIST_AUTO_NUM_WORKERS": processes}
