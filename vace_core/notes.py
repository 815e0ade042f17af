"""Notes: what the user is told of an input that was repaired, or of a choice that was made for them.

Whoever repairs something calls `tell`, however deep it lies. Whoever can hand notes on opens a collector around the
work: a builder puts them into the VCU it returns, a node publishes them. They go to the innermost open collector
and to no other, so nothing is told twice; who opened it hands them on in what it returns, or by `tell_again`.

An open collector belongs to its context (`contextvars`): it is not seen by threads, which collect for themselves
(`annotators.protocol.on_threads`), and a generator closes its own before it yields.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from typing import ParamSpec, TypeVar

from .errors import printable

Inputs, Part, Result = ParamSpec("Inputs"), TypeVar("Part"), TypeVar("Result")


@dataclass(frozen=True)
class Note:
    """One thing to tell the user.

    Attributes:
        code: What it is about, a short word that stays when the sentence is written anew: what code goes by.
        text: A whole sentence or more.
        frames: The frames it is about, where code asks whether it still holds.
    """

    code: str
    text: str
    frames: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Show half a character as its code, for the text goes to files and terminals."""
        object.__setattr__(self, "text", printable(self.text))


class UnheardNote(UserWarning):
    """A note that nobody collects."""


_OPEN: ContextVar[list[Note] | None] = ContextVar("open_collector", default=None)


@contextmanager
def collect_notes() -> Iterator[list[Note]]:
    """A list that receives what is told while the ``with`` lasts, by this thread."""
    notes: list[Note] = []
    token = _OPEN.set(notes)
    try:
        yield notes
    finally:
        _OPEN.reset(token)


def tell(code: str, text: str, frames: Iterable[int] = ()) -> None:
    """Add a note to the innermost open collector; without any it becomes a Python warning.

    Args:
        code: See `Note`, like all that follow.
        text: What the user reads.
        frames: Frames it is about.
    """
    tell_again([Note(code, text, tuple(frames))])


def tell_again(notes: Iterable[Note]) -> None:
    """Hand on what another collector received."""
    collected = _OPEN.get()
    for note in notes:
        if collected is None:
            warnings.warn(note.text, UnheardNote, stacklevel=3)
        else:
            collected.append(note)


def keep_notes(build: Callable[Inputs, Result]) -> Callable[Inputs, Result]:
    """A function whose result, a dataclass with ``notes``, has what was told meanwhile after its own notes.

    What it told is heard by nobody else: whoever gets the result publishes it, or tells it again.
    """

    @wraps(build)
    def built(*args: Inputs.args, **kwargs: Inputs.kwargs) -> Result:
        with collect_notes() as notes:
            result = build(*args, **kwargs)
        return replace(result, notes=(*result.notes, *notes))

    return built


def each_told_once(work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
    """What comes of each part; a note that one before has told is not told again.

    Args:
        work: What is done with a part.
        parts: In order.
    """
    told: set[Note] = set()
    for part in parts:
        with collect_notes() as notes:
            result = work(part)
        tell_again(note for note in notes if note not in told)
        told.update(notes)
        yield result
        del part, result  # or both would be there still while the next one is made


def sentences(notes: Iterable[Note]) -> list[str]:
    """What the user reads, a note each."""
    return [note.text for note in notes]
