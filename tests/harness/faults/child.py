"""Work in a process of its own, which may be killed at any moment."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from ..host.locations import pack_module
from ..host.processes import held_at_first, own_memory

DONE, SENTENCE, KILLED = "done", "sentence", "killed"
OURS = "VaceInputError"
PATIENCE = 600.0  # seconds, on a machine that does much else
POLL = 0.002
LONGEST = 2000


@dataclass(frozen=True)
class Ended:
    """What came of a process.

    Attributes:
        kind: `DONE`, `SENTENCE`, `KILLED` by us, or what it was instead.
        value: What the work gave, as JSON holds it; None unless it is done.
        text: The sentence, or the end of a traceback.
        notes: Codes of what was told meanwhile.
        bytes: What the process came to hold beyond what it began with, at most.
        seconds: From its begin to its end.
    """

    kind: str
    value: object = None
    text: str = ""
    notes: tuple[str, ...] = ()
    bytes: int = 0
    seconds: float = 0.0


def run(
    work: Callable[[], object], kill_after: float | None = None, meanwhile: Callable[[float], object] | None = None
) -> Ended:
    """Fork, work there, and wait.

    Args:
        work: Gives what JSON can hold.
        kill_after: Seconds after which the process is killed without any warning.
        meanwhile: Called again and again with the seconds since the begin.
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        _work_and_leave(work, send)
    os.close(send)
    try:
        return _watch(child, receive, kill_after, meanwhile)
    finally:
        os.close(receive)


def _work_and_leave(work: Callable[[], object], send: int) -> None:
    try:
        faulthandler.disable()  # how it ends is told by whoever watches
        notes_module = pack_module("vace_core.notes")
        os.write(send, b"%d\n" % held_at_first())
        kind, value, text, codes = DONE, None, "", []
        try:
            with notes_module.collect_notes() as notes:
                value = work()
            codes = [note.code for note in notes]
        except BaseException as error:  # noqa: BLE001  (a panic of Rust is no Exception)
            kind, text = SENTENCE, str(error)
            if type(error).__name__ != OURS:
                kind, text = type(error).__name__, traceback.format_exc()
        os.write(send, json.dumps([kind, value, text[-LONGEST:], codes]).encode())
    finally:
        os._exit(0)


def _watch(child: int, receive: int, kill_after: float | None, meanwhile: Callable | None) -> Ended:
    select.select([receive], [], [], PATIENCE)  # it says that it begins
    os.set_blocking(receive, False)
    begun, told, hung, status, peak = time.monotonic(), _read(receive), False, None, 0
    while status is None:
        passed = time.monotonic() - begun
        told += _read(receive)
        peak = max(peak, own_memory(child)) if b"\n" in told else 0  # it has begun
        if meanwhile:
            meanwhile(passed)
        hung = kill_after is None and passed > PATIENCE
        if hung or (kill_after is not None and passed >= kill_after):
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        else:
            done, ended = os.waitpid(child, os.WNOHANG)
            status = ended if done else None
            time.sleep(0 if done else POLL if kill_after is None else min(POLL, max(kill_after - passed, 0)))
    first, _, told = (told + _read(receive)).partition(b"\n")
    seconds, grown = time.monotonic() - begun, max(peak - int(first or peak), 0)
    if told:
        kind, value, text, codes = json.loads(told)
        return Ended(kind, value, text, tuple(codes), grown, seconds)
    return Ended(_ended(status, hung), bytes=grown, seconds=seconds)


def _read(receive: int) -> bytes:
    found = b""
    with contextlib.suppress(BlockingIOError):
        while part := os.read(receive, 2**16):
            found += part
    return found


def _ended(status: int, hung: bool) -> str:
    if hung:
        return "no end"
    if os.WIFEXITED(status):
        return f"exit {os.WEXITSTATUS(status)} without a word"
    number = os.WTERMSIG(status)
    return KILLED if number == signal.SIGKILL else f"the process died ({signal.Signals(number).name})"
