"""The report to be read: a verdict, the machine, and a table for each part."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from .plan import PARTS
from .record import DONE, FAILED, SKIPPED, STOPPED, Record, Row

COMPARED = ("models", "encode")  # parts in which something must be equal
PIVOTED = "workflows"  # one row for each, one column for each way to start the host
TITLES = {
    "tests": "Tests in a real ComfyUI on this device (`tests/host`)",
    "workflows": "Every example workflow through a server, with the miniature's models",
    "models": "Models of real width with random weights",
    "encode": "Encode and decode against the core nodes, with a VAE of random weights",
    "annotators": "Annotators",
}
INTRODUCTION = """Weights are random, so that nothing has to be downloaded: this shows equality, time and memory,
and nothing of pictures. *Equal* is to the bit. Seconds are minimum / median / maximum where something was repeated; a
*forward* is one call of the model for one prompt, with the device waited for. *Ratio* is seconds over those of the
peer. *Peak* is the memory in use on the device, of all programs, sampled every 0.02 s, and before it in brackets; on
the CPU it is that of the process. With dynamic VRAM ComfyUI leaves weights on the card until somebody needs the room.
"""
TINY = "**Small shapes (`--tiny`): this shows that the program runs, and nothing of speed.**\n"


def passed(record: Record) -> bool:
    """Whether the run came to its end, nothing failed, and all that was compared and must be equal is.

    Something must have been compared where a part was run that compares. What was skipped or stopped fails nothing;
    `outcome` tells of it.
    """
    compared = [row.equal for row in record.rows if row.equal is not None]
    failed = any(row.state == FAILED for row in record.rows)
    wanted = any(part.partition(":")[0] in COMPARED for part in record.options["parts"])
    return record.finished and not failed and all(compared) and bool(compared or not wanted)


def outcome(record: Record) -> str:
    """``PASSED``, ``PASSED IN PART`` if something was skipped or stopped, or ``NOT PASSED``."""
    if not passed(record):
        return "NOT PASSED"
    return "PASSED IN PART" if any(row.state in (SKIPPED, STOPPED) for row in record.rows) else "PASSED"


def verdict(record: Record) -> list[str]:
    """Sentences: what is equal, what is not, what failed, what is missing; the most important first."""
    compared = [row for row in record.rows if row.equal is not None]
    unequal = [row for row in compared if not row.equal]
    failed, stopped, skipped = ([row for row in record.rows if row.state == s] for s in (FAILED, STOPPED, SKIPPED))
    said = [] if record.finished else [_how_far(record)]
    if unequal:
        said.append(f"NOT EQUAL: {len(unequal)} of {len(compared)} that must be equal: {_names(unequal)}.")
    elif compared:
        said.append(f"Equal to the bit: {len(compared)} of {len(compared)} that must be.")
    else:
        said.append("Nothing that must be equal was compared.")
    if missing := [row for row in (*skipped, *stopped) if row.part in COMPARED]:
        said.append(f"Not compared: {_names(missing)}.")
    if failed:
        said.append(f"FAILED: {_names(failed)}.")
    limits = [row.within for row in record.rows if row.within is not None]
    if limits:
        said.append(f"Strength 0 takes the time of the plain base, within 1 %, in {sum(limits)} of {len(limits)} rows.")
    if stopped:
        said.append(f"Stopped as their time was up: {_names(stopped)}.")
    if skipped:
        said.append(f"Skipped: {len(skipped)}; each says why.")
    return said


def as_markdown(record: Record) -> str:
    """The whole page."""
    asked = record.options
    command = f"`python dev.py gpu --parts {','.join(asked['parts'])} --budget {asked['budget']:g}`"
    if asked["tiny"]:
        command = f"{command[:-1]} --tiny`"
    lines = [f"# Acceptance on {record.machine['card']}", "", f"**{outcome(record)}**", ""]
    lines += [*(f"- {sentence}" for sentence in verdict(record)), ""]
    lines += [f"Output of {command}.\n", INTRODUCTION, *([TINY] if asked["tiny"] else [])]
    lines += _table(("", ""), [(name, value) for name, value in record.machine.items()])
    lines += ["", *_table(("part", "how far"), list(record.tasks.items()))]
    for part in PARTS:
        rows = [row for row in record.rows if row.part == part]
        if rows:
            lines += ["", f"## {TITLES[part]}", *(_pivot(rows) if part == PIVOTED else _by_group(rows))]
    return "\n".join([*lines, ""])


def as_line(row: Row) -> str:
    """A row in one line, for whoever looks on."""
    told = [_seconds(row) and f"{_seconds(row)} s a {row.per}", row.peer and f"{_ratio(row)} of {row.peer}"]
    told += [row.state if row.state != DONE else "", _equal(row) and f"equal: {_equal(row)}", row.note]
    return f"{row.what}: {', '.join(filter(None, told)) or 'done'}"


def _how_far(record: Record) -> str:
    ended = [title for title, state in record.tasks.items() if state.startswith("ended")]
    begun = [title for title, state in record.tasks.items() if state == "began"]
    rest = [title for title, state in record.tasks.items() if state == "not begun"]
    named = (("ended", ended), ("was in", begun), ("not begun", rest))
    told = [f"{what}: {', '.join(titles) or 'none'}" for what, titles in named]
    return f"NOT FINISHED, cut off or still running: {'; '.join(told)}."


def _names(rows: Iterable[Row]) -> str:
    return "; ".join(f"{row.part} {row.group}".strip() + f", {row.what}" for row in rows)


def _by_group(rows: list[Row]) -> list[str]:
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        lines += ["", f"### {group}", ""] if group else [""]
        lines += _table(*_columns([row for row in rows if row.group == group]))
    return lines


def _columns(rows: list[Row]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and cells; a column in which nothing stands is left out."""
    cells = {
        "what": [row.what for row in rows],
        "seconds": [_seconds(row) for row in rows],
        "of one": [row.per if row.seconds else "" for row in rows],
        "ratio": [_ratio(row) for row in rows],
        "to": [row.peer for row in rows],
        "peak GiB (before)": [_memory(row) for row in rows],
        "equal": [_equal(row) for row in rows],
        "note": [_note(row) for row in rows],
    }
    shown = {name: column for name, column in cells.items() if any(column)}
    return tuple(shown), list(zip(*shown.values(), strict=True))


