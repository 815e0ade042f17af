"""What people look at while a batch runs: a table on a terminal, a line for each job elsewhere."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import ray
from ray.exceptions import RayError
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from .batch import CANCELLED, CANCELLING, DONE, FAILED, RUNNING, WAITING
from .driver import Driver
from .pool import SAMPLE

MOST = 24  # workers that are asked what they do
EVERY = 1.0  # seconds


class LiveView(AbstractContextManager):
    """The table; used in a ``with``."""

    def __init__(self, console: Console) -> None:
        """Nothing is shown yet.

        Args:
            console: A terminal, or where lines go.
        """
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._asked: dict[str, Any] = {}
        self._doing: dict[str, dict] = {}
        self._next, self._done = 0.0, 0

    def __enter__(self) -> LiveView:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, sentence: str) -> None:
        """A line above the table."""
        self._console.print(escape(sentence), highlight=False, soft_wrap=True)

    def update(self, driver: Driver) -> None:
        """Show how far it is, once a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        counts = driver.manifest.counts()
        if self._live:
            self._ask(driver)
            self._live.update(Group(_bar(counts), self._running(driver), _summary(driver, counts)))
        elif counts[DONE] + counts[FAILED] != self._done:
            self._done = counts[DONE] + counts[FAILED]
            self.say(summary_line(counts, time_left(driver, counts)))

    def _ask(self, driver: Driver) -> None:
        """Take what workers answered to the last question, and ask again."""
        for name, ref in list(self._asked.items()):
            if ray.wait([ref], timeout=0)[0]:
                del self._asked[name]
                try:
                    self._doing[name] = ray.get(ref)
                except RayError:
                    self._doing.pop(name, None)
        for flight in list(driver.flights.values())[:MOST]:
            if flight.member.name not in self._asked:
                self._asked[flight.member.name] = flight.member.actor.progress.remote()

    def _running(self, driver: Driver) -> Table:
        table = Table(expand=True, box=SIMPLE_HEAD, pad_edge=False)
        for heading in ("worker", "job", "node", "step", "time"):
            table.add_column(heading, justify="right" if heading in ("step", "time") else "left")
        for flight in list(driver.flights.values())[:MOST]:
            doing = self._doing.get(flight.member.name, {})
            step = f"{doing['value']} of {doing['maximum']}" if doing.get("maximum") else ""
            took = duration(time.monotonic() - flight.began)
            table.add_row(*map(escape, (flight.member.name, flight.title, doing.get("node", ""), step, took)))
        hidden = len(driver.flights) - MOST
        if hidden > 0:
            table.add_row(f"and {hidden} more")
        return table


def time_left(driver: Driver, counts: dict[str, int]) -> float | None:
    """Seconds until the end, as jobs took so far; None before the first is done."""
    each = driver.manifest.seconds_each()
    todo = counts[WAITING] + counts[RUNNING]
    return None if each is None else each * todo / max(len(driver.pool.of(SAMPLE)), 1)


def summary_line(counts: dict[str, int], left: float | None) -> str:
    """How far it is, in a line: what is done, and what else there is."""
    cancelled = {CANCELLED: counts[CANCELLED] + counts[CANCELLING]}
    others = {state: counts[state] for state in (RUNNING, WAITING, FAILED)} | cancelled
    said = [f"{counts[DONE]} of {sum(counts.values())} done"]
    said += [f"{number} {state}" for state, number in others.items() if number]
    said += [f"about {duration(left)} left"] if left else []
    return ", ".join(said)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, the larger two of them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _bar(counts: dict[str, int]) -> Progress:
    bar = Progress(TextColumn("jobs"), BarColumn(bar_width=None), MofNCompleteColumn())
    over = counts[DONE] + counts[FAILED] + counts[CANCELLED]
    bar.add_task("", total=sum(counts.values()), completed=over)
    return bar


def _summary(driver: Driver, counts: dict[str, int]) -> str:
    return summary_line(counts, time_left(driver, counts))
