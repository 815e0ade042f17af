"""What was measured, row by row: how a row looks, and the file that is whole on disk at any moment."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

DONE, SKIPPED, STOPPED, FAILED = "done", "skipped", "stopped", "failed"


@dataclass(frozen=True)
class Row:
    """One thing that was measured, skipped, or that failed.

    Attributes:
        part: Such as ``models``.
        group: Such as ``1.3B``; empty where a part has only one.
        what: What was run, in words.
        state: ``done``, ``skipped``, ``stopped`` when its time was up, or ``failed``.
        seconds: One number for each repetition.
        per: What the seconds are of: ``forward``, ``frame`` or ``run``.
        peer: What it is compared with; empty if with nothing.
        ratios: Seconds over those of the peer, pair by pair.
        peak: Largest memory in use on the device meanwhile, GiB, of all programs; None where it cannot be asked.
        before: Memory in use on the device when it began, GiB.
        equal: Whether what must be equal is, to the bit; None where nothing must be.
        within: Whether a limit on the ratio is kept; None where there is none. It is told, but nothing fails by it.
        note: A sentence: the reason, the error, or what else was found.
    """

    part: str
    group: str
    what: str
    state: str = DONE
    seconds: tuple[float, ...] = ()
    per: str = "run"
    peer: str = ""
    ratios: tuple[float, ...] = ()
    peak: float | None = None
    before: float | None = None
    equal: bool | None = None
    within: bool | None = None
    note: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """A later row of the same key takes the place of an earlier one."""
        return self.part, self.group, self.what


@dataclass
class Record:
    """Everything that is known of one run.

    Attributes:
        machine: Facts by name, in the order in which they are shown.
        options: What was asked for: ``parts``, ``budget``, ``tiny``.
        tasks: By name, such as ``models:1.3B``: ``not begun``, ``began``, or ``ended after`` its seconds.
        rows: In the order in which they came.
        finished: Whether the run came to its end.
    """

    machine: dict[str, str]
    options: dict[str, object]
    tasks: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    finished: bool = False

    def put(self, row: Row) -> None:
        """Add a row, in the place of one with its key."""
        for index, other in enumerate(self.rows):
            if other.key == row.key:
                self.rows[index] = row
                return
        self.rows.append(row)

    def as_json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def read_record(path: Path) -> Record:
    """What `Record.as_json` wrote to a file."""
    found = json.loads(path.read_text("utf-8"))
    rows = [Row(**row | {"seconds": tuple(row["seconds"]), "ratios": tuple(row["ratios"])}) for row in found["rows"]]
    return Record(**found | {"rows": rows})


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a run that is cut off leaves the old one or the new one, never a part."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
