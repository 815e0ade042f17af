"""Where a run keeps its weights for a while: in memory where the system has such a place, else on disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

PREFIX = "wan-vace-gpu-"
IN_MEMORY = Path("/dev/shm")
GIBI = 2**30


@contextlib.contextmanager
def scratch_folders() -> Iterator[list[Path]]:
    """Folders of this run, the one in memory first; they are removed, and so is what a run left that was killed."""
    places = [IN_MEMORY] if os.access(IN_MEMORY, os.W_OK) else []
    places.append(Path(tempfile.gettempdir()))
    for place in places:
        remove_abandoned(place)
    folders = [Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place)) for place in places]
    try:
        yield folders
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(place: Path) -> None:
    """Remove the folders of runs whose process is gone."""
    for folder in place.glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def folder_with_room(folders: list[Path], gib: float) -> Path | None:
    """The first folder that has so much room; None if none has."""
    return next((folder for folder in folders if shutil.disk_usage(folder).free >= gib * GIBI), None)
