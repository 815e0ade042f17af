"""``dev.py bench``: the rows that stand beside the core nodes, quickly or in full, and any benchmark by its name."""

from __future__ import annotations

import json
from pathlib import Path

from .host import locations
from .host.install import say
from .host.locations import ROOT, Host, SetupError
from .host.processes import run_child, tool_env

# Beside the core's nodes in one run, the same results held to the bit; the others are studies of a choice.
SIDE_BY_SIDE = ("adapter_step", "encode", "encode_memory", "mask_path", "decode_memory", "whole_run")
FULL = "--full"
QUICK = "WAN_VACE_BENCH_QUICK"  # for the scripts: a folder for their tables, and few rounds


def scripts() -> dict[str, Path]:
    """Every benchmark by its name."""
    return {path.stem: path for path in sorted((ROOT / "benchmarks").glob("[!_]*.py"))}


def chosen(arguments: list[str]) -> tuple[list[str], bool]:
    """``(names, quick)``: what the command line asks for.

    Raises:
        SetupError: If a name is unknown.
    """
    names = [name.removesuffix(".py") for name in arguments if name != FULL]
    unknown = [name for name in names if name not in scripts()]
    if unknown:
        raise SetupError(f"No benchmark {' '.join(unknown)}; there are: {', '.join(scripts())}.")
    return names or list(SIDE_BY_SIDE), not names and FULL not in arguments


def run(host: Host, names: list[str], quick: bool) -> int:
    """Run benchmarks one after another; the quick form ends with one page and one JSON of them all.

    Args:
        host: Where they run.
        names: Which.
        quick: Few rounds, and nothing written to ``benchmarks/results``.

    Returns:
        The first exit status that is not 0.
    """
    folder = locations.dev_dir() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    env = tool_env(host) | ({QUICK: str(folder)} if quick else {})
    statuses = {name: run_child([str(host.python), str(scripts()[name])], env) for name in names}
    if quick:
        done = [name for name, status in statuses.items() if status == 0]
        say(f"All rows: {gather(folder, done)}")
    return next(filter(None, statuses.values()), 0)


def gather(folder: Path, names: list[str]) -> Path:
    """One page of all tables in a folder, and one JSON of their rows by the benchmark's name.

    Args:
        folder: Holds ``<name>.md`` and ``<name>.json`` of each.
        names: In their order.

    Returns:
        The page.
    """
    page = folder / "bench.md"
    page.write_text("\n".join((folder / f"{name}.md").read_text("utf-8") for name in names), "utf-8")
    rows = {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in names}
    page.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return page
