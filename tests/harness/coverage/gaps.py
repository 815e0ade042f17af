"""What the tests leave out, from what coverage.py wrote, and the reasons that are known for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

UNEXPLAINED = "NO REASON YET"
END = "the end"  # where a branch leads that leaves the function


@dataclass(frozen=True)
class Gap:
    """Lines that no test runs, or a way on from a line that none takes.

    Attributes:
        file: From the root of the pack.
        function: The function, with its class.
        first: The first line, or the one that the way begins at.
        last: The last line.
        text: What stands in the first.
        target: What stands where the way leads; empty for lines.
    """

    file: str
    function: str
    first: int
    last: int
    text: str
    target: str = ""

    @property
    def key(self) -> str:
        """What it is known by, whatever lines are added above it."""
        return f"{self.file}: {self.function}: {self.text}" + (f" -> {self.target}" if self.target else "")

    @property
    def lines(self) -> str:
        """Such as ``12``, ``12-14``, or ``12 -> (text)`` for a way."""
        if self.target:
            return f"{self.first} → `{self.target}`"
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True)
class Counts:
    """How many lines and branches a folder has, and how many of them the tests run."""

    lines: int = 0
    lines_run: int = 0
    branches: int = 0
    branches_run: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        mine, others = vars(self).values(), vars(other).values()
        return Counts(*(a + b for a, b in zip(mine, others, strict=True)))


def counted(files: dict[str, dict]) -> dict[str, Counts]:
    """Counts of each folder.

    Args:
        files: What coverage.py says of each file, by its path from the root.
    """
    folders: dict[str, Counts] = {}
    for file, said in sorted(files.items()):
        one, folder = said["summary"], Path(file).parent.as_posix()
        own = Counts(one["num_statements"], one["covered_lines"], one["num_branches"], one["covered_branches"])
        folders[folder] = folders.get(folder, Counts()) + own
    return folders


def gaps(files: dict[str, dict], root: Path) -> list[Gap]:
    """All of them, in the order of the files.

    Args:
        files: As for `counted`.
        root: Of the pack.
    """
    found = []
    for file, said in sorted(files.items()):
        if said["missing_lines"] or said["missing_branches"]:
            texts = ["", *(line.strip() for line in (root / file).read_text("utf-8").splitlines())]
            found += sorted([*_lines(file, said, texts), *_ways(file, said, texts)], key=lambda gap: gap.first)
    return found


def _lines(file: str, said: dict, texts: Sequence[str]) -> Iterator[Gap]:
    """Lines with no line that is run between them, of one function."""
    missing, run = set(said["missing_lines"]), []
    for line in [*sorted({*said["executed_lines"], *missing}), 0]:
        if run and (line not in missing or _function(said, line) != _function(said, run[0])):
            yield Gap(file, _function(said, run[0]), run[0], run[-1], texts[run[0]])
            run = []
        run += [line] if line in missing else []


def _ways(file: str, said: dict, texts: Sequence[str]) -> Iterator[Gap]:
    """Ways between two lines that are both run, or out of the function."""
    missing = set(said["missing_lines"])
    for start, end in said["missing_branches"]:
        if start not in missing and end not in missing:
            yield Gap(file, _function(said, start), start, start, texts[start], texts[end] if end > 0 else END)


def _function(said: dict, line: int) -> str:
    within = (name for name, one in said["functions"].items() if line in one["executed_lines"] + one["missing_lines"])
    return next(within, "") or "module"


def judged(found: Sequence[Gap], reasons: dict[str, list[str]]) -> tuple[dict[Gap, str], list[str], list[str]]:
    """Gaps with their reasons.

    Args:
        found: The gaps.
        reasons: For each reason the keys of the gaps that have it; a key that is there twice is two gaps.

    Returns:
        Each gap's reason; the keys of gaps that have none; the keys that no gap has.
    """
    of_key = {key: reason for reason, keys in reasons.items() for key in keys}
    listed = Counter(key for keys in reasons.values() for key in keys)
    there = Counter(gap.key for gap in found)
    explained = {gap: of_key.get(gap.key, UNEXPLAINED) for gap in found}
    return explained, sorted((there - listed).elements()), sorted((listed - there).elements())


def as_text(folders: dict[str, Counts], explained: dict[Gap, str], about: str) -> str:
    """The tables, in Markdown."""
    lines = [f"# Coverage\n\n{about}\n", "| folder | lines | run | % | branches | taken | % |", "|---" * 7 + "|"]
    for package in dict.fromkeys(_package(folder) for folder in folders):
        own = {folder: each for folder, each in folders.items() if _package(folder) == package}
        lines += [_row(f"**{package}**", sum(own.values(), Counts()))]
        lines += [_row(f"`{folder}`", each) for folder, each in own.items()]
    lines += [_row("**all**", sum(folders.values(), Counts()))]
    for reason in sorted(set(explained.values()), key=lambda one: (one == UNEXPLAINED, one)):
        lines += ["", f"## {reason[0].upper()}{reason[1:]}", "", "| where | lines | the first |", "|---|---|---|"]
        of_reason = [gap for gap, its in explained.items() if its == reason]
        lines += [f"| `{gap.file}` `{gap.function}` | {_cell(gap.lines)} | `{_cell(gap.text)}` |" for gap in of_reason]
    return "\n".join([*lines, ""])


def _package(folder: str) -> str:
    return "nodes/_host" if folder.startswith("nodes/_host") else folder.partition("/")[0]


def _row(name: str, each: Counts) -> str:
    cells = [name, each.lines, each.lines_run, _share(each.lines_run, each.lines)]
    cells += [each.branches, each.branches_run, _share(each.branches_run, each.branches)]
    return f"| {' | '.join(map(str, cells))} |"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
