"""A process for each case, with little memory and time, in which nothing but reading goes unseen."""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from ..host.processes import held_at_first, own_memory
from .case import READ, SENTENCE, Case

SECONDS = 10  # of the processor that a case may take
MS_PER_MEGAPIXEL = 50  # beside that; to decode one and to make it float, as the host does, takes half as long
PATIENCE = 9  # seconds by the clock for each of those, for one that waits
ROOM = 2 * 2**30  # bytes that a case may ask for beyond what the host holds; more fails
MOST_RSS = 600e6  # bytes that it may come to hold
OURS = "VaceInputError"
LONGEST = 4000
# What Python tells of programs that are started and of the network.
ACTS = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "socket.connect",
    "os.fork",
)


@dataclass(frozen=True)
class Result:
    """What came of a case.

    Attributes:
        case: Which.
        outcome: `SENTENCE`, `READ`, or what it was instead.
        text: The sentence, or the end of a traceback.
        bytes: What the process came to hold beyond what it began with, at most.
        seconds: Of the processor.
        acts: What was done beside reading: programs, folders, files.
    """

    case: Case
    outcome: str
    text: str
    bytes: int
    seconds: float
    acts: Sequence[str]

    @property
    def fault(self) -> str:
        """What is wrong; empty if nothing is."""
        if self.outcome != self.case.expected:
            return f"{self.outcome} instead of {self.case.expected}: {self.text}"
        if self.acts:
            return f"it did more than read: {', '.join(self.acts)}"
        if self.bytes > MOST_RSS:
            return f"it took {self.bytes / 1e6:.0f} MB"
        return "" if self.case.says in self.text else f'"{self.case.says}" is not in: {self.text}'


def run(case: Case) -> Result:
    """Write a case, read it in a process of its own, and judge what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        given = case.write(Path(folder))
        before = _listing(Path(folder))
        receive, send = os.pipe()
        end, child = time.monotonic() + PATIENCE * _seconds(case), os.fork()
        if child == 0:
            os.close(receive)
            _read_and_leave(case, given, send)
        os.close(send)
        told, status, held, seconds = _wait(child, receive, end)
        outcome, text, acts = told or (_ended(status, time.monotonic() >= end), "", [])
        acts = [*acts, *(f"wrote {name}" for name in sorted(_listing(Path(folder)) - before))]
        return Result(case, outcome, text, held, seconds, acts)


def _seconds(case: Case) -> int:
    """Of the processor that it may take."""
    return SECONDS + math.ceil(case.megapixels * MS_PER_MEGAPIXEL / 1000)


def _read_and_leave(case: Case, given: object, send: int) -> None:
    acts: list[str] = []
    try:
        sys.addaudithook(lambda event, args: acts.append(f"{event} {args[:1]}") if event.startswith(ACTS) else None)
        os.write(send, b"%d\n" % held_at_first())
        held = psutil.Process().memory_info().data
        resource.setrlimit(resource.RLIMIT_DATA, (held + ROOM, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CPU, (_seconds(case), _seconds(case) + 1))
        outcome, text = READ, ""
        try:
            text = f"{case.read(given)}"
        except BaseException as error:  # noqa: BLE001  (a panic of Rust is no Exception)
            outcome, text = SENTENCE, str(error)
            if type(error).__name__ != OURS:
                outcome, text = type(error).__name__, "".join(traceback.format_exc()[-1500:])
        os.write(send, json.dumps([outcome, text[:LONGEST], acts]).encode())
    finally:
        os._exit(0)


def _wait(child: int, receive: int, end: float) -> tuple[list | None, int, int, float]:
    """What the child told, its status, by how much its memory grew at most, and seconds of the processor."""
    os.set_blocking(receive, False)
    told, peak = b"", 0
    while True:
        with contextlib.suppress(BlockingIOError):
            told += os.read(receive, 2**16)
        peak = max(peak, own_memory(child)) if b"\n" in told else 0  # it has begun
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            break
        time.sleep(0.002)
    while part := os.read(receive, 2**16):
        told += part
    os.close(receive)
    first, _, told = told.partition(b"\n")
    grown = max(peak - int(first or peak), 0)
    return json.loads(told) if told else None, status, grown, usage.ru_utime + usage.ru_stime


def _ended(status: int, waited: bool) -> str:
    if waited or status & 0x7F == signal.SIGXCPU:
        return "no end"
    name = signal.Signals(status & 0x7F).name if status & 0x7F else f"exit {status >> 8}"
    return f"the process died ({name})"


def _listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
