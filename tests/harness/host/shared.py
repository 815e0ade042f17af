"""PyTorch of one host's environment in that of another, as links to the same files: it is nearly all of their size."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def share_packages(venv: Path, others: Iterable[Path], names: Sequence[str]) -> None:
    """Take packages of the first other environment of the same Python that has them, unless they are there.

    Args:
        venv: An environment.
        others: More of them.
        names: Of the packages; the first tells whether an environment has them.
    """
    target = site_packages(venv)
    for other in others:
        source = site_packages(other)
        if (target / names[0]).exists() or source is None or not (source / names[0]).exists():
            continue
        if source != target and source.parent.name == target.parent.name:
            link_packages(source, target, names)


def link_packages(source: Path, target: Path, names: Iterable[str]) -> list[str]:
    """Put packages of one environment, and all that they need, into another. pip takes them as installed.

    pip replaces files when it changes a package and never writes into one, so neither environment sees what becomes of
    the other.

    Args:
        source: A folder ``site-packages``.
        target: Another, of the same Python; what it has already stays.
        names: Of the packages.

    Returns:
        The packages that were linked; none where the system cannot link, such as between two disks.
    """
    here = {_plain(each.metadata["Name"]): each for each in metadata.distributions(path=[str(source)])}
    there = {_plain(each.metadata["Name"]) for each in metadata.distributions(path=[str(target)])}
    linked = [name for name in _needed(here, names) if name not in there]
    try:
        for name in linked:
            for file in here[name].files or ():
                _link(source / file, target / file, target)
    except OSError:
        return []
    return linked


def site_packages(venv: Path) -> Path | None:
    """Where an environment has its packages; None if there is none."""
    return next(iter([*venv.glob("lib/python3*/site-packages"), *venv.glob("Lib/site-packages")]), None)


def _needed(here: dict[str, metadata.Distribution], names: Iterable[str]) -> list[str]:
    """Packages and those that they need, of those that are there."""
    found, open_names = [], [_plain(name) for name in names]
    while open_names:
        name = open_names.pop()
        if name in here and name not in found:
            found.append(name)
            required = [one for one in here[name].requires or () if "extra ==" not in one]
            open_names += [_plain(NAME.match(one).group()) for one in required]
    return found


def _link(source: Path, place: Path, root: Path) -> None:
    if not source.is_file() or not place.resolve().is_relative_to(root.resolve()) or place.exists():
        return  # a program of the package lies outside
    place.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, place)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
