"""Files that are cut, or removed, while they are read again and again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from ..host.locations import pack_module
from . import child
from .case import Row, judged, row
from .folders import room
from .writers import Writer

LONG = 1.5  # seconds of reading
LATEST = 0.6  # seconds after which the file is cut, at most


def rows(writers: list[Writer], tries: int, seed: int) -> Iterator[Row]:
    """Each writer that reads its files again, as its files are cut, and as they are removed."""
    for writer in writers:
        if writer.read is None:
            continue
        for fault, harm in HARMS.items():
            yield _row(fault, harm, writer, tries, Random(f"{seed} {fault} {writer.name}"))


def _row(fault: str, harm: Callable[[Path, Random], None], writer: Writer, tries: int, random: Random) -> Row:
    ends, wrong = [], []
    for _ in range(tries):
        with room() as folder:
            wanted = child.run(lambda: _made_and_read(writer))
            moment, files = random.uniform(0, LATEST), _files(folder)

            def spoil(passed: float, moment: float = moment, files: list[Path] = files) -> None:
                while files and passed > moment:
                    harm(files.pop(), random)

            end = child.run(lambda: _read_on(writer), meanwhile=spoil)
            ends.append(end)
            wrong += judged([wanted], None) + judged([end], None, (" ",))
            if end.kind == child.DONE and set(end.value) - {wanted.value}:
                wrong.append("another result was read without a word")
    return row(fault, writer.name, writer.writes, ends, wrong)


def _made_and_read(writer: Writer) -> str:
    writer.make()
    return writer.read()


def _read_on(writer: Writer) -> list[str]:
    """Every result of a while of reading."""
    end, found = time.monotonic() + LONG, set()
    while time.monotonic() < end:
        found.add(writer.read())
    return sorted(found)


def _files(folder: Path) -> list[Path]:
    """Those with content, the lock not among them."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 100]
    return sorted(path for path in found if path.name != pack_module("vace_core.long.lock").LOCK)


def _cut(path: Path, random: Random) -> None:
    os.truncate(path, random.randrange(path.stat().st_size))


def _remove(path: Path, random: Random) -> None:
    path.unlink()


HARMS = {"a file cut while it is read": _cut, "a file removed while it is read": _remove}
