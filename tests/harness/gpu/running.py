"""A task's process, from the side of the program that starts it: its rows as they come, and its end."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..host.locations import locate
from ..host.processes import start_group, stop_group, tool_env
from .plan import Task
from .record import DONE, FAILED, STOPPED
from .scrub import one_line

POLL_SECONDS = 0.1
LATE_SECONDS = 15.0  # a task that has not ended so long after its time is stopped


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line.

    Attributes:
        parts: Names of the parts to run.
        budget: Seconds for all of them.
        tiny: Small shapes.
        classic: Dynamic VRAM stays off in this program's own processes.
        out: Where the report goes.
    """

    parts: tuple[str, ...]
    budget: float
    tiny: bool
    classic: bool
    out: Path


def messages(task: Task, options: Options, seconds: float, folder: Path) -> Iterator[dict]:
    """Run a task and give what it says: ``begin``, ``row`` and ``fact``; at last ``end`` with a state and a reason.

    Args:
        task: Which.
        options: Of the whole run.
        seconds: Its time; it is stopped a little later.
        folder: For its files; weights are in there.
    """
    rows, log = folder / "rows.jsonl", folder / "log.txt"
    rows.touch()
    with log.open("wb") as output, rows.open("r", encoding="utf-8") as heard:
        child = start_group(
            _command(task, options, seconds, folder),
            env=tool_env(locate()) | {"WAN_VACE_GPU_TASK": task.name},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            late = time.monotonic() + seconds + LATE_SECONDS
            rest = ""
            while child.poll() is None and time.monotonic() < late:
                said, rest = _complete_lines(rest + heard.read())
                yield from said
                time.sleep(POLL_SECONDS)
            ended = child.poll()
        finally:
            stop_group(child)
            child.stdin.close()
        yield from _complete_lines(rest + heard.read())[0]
    yield {"end": _how_it_ended(ended, log)}


def _command(task: Task, options: Options, seconds: float, folder: Path) -> list[str]:
    flags = [flag for flag, on in (("--tiny", options.tiny), ("--classic", options.classic)) if on]
    places = ["--rows", str(folder / "rows.jsonl"), "--scratch", str(folder / "base")]
    return [sys.executable, "-m", "harness.gpu.child", task.name, *places, "--seconds", f"{seconds:.1f}", *flags]


def _complete_lines(text: str) -> tuple[list[dict], str]:
    """Messages, and the beginning of the one that is still being written."""
    *lines, rest = text.split("\n")
    return [json.loads(line) for line in lines], rest


def _how_it_ended(status: int | None, log: Path) -> tuple[str, str]:
    if status is None:
        return STOPPED, "its time was up while this ran"
    return (DONE, "") if status == 0 else (FAILED, _what_went_wrong(status, log))


def _what_went_wrong(status: int, log: Path) -> str:
    if status < 0:
        name = str(-status)
        with contextlib.suppress(ValueError):
            name = signal.Signals(-status).name
        hint = " (the system ends programs so when memory is short)" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    lines = [line for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return one_line(f"its process ended with status {status}: {lines[-1] if lines else 'it said nothing'}")
