"""An environment of its own for one tool, which finds all that the host's Python has as well."""

from __future__ import annotations

import subprocess
import sysconfig
import venv
from pathlib import Path

from .locations import venv_python


def environment_with(tool: str, folder: Path) -> Path:
    """Make it, if it is not there yet.

    Args:
        tool: A package with its version, as pip takes it.
        folder: For the environment.

    Returns:
        Its interpreter; what the running one has is behind what it has itself.
    """
    place, python = sysconfig.get_path("purelib", vars={"base": str(folder)}), venv_python(folder)
    if not (stamp := folder / "tool.txt").is_file() or stamp.read_text("utf-8") != tool:
        venv.create(folder, with_pip=True)
        Path(place, "host.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
        subprocess.run([python, "-m", "pip", "install", "--quiet", tool], check=True)
        stamp.write_text(tool, "utf-8")
    return python
