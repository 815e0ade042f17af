"""The SQLite file of a batch: opened, locked for one driver, changed in whole steps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ..errors import BatchError
from .schema import SCHEMA

FILE, LOCK = "manifest.sqlite", "lock.sqlite"
WAIT_SECONDS, SWITCH_SECONDS = 60.0, 2.0  # for whoever has the file
_Own = TypeVar("_Own", bound="Database")


class Database:
    """The file, and who may write it.

    Attributes:
        folder: Of the batch.
    """

    def __init__(self, folder: Path) -> None:
        """Open it, or begin one.

        Raises:
            BatchError: If it is damaged, or cannot be one.
        """
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._data = sqlite3.connect(folder / FILE, timeout=WAIT_SECONDS, isolation_level=None)
            self._data.row_factory = sqlite3.Row
            self._data.executescript(SCHEMA)
            self._wait_for_disk()
        except (OSError, sqlite3.OperationalError) as error:
            raise BatchError(f"{folder / FILE} cannot be opened: {error}.") from None
        except sqlite3.DatabaseError as error:
            raise BatchError(
                f"{folder / FILE} is damaged ({error}). Put a copy back, or begin in another folder."
            ) from None

    @classmethod
    def there(cls: type[_Own], folder: Path) -> _Own:
        """That of a batch that was begun.

        Raises:
            BatchError: If there is none.
        """
        if not (folder / FILE).is_file():
            raise BatchError(f"There is no batch in {folder}. Name the folder that `run` wrote.")
        return cls(folder)

    def keep_journal(self, *, one_machine: bool) -> None:
        """Choose how changes are made safe.

        With a log of what is written ahead (WAL) a commit waits for no disk, and what was committed outlives a kill of
        any process. If the power fails, the last commits may be missing, whose jobs are then made again. The log
        has an index in memory that other machines do not see, so where they open the file it must not be used.

        Args:
            one_machine: Whether no other machine opens the file.

        Raises:
            BatchError: If other machines do, and the log cannot be left while somebody looks at the file.
        """
        self._wait_for_others(SWITCH_SECONDS)
        try:
            self._data.execute(f"PRAGMA journal_mode = {'WAL' if one_machine else 'DELETE'}")
        except sqlite3.OperationalError as error:
            if not one_machine:
                self._tell_of_others(error)
        finally:
            self._wait_for_others(WAIT_SECONDS)
        self._wait_for_disk()

    def _tell_of_others(self, error: sqlite3.OperationalError) -> None:
        if "locked" not in str(error):
            raise error
        raise BatchError(
            f"Somebody looks at {self.folder / FILE}, so it cannot be made one that other machines may open. End "
            "`status` and whatever else has it open, then run again."
        ) from None

    def _wait_for_others(self, seconds: float) -> None:
        self._data.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")

    def _wait_for_disk(self) -> None:
        ahead = self._data.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        self._data.execute(f"PRAGMA synchronous = {'NORMAL' if ahead else 'FULL'}")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within, no other driver works on this batch; the system lets go when this process ends, however it ends.

        Raises:
            BatchError: If another one does.
        """
        lock = sqlite3.connect(self.folder / LOCK, timeout=0, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            lock.close()
            raise BatchError(
                f"Another run works on {self.folder}. Wait for it, or use `status` and `cancel`."
            ) from None
        try:
            yield
        finally:
            lock.close()

    def close(self) -> None:
        """Let go of the file."""
        self._data.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Within, all changes are made or none, and the disk is waited for once."""
        self._data.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._data.execute("COMMIT")
        except BaseException:
            if self._data.in_transaction:  # on a full disk SQLite may have ended it
                self._data.execute("ROLLBACK")
            raise
