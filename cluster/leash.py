"""Ends a process group when whoever started this program ends: ``python leash.py ID``.

Its standard input is a pipe that nobody writes to. The system closes it when the one at the other end ends, however
that happens, and then the group is ended. So a worker that is killed leaves no ComfyUI behind that holds a GPU.
"""

import contextlib
import os
import signal
import sys


def keep_on_leash(group: int) -> None:
    """Wait, then end it.

    Args:
        group: Id of the process that leads it.
    """
    sys.stdin.buffer.read()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(group, signal.SIGKILL)
        else:
            os.kill(group, signal.SIGTERM)


if __name__ == "__main__":
    keep_on_leash(int(sys.argv[1]))
