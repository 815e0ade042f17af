"""The table of what came of every fault."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence

from ..host.locations import ROOT, dev_dir
from .case import Row
from .folders import PREFIX

FILE = ROOT / "benchmarks" / "results" / "faults.md"
LONGEST = 220  # characters that are shown


def as_text(rows: Sequence[Row], about: str) -> str:
    """The table, in Markdown."""
    wrong = sum(bool(row.wrong) for row in rows)
    lines = [
        "# Faults of machines",
        "",
        f"`python dev.py faults --save`, {about}. Every fault is done to a process of its own or to a real server.",
        f"{sum(row.tried for row in rows)} tries, {wrong} faults. Memory is the most that a process came to hold "
        "beyond what it began with; of a server, what it holds afterwards beyond what it held before. Seconds are of "
        "all tries.",
        "",
        "| fault | who | what is written or read | tried | what came of it | MB | s |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_line, rows), ""])


def _line(row: Row) -> str:
    said = shown(f"FAULT: {row.wrong}" if row.wrong else row.came)
    about = f"| {row.fault} | {row.writer} | {row.writes} | {row.tried} "
    return f"{about}| {said} | {round(row.bytes / 1e6)} | {row.seconds:.1f} |"


def shown(text: str) -> str:
    """A text as a table can hold it, without this machine's folders."""
    text = text.replace(f"{ROOT}/", "").replace(str(dev_dir()), "DEV")
    text = re.sub(rf"{re.escape(tempfile.gettempdir())}/{PREFIX}\w+", "FOLDER", text)
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
