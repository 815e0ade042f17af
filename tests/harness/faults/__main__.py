"""``python dev.py faults``: every fault to every writer, and a table of what came of it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..host.workers import own_base_directory
from . import cuts, disks, flags, kills, servers, sharing, table
from .case import Row
from .writers import Writer, writers


def main(arguments: list[str]) -> int:
    """Run; the status is 1 if a fault was found."""
    parser = argparse.ArgumentParser(prog="dev.py faults", description=__doc__)
    parser.add_argument("--tries", type=int, default=4, help="kills of each writer, in either way")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", default="", metavar="PATTERN", help="writers in whose name this is found")
    parser.add_argument("--parts", default="", metavar="A,B", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--save", action="store_true", help=f"write {table.FILE.name}")
    parser.add_argument(
        "--json", type=Path, default=None, metavar="FILE", help="write what came of each there, and what is wrong"
    )
    parser.add_argument("--flags", action="store_true", help="servers with each of the host's flags, instead")
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if given.flags:
        with own_base_directory():
            return flags.run(given.save)
    rows: list[Row] = []
    for row in _rows(given):
        rows.append(_told(row))
        if given.save:  # after every row, for all of them take long
            table.FILE.write_text(table.as_text(rows, f"ComfyUI {_version()}, seed {given.seed}"), "utf-8")
    if given.json:
        given.json.write_text(json.dumps({f"{row.fault}: {row.writer}": _kept(row) for row in rows}), "utf-8")
    wrong = sum(bool(row.wrong) for row in rows)
    print(f"{sum(row.tried for row in rows)} tries, {wrong} faults.")
    return 1 if wrong else 0


def _kills(all_writers: list[Writer], given: argparse.Namespace) -> Iterator[Row]:
    return kills.rows([each for each in all_writers if not each.only_reads], given.tries, given.seed)


def _disks(all_writers: list[Writer], given: argparse.Namespace) -> Iterator[Row]:
    return disks.rows([each for each in all_writers if not each.only_reads])


def _cuts(all_writers: list[Writer], given: argparse.Namespace) -> Iterator[Row]:
    return cuts.rows(all_writers, given.tries, given.seed)


def _sharing(all_writers: list[Writer], given: argparse.Namespace) -> Iterator[Row]:
    return sharing.rows([each for each in all_writers if not each.only_reads])


def _servers(all_writers: list[Writer], given: argparse.Namespace) -> Iterator[Row]:
    return servers.rows(given.seed)


PARTS: dict[str, Callable[[list[Writer], argparse.Namespace], Iterator[Row]]] = {
    "kills": _kills,
    "disks": _disks,
    "cuts": _cuts,
    "sharing": _sharing,
    "servers": _servers,
}


def _rows(given: argparse.Namespace) -> Iterator[Row]:
    chosen = given.parts.split(",") if given.parts else list(PARTS)
    with own_base_directory(), tempfile.TemporaryDirectory() as folder:
        found = [each for each in writers(Path(folder) / "clip.mp4") if re.search(given.only, each.name)]
        for part in chosen:
            yield from PARTS[part](found, given)


def _version() -> str:
    from comfyui_version import __version__

    return __version__


def _kept(row: Row) -> dict[str, object]:
    return {"tried": row.tried, "came": row.came, "wrong": row.wrong}


def _told(row: Row) -> Row:
    print(
        f"{row.fault}: {row.writer}: {row.came} ({row.tried} tries, {row.seconds:.1f} s)", file=sys.stderr, flush=True
    )
    if row.wrong:
        print(f"FAULT {row.fault}: {row.writer}: {row.wrong}", flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
