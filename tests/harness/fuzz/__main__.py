"""``python dev.py fuzz``: prompts made by chance for so many minutes, or the replay of one that failed."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from ..host.locations import dev_dir
from ..host.server import ComfyServer
from ..host.workers import own_base_directory
from .session import Session, replay

WARM = 500  # prompts before memory is looked at the first time: until then libraries are imported
OFTEN = 250  # prompts between two looks
CACHED = ("--cache-lru", "64")


def main(arguments: list[str]) -> int:
    """Run; the status is 1 if a fault was found."""
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long")
    parser.add_argument("--prompts", type=int, default=None, help="how many, instead")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same prompts")
    parser.add_argument("--out", type=Path, default=None, help="folder of the report and of prompts that failed")
    parser.add_argument("--replay", type=Path, default=None, metavar="FILE", help="ask what a fault's file holds")
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with own_base_directory(), ComfyServer(arguments=CACHED) as server:
        if given.replay:
            return _replay(server, given.replay)
        folder = given.out or dev_dir() / "fuzz" / time.strftime("%m%d-%H%M%S")
        return _run(Session(server, given.seed, folder), given.minutes, given.prompts)


def _run(session: Session, minutes: float, prompts: int | None) -> int:
    report, end = session.report, time.monotonic() + 60 * minutes
    while report.prompts < prompts if prompts else time.monotonic() < end:
        session.step()
        due = WARM if not report.memory else report.memory[-1][0] + OFTEN
        if report.prompts >= due:
            session.rest()
            report.write(session.folder)
            print(f"{report.prompts} prompts, {len(report.faults)} faults", flush=True)
    session.end().write(session.folder)
    print(f"{report.as_text()}\n{session.folder}")
    return 1 if report.faults else 0


def _replay(server: ComfyServer, path: Path) -> int:
    found = list(replay(server, path))
    for outcome in found:
        print(f"{outcome.kind}: {outcome.where}: {outcome.text}")
    return 1 if any(outcome.is_fault for outcome in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
