"""Processes killed without any warning: at moments by chance, and before each thing that they ask of the disk."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

from . import child
from .case import Row, judged, row
from .folders import PREFIX, parts_in, place, room
from .writers import Writer

CHANCE, STEPS = "kill -9 at a moment by chance", "kill -9 before each call of the disk"
# What Python tells of: opened, renamed, linked and removed files. What safetensors and FFmpeg do it does not tell.
ASKS = ("open", "os.rename", "os.link", "os.remove", "os.mkdir")
ABANDONED = 2 * 3600  # seconds after which nobody works on a file any more


def rows(writers: list[Writer], tries: int, seed: int) -> Iterator[Row]:
    """Each writer, killed so many times in either way."""
    for writer in writers:
        with room() as folder:
            undisturbed = child.run(writer.make)
            asked = child.run(partial(_counted, writer, folder))
        random = Random(f"{seed} {writer.name}")
        moments = [random.uniform(0, undisturbed.seconds) for _ in range(tries)]
        yield _row(CHANCE, writer, undisturbed.value, [partial(child.run, writer.make, at) for at in moments])
        number = int(asked.value or 0)
        places = sorted({round(k * (number - 1) / max(tries - 1, 1)) for k in range(tries)}) if number else []
        yield _row(STEPS, writer, undisturbed.value, [_killing_itself(writer, at) for at in places])


def _row(fault: str, writer: Writer, wanted: object, attempts: list[Callable[[], child.Ended]]) -> Row:
    ends, wrong = [], []
    for attempt in attempts:
        with room() as folder:
            killed = attempt()
            found = child.run(lambda: sorted(set(writer.whole())))
            again = child.run(writer.make)
            whole = child.run(lambda: sorted(set(writer.whole())))
            ends += [killed, again]
            wrong += judged([found, again, whole], None) + judged([again], wanted)
            if found.value and not set(found.value) <= set(whole.value or ()):
                wrong.append("a reader took something for whole that an undisturbed run does not make")
            wrong += _left(writer, folder)
    killed_ones = sum(end.kind == child.KILLED for end in ends)
    came = f"{killed_ones} killed, {len(attempts) - killed_ones} had ended; the next run gave the same"
    return row(fault, writer.name, writer.writes, ends, wrong, came)


def _left(writer: Writer, folder: Path) -> list[str]:
    """What stays of a killed process for ever, in a folder that the host does not empty."""
    for part in parts_in(folder):
        past = time.time() - ABANDONED
        os.utime(part, (past, past))
    child.run(writer.make)
    return [f"left for ever: {part.name}" for part in parts_in(folder)]


def _killing_itself(writer: Writer, number: int) -> Callable[[], child.Ended]:
    """A process that ends itself before it asks the disk for the time of that number."""

    def make() -> str:
        asked = iter(range(number))

        def hear(event: str, args: tuple) -> None:
            if _is_asked(event, args) and next(asked, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hear)
        return writer.make()

    return lambda: child.run(make)


def _counted(writer: Writer, folder: Path) -> int:
    """How often a writer asks the disk for something, in a folder where nothing was made."""
    for each in folder.iterdir():
        shutil.rmtree(each)
    place(folder)
    asked = []
    sys.addaudithook(lambda event, args: asked.append(event) if _is_asked(event, args) else None)
    writer.make()
    return len(asked)


def _is_asked(event: str, args: tuple) -> bool:
    return event in ASKS and any(PREFIX in str(arg) for arg in args[:2])
