"""Disks that are full, or that may only be read: small file systems in memory, mounted for a moment."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from . import child
from .case import SKIPPED, Row, judged, row
from .folders import FOLDERS, parts_in, place, room
from .writers import LESS, REFUSED, Writer

FULL, READ_ONLY = "a disk that is full", "a disk that may only be read"
SHARES = (0.1, 0.5, 0.9)  # of what is written, that there is room for
PAGE = 4096


def rows(writers: list[Writer]) -> Iterator[Row]:
    """Each writer on either disk."""
    for writer in writers:
        with room() as folder:
            undisturbed = child.run(writer.make)
            sizes = [_size(folder), *_peak(writer, folder)]
        yield _full(writer, undisturbed.value, max(sizes))
        yield _read_only(writer, undisturbed.value)


def _full(writer: Writer, wanted: object, size: int) -> Row:
    ends, wrong = [], []
    for share in SHARES:
        with room() as folder, _mounted(folder, int(size * share) // PAGE * PAGE) as there:
            if not there:
                return _skipped(FULL, writer)
            place(folder)
            end = child.run(writer.make)
            ends.append(end)
            wrong += judged([end], _wanted(writer, wanted), _sentence(writer, folder))
            if end.kind == child.DONE and writer.on_full == REFUSED:
                wrong.append(f"a disk with room for {share:.0%} took everything")
            wrong += [f"left: {part.name}" for part in _parts(folder)]
            wrong += judged([child.run(lambda: list(writer.whole()))], None)
    return row(FULL, writer.name, writer.writes, ends, wrong)


def _read_only(writer: Writer, wanted: object) -> Row:
    with room() as folder, _mounted(folder, 2**21) as there:
        if not there:
            return _skipped(READ_ONLY, writer)
        place(folder)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        end = child.run(writer.make)
        wrong = judged([end], _wanted(writer, wanted), _sentence(writer, folder))
        if end.kind == child.DONE and writer.on_full == REFUSED:
            wrong.append("it took everything")
        return row(READ_ONLY, writer.name, writer.writes, [end], wrong)


def _wanted(writer: Writer, undisturbed: object) -> str | None:
    return None if writer.on_full == LESS else str(undisturbed)


def _sentence(writer: Writer, folder: Path) -> tuple[str, ...]:
    return ("queue again", str(folder)) if writer.on_full == REFUSED else ()


def _peak(writer: Writer, folder: Path) -> list[int]:
    """Bytes in a folder while the writer works, again and again: some of its files go with the process."""
    for name in FOLDERS:
        shutil.rmtree(folder / name)
    place(folder)
    sizes: list[int] = []
    child.run(writer.make, meanwhile=lambda _: sizes.append(_size(folder)))
    return sizes


def _size(folder: Path) -> int:
    """Bytes in whole pages; a file may go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += -(-path.stat().st_size // PAGE) * PAGE if path.is_file() else 0
    return total


def _parts(folder: Path) -> list[Path]:
    return [*parts_in(folder), *(path for path in (folder / "temp").rglob("*.part*"))]


def _skipped(fault: str, writer: Writer) -> Row:
    return Row(fault, writer.name, writer.writes, 0, f"{SKIPPED}: file systems cannot be mounted here")


@contextlib.contextmanager
def _mounted(folder: Path, size: int) -> Iterator[bool]:
    """Within, a folder is an empty disk of so many bytes; False where that is not allowed."""
    argv = ["mount", "-t", "tmpfs", "-o", f"size={max(size, PAGE)}", "tmpfs", str(folder)]
    can = shutil.which("mount") is not None
    there = can and subprocess.run(argv, capture_output=True, check=False).returncode == 0
    try:
        yield there
    finally:
        if there:
            subprocess.run(["umount", "-l", str(folder)], check=True)
