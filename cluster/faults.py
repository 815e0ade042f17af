"""Whose fault it was: a mistake is told and not tried again, a fault of a machine is tried elsewhere."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from .errors import BatchError

MISTAKE, FAULT, UNSURE = "mistake", "fault", "unsure"
ATTEMPTS = {MISTAKE: 1, UNSURE: 2}  # a fault: as often as was asked for
LONGEST_PAUSE = 120.0
# As the system says it, and as nodes of this pack do.
NO_SPACE = ("No space left on device", "Disk quota exceeded", "The disk is full")
_FULL = (errno.ENOSPC, errno.EDQUOT)

_MISTAKES = ("VaceInputError",)
_MACHINES = ("OutOfMemoryError", "OOM_EXCEPTION", "MemoryError", "AcceleratorError", "OSError", "Interrupted")
# Whoever says it. A run of a long video is held until the machine that died with it is forgotten by a shared disk.
_PASSING = (*NO_SPACE, "Input/output error", "is being worked on by process")
_SIGNS = ("CUDA error", "HIP error", "out of memory")


def judge(kind: str, sentence: str) -> str:
    """Of an exception in a node.

    Args:
        kind: Its type as ComfyUI names it, with its module or without.
        sentence: What it said.

    Returns:
        `MISTAKE`, `FAULT`, or `UNSURE` of what any node may raise for either reason.
    """
    name = kind.rpartition(".")[2]
    if _says(sentence, _PASSING):
        return FAULT
    if name in _MISTAKES:
        return MISTAKE
    return FAULT if name in _MACHINES or _says(sentence, _SIGNS) else UNSURE


def says_full(sentence: str) -> bool:
    """Whether a node says that a disk is full."""
    return _says(sentence, NO_SPACE)


def _says(sentence: str, signs: tuple[str, ...]) -> bool:
    return any(sign.lower() in sentence.lower() for sign in signs)


def pause(attempt: int, first: float) -> float:
    """Seconds before attempt ``attempt`` + 1, twice as many each time."""
    return min(first * 2 ** max(attempt - 1, 0), LONGEST_PAUSE)


def is_full(error: BaseException) -> bool:
    """Whether a disk is full, as the system or SQLite says it."""
    return getattr(error, "errno", None) in _FULL or (
        isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error)
    )


@contextlib.contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Within, a disk of a batch that is full becomes a sentence, whoever found it full.

    Args:
        folder: Of the batch.

    Raises:
        BatchError: If it is.
    """
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if not is_full(error):
            raise
        raise BatchError(f"The disk of {folder} is full. Make room and run again; what is finished is kept.") from error
