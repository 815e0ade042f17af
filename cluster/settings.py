"""What a batch is run with, the same for all of its workers."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from .errors import BatchError

COMFYUI, PYTHON, BASE = "COMFYUI_PATH", "COMFYUI_PYTHON", "COMFYUI_BASE"
THREADS = "OMP_NUM_THREADS"  # Ray sets it to 1 where ComfyUI is to choose


@dataclass(frozen=True)
class Settings:
    """How workers run ComfyUI. On a machine where it lies elsewhere, the environment there says where.

    Attributes:
        comfyui: The folder with main.py.
        python: Its interpreter.
        base: Its base directory: models and custom_nodes.
        flags: More of its command line.
        batch: The folder of the batch.
        shared: Whether all machines see that folder under this name.
        limit: Seconds that one part of a job may take.
        threads: What ``OMP_NUM_THREADS`` is for ComfyUI; None leaves it out.
        leash: The text of `leash.py`, for machines that do not have it.
    """

    comfyui: str
    python: str
    base: str
    flags: tuple[str, ...]
    batch: str
    shared: bool
    limit: float
    threads: str | None
    leash: str

    def here(self) -> tuple[Path, Path, Path]:
        """ComfyUI, interpreter and base directory on this machine.

        Raises:
            BatchError: If one is not there.
        """
        comfyui = _there(self.comfyui, COMFYUI, "main.py")
        python, base = _there(self.python, PYTHON), _there(self.base, BASE)
        return comfyui, python, base


def _there(said: str, name: str, inside: str = "") -> Path:
    """A path as the batch says, or where it is not there as the environment of this machine says."""
    for path in (said, os.environ.get(name)):
        if path and (Path(path) / inside).exists():
            return Path(path)
    raise BatchError(f"{Path(said) / inside} is not there on {platform.node()}. Set {name} on that machine.")
