"""The tests of ``tests/host`` on this device, counted as they end, so that a run that is cut off still has counts."""

from __future__ import annotations

import importlib.util
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..host import base_directory
from ..host.locations import ROOT, dev_dir, locate
from .device import NotTriedError
from .record import FAILED
from .scrub import one_line
from .session import Session

if TYPE_CHECKING:
    import pytest

FOLDER = ROOT / "tests" / "host"
WHAT = "tests/host"
SAY_EVERY = 10.0  # seconds
NEEDED = ("pytest", "hypothesis")
NAMED = 20  # failed tests that get a row of their own


def run(session: Session) -> None:
    """One row of counts, and one for each test that failed."""
    session.try_row(WHAT, lambda: run_tests(session, FOLDER))


def run_tests(session: Session, folder: Path) -> None:
    """Run the tests of a folder in this process until they or the time are at their end.

    Args:
        session: Of the task.
        folder: Where they are.
    """
    if lacking := [name for name in NEEDED if not importlib.util.find_spec(name)]:
        raise NotTriedError(f"this Python has no {' and no '.join(lacking)}; pip install {' '.join(lacking)}")
    import pytest

    base_directory.fill(locate())
    os.chdir(ROOT)
    counts = Counts(session)
    cache = ["-o", f"cache_dir={dev_dir() / 'pytest-gpu'}"]
    status = pytest.main(["-q", "-p", "no:randomly", *cache, str(folder)], plugins=[counts])
    counts.at_end(int(status))


class Counts:
    """A plugin of pytest that counts outcomes and hands them over now and then."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._counts = {"passed": 0, "failed": 0, "skipped": 0}
        self._collected = 0
        self._start = self._said = time.monotonic()
        self._cut = False
        self._failures: list[tuple[str, str]] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """How many there are."""
        self._pytest, self._collected = session, len(session.items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read counts as failed."""
        if report.failed:
            self._fail(report.nodeid, str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: by its own run, or by what kept it from running."""
        if report.failed:
            self._fail(report.nodeid, _message(report))
        elif report.skipped:
            self._counts["skipped"] += 1
        elif report.when == "call":
            self._counts["passed"] += 1
        if time.monotonic() - self._said > SAY_EVERY:
            self._said = time.monotonic()
            self._session.put(WHAT, **self._fields())

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Which test runs, should the process end in it."""
        self._session.begin(nodeid)

    def pytest_runtest_logfinish(self) -> None:
        """Begin no test when the time is up."""
        if self._session.left() <= 0 and sum(self._counts.values()) < self._collected:
            self._cut = True
            self._session.put(WHAT, **self._fields())
            self._pytest.shouldstop = "no time left"

    def at_end(self, status: int) -> None:
        """Hand over all that is known.

        Args:
            status: Of pytest.
        """
        fields = self._fields()
        if not sum(self._counts.values()):
            fields |= {"state": FAILED, "note": f"no test ran; pytest ended with status {status}"}
        self._session.put(WHAT, **fields)

    def _fail(self, name: str, message: str) -> None:
        self._counts["failed"] += 1
        if self._counts["failed"] <= NAMED:
            self._session.put(name, state=FAILED, note=one_line(message))

    def _fields(self) -> dict:
        ran = sum(self._counts.values())
        told = ", ".join(f"{number} {outcome}" for outcome, number in self._counts.items())
        rest = f"; {self._collected - ran} of {self._collected} not begun when the time was up" if self._cut else ""
        return {"seconds": (time.monotonic() - self._start,), "note": told + rest}


def _message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else str(report.longrepr)
