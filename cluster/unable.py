"""What no worker can take fails, and a batch that no worker is left for ends."""

from __future__ import annotations

from .batch import WAITING, Manifest
from .errors import BatchError
from .pool import BUSY, FREE, PREPARE, REFUSED, SAMPLE, STARTING, Pool


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
