"""The tests in several processes at once, each with a base directory of its own, so that none reads another's files."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .locations import BASE, base_dir, dev_dir

MOST = 4  # each holds a ComfyUI, three gigabytes
# The fixtures of a file are made once; files are given out in the order of tests/conftest.py.
BY_FILE = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")


def workers_env() -> dict[str, str]:
    """How many processes ``-n auto`` starts: one for each core, four at most."""
    return {"PYTEST_XDIST_AUTO_NUM_WORKERS": str(min(os.cpu_count() or 1, MOST))}


@contextlib.contextmanager
def own_base_directory() -> Iterator[None]:
    """Within, this process and what it starts use a copy of the base directory, without its output."""
    if not base_dir().is_dir():  # nothing is set up, so nothing of it is used
        yield
        return
    before = os.environ.get(BASE)
    with tempfile.TemporaryDirectory(prefix="base-", dir=dev_dir(), ignore_cleanup_errors=True) as folder:
        base = Path(folder) / "base"
        shutil.copytree(base_dir(), base, symlinks=True, ignore=_without_output)
        os.environ[BASE] = str(base)
        try:
            yield
        finally:
            os.environ.pop(BASE)
            os.environ.update({} if before is None else {BASE: before})


def _without_output(folder: str, names: list[str]) -> list[str]:
    return names if Path(folder) in (base_dir() / "output", base_dir() / "temp") else []
