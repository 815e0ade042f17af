"""Folders for the host, made for a try and gone after it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("output", "temp", "input", "user")
PREFIX = "vace-faults-"


@contextlib.contextmanager
def room() -> Iterator[Path]:
    """Within, the host's folders are in a new one."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        yield place(Path(name))


def place(folder: Path) -> Path:
    """Let the host's folders be in another one, for this process and those it forks."""
    import folder_paths

    for name in FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    (folder / "output" / "video").mkdir(exist_ok=True)  # the host's own Save Video says nothing where it cannot make it
    folder_paths.set_output_directory(str(folder / "output"))
    folder_paths.set_temp_directory(str(folder / "temp"))
    folder_paths.set_input_directory(str(folder / "input"))
    folder_paths.set_user_directory(str(folder / "user"))
    return folder


def parts_in(folder: Path) -> list[Path]:
    """What somebody began to write, in the folders that the host does not empty when it starts."""
    kept = (folder / name for name in FOLDERS if name != "temp")
    return [path for root in kept for path in root.rglob("*") if ".part" in path.name]
