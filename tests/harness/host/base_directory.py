"""ComfyUI's base directory, filled: this pack linked in, small models, the miniature, inputs, settings."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .install import say
from .locations import ROOT, Host, SetupError, base_dir
from .processes import tool_env

FOLDERS = ("models", "input", "output", "temp", "user/default", "custom_nodes")
SETTINGS = {"Comfy.TutorialCompleted": True}  # else the template browser covers the first page
HARNESS = Path(__file__).resolve().parents[1]
DEV_NODES = HARNESS / "nodes" / "wan_vace_dev"
MINIATURE = ROOT / "miniature"
WORLD = [MINIATURE / "world" / f"{name}.py" for name in ("scenes", "shapes", "words", "signals")]


def fill(host: Host) -> Path:
    """Make the base directory complete.

    Args:
        host: An installed host.

    Returns:
        The directory.
    """
    base = base_dir()
    prepare(base)
    weights = sorted((MINIATURE / "weights").glob("*/*.safetensors"))
    _make(host, "inputs.checkpoints", base / "models", "Making small models", weights)
    _make(host, "inputs.footage", base / "input", "Writing demo inputs")
    _make(host, "miniature.inputs", base / "input", "Drawing the miniature's inputs", WORLD)
    return base


def prepare(base: Path) -> None:
    """Make a base directory without models and inputs, with this pack and the development nodes linked in."""
    for folder in FOLDERS:
        (base / folder).mkdir(parents=True, exist_ok=True)
    link(ROOT, base / "custom_nodes" / "wan-vace")
    link(DEV_NODES, base / "custom_nodes" / DEV_NODES.name)
    _seed_settings(base / "user" / "default" / "comfy.settings.json")


def link(source: Path, place: Path) -> None:
    """Let ``place`` lead to ``source``: a symlink, else a junction, else a copy (Windows without the right)."""
    if place.is_symlink() or _is_junction(place):
        if place.resolve() == source.resolve():
            return
        place.unlink() if place.is_symlink() else place.rmdir()
    elif place.exists():
        shutil.rmtree(place)  # an earlier copy
    try:
        place.symlink_to(source, target_is_directory=True)
    except OSError:
        if os.name != "nt":
            raise
        _link_on_windows(source, place)


def _is_junction(place: Path) -> bool:
    return os.name == "nt" and place.is_dir() and place.resolve() != place.absolute()


def _link_on_windows(source: Path, place: Path) -> None:
    argv = ["cmd", "/c", "mklink", "/J", str(place), str(source)]
    if subprocess.run(argv, capture_output=True, check=False).returncode == 0:
        return
    listing = subprocess.run(["git", "ls-files"], cwd=source, capture_output=True, text=True, check=False)
    for name in filter(None, listing.stdout.splitlines()):
        if (source / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, place / name)


def _seed_settings(path: Path) -> None:
    settings = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    if settings.items() >= SETTINGS.items():
        return
    path.write_text(json.dumps(settings | SETTINGS, indent=4), "utf-8")


def _make(host: Host, module: str, folder: Path, line: str, sources: Sequence[Path] = ()) -> None:
    """Run ``harness.<module>`` unless what it wrote last time is still there, of the same recipe and sources."""
    stamp = folder / f".{module}.json"
    digest = _recipe(host, module, sources)
    if stamp.is_file():
        made = json.loads(stamp.read_text("utf-8"))
        if made["recipe"] == digest and all((folder / name).is_file() for name in made["files"]):
            return
    say(line)
    argv = [str(host.python), "-m", f"harness.{module}", str(folder)]
    run = subprocess.run(argv, env=tool_env(host), capture_output=True, text=True, check=False)
    if run.returncode:
        raise SetupError(f"{line} failed:\n{run.stderr[-3000:]}")
    written = [str(Path(name).relative_to(folder)) for name in run.stdout.split("\n") if name]
    stamp.write_text(json.dumps({"recipe": digest, "files": written}), "utf-8")


def _recipe(host: Host, module: str, sources: Sequence[Path]) -> str:
    files = [
        HARNESS / f"{module.replace('.', '/')}.py",
        host.comfyui / "comfyui_version.py",
        host.comfyui / "requirements.txt",
        *sources,
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
