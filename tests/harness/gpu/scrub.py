"""Text that may be sent to others: without the paths, the user's name and the name of this machine."""

from __future__ import annotations

import contextlib
import getpass
import platform
import re
import sys
import tempfile
from pathlib import Path

from ..host.locations import ROOT, dev_dir

POSIX = re.compile(r"(?<![\w.…~])/(?:[^/\s:'\"`,;()<>|]+/)+")
WINDOWS = re.compile(r"\b[A-Za-z]:[\\/](?:[^\\/:'\"`,;()<>|\r\n]+[\\/])+|\\\\(?:[^\\/\s'\"]+\\)+")
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Such names say nothing of anybody, and are words of messages.
COMMON_NAMES = {"root", "user", "admin", "ubuntu", "runner", "localhost", "docker", "host", "main", "worker", "test"}
SHORTEST = 4
LONGEST = 300


def scrubbed(text: str, names: tuple[str, ...] | None = None) -> str:
    """The text with folders cut off paths, and names of user and machine taken out.

    Args:
        text: Such as the message of an error.
        names: What to take out; those of this user and this machine if None.
    """
    for folder in _known_folders():
        text = text.replace(folder, "…")
    text = POSIX.sub("…/", WINDOWS.sub("…/", text))
    for name in _own_names() if names is None else names:
        text = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", "…", text, flags=re.IGNORECASE)
    return text


def one_line(text: str) -> str:
    """The text of an error in one short line without colours."""
    line = " ".join(ESCAPES.sub("", text).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} …"


def _known_folders() -> list[str]:
    """Folders whose names may have spaces in them, so that no pattern finds their end; longest first."""
    folders = {ROOT, dev_dir(), Path(sys.prefix), Path(tempfile.gettempdir()), Path.home()}
    return sorted((str(folder) for folder in folders if len(folder.parts) > 1), key=len, reverse=True)


def _own_names() -> tuple[str, ...]:
    """Of this user and this machine, as far as they are names."""
    found = [platform.node(), platform.node().split(".")[0]]
    with contextlib.suppress(KeyError, OSError, ImportError):  # the user of a container may have no name
        found.append(getpass.getuser())
    named = {name for name in found if len(name) >= SHORTEST and name.lower() not in COMMON_NAMES}
    return tuple(sorted(named, key=len, reverse=True))
