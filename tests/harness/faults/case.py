"""One fault of a machine that was tried, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .child import DONE, KILLED, SENTENCE, Ended

SURVIVED, SKIPPED = "survived", "skipped"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        fault: What was done.
        writer: To whom.
        writes: What it writes or reads.
        tried: How often it was done; other processes, which work before or afterwards, are not counted.
        came: What came of it, in a few words.
        wrong: What must not be; empty if nothing.
        bytes: The most that a process came to hold beyond what it began with; of a server, what it holds afterwards
            beyond what it held before, so it may be below 0.
        seconds: Of all tries.
    """

    fault: str
    writer: str
    writes: str
    tried: int
    came: str
    wrong: str = ""
    bytes: int = 0
    seconds: float = 0.0


def judged(ends: Sequence[Ended], wanted: str | None, sentence: Sequence[str] = ()) -> list[str]:
    """What is wrong with ends of processes.

    Args:
        ends: Those that were not killed by us.
        wanted: The value of those that are done; None for any.
        sentence: Words that a sentence has in it; without any there must be none.
    """
    wrong = []
    for end in ends:
        if end.kind == DONE and wanted not in (None, end.value):
            wrong.append(f"another result: {end.value}")
        elif end.kind == SENTENCE and not (sentence and all(word in end.text for word in sentence)):
            wrong.append(f"this sentence: {end.text}")
        elif end.kind not in (DONE, SENTENCE):
            wrong.append(f"{end.kind}: {end.text[-300:]}")
    return wrong


def row(
    fault: str,
    writer: str,
    writes: str,
    ends: Sequence[Ended],
    wrong: Sequence[str],
    came: str = "",
    tried: int | None = None,
) -> Row:
    """A line for several tries.

    Args:
        fault: See `Row`, as for the next two.
        writer: To whom.
        writes: What.
        ends: One for each process.
        wrong: What must not be.
        came: In place of the counts of how they ended.
        tried: How often the fault was done, where that is not once for each process.
    """
    kinds = [SURVIVED if end.kind == DONE else end.kind for end in ends if end.kind != KILLED]
    counts = ", ".join(f"{kind} {kinds.count(kind)}" for kind in dict.fromkeys(kinds))
    said = next((end.text for end in ends if end.kind == SENTENCE), "")
    came = came or (f"{counts}: {said}" if said else counts)
    most, seconds = max((end.bytes for end in ends), default=0), sum(end.seconds for end in ends)
    tried = len(ends) if tried is None else tried
    return Row(fault, writer, writes, tried, came, "; ".join(dict.fromkeys(wrong)), most, seconds)
