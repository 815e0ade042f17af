"""``python dev.py coverage``: the tests, and every process that they start, under coverage.py; then the tables."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from ..host.beside import environment_with
from ..host.locations import ROOT, dev_dir
from ..host.processes import run_child
from ..host.workers import BY_FILE, workers_env
from .gaps import as_text, counted, gaps, judged

TOOL = "coverage==7.17.5"
PACKAGES = ("vace_core", "annotators", "nodes/_host")
FILE = ROOT / "benchmarks" / "results" / "coverage.md"
REASONS = Path(__file__).with_name("reasons.json")
# A server is ended by SIGTERM; children of a fork end by os._exit, after which nothing would be written.
SETTINGS = """[run]
branch = true
parallel = true
sigterm = true
patch = fork, _exit
data_file = {data}
disable_warnings = no-data-collected, module-not-imported, module-not-measured
source =
    {sources}
[report]
exclude_also =
    if TYPE_CHECKING:
"""


def main(arguments: list[str]) -> int:
    """Measure and judge; the status is 1 if a test fails, a gap has no reason, or a reason has no gap."""
    parser = argparse.ArgumentParser(prog="dev.py coverage", description=__doc__, allow_abbrev=False)
    parser.add_argument("--keep", action="store_true", help="beside what was measured before, of the same files")
    parser.add_argument("--tables", action="store_true", help="run nothing, judge what was measured before")
    parser.add_argument("--save", action="store_true", help=f"write {FILE.name}")
    given, rest = parser.parse_known_args(arguments)
    folder = dev_dir() / "coverage"
    python = environment_with(TOOL, folder / "env")
    settings = _settings(folder)
    runs = folder / "runs.txt"
    if given.tables and not runs.is_file():
        parser.error("nothing was measured yet; leave --tables out")
    if not (given.keep or given.tables):
        _tool(python, settings, "erase")
        runs.unlink(missing_ok=True)
    status = 0 if given.tables else _run(python, settings, rest)
    if not given.tables:
        with runs.open("a", encoding="utf-8") as file:
            file.write(f"{' '.join(rest) or 'all'}\n")
    files = _files(python, settings, folder / "measured.json")
    found = gaps(files, ROOT)
    explained, unexplained, stale = judged(found, json.loads(REASONS.read_text("utf-8")))
    about = f"`python dev.py coverage --save`, {TOOL}: what the tests run, servers and forks included. Run were:\n\n"
    about += "\n".join(f"- `{run}`" for run in runs.read_text("utf-8").splitlines())
    text = as_text(counted(files), explained, about)
    print(text)
    if given.save:
        FILE.write_text(text, "utf-8")
    if rest and not given.keep:  # a part of the tests leaves out what others run
        return status
    for line in [f"no reason in {REASONS.name}: {key}" for key in unexplained]:
        print(line)
    for line in [f"no gap any more, so take the reason out: {key}" for key in stale]:
        print(line)
    return status or int(bool(unexplained or stale))


def _settings(folder: Path) -> Path:
    path = folder / "settings.ini"
    sources = "\n    ".join(str(ROOT / package) for package in PACKAGES)
    path.write_text(SETTINGS.format(data=folder / "data" / "measured", sources=sources), "utf-8")
    path.with_name("data").mkdir(exist_ok=True)
    return path


def _run(python: Path, settings: Path, rest: list[str]) -> int:
    """The tests; coverage.py begins by itself in every process of the environment, by what is set here."""
    env = os.environ | workers_env() | {"COVERAGE_PROCESS_START": str(settings), "COMFYUI_PYTHON": str(python)}
    return run_child([str(python), "-m", "pytest", *BY_FILE, "-q", *rest], env)


def _files(python: Path, settings: Path, report: Path) -> dict[str, dict]:
    """What was measured of each file, by its path from the root."""
    _tool(python, settings, "combine", "--append", "--quiet")
    _tool(python, settings, "json", "--quiet", "-o", str(report))
    files = json.loads(report.read_text("utf-8"))["files"]
    return {Path(name).resolve().relative_to(ROOT).as_posix(): said for name, said in files.items()}


def _tool(python: Path, settings: Path, verb: str, *arguments: str) -> None:
    argv = [str(python), "-m", "coverage", verb, f"--rcfile={settings}", *arguments]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    nothing = "No data to combine", "No usable data files"  # the second of processes that were killed as they wrote
    if done.returncode and not any(each in done.stdout + done.stderr for each in nothing):
        raise SystemExit(f"coverage {verb} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
