"""One process at a time in a folder."""

import contextlib
import errno
import os
from pathlib import Path

from ..errors import VaceInputError

if os.name == "nt":
    import msvcrt
else:
    import fcntl

LOCK = "lock"
# Windows forbids reading locked bytes; this one is never written, so who holds the lock can still be read.
_LOCKED_BYTE = 2**30
_TAKEN = errno.EACCES, errno.EAGAIN, errno.EDEADLK


class RunLock:
    """Keeps a second process out of a folder.

    The system holds the lock and lets it go when the process ends, however it ends, so none is ever left behind. The
    file itself stays and says who had it last.

    The package filelock locks the same way, but not where it matters: on a disk without locks its newer versions take
    a plain file instead without an error, which a killed process leaves behind; and its older versions empty the file
    that says who has the lock.
    """

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Args:
            folder: The run's.

        Raises:
            VaceInputError: If another process, or another run of this one, has it, or the disk knows no locks.
        """
        self._file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
        try:
            _lock(self._file)
        except OSError as error:
            holder = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            if error.errno not in _TAKEN:
                raise VaceInputError(
                    f"{folder} cannot be locked ({error.strerror}), so two runs could mix there. Use a folder on a "
                    f"disk of this computer."
                ) from error
            raise VaceInputError(
                f"The run {folder.name} is being worked on by process {holder or 'unknown'}. Wait until it has "
                f"finished or stop it, or choose another run name."
            ) from error
        with contextlib.suppress(OSError):  # a full disk; the lock is held all the same
            os.ftruncate(self._file, 0)
            os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        """Let go of the lock; a second time does nothing."""
        if self._file is not None:
            os.close(self._file)
        self._file = None


def _lock(file: int) -> None:
    if os.name == "nt":
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
