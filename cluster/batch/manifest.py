"""What became of each job, in one SQLite file: one row for each job, and one for each preparation."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator

from .database import Database
from .planning import Job
from .schema import CANCELLED, DONE, FAILED, RUNNING, STATES, WAITING

_WANTED = "EXISTS (SELECT 1 FROM jobs WHERE prepare_key = key AND jobs.state = 'waiting')"
_AGAIN = "UPDATE {} SET state = 'waiting', attempts = 0, not_before = 0, error = NULL"


class Manifest(Database):
    """The manifest of a batch."""

    def sync(self, jobs: Iterable[Job]) -> dict[str, int]:
        """Make the manifest say what the table says.

        Jobs that are done and still the same stay done. Those that changed are made anew; those that are gone are
        forgotten, their results stay. What ran when a driver ended waits again, and that was no attempt.

        Returns:
            How many are ``new``, ``changed``, ``kept`` (done already) and ``gone``.
        """
        told = {"new": 0, "changed": 0, "kept": 0, "gone": 0}
        with self.together():
            before = {row["name"]: row for row in self._data.execute("SELECT name, fingerprint, state FROM jobs")}
            for job in jobs:
                known = before.pop(job.name, None)
                if known is None or known["fingerprint"] != job.fingerprint:
                    told["new" if known is None else "changed"] += 1
                    self._insert(job)
                elif known["state"] == DONE:
                    told["kept"] += 1
                else:
                    self._divide(job)
                self._data.execute("UPDATE jobs SET row = ? WHERE name = ?", (job.row, job.name))
            told["gone"] = len(before)
            self._data.executemany("DELETE FROM jobs WHERE name = ?", [(name,) for name in before])
            self._data.execute("UPDATE jobs SET state = 'cancelled' WHERE state = 'cancelling'")
            for table in ("jobs", "preparations"):
                self._data.execute(
                    f"UPDATE {table} SET state = 'waiting', not_before = 0, attempts = MAX(attempts - 1, 0)"
                    " WHERE state = 'running'"
                )
            self._want_again()
        return told

    def _insert(self, job: Job) -> None:
        self._data.execute(
            "INSERT OR REPLACE INTO jobs (name, row, state, fingerprint, cells, seed, run)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (job.name, job.row, WAITING, job.fingerprint, json.dumps(job.cells), job.seed, job.run),
        )
        self._divide(job)

    def _divide(self, job: Job) -> None:
        """Its two parts, which may be others than in the run before: that may have divided nothing."""
        parts = job.cut
        if parts.prepare is not None:
            self._data.execute(
                "INSERT OR IGNORE INTO preparations (key, row, state, prompt, savers, inputs)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (job.prepare_key, job.row, WAITING, *map(json.dumps, (parts.prepare, parts.savers, job.prepare_files))),
            )
        self._data.execute(
            "UPDATE jobs SET prepare_key = ?, sample = ?, inputs = ?, models = ? WHERE name = ?",
            (job.prepare_key, json.dumps(parts.sample), json.dumps(job.sample_files), job.models, job.name),
        )

    def next_job(
        self, worker: str, models: str, lacks: Collection[str], *, alone: bool = False, alone_with: Collection[str] = ()
    ) -> sqlite3.Row | None:
        """The job that a free worker takes: one whose models it has, else the first that is ready.

        Args:
            worker: Its name; what failed on it goes to another one, unless it is alone.
            models: What it has loaded; empty for nothing.
            lacks: Models that it does not have at all.
            alone: Whether there is no other worker.
            alone_with: Models that no other worker has.
        """
        who = (alone, worker, alone_with)
        same = self._next_job("= ?", [models], *who) if models and models not in lacks else None
        return same or self._next_job(f"NOT IN ({_marks(lacks)})", lacks, *who)

    def _next_job(
        self, which: str, models: Collection[str], alone: bool, worker: str, alone_with: Collection[str]
    ) -> sqlite3.Row | None:
        return self._data.execute(
            f"""SELECT jobs.*, preparations.vcus, preparations.shown FROM jobs
            LEFT JOIN preparations ON preparations.key = jobs.prepare_key
            WHERE jobs.state = 'waiting' AND jobs.models {which} AND jobs.not_before <= ?
            AND (prepare_key IS NULL OR preparations.state = 'done')
            AND (? OR jobs.attempts = 0 OR jobs.worker IS NOT ? OR jobs.models IN ({_marks(alone_with)}))
            ORDER BY jobs.row LIMIT 1""",
            (*models, time.time(), alone, worker, *alone_with),
        ).fetchone()

    def next_preparation(
        self, worker: str, lacks: Collection[str] = (), *, alone: bool = False, alone_with: Collection[str] = ()
    ) -> sqlite3.Row | None:
        """The preparation that a free worker takes: the first that a waiting job needs; arguments as `next_job`.

        What a worker lacks, and what no other one has, are keys of preparations. ``job`` names the first waiting job
        that needs it.
        """
        return self._data.execute(
            f"""SELECT *, (SELECT name FROM jobs WHERE prepare_key = key AND jobs.state = 'waiting'
            ORDER BY jobs.row LIMIT 1) AS job
            FROM preparations WHERE state = 'waiting' AND key NOT IN ({_marks(lacks)}) AND not_before <= ?
            AND (? OR attempts = 0 OR worker IS NOT ? OR key IN ({_marks(alone_with)}))
            AND {_WANTED} ORDER BY row LIMIT 1""",
            (*lacks, time.time(), alone, worker, *alone_with),
        ).fetchone()

    def waiting_preparations(self) -> list[sqlite3.Row]:
        """Those that a waiting job needs."""
        return self._data.execute(f"SELECT * FROM preparations WHERE state = 'waiting' AND {_WANTED}").fetchall()

    def count_ahead(self) -> int:
        """Preparations that are under way, or done and still waited for."""
        return self._data.execute(
            f"SELECT COUNT(*) FROM preparations WHERE state = 'running' OR (state = 'done' AND {_WANTED})"
        ).fetchone()[0]

    def count_ready(self, most: int) -> int:
        """Jobs that a worker could begin now, counted no further than ``most``."""
        now = time.time()
        return self._data.execute(
            """SELECT COUNT(*) FROM (
            SELECT 1 FROM jobs WHERE prepare_key IS NULL AND state = 'waiting' AND not_before <= ?
            UNION ALL SELECT 1 FROM preparations CROSS JOIN jobs ON jobs.prepare_key = key
            WHERE preparations.state = 'done' AND jobs.state = 'waiting' AND jobs.not_before <= ? LIMIT ?)""",
            (now, now, most),
        ).fetchone()[0]

    def count_to_prepare(self, most: int) -> int:
        """Preparations that a worker could begin now, counted no further than ``most``."""
        return self._data.execute(
            f"""SELECT COUNT(*) FROM (SELECT 1 FROM preparations
            WHERE state = 'waiting' AND not_before <= ? AND {_WANTED} LIMIT ?)""",
            (time.time(), most),
        ).fetchone()[0]

    def is_under_way(self) -> bool:
        """Whether a job waits or runs."""
        return bool(
            self._data.execute(
                "SELECT EXISTS (SELECT 1 FROM jobs WHERE state IN ('waiting', 'running', 'cancelling'))"
            ).fetchone()[0]
        )

    def set_job(self, name: str, **values: object) -> None:
        """Change a job."""
        self._set("jobs", "name", name, values)

    def set_preparation(self, key: str, **values: object) -> None:
        """Change a preparation."""
        self._set("preparations", "key", key, values)

    def _set(self, table: str, key: str, name: str, values: dict[str, object]) -> None:
        columns = ", ".join(f"{column} = ?" for column in values)
        self._data.execute(f"UPDATE {table} SET {columns} WHERE {key} = ?", (*values.values(), name))

    def fail_preparation(self, key: str, sentence: str) -> None:
        """Fail it, and every job that waits for it."""
        with self.together():
            self.set_preparation(key, state=FAILED, error=sentence)
            self._data.execute(
                "UPDATE jobs SET state = 'failed', error = ? WHERE prepare_key = ? AND state = 'waiting'",
                (sentence, key),
            )

    def prepare_again(self, key: str) -> None:
        """Its files are gone: let it be made anew, unless that was asked for already."""
        self._data.execute(
            "UPDATE preparations SET state = 'waiting', not_before = 0 WHERE key = ? AND state = 'done'", (key,)
        )

    def let_go(self, key: str) -> bool:
        """Whether no job needs a preparation any more; its files may then go, and it is made anew when one does."""
        changed = self._data.execute(
            """UPDATE preparations SET state = 'let go' WHERE key = ? AND NOT EXISTS
            (SELECT 1 FROM jobs WHERE prepare_key = key AND jobs.state IN ('waiting', 'running'))""",
            (key,),
        )
        return changed.rowcount == 1

    def prepared(self) -> list[sqlite3.Row]:
        """All preparations that are done."""
        return self._data.execute("SELECT * FROM preparations WHERE state = 'done'").fetchall()

    def count_cancelled(self) -> int:
        """Jobs that were cancelled and are not under way any more."""
        return self._data.execute("SELECT COUNT(*) FROM jobs WHERE state = 'cancelled'").fetchone()[0]

    def prepared_for_cancelled(self) -> list[sqlite3.Row]:
        """Preparations that are done, and of whose jobs some were cancelled and the others are done."""
        return self._data.execute(
            """SELECT DISTINCT preparations.* FROM jobs CROSS JOIN preparations ON preparations.key = jobs.prepare_key
            WHERE jobs.state = 'cancelled' AND preparations.state = 'done' AND NOT EXISTS (SELECT 1 FROM jobs AS others
            WHERE others.prepare_key = key AND others.state IN ('waiting', 'running', 'cancelling', 'failed'))"""
        ).fetchall()

    def job(self, name: str) -> sqlite3.Row | None:
        """One job."""
        return self._data.execute("SELECT * FROM jobs WHERE name = ?", (name,)).fetchone()

    def jobs(self, *states: str) -> Iterator[sqlite3.Row]:
        """Jobs of some states, or all, in the order of the table."""
        chosen = states or STATES
        yield from self._data.execute(
            f"SELECT * FROM jobs WHERE state IN ({','.join('?' * len(chosen))}) ORDER BY row", chosen
        )

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        return dict.fromkeys(STATES, 0) | dict(self._data.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state"))

    def seconds_each(self) -> float | None:
        """How long a job samples, on average; None while none is done."""
        return self._data.execute("SELECT AVG(ended - began) FROM jobs WHERE state = 'done'").fetchone()[0]

    def waiting_models(self) -> list[str]:
        """Models that waiting jobs load."""
        return [row[0] for row in self._data.execute("SELECT DISTINCT models FROM jobs WHERE state = 'waiting'")]

    def fail_models(self, models: str, sentence: str) -> None:
        """Fail every waiting job that loads these."""
        self._data.execute(
            "UPDATE jobs SET state = 'failed', error = ? WHERE models = ? AND state = 'waiting'", (sentence, models)
        )

    def cancel(self, names: Iterable[str]) -> int:
        """Ask for jobs to be cancelled, all that are not over if none is named; gives how many."""
        changed = 0
        with self.together():
            for name in list(names) or [row["name"] for row in self.jobs(WAITING, RUNNING)]:
                waiting = self._data.execute(
                    "UPDATE jobs SET state = 'cancelled' WHERE name = ? AND state = 'waiting'", (name,)
                )
                running = self._data.execute(
                    "UPDATE jobs SET state = 'cancelling' WHERE name = ? AND state = 'running'", (name,)
                )
                changed += waiting.rowcount + running.rowcount
        return changed

    def retry(self, names: Iterable[str]) -> int:
        """Let jobs wait again, all that failed or were cancelled if none is named; gives how many."""
        chosen = list(names) or [row["name"] for row in self.jobs(FAILED, CANCELLED)]
        one = f"{_AGAIN.format('jobs')} WHERE name = ? AND state IN ('failed', 'cancelled')"
        with self.together():
            changed = [self._data.execute(one, (name,)).rowcount for name in chosen]
            self._want_again()
        return sum(changed)

    def _want_again(self) -> None:
        """Preparations that failed or were let go, and that a job waits for now, are to be made."""
        self._data.execute(f"{_AGAIN.format('preparations')} WHERE state IN ('failed', 'let go') AND {_WANTED}")


def _marks(values: Collection[str]) -> str:
    return ",".join("?" for _ in values)
