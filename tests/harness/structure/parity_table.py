"""The table of largest differences, a column for each host; the text around it in its file is left as it is."""

from __future__ import annotations

from pathlib import Path

from ..host.locations import ROOT

FILE = ROOT / "benchmarks" / "results" / "adapter_parity.md"


def update(path: Path, host: str, rows: dict[str, float]) -> None:
    """Write one host's column; cases that are not in ``rows`` keep what they have.

    Args:
        path: The file with the table.
        host: The column's name.
        rows: Largest difference of each case.
    """
    lines = path.read_text("utf-8").splitlines()
    text = [line for line in lines if not line.startswith("|")]
    columns = _columns([line for line in lines if line.startswith("|")])
    columns[host] = {**columns.get(host, {}), **{case: f"{value:.2g}" for case, value in rows.items()}}
    cases = dict.fromkeys(case for column in columns.values() for case in column)
    table = [["case", *columns], ["---", *("--:" for _ in columns)]]
    table += [[case, *(column.get(case, "-") for column in columns.values())] for case in cases]
    path.write_text("\n".join([*text, *(f"| {' | '.join(row)} |" for row in table), ""]), "utf-8")


def _columns(lines: list[str]) -> dict[str, dict[str, str]]:
    if not lines:
        return {}
    (_, *hosts), _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {host: {row[0]: row[i] for row in rows if row[i] != "-"} for i, host in enumerate(hosts, start=1)}
