"""``python dev.py hostile``: every hostile file to its reader, and a table of what came of it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path

from ..host.inprocess import import_host
from ..host.locations import locate, pack_module
from ..host.workers import own_base_directory
from . import inputs, networks, room, stored, table, tflite, weights

# Imported once, so that a case is charged with its own reading alone.
READERS = (
    *("nodes._host.adapter", "nodes._host.adapter.lora", "nodes._host.signals", "nodes._host.vcu", "nodes._host.video"),
    *("nodes._host.long", "annotators.pose", "annotators.subject", "annotators.tflite", "annotators.lines"),
    *("vace_core.vcu", "vace_core.long"),
)
SETS = (weights, networks, tflite, stored, inputs)


def main(arguments: list[str]) -> int:
    """Run; the status is 1 if a fault was found."""
    parser = argparse.ArgumentParser(prog="dev.py hostile", description=__doc__)
    parser.add_argument("--save", action="store_true", help=f"write {table.FILE.name}")
    parser.add_argument("--only", default="", metavar="PATTERN", help="cases of whose reader and kind this is a part")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write what is wrong with each there")
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with own_base_directory():
        import_host(locate().comfyui, cpu=True, extras=False)
        from comfyui_version import __version__

        for name in READERS:
            pack_module(name)
        weights.load_model()

        cases = [case for each in SETS for case in each.cases() if re.search(given.only, f"{case.reader}: {case.kind}")]
        results = [_told(room.run(case)) for case in cases]
    if given.save:
        table.FILE.write_text(table.as_text(results, f"ComfyUI {__version__}"), "utf-8")
    if given.json:
        given.json.write_text(json.dumps({f"{r.case.reader}: {r.case.kind}": r.fault for r in results}), "utf-8")
    faults = [result for result in results if result.fault]
    most, longest = max(r.bytes for r in results), max(r.seconds for r in results)
    print(f"{len(results)} files, {len(faults)} faults; at most {most / 1e6:.0f} MB and {longest:.1f} s.")
    return 1 if faults else 0


def _told(result: room.Result) -> room.Result:
    print(f"{result.case.reader}: {result.case.kind} ({result.seconds:.1f} s)", file=sys.stderr, flush=True)
    if result.fault:
        print(f"FAULT {result.case.reader}: {result.case.kind}: {result.fault}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
