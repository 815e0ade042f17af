"""A task's side of a run: how much time is left, and where its rows go."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from .device import GIBI, NotTriedError, Watched, device, empty_caches, takes, total_memory
from .record import FAILED, SKIPPED, STOPPED, Row
from .scrub import one_line

GRACE_SECONDS = 10.0
ROW_SECONDS, TINY_ROW_SECONDS = 12.0, 0.3  # what one row may take where it can choose


@dataclass
class Session:
    """What a task is given.

    Attributes:
        part: Of the task.
        group: Of the task.
        tiny: Whether to take small shapes.
        classic: Whether to leave dynamic VRAM off.
        scratch: A folder of its own for weights, in memory where there is room.
        rows: The file that its rows are appended to.
        end: When its time is up, by ``time.monotonic``.
    """

    part: str
    group: str
    tiny: bool
    classic: bool
    scratch: Path
    rows: Path
    end: float

    def left(self) -> float:
        """Seconds."""
        return self.end - time.monotonic()

    def repeats(self, seconds: float, most: int) -> int:
        """How often a row may repeat what takes so many seconds: at least once, at most ``most`` times."""
        allowed = min(TINY_ROW_SECONDS if self.tiny else ROW_SECONDS, self.left() / 4)
        return max(1, min(most, int(allowed / max(seconds, 1e-3))))

    def begin(self, what: str) -> None:
        """Say what is going to be measured, so that a crash can be told of it."""
        self._write({"begin": what})

    def fact(self, name: str, value: str) -> None:
        """Hand over something that is true of the whole run, such as whether dynamic VRAM is on."""
        self._write({"fact": [name, value]})

    def put(self, what: str, **found: object) -> None:
        """Hand a row over; see `Row` for its fields."""
        self._write({"row": asdict(Row(self.part, self.group, what, **found))})

    def try_row(self, what: str, work: Callable[[], dict | None], cost: float = 0.0) -> bool:
        """Measure a row, or say why it is not there.

        Args:
            what: The row's name.
            work: Gives the row's other fields; None if it has handed its rows over itself.
            cost: Seconds that it is expected to take; without so much time left it is skipped.

        Returns:
            Whether it was measured.
        """
        if self.left() < max(cost, 0.0) or self.left() <= 0:
            needs = f"; it takes about {cost:.0f} s" if cost >= 1 else ""
            self.put(what, state=SKIPPED, note=f"no time left{needs}")
            return False
        self.begin(what)
        try:
            found = work()
        except NotTriedError as reason:
            self.put(what, state=SKIPPED, note=one_line(str(reason)))
            return False
        except TimeoutError as error:
            state = FAILED if self.left() > 0 else STOPPED
            self.put(what, state=state, note=one_line(str(error)))
            return False
        except Exception as error:  # noqa: BLE001  (whatever it is, it is one row of the report, and the next is tried)
            traceback.print_exc()
            self.put(what, state=FAILED, note=one_line(f"{type(error).__name__}: {error}"))
            traceback.clear_frames(error.__traceback__)
            empty_caches(device())
            return False
        if found is not None:
            self.put(what, **found)
        return True

    def watched(self, work: Callable[[], object]) -> tuple[object, dict]:
        """What the work gives, and the fields of a row for its seconds and memory."""
        with Watched(device()) as seen:
            result = work()
        return result, {"seconds": (seen.seconds,)} | memory_fields(seen)

    def _write(self, message: dict) -> None:
        with self.rows.open("a", encoding="utf-8") as file:
            file.write(json.dumps(message) + "\n")


def memory_fields(*seen: Watched) -> dict:
    """The fields of a row for memory: the largest use of all, and the use before the first."""
    return {"peak": max(each.peak for each in seen), "before": seen[0].before}


def require_room(needed: float, what: str) -> None:
    """Do not try what the card cannot hold.

    Args:
        needed: Bytes.
        what: Who reckons so, and of what.

    Raises:
        NotTriedError: If the device has less.
    """
    total = total_memory(device())
    if needed > total:
        raise NotTriedError(f"too little memory: {what} {needed / GIBI:.1f} GiB, and there are {total / GIBI:.1f} GiB")


def require_type(dtype: object) -> None:
    """Do not try a type of numbers that the device has not.

    Raises:
        NotTriedError: If it refuses it.
    """
    if not takes(device(), dtype):
        raise NotTriedError(f"this device takes no {dtype}".replace("torch.", ""))


def end_with_parent(scratch: Path) -> None:
    """End this process when the one that started it is gone, which closes standard input, and remove its files."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):  # nothing is ever written to it
            pass
        shutil.rmtree(scratch.parent, ignore_errors=True)
        os.kill(os.getpid(), signal.SIGTERM)  # servers of this process are stopped on the way
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
