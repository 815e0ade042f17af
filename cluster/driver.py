"""The loop that gives jobs to free workers and writes down what became of them. It holds only what is under way."""

from __future__ import annotations

import errno
import json
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import ray
from ray.exceptions import ObjectLostError, ObjectStoreFullError, OutOfDiskError, RayError, TaskCancelledError

from .batch import (
    CANCELLED,
    CANCELLING,
    DONE,
    RUNNING,
    WAITING,
    Manifest,
    with_vcus,
)
from .errors import BatchError
from .faults import ATTEMPTS, FAULT, MISTAKE, full_disk_told, is_full, pause, says_full
from .pool import BUSY, FREE, PATIENCE, PREPARE, SAMPLE, Member, Pool, what_is_wrong
from .results import Flight, Results
from .settings import Settings
from .unable import nobody, require_workers
from .worker import LACKS, NEW

TICK = 0.5
GRACE = 60.0  # a worker reports by itself that its limit is over
LEAST_ROOM = 2**30  # bytes: with less, it is the disk of the batch that a worker found full
FULL_STORE = (
    "Ray's object store is full, and so is the disk that it spills to. Make room there, give it more memory with "
    "--store-mib (or `ray start --object-store-memory`), or let machines share a folder with --shared."
)


class View(Protocol):
    """Whoever is told how far the batch is."""

    def update(self, driver: Driver) -> None:
        """Called at least twice a second."""

    def say(self, sentence: str) -> None:
        """Something that a person should read."""


