"""A benchmark's table as text, and the same as JSON; and its two forms, quick and full."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from harness.gpu.machine import facts

QUICK = "WAN_VACE_BENCH_QUICK"  # a folder, which `dev.py bench` sets: few rounds, and the table goes there
OF_MACHINE = ("date", "pack", "ComfyUI", "PyTorch", "processor")
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
SPREADS = {
    ("median", "min", "max"): re.compile(f"({NUMBER}) \\(({NUMBER}) to ({NUMBER})\\)"),
    ("min", "median", "max"): re.compile(f"({NUMBER}) / ({NUMBER}) / ({NUMBER})"),
}


def is_quick():
    """Whether the quick form is wanted."""
    return bool(os.environ.get(QUICK))


@dataclass(frozen=True)
class Spread:
    """Values of one thing, from several rounds: the middle one, least and most."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values):
        return cls(tuple(sorted(values)))

    def __str__(self):
        least, middle, most = self.values[0], self.values[len(self.values) // 2], self.values[-1]
        return f"{middle:.4g} ({least:.4g} to {most:.4g})"


def ratios(pairs):
    """Of the first of each pair to the second."""
    return Spread.of(first / second for first, second in pairs)


@dataclass(frozen=True)
class Table:
    """What a benchmark found.

    Attributes:
        title: A line.
        text: What was measured, how, and what follows from it.
        columns: Their names, that of the rows' own names first.
        rows: Cells: text, numbers, yes or no, or a `Spread`.
    """

    title: str
    text: str
    columns: tuple[str, ...]
    rows: list[tuple]

    def __str__(self):
        head = [f"# {self.title}", "", self.text, "", f"| {' | '.join(self.columns)} |"]
        rows = [f"| {' | '.join(map(_as_text, row))} |" for row in self.rows]
        return "\n".join([*head, f"|---|{'--:|' * (len(self.columns) - 1)}", *rows])


def keep(text, result):
    """Print a page with a table, and write it with versions and machine, and as JSON beside it.

    Args:
        text: Markdown.
        result: The file of the full form; the quick one goes where `QUICK` says.
    """
    file = Path(os.environ[QUICK], result.name) if is_quick() else result
    found = facts()
    about = {name: found[name] for name in OF_MACHINE}
    told = "; ".join(f"{name} {value}" if name in ("ComfyUI", "PyTorch") else value for name, value in about.items())
    print(text, flush=True)
    file.write_text(f"{text}\n\n{told}.\n", "utf-8")
    file.with_suffix(".json").write_text(json.dumps({"machine": about, "rows": as_values(text)}, indent=1) + "\n")


def as_values(text):
    """The rows of the tables in a page, by the names of their columns: numbers, spreads, yes and no, or text.

    Raises:
        ValueError: If two columns of a table have one name: one of them would be lost.
    """
    rows, columns = [], None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")] if line.startswith("|") else None
        if cells is None:
            columns = None
        elif columns is None:
            columns = cells
            if len(set(columns)) < len(columns):
                raise ValueError(f"Columns of one name in a table: {line}")
        elif not set(line) <= set("|-: "):
            rows.append(dict(zip(columns, map(_as_value, cells), strict=True)))
    return rows


def _as_value(cell):
    for names, pattern in SPREADS.items():
        if found := pattern.fullmatch(cell):
            return dict(zip(names, map(float, found.groups()), strict=True))
    if re.fullmatch(NUMBER, cell):
        return float(cell)
    return {"yes": True, "NO": False}.get(cell, cell)


def _as_text(cell):
    if isinstance(cell, bool):
        return "yes" if cell else "NO"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
