"""Results on their way: files to workers, what they made into its place."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from .batch import ARRIVED, DONE, FAILED, Manifest, Store, take_whole, write_whole
from .comfy import MADE, RUNS
from .pool import Member

OUTPUTS = "outputs"
PREPARED = "prepared"
KEPT = 32 * 2**20  # bytes of a table's files in the object store


@dataclass
class Flight:
    """A part of a job that a worker has.

    Attributes:
        member: The worker.
        key: Name of the job, or key of the preparation.
        is_job: Which of the two.
        row: Of the manifest.
        contents: What Ray's object store holds of it.
        began: When it was given out.
        cancelled: Whether the worker was told to stop.
    """

    member: Member
    key: str
    is_job: bool
    row: dict
    contents: Any
    began: float
    cancelled: bool = False

    @property
    def title(self) -> str:
        """As people see it; a preparation is called by the first job that it is for."""
        return self.key if self.is_job else f"preparing {self.row['job']}"


class Results:
    """The files of a batch, in its folder or in Ray's object store.

    Attributes:
        store: Files of the table and VCUs, in the folder of the batch.
    """

    def __init__(self, manifest: Manifest, *, shared: bool) -> None:
        """Nothing is on its way.

        Args:
            manifest: That of the batch.
            shared: Whether workers see its folder; else everything goes through the object store.
        """
        self._manifest, self._shared = manifest, shared
        self.store = Store(manifest.folder / "files")
        self._vcus: dict[str, tuple[Any, int]] = {}
        self._files: dict[str, tuple[Any, int]] = {}  # of the table, each with its bytes
        self._kept = 0  # bytes of them all
        self._cancelled = 0  # jobs that were, when it was last looked at

    def tidy(self, workers: Collection[str]) -> None:
        """Remove what earlier runs left: results that no driver took, what workers that are no more did not finish.

        What was prepared goes if no job waits for it, and is prepared again if it is no longer there.

        Args:
            workers: Names of those that there are now, which tidy up themselves.
        """
        shutil.rmtree(self._manifest.folder / ARRIVED, ignore_errors=True)
        for folder in (self._manifest.folder / MADE).glob("*"):
            if folder.name != RUNS and folder.name not in workers:
                shutil.rmtree(folder, ignore_errors=True)
        for row in self._manifest.prepared():
            if self._manifest.let_go(row["key"]):
                self.drop_preparation(row["key"], row["vcus"])
            elif not self.has_preparation(row):
                self._manifest.prepare_again(row["key"])

    def content(self, name: str) -> tuple[Any, int]:
        """A file in Ray's object store: the pack that holds it, and its number there.

        The last ones that were asked for stay there, so that a clip of many jobs is put there once, and a table of
        many clips does not fill it. Ray keeps what a worker still has to read.
        """
        if name in self._vcus:
            return self._vcus[name]
        self._files[name] = self._files.pop(name, None) or self._put(self.store.path(name).read_bytes())
        return self._files[name][0], 0

    def _put(self, data: bytes) -> tuple[Any, int]:
        while self._files and self._kept + len(data) > KEPT:
            self._drop(next(iter(self._files)))
        put = ray.put([data])
        self._kept += len(data)
        return put, len(data)

    def _drop(self, name: str) -> None:
        _, size = self._files.pop(name, (None, 0))
        self._kept -= size

    def forget(self, names: list[str]) -> None:
        """Files that the object store lost; they are put there anew when they are asked for."""
        for name in names:
            self._vcus.pop(name, None)
            self._drop(name)

    def finish_job(self, flight: Flight, report: dict) -> None:
        """Let what a job made appear in its folder, and write down that it is done.

        Raises:
            OSError: If it cannot be written.
            RayError: If the object store lost it.
        """
        row, folder = flight.row, self._manifest.folder / OUTPUTS / flight.key
        made = self._arrive(folder, report["outputs"], flight.contents, skip=0)
        shown = json.loads(row["shown"] or "[]")
        for each in shown:  # what its preparation showed
            source = self._manifest.folder / PREPARED / row["prepare_key"] / each["name"]
            if each["name"] in [other["name"] for other in made]:
                each["name"] = f"prepared_{each['name']}"
            take_whole(source, folder / each["name"])
        self._manifest.set_job(
            flight.key,
            state=DONE,
            outputs=json.dumps([{"name": e["name"], "sha256": e["sha256"]} for e in (*made, *shown)]),
            error=None,
            **{name: report[name] for name in ("machine", "began", "ended")},
        )
        self.let_go(row)

    def fail(self, flight: Flight, sentence: str) -> None:
        """Write down that a job failed, or a preparation with all that wait for it, and why."""
        if not flight.is_job:
            self._manifest.fail_preparation(flight.key, sentence)
            return
        self._manifest.set_job(flight.key, state=FAILED, error=sentence)
        if not self._shared:  # an object store remembers nothing for a later run, and has little room
            self.let_go(flight.row)

    def let_go(self, row: dict) -> None:
        """Of a job that is over: remove what was prepared for it, unless another job waits for that too."""
        if row["prepare_key"] and self._manifest.let_go(row["prepare_key"]):
            self.drop_preparation(row["prepare_key"], row["vcus"])

    def let_go_of_cancelled(self) -> None:
        """Remove what was prepared for jobs that were cancelled, whoever cancelled them, while they waited or ran."""
        cancelled = self._manifest.count_cancelled()
        if cancelled == self._cancelled:
            return
        self._cancelled = cancelled
        for row in self._manifest.prepared_for_cancelled():
            self.let_go({"prepare_key": row["key"], "vcus": row["vcus"]})

    def finish_preparation(self, flight: Flight, report: dict) -> None:
        """Write down where the VCUs of a preparation are, and keep what it showed; raises as `finish_job`."""
        vcus, folder = report["vcus"], self._manifest.folder / PREPARED / flight.key
        shown = self._arrive(folder, report["outputs"], flight.contents, skip=len(vcus))
        if not self._shared:
            self._vcus |= {name: (flight.contents, number) for number, name in enumerate(vcus)}
        self._manifest.set_preparation(
            flight.key,
            state=DONE,
            vcus=json.dumps(vcus),
            shown=json.dumps(shown),
            error=None,
            **{name: report[name] for name in ("began", "ended")},
        )
        self.let_go({"prepare_key": flight.key, "vcus": json.dumps(vcus)})  # the jobs may be over meanwhile

    def _arrive(self, folder: Path, outputs: list[dict], contents: Any, skip: int) -> list[dict]:  # noqa: ANN401
        """Let results appear in their folder, each whole; one that is there of an earlier run is replaced."""
        data = [] if self._shared or not outputs else ray.get(contents)[skip:]
        for number, each in enumerate(outputs):
            if self._shared:
                take_whole(Path(each["path"]), folder / each["name"])
                Path(each["path"]).unlink(missing_ok=True)
            else:
                write_whole(folder / each["name"], data[number])
        if self._shared and outputs:
            Path(outputs[0]["path"]).parent.rmdir()
        return outputs

    def has_preparation(self, row: sqlite3.Row) -> bool:
        """Whether all files of a preparation of an earlier run are still there; an object store keeps none."""
        shown = [self._manifest.folder / PREPARED / row["key"] / each["name"] for each in json.loads(row["shown"])]
        return self._shared and all(map(self.store.has, json.loads(row["vcus"]))) and all(p.is_file() for p in shown)

    def drop_preparation(self, key: str, vcus: str | None) -> None:
        """The VCUs of jobs that are over are the largest files here.

        Args:
            key: Of the preparation.
            vcus: Their names, as the manifest has them.
        """
        shutil.rmtree(self._manifest.folder / PREPARED / key, ignore_errors=True)
        names = json.loads(vcus or "[]")
        self.forget(names)
        for name in names:
            self.store.remove(name)
