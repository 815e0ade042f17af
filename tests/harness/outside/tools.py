"""The tools, and the environment that they get."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TOOLS = ("comfy-cli==1.23.0", "comfy-draftsman==0.25.3")
COMFY = ("-m", "comfy_cli", "--skip-prompt", "--no-enable-telemetry")


def environment(folder: Path, host_python: Path) -> Path:
    """The interpreter of an environment with the tools, made if it is not there.

    Args:
        folder: Where it is.
        host_python: Interpreter that makes it.
    """
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = folder / "tools.txt"
    if not stamp.is_file() or stamp.read_text("utf-8") != " ".join(TOOLS):
        subprocess.run([str(host_python), "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *TOOLS], check=True)
        stamp.write_text(" ".join(TOOLS), "utf-8")
    return python


def quiet() -> dict[str, str]:
    """The variables of a process in which nothing is reported to anybody."""
    return os.environ | {"DO_NOT_TRACK": "1", "COMFY_NO_TRACKING": "1", "PYTHONPATH": ""}