def _pivot(rows: list[Row]) -> list[str]:
    groups = list(dict.fromkeys(row.group for row in rows))
    found = {(row.what, row.group): row for row in rows}
    lines = [
        (what, *(_outcome(found[what, group]) if (what, group) in found else "" for group in groups))
        for what in dict.fromkeys(row.what for row in rows)
    ]
    return ["", *_table(("workflow", *groups), lines)]


def _outcome(row: Row) -> str:
    if row.state != DONE:
        return _note(row)
    return f"ran, {_seconds(row)} s" if row.seconds else row.note


def _note(row: Row) -> str:
    told = f"{row.state}: {row.note}" if row.state != DONE else row.note
    if row.within is None:
        return told
    return f"within 1 %: {'yes' if row.within else 'no'}" + (f"; {told}" if told else "")


def _equal(row: Row) -> str:
    return {None: "", True: "yes", False: "**no**"}[row.equal]


def _seconds(row: Row) -> str:
    return _spread(row.seconds, 3)


def _ratio(row: Row) -> str:
    return _spread(row.ratios, 3)


def _spread(numbers: tuple[float, ...], digits: int) -> str:
    """Minimum, median and maximum; a number alone as it is; small ones with as many digits as say something."""
    shown = [min(numbers), statistics.median(numbers), max(numbers)] if len(numbers) > 1 else numbers
    return " / ".join(f"{n:.{digits}f}" if n >= 0.01 or n == 0 else f"{n:.2g}" for n in shown)


def _memory(row: Row) -> str:
    return "" if row.peak is None else f"{row.peak:.2f} ({row.before:.2f})"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |" for cells in lines]
