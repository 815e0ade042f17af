"""The pack's structure, read from its files: folders, public names, and which folder imports which.

A *folder* is a concept of a layer, such as ``vace_core/masks``; files directly in a layer belong to the layer's own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..host.locations import ROOT

HOST = Path("nodes/_host")
LAYERS = ("vace_core", "annotators", "nodes", "training", "miniature", "migration", "cluster")


@dataclass(frozen=True)
class Import:
    """One name that a file takes from another of ours.

    Attributes:
        source: The file that imports, from the root.
        target: The file that it names: a module, or the ``__init__.py`` of a folder.
        name: What it takes; None where it takes the module itself.
        line: Where it stands.
    """

    source: Path
    target: Path
    name: str | None
    line: int


@dataclass(frozen=True)
class SourceFile:
    """A Python file of the pack.

    Attributes:
        path: From the root.
        text: What it holds.
    """

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Its functions and methods, inner ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    @cached_property
    def public(self) -> list[str]:
        """What its ``__all__`` lists."""
        lists = [
            node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign) and any(getattr(t, "id", None) == "__all__" for t in node.targets)
        ]
        return [element.value for each in lists for element in each.elts]

    def foreign(self) -> set[str]:
        """First words of everything that it imports by an absolute name."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module.partition(".")[0])
        return names


class Structure:
    """All files of the layers."""

    def __init__(self, root: Path = ROOT, layers: Iterable[str] = LAYERS) -> None:
        """Read the files.

        Args:
            root: Of the repository.
            layers: Its folders that are looked at; those that do not exist are left out.
        """
        self.root = root
        paths = sorted(path for layer in layers for path in (root / layer).rglob("*.py"))
        self.files = {p.relative_to(root): SourceFile(p.relative_to(root), p.read_text("utf-8")) for p in paths}

    def folder(self, path: Path) -> Path:
        """The concept folder that a file belongs to: ``vace_core/masks``, or the layer's own."""
        depth = 3 if path.is_relative_to(HOST) else 2
        if len(path.parts) > depth:
            return Path(*path.parts[:depth])
        return path.parent

    @cached_property
    def folders(self) -> list[Path]:
        """Every folder, the layers' own included."""
        return sorted({self.folder(path) for path in self.files})

    @cached_property
    def imports(self) -> list[Import]:
        """Every import of ours from ours."""
        return [each for file in self.files.values() for each in self._imports_of(file)]

    def arrows(self) -> dict[tuple[Path, Path], list[Import]]:
        """By importing and imported folder: the imports between the two."""
        found: dict[tuple[Path, Path], list[Import]] = {}
        for each in self.imports:
            pair = self.folder(each.source), self.folder(each.target)
            if pair[0] != pair[1]:
                found.setdefault(pair, []).append(each)
        return found

    def _imports_of(self, file: SourceFile) -> Iterator[Import]:
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = file.path.parent.joinpath(*[".."] * (node.level - 1), *(node.module or "").split("."))
                yield from self._targets(file.path, _plain(base), node)

    def _targets(self, source: Path, base: Path, node: ast.ImportFrom) -> Iterator[Import]:
        whole = self._file(base)
        for alias in node.names:
            # A folder's public name comes first: a file may be called as the function in it is.
            module = None if whole and alias.name in self.files[whole].public else self._file(base / alias.name)
            if module or whole:
                yield Import(source, module or whole, None if module else alias.name, node.lineno)

    def _file(self, module: Path) -> Path | None:
        candidates = module.with_name(f"{module.name}.py"), module / "__init__.py"
        return next((path for path in candidates if path in self.files), None)


def circle(arrows: Iterable[tuple[Path, Path]]) -> list[Path]:
    """One circle of a graph, its first node again at the end; empty when there is none.

    Args:
        arrows: From node to node.
    """
    out: dict[Path, set[Path]] = {}
    for start, end in arrows:
        out.setdefault(start, set()).add(end)
    done: set[Path] = set()

    def walk(node: Path, way: list[Path]) -> list[Path]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for following in sorted(out.get(node, ())):
            if found := walk(following, [*way, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(out) if (found := walk(node, []))), [])


def _plain(path: Path) -> Path:
    """A path without ``..``."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return Path(*parts)
