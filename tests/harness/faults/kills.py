"""Processes killed without any warning: at moments by chance, and before some of what they ask of the disk."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence, Set
from functools import partial
from pathlib import Path
from random import Random

from . import child
from .case import Row, judged, row
from .folders import PREFIX, parts_in, place, room
from .writers import Writer

CHANCE, STEPS = "kill -9 at a moment by chance", "kill -9 before some calls of the disk"
# What Python tells of: opened, renamed, linked and removed files. What safetensors and FFmpeg do it does not tell.
ASKS = ("open", "os.rename", "os.link", "os.remove", "os.mkdir")
ABANDONED = 2 * 3600  # seconds after which nobody works on a file any more


def rows(writers: list[Writer], tries: int, seed: int) -> Iterator[Row]:
    """Each writer, killed so many times in either way."""
    for writer in writers:
        with room() as folder:
            undisturbed = child.run(writer.make)
            whole = child.run(partial(_whole, writer))
            asked = child.run(partial(_counted, writer, folder))
        random = Random(f"{seed} {writer.name}")
        moments = [random.uniform(0, undisturbed.seconds) for _ in range(tries)]
        yield _row(CHANCE, writer, undisturbed, whole, [partial(child.run, writer.make, at) for at in moments])
        number = int(asked.value or 0)
        places = sorted({round(k * (number - 1) / max(tries - 1, 1)) for k in range(tries)}) if number else []
        yield _row(STEPS, writer, undisturbed, whole, [_killing_itself(writer, at) for at in places])


def _row(
    fault: str,
    writer: Writer,
    undisturbed: child.Ended,
    whole: child.Ended,
    attempts: list[Callable[[], child.Ended]],
) -> Row:
    """A line for one way to kill.

    Args:
        fault: Its name.
        writer: Who is killed.
        undisturbed: What the writer gives if nobody kills it.
        whole: What its readers take for whole then.
        attempts: Each kills it once.
    """
    ends, wrong = [], judged([undisturbed, whole], None)
    for attempt in attempts:
        with room() as folder:
            killed = attempt()
            found = child.run(partial(_whole, writer))
            again = child.run(writer.make)
            later = child.run(partial(_whole, writer))
            ends += [killed, again]
            wrong += judged([found, again, later], None) + judged([again], undisturbed.value)
            wrong += foreign([found, later], {undisturbed.value, *(whole.value or ())})
            wrong += _left(writer, folder)
    killed_ones = sum(end.kind == child.KILLED for end in ends)
    came = f"{killed_ones} killed, {len(attempts) - killed_ones} had ended; the next run gave the same"
    return row(fault, writer.name, writer.writes, ends, wrong, came, len(attempts))


def foreign(found: Sequence[child.Ended], whole: Set[object]) -> list[str]:
    """What is wrong if readers take something for whole that an undisturbed run does not make.

    Args:
        found: What they take for whole in a folder where a process was killed.
        whole: What they take for whole where nobody was, and what such a run gives: its own file may go with it.
    """
    taken = {value for end in found for value in end.value or ()}
    return [f"a reader took a half file for whole: {value}" for value in sorted(taken - whole)]


def _whole(writer: Writer) -> list[str]:
    return sorted(set(writer.whole()))


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
