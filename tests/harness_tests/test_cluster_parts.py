"""What the verb `cluster` counts: idle time by its causes, and a crowd of workers that only wait."""

import pytest

from harness.cluster.batches import batch, jobs_of
from harness.cluster.crowd import run_crowd
from harness.cluster.measure import _waits


def test_idle_time_is_told_by_its_causes(tmp_path):
    """Two workers, 10 s from the first begin to the last end; sampling takes 2 s of each job."""
    spans = {"a": ("one", 0.0, 3.0), "b": ("one", 4.0, 7.0), "c": ("two", 1.0, 3.0), "d": ("two", 3.5, 10.0)}
    manifest = batch.Manifest(tmp_path / "batch")
    manifest.sync(jobs_of(tmp_path, *({"job": name, "5.seed": str(seed)} for seed, name in enumerate(spans))))
    for name, (worker, began, ended) in spans.items():
        manifest.set_job(name, state=batch.DONE, worker=worker, began=began, ended=ended)
    waits = _waits(manifest.folder, 2.0)
    assert list(waits.values()) == pytest.approx([1 / 20, 1.5 / 20, 6.5 / 20, 3 / 20])
    assert sum(waits.values()) == pytest.approx(1 - 4 * 2 / 20), "which is all but the sampling"


@pytest.mark.long
def test_a_crowd_runs_every_job_once(tmp_path):
    busy, waiting = run_crowd(tmp_path, gpus=5, rounds=3, seconds=0.5)
    assert 0 < busy and 0 <= waiting < 1
    manifest = batch.Manifest(tmp_path / "batch")
    rows = list(manifest.jobs())
    assert len(rows) == 15 and {(row["state"], row["attempts"]) for row in rows} == {(batch.DONE, 1)}
    made = list((manifest.folder / "outputs").glob("*/shot.mp4"))
    assert len(made) == 15 and not list((manifest.folder / "files").rglob("*.safetensors"))
