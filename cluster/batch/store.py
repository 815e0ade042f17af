"""Files by their content: ``<first 16 of the sha256>/<name>``, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PART, ARRIVED = ".part", "arrived"  # the folder of results that a worker is done with and the driver has not taken yet
_BLOCK = 2**20


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file, read in parts."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under its name only when all of it is there."""
    with _arriving(path) as part:
        part.write_bytes(data)


def copy_whole(source: Path, path: Path) -> None:
    """Copy a file; the copy appears when all of it is there."""
    with _arriving(path) as part:
        shutil.copyfile(source, part)


def take_whole(source: Path, path: Path) -> None:
    """Let a file appear under another name at once; the old name stays where both lie on one disk."""
    with _arriving(path) as part:
        try:
            part.hardlink_to(source)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, part)


@contextlib.contextmanager
def _arriving(path: Path):  # noqa: ANN202  (a context manager of a Path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}{PART}")
    try:
        yield part
        os.replace(part, path)  # noqa: PTH105  (the same, and over a file that is there)
    finally:
        part.unlink(missing_ok=True)


class Store:
    """A folder of such files, which is also a ComfyUI's input folder.

    Attributes:
        folder: Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder; made when missing."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def name_of(self, path: Path, digest: str, owner: str = "") -> str:
        """What a file is called here.

        Args:
            path: The file.
            digest: Of its content.
            owner: Whom it belongs to alone, so that whoever removes it takes it from no other one of the same content.
        """
        return f"{digest[:16]}/{owner and owner + '_'}{path.name}"

    def has(self, name: str) -> bool:
        """Whether a file is here, whole."""
        return (self.folder / name).is_file()

    def path(self, name: str) -> Path:
        """Where a file lies or would lie."""
        return self.folder / name

    def copy(self, source: Path, digest: str) -> str:
        """Keep a copy of a user's file, which may be written to later; gives its name."""
        return self._keep(self.name_of(source, digest), source, copy_whole)

    def take(self, source: Path, digest: str, owner: str) -> str:
        """Keep a file that the batch made itself for one owner; gives its name."""
        return self._keep(self.name_of(source, digest, owner), source, take_whole)

    def _keep(self, name: str, source: Path, how: Callable[[Path, Path], None]) -> str:
        if not self.has(name):
            how(source, self.folder / name)
        return name

    def write(self, name: str, data: bytes) -> None:
        """Keep what came from elsewhere; what is here already counts as used now.

        Its time of change stays: by that ComfyUI tells whether a file is still the one that it loaded.
        """
        path = self.folder / name
        if self.has(name):
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        else:
            write_whole(path, data)

    def keep_to(self, limit: int) -> None:
        """Remove the files that were used longest ago, until the others take no more than ``limit`` bytes."""
        there = [path for path in self.folder.glob("*/*") if path.is_file()]
        files = sorted((path.stat().st_atime_ns, path.stat().st_size, path) for path in there)
        taken = sum(size for _, size, _ in files)
        for _, size, path in files:
            if taken <= limit:
                return
            self.remove(path.relative_to(self.folder).as_posix())
            taken -= size

    def remove(self, name: str) -> None:
        """Forget a file."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others of the same content
            path.parent.rmdir()


@dataclass
class Files:
    """The files that cells and the workflow name.

    Attributes:
        folders: Where a name is looked for, in order.
        store: Takes them; None leaves them where they are, for a check.
    """

    folders: tuple[Path, ...]
    store: Store | None = None
    _known: dict[Path, str] = field(default_factory=dict)

    def name(self, text: str) -> str | None:
        """What a file is called by its content; None if it is not there."""
        for folder in self.folders:
            path = _file(folder, text)
            if path is None:
                continue
            if path not in self._known:
                digest = sha256_of(path)
                self._known[path] = self.store.copy(path, digest) if self.store else f"{digest[:16]}/{path.name}"
            return self._known[path]
        return None


def _file(folder: Path, text: str) -> Path | None:
    """A file in a folder; None if it is not there, or no file can have such a name."""
    try:
        path = (folder / text).resolve()
        return path if path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # too long, with a NUL, links in a circle
        return None
