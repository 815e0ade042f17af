"""What a reader of the report must know of the machine and its software; prints it as JSON."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import psutil
import torch

from ..host.locations import ROOT, locate
from .device import GIBI, accelerator, card_name, device, memory_in_use, total_memory

BESIDE = ("comfy-aimdo", "comfy-kitchen", "triton", "xformers", "sageattention", "flash-attn", "gguf")


def facts() -> dict[str, str]:
    """By name, in the order in which they are shown; no path and no name of anybody is among them."""
    place = device()
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "pack": _pack(),
        "ComfyUI": _comfyui(),
        "Python": platform.python_version(),
        "PyTorch": f"{torch.__version__}, {_backend()}",
        "card": card_name(place) + _capability(place),
        "driver": _driver(place),
        "memory of the card": _memory(place),
        "memory of the machine": f"{psutil.virtual_memory().total / GIBI:.0f} GiB",
        "processor": f"{os.cpu_count()} cores, {platform.machine()}",
        "system": f"{platform.system()} {platform.release()}",
        "other packages": ", ".join(filter(None, map(_version, BESIDE))) or "none that matter",
    }


def _pack() -> str:
    (version,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    commit = _output("git", "-C", str(ROOT), "rev-parse", "--short=10", "HEAD")
    changed = commit and _output("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    return f"wan-vace {version}" + (f", commit {commit}" if commit else "") + (", changed since" if changed else "")


def _comfyui() -> str:
    file = locate().comfyui / "comfyui_version.py"
    found = re.findall(r'__version__ = "(.*)"', file.read_text("utf-8")) if file.is_file() else []
    return found[0] if found else "not known"


def _backend() -> str:
    named = {"CUDA": torch.version.cuda, "ROCm": torch.version.hip, "XPU": getattr(torch.version, "xpu", None)}
    return next((f"{name} {version}" for name, version in named.items() if version), "without CUDA, ROCm and XPU")


def _capability(place: torch.device) -> str:
    if place.type != "cuda":
        return ""
    properties = torch.cuda.get_device_properties(place)
    kind = getattr(properties, "gcnArchName", "") if torch.version.hip else f"sm_{properties.major}{properties.minor}"
    others = torch.cuda.device_count() - 1
    return f" ({kind})" + (f", the first of {others + 1}" if others else "")


def _driver(place: torch.device) -> str:
    if place.type == "cuda" and not torch.version.hip:
        return (
            _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").split("\n")[0] or "not known"
        )
    amd = Path("/sys/module/amdgpu/version")
    if torch.version.hip and amd.is_file():
        return amd.read_text("utf-8").strip()
    return "none" if place.type == "cpu" else "that of the system"


def _memory(place: torch.device) -> str:
    if place.type == "cpu":
        return "none"
    shared = " (shared with the machine)" if place.type == "mps" else ""
    return f"{total_memory(place) / GIBI:.1f} GiB, {memory_in_use(place) / GIBI:.1f} in use before{shared}"


def _version(package: str) -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return f"{package} {importlib.metadata.version(package)}"
    return ""


def _output(*argv: str) -> str:
    """What a program prints; nothing if it is not there or fails."""
    if not shutil.which(argv[0]):
        return ""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def main() -> None:
    """Print the facts, and what kind of device there is."""
    found = accelerator()
    sees = {"CUDA or ROCm": torch.cuda.is_available(), "MPS": torch.backends.mps.is_available()}
    sees["XPU"] = hasattr(torch, "xpu") and torch.xpu.is_available()
    told = {"facts": facts(), "kind": found.type if found else "cpu", "sees": sees, "card": card_name(device())}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
