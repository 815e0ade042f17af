"""A table of shots: CSV, JSON lines or Parquet. A row is a job, a column an input of the workflow."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow
from pyarrow import parquet

from ..errors import BatchError

JOB, WORKFLOW = "job", "workflow"  # columns that name the job, and another workflow than the usual one


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        number: As a spreadsheet counts, however many lines a row has: the first one behind the heading is 2, the first
            line of JSON is 1.
        cells: By column; cells that are empty are left out.
    """

    number: int
    cells: dict[str, object]


def read_table(path: Path) -> list[Row]:
    """All rows of a table.

    Args:
        path: A file that ends in .csv, .jsonl or .parquet.

    Raises:
        BatchError: If it cannot be read, is of another kind, or holds no row.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_lines, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise BatchError(f"The table {path} is no .csv, .jsonl or .parquet. Save it as one of these.")
    try:
        rows = readers[path.suffix.lower()](path)
    except FileNotFoundError:
        raise BatchError(f"There is no table {path}.") from None
    except (OSError, UnicodeError, csv.Error, pyarrow.ArrowException) as error:
        raise BatchError(f"The table {path} cannot be read: {error}.") from None
    rows = [Row(row.number, _without_empty(row.cells)) for row in rows]
    rows = [row for row in rows if row.cells]
    if not rows:
        raise BatchError(f"The table {path} has no rows. Each row is a job; write one for each video that you want.")
    return rows


def _read_csv(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        heading = [name.strip() for name in next(lines, [])]
        _require_different(path, heading)
        rows = []
        for number, cells in enumerate(lines, 2):
            if len(cells) > len(heading):
                raise BatchError(
                    f"Row {number} of {path} has {len(cells)} cells, the heading has {len(heading)}. "
                    f'A cell with a comma in it stands in quotes: "red, blue".'
                )
            rows.append(Row(number, dict(zip(heading, cells, strict=False))))
        return rows


def _read_lines(path: Path) -> list[Row]:
    rows = []
    for number, line in enumerate(path.read_text("utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except ValueError as error:
            raise BatchError(f"Line {number} of {path} is no JSON: {error}.") from None
        if not isinstance(cells, dict):
            raise BatchError(f'Line {number} of {path} is no object. Write {{"column": value, ...}}.')
        rows.append(Row(number, cells))
    return rows


def _read_parquet(path: Path) -> list[Row]:
    table = parquet.read_table(path)
    _require_different(path, table.column_names)
    return [Row(number, cells) for number, cells in enumerate(table.to_pylist(), 1)]


def _require_different(path: Path, heading: list[str]) -> None:
    twice = sorted({name for name in heading if heading.count(name) > 1})
    if twice:
        raise BatchError(f"The table {path} has two columns {', '.join(map(repr, twice))}. Leave one.")


def _without_empty(cells: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in cells.items() if value is not None and value != ""}
