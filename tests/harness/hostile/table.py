"""The table of what came of every hostile file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence

from ..host.locations import ROOT, dev_dir
from .room import MOST_RSS, MS_PER_MEGAPIXEL, ROOM, SECONDS, Result

FILE = ROOT / "benchmarks" / "results" / "hostile_files.md"
LONGEST = 160  # characters of a sentence that are shown


def as_text(results: Sequence[Result], host: str) -> str:
    """The table, in Markdown."""
    faults = [result for result in results if result.fault]
    lines = [
        "# Hostile files",
        "",
        f"`python dev.py hostile --save`, {host}. Each file is read in a process of its own, that may ask for "
        f"{ROOM / 2**30:.0f} GiB and take {SECONDS} s;",
        f"more than {MOST_RSS / 1e6:.0f} MB held, an exception that is no `VaceInputError`, a program that is started, "
        "a folder or file that is made: each is a fault.",
        f"A video may take {MS_PER_MEGAPIXEL} ms more for each megapixel that is in it: a large one must be readable, "
        "however few bytes it has.",
        f"{len(results)} files, {len(faults)} faults. Memory is what the process came to hold beyond what it began "
        "with, files that are mapped left out.",
        "",
    ]
    for reader in dict.fromkeys(result.case.reader for result in results):
        lines += [f"## {reader}", "", "| what is wrong with it | what came of it | MB | CPU s |", "|---|---|---|---|"]
        own = [result for result in results if result.case.reader == reader]
        lines += [_row(result) for result in own] + [""]
    return "\n".join(lines)


def _row(result: Result) -> str:
    said = f"FAULT: {result.fault}" if result.fault else result.text if result.outcome != "read" else "is read"
    said = re.sub(rf"{re.escape(tempfile.gettempdir())}/tmp\w+", "FOLDER", said.replace(f"{ROOT}/", ""))
    said = said.replace(str(dev_dir()), "DEV")
    shown = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in said).replace("|", "\\|")
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]} ..."
    return f"| {result.case.kind} | {shown} | {result.bytes / 1e6:.0f} | {result.seconds:.1f} |"
