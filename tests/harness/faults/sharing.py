"""Two processes in one folder, locks that somebody left, and clocks that jump."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from . import child
from .case import Row, judged, row
from .folders import room
from .writers import FILM, Writer

DAY = 24 * 3600
JUMPS = (DAY, -DAY)
LOCKS = {"a lock left by a dead process": "999999999", "a lock left by another machine": "render-7 4711"}


def rows(writers: list[Writer]) -> Iterator[Row]:
    """Each writer twice at once, and with files of tomorrow and of yesterday; runs with locks that were left."""
    for writer in writers:
        yield _two_at_once(writer)
        yield _clock(writer)
        if "lock" in writer.writes:
            yield from (_left_lock(writer, fault, text) for fault, text in LOCKS.items())


def _two_at_once(writer: Writer) -> Row:
    """One begins while the other works; afterwards a third has the same result."""
    with room():
        wanted = child.run(writer.make).value
    with room():
        inner: list[child.Ended] = []

        def begin_second(_: float) -> None:
            if not inner:
                inner.append(child.run(writer.make))

        outer = child.run(writer.make, meanwhile=begin_second)
        ends = [outer, *inner, child.run(writer.make)]
        wrong = judged(ends, wanted, ("is being worked on by process",)) + _judged_whole(writer)
        if child.DONE not in {outer.kind, inner[0].kind}:
            wrong.append("neither came to its end")
        return row("two processes at once", writer.name, writer.writes, ends, wrong, tried=1)


def _clock(writer: Writer) -> Row:
    """A second run finds files that were written tomorrow, a third those of yesterday."""
    with room() as folder:
        ends = [child.run(writer.make)]
        for jump in JUMPS:
            for path in folder.rglob("*"):
                os.utime(path, (time.time() + jump, time.time() + jump))
            ends.append(child.run(writer.make))
        wrong = judged(ends, ends[0].value) + _judged_whole(writer)
        return row("a clock that jumps back a day, and on", writer.name, writer.writes, ends, wrong, tried=len(JUMPS))


def _left_lock(writer: Writer, fault: str, text: str) -> Row:
    with room():
        wanted = child.run(writer.make).value
    with room() as folder:
        run = folder / "output" / "vace_runs" / FILM["run"]
        run.mkdir(parents=True)
        (run / "lock").write_text(text, "utf-8")
        end = child.run(writer.make)
        return row(fault, writer.name, writer.writes, [end], judged([end], wanted))


def _judged_whole(writer: Writer) -> list[str]:
    return judged([child.run(lambda: list(writer.whole()))], None)
