"""One task in a process of its own: ``python -m harness.gpu.child NAME --rows FILE --scratch FOLDER --seconds N``."""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path

from .plan import TASKS
from .session import Session, end_with_parent


def main() -> None:
    """Run the task that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--classic", action="store_true")
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    end_with_parent(given.scratch)
    (task,) = (task for task in TASKS if task.name == given.name)
    session = Session(task.part, task.group, given.tiny, given.classic, given.scratch, given.rows, end)
    session.begin("start of the part")
    importlib.import_module(f"harness.gpu.{task.module}").run(session)


if __name__ == "__main__":
    main()
