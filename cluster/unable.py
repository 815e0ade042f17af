"""What no worker can take fails, and a batch that no worker is left for ends."""

from __future__ import annotations

from .batch import WAITING, Manifest
from .errors import BatchError
from .pool import BUSY, FREE, PLACED, PREPARE, REFUSED, SAMPLE, STARTING, Pool


def require_workers(manifest: Manifest, pool: Pool) -> None:
    """Fail what no worker can take.

    Args:
        manifest: Of the batch.
        pool: All workers, those that are still starting too.

    Raises:
        BatchError: If none can sample.
    """
    able = pool.of(SAMPLE, STARTING, FREE, BUSY)
    if not able:
        raise BatchError(f"No worker can sample. {_reasons(pool, SAMPLE)}".strip())
    for models in manifest.waiting_models() if any(member.lacks for member in able) else ():
        if all(models in member.lacks for member in able):
            manifest.fail_models(models, _lacking(manifest, models))
    _require_preparers(manifest, pool)


def nobody(manifest: Manifest, pool: Pool) -> str:
    """A sentence for people who wait for workers that are still starting, and may never be up; else none.

    They are waited for where none is up, and where all that are up lack what something needs.
    """
    if sentence := pool.nobody():
        return sentence
    for kind in (SAMPLE, PREPARE):
        up, starting = pool.of(kind, FREE, BUSY), pool.of(kind, STARTING)
        if starting and up and all(member.lacks for member in up):
            lacking = set.intersection(*(member.lacks for member in up))
            if reasons := _lacked(manifest, kind, lacking):
                return (
                    f"No worker that is up has what some jobs need. {reasons[0] or ''} {len(starting)} are starting. "
                    f"{PLACED} These jobs wait for that."
                )
    return ""


def _lacked(manifest: Manifest, kind: str, lacking: set[str]) -> list[str | None]:
    """Of what waits and needs some of this, what was said of it when a worker was found to lack it."""
    rows = manifest.jobs(WAITING) if kind == SAMPLE else manifest.waiting_preparations()
    return [row["error"] for row in rows if row["models" if kind == SAMPLE else "key"] in lacking]


def _require_preparers(manifest: Manifest, pool: Pool) -> None:
    able, refused = pool.of(PREPARE, STARTING, FREE, BUSY), pool.of(PREPARE, REFUSED)
    if (able or not refused) and not any(member.lacks for member in able):
        return
    for row in manifest.waiting_preparations():
        if all(row["key"] in member.lacks for member in able):
            reason = row["error"] or _reasons(pool, PREPARE)
            manifest.fail_preparation(row["key"], f"No worker can prepare it. {reason}".strip())


def _reasons(pool: Pool, kind: str) -> str:
    return " ".join(member.about.get("error", "") for member in pool.of(kind, REFUSED))


def _lacking(manifest: Manifest, models: str) -> str:
    row = next((each for each in manifest.jobs(WAITING) if each["models"] == models and each["error"]), None)
    return f"No worker has what it needs. {row['error'] if row else ''}".strip()
