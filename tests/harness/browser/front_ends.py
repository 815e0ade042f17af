"""A table of front ends: how many of our nodes can be placed in each, in both node modes."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from pathlib import Path

from ..host.install import FRONT_END, front_end, say
from ..host.locations import ROOT, SetupError
from .browser import MODES, chromium, require_chromium, serve_front_end
from .placing import Placing, place_all

FILE = ROOT / "benchmarks" / "results" / "front_ends.md"
PINNED, NEWEST = "pinned", "newest"
INTRODUCTION = """# Nodes in the front end

`python dev.py browser --save`: every node is placed in a headless Chromium, once for each option of its dynamic combos.
Every value of every combo is chosen, every socket wired, every growing group grown; then the workflow is saved and
loaded, made a prompt, and loaded from the prompt. A node counts if all its sockets, widgets, values and wires are there
after each step. Errors are what the page throws or writes to its console. Times are of two CPU cores.

"""
HEADER = ("front end", "node mode", "nodes placed", "errors of the page", "seconds")


def main(arguments: list[str]) -> int:
    """Place every node in the chosen front ends and print a table.

    Args:
        arguments: The command line.

    Returns:
        The exit status: 1 if something cannot be placed.
    """
    parser = argparse.ArgumentParser(prog="dev.py browser", description="Place every node in ComfyUI's front end.")
    parser.add_argument(
        "--front-end",
        action="append",
        metavar="VERSION",
        help="a version on the package index, newest, or pinned: the host's own; may be given several times (default: "
        "pinned and newest)",
    )
    parser.add_argument("--save", action="store_true", help=f"write the table to {FILE.relative_to(ROOT)}")
    options = parser.parse_args(arguments)
    require_chromium()
    results = [row for version in options.front_end or [PINNED, NEWEST] for row in _try(version)]
    lines = table(results)
    print("\n" + lines)
    if options.save:
        FILE.write_text(INTRODUCTION + lines, "utf-8")
    return not all(placing.passed for _, _, placing in results)


def table(results: list[tuple[str, str, Placing]]) -> str:
    """The table in Markdown.

    Args:
        results: Version, node mode and what came of it, a row each.
    """
    rows = [
        (
            version,
            mode,
            f"{placing.placed} of {len(placing.nodes)}",
            f"{len(placing.complaints)}",
            f"{placing.seconds:.0f}",
        )
        for version, mode, placing in results
    ]
    lines = [HEADER, ("---", "---", "--:", "--:", "--:"), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _try(version: str) -> list[tuple[str, str, Placing]]:
    root = None if version == PINNED else front_end(version, Path(sys.executable))
    name = root.name if root else importlib.metadata.version(FRONT_END)
    results = []
    with serve_front_end(root) as server, chromium() as browser:
        for mode in MODES:
            say(f"Front end {name}, {mode}")
            placing = place_all(server, browser, mode)
            for node, failures in placing.failures.items():
                say(f"  {node}: {failures[0]} ({len(failures)} in all)")
            for complaint in placing.complaints[:3]:
                say(f"  {complaint}")
            results.append((name, mode, placing))
    return results


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(f"error: {error}")
