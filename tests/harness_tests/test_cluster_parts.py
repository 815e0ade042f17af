"""What the verb `cluster` counts: idle time by its causes, and a crowd of workers that only wait."""

import pytest

from harness.cluster.batches import batch, jobs_of
from harness.cluster.crowd import run_crowd
from harness.cluster.measure import TRIES, _manifest_time, _waits


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


@pytest.mark.parametrize("one_machine", [True, False])
def test_the_manifest_is_timed_over_all_five_changes_of_a_job(tmp_path, one_machine):
    assert _manifest_time(tmp_path / "timed", 3, one_machine) > 0
    manifest = batch.Manifest(tmp_path / "timed" / "batch")
    counts = manifest.counts()
    assert (counts[batch.DONE], counts[batch.RUNNING]) == (3 * TRIES, 3), "every GPU has one meanwhile"
    needed = {row["prepare_key"] for row in manifest.jobs(batch.RUNNING)}
    assert {row["key"] for row in manifest.prepared()} == needed, "the others are let go"


@pytest.mark.long
def test_a_crowd_runs_every_job_once(tmp_path):
    busy, waiting = run_crowd(tmp_path, gpus=5, rounds=3, seconds=0.5)
    assert 0 < busy and 0 <= waiting < 1
    manifest = batch.Manifest(tmp_path / "batch")
    rows = list(manifest.jobs())
    assert len(rows) == 15 and {(row["state"], row["attempts"]) for row in rows} == {(batch.DONE, 1)}
    made = list((manifest.folder / "outputs").glob("*/shot.mp4"))
    assert len(made) == 15 and not list((manifest.folder / "files").rglob("*.safetensors"))
