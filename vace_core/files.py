"""Files and texts from outside: read within bounds, and a sentence where one cannot be written."""

import contextlib
import errno
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from .errors import VaceInputError

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_MEBI = 2**20
ABANDONED = 3600.0  # seconds after which what somebody began to write is nobody's any more
_SHOWN = 100  # characters


def parse_json(text: str | bytes) -> object:
    """What a JSON text holds.

    Raises:
        ValueError: If it is no JSON, or lists stand in lists deeper than Python reads them.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("lists stand too deep in lists") from error


def is_file(path: Path) -> bool:
    """Whether there is a plain file, links followed; no for a name that no file can have, which Python raises."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def shown(name: str) -> str:
    """A name that somebody gave, as a sentence can hold it."""
    return name if len(name) <= _SHOWN else f"{name[: _SHOWN - 3]}..."


def open_plain(path: Path) -> BinaryIO:
    """A file, opened to be read.

    Raises:
        OSError: If it cannot be, or is a folder, a device or a pipe, links followed: to read these may never end.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return path.open("rb")


def read_small(path: Path, most: int) -> bytes:
    """All of a file that is meant to be small.

    Args:
        path: The file.
        most: Bytes that it may have.

    Raises:
        OSError: See `open_plain`.
        ValueError: If it is longer.
    """
    with open_plain(path) as file:
        data = file.read(most + 1) if path.stat().st_size <= most else None
    if data is None or len(data) > most:
        raise ValueError(f"it is longer than {most // _MEBI} MiB")
    return data


def remove_abandoned(parts: Iterable[Path]) -> None:
    """Let go of files that a killed process began to write; those of the last hour may be of one that still writes.

    One that is younger than now, because the clock was set back, counts by as much.

    Args:
        parts: Files that get another name once they are whole.
    """
    for part in parts:
        with contextlib.suppress(OSError):  # another process lets go of them, too
            if abs(time.time() - part.stat().st_mtime) > ABANDONED:
                part.unlink()


def used_last(path: Path) -> int:
    """When a file was used last, in nanoseconds; long ago for one of the future, as the clock was set back since."""
    modified = path.stat().st_mtime_ns
    return modified if modified <= time.time_ns() else 0


def write_error(error: OSError, path: Path, size: int = 0, kept: str = "") -> VaceInputError:
    """What to raise where a file cannot be written.

    Args:
        error: What the system said.
        path: The file.
        size: Bytes it needs, as far as that is known.
        kept: What to add, such as what is not lost.
    """
    if error.errno in _FULL:
        need = f"{path.name} needs {max(size // _MEBI, 1)} MiB in {path.parent}"
        return VaceInputError(f"The disk is full: {need}. Free some space and queue again.{kept}")
    reason = error.strerror or type(error).__name__
    return VaceInputError(
        f"{path.name} cannot be written to {path.parent} ({reason}). Look whether that folder is there and may be "
        f"written to, then queue again.{kept}"
    )