class Driver:
    """Runs a batch to its end.

    Attributes:
        manifest: What became of each job.
        pool: The workers.
        flights: What is under way, by what Ray answers it with.
    """

    def __init__(
        self, manifest: Manifest, pool: Pool, settings: Settings, view: View, *, retries: int, first_pause: float
    ) -> None:
        """Nothing is given out yet.

        Args:
            manifest: That of the batch.
            pool: Its workers.
            settings: Its settings.
            view: Is told how far it is.
            retries: How often a part of a job is tried again after a fault.
            first_pause: Seconds before the first of these.
        """
        self.manifest, self.pool, self._settings, self._view = manifest, pool, settings, view
        self._attempts = ATTEMPTS | {FAULT: retries + 1}
        self._first_pause = first_pause
        self._results = Results(manifest, shared=settings.shared)
        self.flights: dict[Any, Flight] = {}
        self._patient_until = time.monotonic() + PATIENCE

    def run(self) -> None:
        """Until no job waits or runs.

        Raises:
            BatchError: If nothing can go on: no worker is left, or the disk of the batch is full.
        """
        with full_disk_told(self.manifest.folder):
            self._results.tidy(self.pool.members)
            while self.manifest.is_under_way():
                self._step()
            self._results.let_go_of_cancelled()

    def _step(self) -> None:
        """Give out what can be, wait for an answer, and take all that there are."""
        self._cancel()
        self._results.let_go_of_cancelled()
        with self.manifest.together():
            self._give_out()
        require_workers(self.manifest, self.pool)
        self._tell_of_nobody()
        for ref in self._answers([*self.flights, *self.pool.starting()]):
            self._hear(ref)
        self._end_hanging()
        self._view.update(self)

    def _answers(self, awaited: list) -> list:
        """What is there, once something is or `TICK` is over."""
        if not awaited:
            time.sleep(TICK)
        elif ray.wait(awaited, timeout=TICK, fetch_local=False)[0]:
            return ray.wait(awaited, num_returns=len(awaited), timeout=0, fetch_local=False)[0]
        return []

    def _tell_of_nobody(self) -> None:
        """Ray may have no room for a worker, or look for it after a machine has gone: say that this is waited for."""
        sentence = nobody(self.manifest, self.pool)
        if sentence and time.monotonic() < self._patient_until:
            return
        self._patient_until = time.monotonic() + PATIENCE
        if sentence:
            self._view.say(sentence)

    def _hear(self, ref: Any) -> None:  # noqa: ANN401  (Ray's)
        if ref in self.flights:
            self._settle(ref, self.flights.pop(ref))
            return
        sentence = self.pool.hear_start(self.pool.starting()[ref])
        if sentence:
            self._view.say(sentence)

    def _give_out(self) -> None:
        """Whatever can be; where the object store has no room, the rest waits for what is under way."""
        try:
            self._give_to_free()
        except (ObjectStoreFullError, OutOfDiskError) as error:
            if not self.flights:
                raise BatchError(f"{FULL_STORE} Then run again; what is finished is kept.") from error

    def _give_to_free(self) -> None:
        free = self.pool.of(SAMPLE, FREE)
        self._give(free, self.manifest.count_ready(len(free)), self._next_job, self._give_job)
        free = self.pool.of(PREPARE, FREE)
        ready = self.manifest.count_to_prepare(min(self._room(), len(free))) if free else 0
        self._give(free, ready, self._next_preparation, self._give_preparation)

    def _give(self, free: list[Member], ready: int, choose: Callable, give: Callable) -> None:
        """To each its next one, until all that are ready have a worker."""
        for member in free:
            if not ready:
                return
            row = choose(member)
            if row is not None:
                give(member, dict(row))
                ready -= 1

    def _next_job(self, member: Member) -> sqlite3.Row | None:
        return self.manifest.next_job(member.name, member.models, member.lacks, **self.pool.alone(member))

    def _next_preparation(self, member: Member) -> sqlite3.Row | None:
        return self.manifest.next_preparation(member.name, member.lacks, **self.pool.alone(member))

    def _room(self) -> int:
        """How many more preparations may be made ahead of the sampling."""
        most = 2 * len(self.pool.of(SAMPLE)) + len(self.pool.of(PREPARE))
        return max(most - self.manifest.count_ahead(), 0)

    def _give_job(self, member: Member, row: dict) -> None:
        prompt, vcus = json.loads(row["sample"]), json.loads(row["vcus"] or "[]")
        files = [*vcus, *json.loads(row["inputs"])]
        places = self._places(files)
        self.manifest.set_job(row["name"], state=RUNNING, worker=member.name, attempts=row["attempts"] + 1)
        member.models = row["models"]
        task = {"job": row["name"], "prompt": with_vcus(prompt, vcus), "savers": [], "files": files}
        self._start(member, Flight(member, row["name"], True, row, None, time.monotonic()), task, places)

    def _give_preparation(self, member: Member, row: dict) -> None:
        prompt, savers, files = (json.loads(row[name]) for name in ("prompt", "savers", "inputs"))
        places = self._places(files)
        self.manifest.set_preparation(row["key"], state=RUNNING, worker=member.name, attempts=row["attempts"] + 1)
        task = {"job": row["key"][:16], "prompt": prompt, "savers": savers, "files": files}
        self._start(member, Flight(member, row["key"], False, row, None, time.monotonic()), task, places)

    def _places(self, files: list[str]) -> list[tuple[Any, int]]:
        return [] if self._settings.shared else [self._results.content(name) for name in files]

    def _start(self, member: Member, flight: Flight, task: dict, places: list[tuple[Any, int]]) -> None:
        member.state = BUSY
        packs = list(dict.fromkeys(pack for pack, _ in places))
        task["token"] = uuid.uuid4().hex[:12]
        task["places"] = [(packs.index(pack), number) for pack, number in places]
        ref, flight.contents = member.actor.run.options(num_returns=2).remote(task, *packs)
        self.flights[ref] = flight

    def _settle(self, ref: Any, flight: Flight) -> None:  # noqa: ANN401  (Ray's)
        member = flight.member
        try:
            report = ray.get(ref)
            member.state = FREE
        except TaskCancelledError:
            member.state = FREE
            report = {"state": CANCELLED, "error": None}
        except ObjectLostError:  # what was prepared lay on a machine that is gone
            member.state = FREE
            self._prepare_again(flight)
            return
        except RayError as error:
            self.pool.start_again(member)
            report = {"state": FAULT, "error": f"{member.name} died ({what_is_wrong(error)})."}
        try:
            self._write_down(flight, report)
        except (OSError, RayError) as error:
            if is_full(error):
                raise
            full = isinstance(error, (ObjectStoreFullError, OutOfDiskError))
            self._try_again(flight, FAULT, f"What it made did not arrive: {FULL_STORE if full else error}")

    def _write_down(self, flight: Flight, report: dict) -> None:
        state = report["state"]
        flight.member.ended = flight.member.ended if state == NEW else 0
        if state == DONE and flight.is_job:
            self._results.finish_job(flight, report)
        elif state == DONE:
            self._results.finish_preparation(flight, report)
        elif state == CANCELLED:
            self._set(flight, state=CANCELLED if flight.is_job else WAITING)
        elif state == NEW:
            if sentence := self.pool.renew(flight.member):
                self._view.say(sentence)
            self._set(flight, state=WAITING, attempts=flight.row["attempts"])
        elif state == LACKS:
            flight.member.lacks.add(flight.row["models"] if flight.is_job else flight.key)
            flight.member.models = ""
            self._view.say(f"{report['error']} Others that have it are given what needs it.")
            self._set(flight, state=WAITING, attempts=flight.row["attempts"], error=report["error"])
        else:
            self._require_room(report["error"])
            self._try_again(flight, state, report["error"])

    def _require_room(self, sentence: str) -> None:
        """Where the disk of the batch was full for one worker, the next one would sample for nothing too."""
        folder = self.manifest.folder
        if self._settings.shared and says_full(sentence) and shutil.disk_usage(folder).free < LEAST_ROOM:
            raise OSError(errno.ENOSPC, sentence)

    def _prepare_again(self, flight: Flight) -> None:
        """Forget what the object store lost; files of the table are put there anew."""
        row = flight.row
        self._results.forget([*json.loads(row.get("vcus") or "[]"), *json.loads(row["inputs"])])
        if flight.is_job and row["prepare_key"]:
            self.manifest.prepare_again(row["prepare_key"])
        self._set(flight, state=WAITING, attempts=row["attempts"])

    def _try_again(self, flight: Flight, state: str, sentence: str) -> None:
        if self._is_cancelling(flight):
            self._set(flight, state=CANCELLED)
            return
        attempt = flight.row["attempts"] + 1
        if attempt < self._attempts.get(state, 1):
            wait = pause(attempt, self._first_pause)
            self._set(flight, state=WAITING, error=sentence, not_before=time.time() + wait)
            self._view.say(f"{flight.title}: {sentence} Tried again in {wait:g} s.")
            return
        tried = "" if state == MISTAKE or attempt == 1 else f" Tried {attempt} times."
        self._results.fail(flight, sentence + tried)
        self._view.say(f"{flight.title}: failed. {sentence}{tried}")

    def _is_cancelling(self, flight: Flight) -> bool:
        """Whether it was asked to be cancelled while it ran."""
        return flight.is_job and self.manifest.job(flight.key)["state"] == CANCELLING

    def _set(self, flight: Flight, **values: object) -> None:
        with self.manifest.together():
            if self._is_cancelling(flight):
                values["state"] = CANCELLED
            (self.manifest.set_job if flight.is_job else self.manifest.set_preparation)(flight.key, **values)

    def _cancel(self) -> None:
        asked = {row["name"] for row in self.manifest.jobs(CANCELLING)}
        for ref, flight in self.flights.items():
            if flight.is_job and flight.key in asked and not flight.cancelled:
                flight.cancelled = True  # a second time would cancel what the first one still has to do
                ray.cancel(ref)

    def _end_hanging(self) -> None:
        """A worker that does not report its own time-out is killed; Ray starts it anew."""
        for flight in self.flights.values():
            if time.monotonic() - flight.began > self._settings.limit + GRACE:
                flight.began = time.monotonic()
                ray.kill(flight.member.actor, no_restart=False)
