"""``python dev.py gpu``: every part in a process of its own, and the report after every row."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from ..host.computing import DEVICE
from ..host.locations import ROOT, SetupError, locate
from ..host.processes import exit_on_sigterm, tool_env
from . import page
from .plan import LEAST_SECONDS, NAMES, PARTS, Task, chosen, time_for
from .record import FAILED, SKIPPED, STOPPED, Record, Row, replace_file
from .running import Options, messages
from .scratch import folder_with_room, scratch_folders
from .scrub import scrubbed

BUDGET = 420.0
TINY_GIB = 0.2  # room that a task needs for small files
RESULTS = ROOT / "benchmarks" / "results"


def main(arguments: list[str]) -> int:
    """Run what was asked for.

    Returns:
        The exit status: 0 if all that must be equal is, and nothing failed.
    """
    options = read_options(arguments)
    started = time.monotonic()
    found = ask_machine()
    if found["kind"] == "cpu" and not options.tiny:
        raise SetupError(without_accelerator(found))
    name = re.sub(r"\W+", "_", f"gpu {found['card']}".lower()) + ("_tiny" if options.tiny else "")
    asked = {"parts": list(options.parts), "budget": options.budget, "tiny": options.tiny}
    report = Report(Record(found["facts"], asked), options.out / name)
    say(f"{found['facts']['card']}: the report is {report.stem}.md, written anew after every row")
    with exit_on_sigterm(), scratch_folders() as folders:
        run_all(report, options, folders, started + options.budget)
    for sentence in page.verdict(report.record):
        say(sentence)
    say(f"{time.monotonic() - started:.0f} s; the report is {report.stem}.md")
    return 0 if page.passed(report.record) else 1


def read_options(arguments: list[str]) -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(prog="dev.py gpu", description="The acceptance on this machine's accelerator.")
    parser.add_argument("--budget", type=float, default=BUDGET, metavar="SECONDS", help="time for all parts (420)")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--tiny", action="store_true", help="the same at small shapes, also on the CPU")
    parser.add_argument(
        "--disable-dynamic-vram",
        action="store_true",
        help="for encode, annotators and models",
    )
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="where the report goes")
    given = parser.parse_args(arguments)
    parts = tuple(filter(None, given.parts.replace(" ", "").split(",")))
    if unknown := [part for part in parts if part not in NAMES]:
        parser.error(f"--parts: there is no {', '.join(unknown)}; choose of {', '.join(NAMES)}")
    if given.budget <= 0 or not parts:
        parser.error("--budget must be more than 0 seconds, and --parts must name a part")
    return Options(parts, given.budget, given.tiny, given.disable_dynamic_vram, given.out)


def ask_machine() -> dict:
    """What `harness.gpu.machine` prints, with nothing in it that names anybody."""
    argv = [sys.executable, "-m", "harness.gpu.machine"]
    done = subprocess.run(argv, env=tool_env(locate()), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"PyTorch does not start in this Python:\n{done.stderr[-1000:]}")
    found = json.loads(done.stdout)
    return found | {"facts": {name: scrubbed(value) for name, value in found["facts"].items()}}


def without_accelerator(found: dict) -> str:
    """The sentence for a machine that has none, or is not to use it."""
    if os.environ.get(DEVICE) == "cpu":
        return f"{DEVICE} is cpu, so no accelerator is used. Leave it out; or run the same at small shapes with --tiny."
    sees = ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in found["sees"].items())
    return (
        f"No accelerator was found: PyTorch {found['facts']['PyTorch']}, sees none ({sees}). If the machine has one, "
        f"install its driver and the PyTorch build for it, or set COMFYUI_PYTHON to the Python that has it. "
        f"`python dev.py gpu --tiny` runs the same at small shapes on the CPU."
    )


class Report:
    """The record on disk, as JSON and to be read.

    Attributes:
        record: What is known.
        stem: Path of both files without their ends.
    """

    def __init__(self, record: Record, stem: Path) -> None:
        self.record, self.stem = record, stem
        stem.parent.mkdir(parents=True, exist_ok=True)

    def save(self) -> None:
        """Write both files, whole."""
        replace_file(self.stem.with_name(self.stem.name + ".json"), self.record.as_json())
        replace_file(self.stem.with_name(self.stem.name + ".md"), page.as_markdown(self.record))

    def put(self, row: Row) -> None:
        """Add a row without what names anybody, and write."""
        texts = {name: scrubbed(value) for name, value in asdict(row).items() if isinstance(value, str)}
        self.record.put(Row(**asdict(row) | texts))
        self.save()
        say(f"  {page.as_line(Row(**asdict(row) | texts))}")


def run_all(report: Report, options: Options, folders: list[Path], end: float) -> None:
    """Every task in turn; the record says of each how far it is."""
    tasks = chosen(options.parts)
    report.record.tasks = {task.name: "not begun" for task in tasks}
    report.save()
    for index, task in enumerate(tasks):
        seconds = time_for(tasks[index:], end - time.monotonic())
        gib = TINY_GIB if options.tiny else task.gib
        folder = folder_with_room(folders, gib)
        lack = "" if folder else f"too little room: {gib:g} GiB of files are to be written for a while"
        if seconds < LEAST_SECONDS and not options.tiny:
            lack = "no time left"
        if lack:
            report.record.tasks[task.name] = f"skipped: {lack}"
            report.put(Row(task.part, task.group, "all of it", SKIPPED, note=lack))
            continue
        run_one(report, task, options, seconds, folder)
    report.record.finished = True
    report.save()


def run_one(report: Report, task: Task, options: Options, seconds: float, folder: Path) -> None:
    """One task, whatever becomes of its process."""
    say(f"{task.name} (at most {seconds:.0f} s)")
    place, begun, started = folder / re.sub(r"\W+", "_", task.name), "", time.monotonic()
    place.mkdir()
    report.record.tasks[task.name] = "began"
    report.save()
    for message in messages(task, options, seconds, place):
        if "begin" in message:
            begun = message["begin"]
        elif "fact" in message:
            name, value = message["fact"]
            report.record.machine[name] = scrubbed(value)
        elif "row" in message:
            begun = ""
            report.put(Row(**message["row"]))
        else:
            state, note = message["end"]
            if state == FAILED or (state == STOPPED and begun):  # all rows are there, it only cleaned up too slowly
                report.put(Row(task.part, task.group, begun or "end of the part", state, note=note))
    report.record.tasks[task.name] = f"ended after {time.monotonic() - started:.0f} s"
    report.save()
    shutil.rmtree(place, ignore_errors=True)


def say(line: str) -> None:
    """One line for whoever looks on."""
    print(line, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("Interrupted; the report says how far it came.")
