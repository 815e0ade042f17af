"""What the driver does with a report, without a Ray: cancelled, lacking, dropped, on a full disk."""

import errno
import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.exceptions import OutOfDiskError

from harness.cluster.batches import jobs_of
from wan_vace.cluster.batch import CANCELLED, CANCELLING, DONE, FAILED, RUNNING, WAITING, Manifest
from wan_vace.cluster.driver import Driver
from wan_vace.cluster.errors import BatchError
from wan_vace.cluster.faults import FAULT, MISTAKE, full_disk_told, judge
from wan_vace.cluster.pool import BUSY, FREE, PATIENCE, PREPARE, REFUSED, SAMPLE, STARTING, Member, Pool
from wan_vace.cluster.results import Flight
from wan_vace.cluster.settings import Settings
from wan_vace.cluster.unable import nobody, require_workers
from wan_vace.cluster.worker import LACKS, NEW
from wan_vace.vace_core.files import write_error

FULL = OSError(errno.ENOSPC, "No space left on device", "a.mp4")
VCU = "ab/v.vcu.safetensors"
VIEW = SimpleNamespace(update=lambda driver: None, say=lambda sentence: None)  # shows nothing


@pytest.fixture
def driver(tmp_path):
    manifest = Manifest(tmp_path / "batch")
    manifest.sync(jobs_of(tmp_path, {"job": "a"}, {"job": "b", "5.seed": "2"}))
    settings = Settings("", "", "", (), str(manifest.folder), True, 60.0, None, "")
    pool = Pool(settings)
    for kind in (SAMPLE, PREPARE):
        pool.members[kind] = Member(kind, kind, None, state=FREE)
    yield Driver(manifest, pool, settings, VIEW, retries=3, first_pause=0.0)
    manifest.close()


def prepared(driver, vcu=VCU):
    row = driver.manifest.waiting_preparations()[0]
    file = driver._results.store.path(vcu)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"a VCU")
    driver.manifest.set_preparation(row["key"], state=DONE, vcus=json.dumps([vcu]), shown="[]")
    return file


def given(driver, kind=SAMPLE):
    """What a worker has."""
    member = driver.pool.members[kind]
    if kind == PREPARE:
        row = dict(driver.manifest.next_preparation(kind, member.lacks))
        driver.manifest.set_preparation(row["key"], state=RUNNING)
        return Flight(member, row["key"], False, row, None, time.monotonic())
    row = dict(driver.manifest.next_job(kind, member.models, member.lacks, alone=True))
    driver.manifest.set_job(row["name"], state=RUNNING)
    member.models = row["models"]
    return Flight(member, row["name"], True, row, None, time.monotonic())


@pytest.mark.parametrize("state", [FAULT, LACKS])
def test_what_was_asked_to_be_cancelled_is_not_tried_again(driver, state):
    prepared(driver)
    flight = given(driver)
    driver.manifest.cancel([flight.key])
    assert driver.manifest.job(flight.key)["state"] == CANCELLING
    driver._write_down(flight, {"state": state, "error": "ComfyUI does not answer."})
    assert driver.manifest.job(flight.key)["state"] == CANCELLED


def test_a_worker_that_lacks_a_model_takes_no_other_job_of_it(driver):
    prepared(driver)
    flight = given(driver)
    driver._write_down(flight, {"state": LACKS, "error": "sample has no model."})
    member = flight.member
    assert driver.manifest.next_job(member.name, member.models, member.lacks, **driver.pool.alone(member)) is None
    require_workers(driver.manifest, driver.pool)
    assert {row["state"] for row in driver.manifest.jobs()} == {FAILED}, "nobody has it"
    assert driver.manifest.job("b")["error"] == "No worker has what it needs. sample has no model."


def test_a_preparation_that_no_worker_can_take_fails_its_jobs(driver):
    flight = given(driver, PREPARE)
    assert flight.title == "preparing a", "a job that people know"
    driver._write_down(flight, {"state": LACKS, "error": "prepare has no detector."})
    assert driver.manifest.next_preparation("other") and not driver.manifest.next_preparation("x", {flight.key})
    require_workers(driver.manifest, driver.pool)
    assert {row["error"] for row in driver.manifest.jobs()} == {"No worker can prepare it. prepare has no detector."}


def test_jobs_fail_when_every_worker_that_prepares_was_refused(driver):
    require_workers(driver.manifest, driver.pool)
    assert driver.manifest.counts()[WAITING] == 2
    refused = driver.pool.members[PREPARE]
    refused.state, refused.about = REFUSED, {"error": "main.py is not there."}
    require_workers(driver.manifest, driver.pool)
    assert {row["error"] for row in driver.manifest.jobs()} == {"No worker can prepare it. main.py is not there."}


class Restarted:
    """A handle of an actor, which is asked to start."""

    def __init__(self):
        self.asked, self.waits = 0, []
        self.start = SimpleNamespace(remote=self._count)

    def _count(self, after):
        self.asked += 1
        self.waits.append(after)
        return "its answer"


def test_a_worker_that_ray_made_anew_unseen_is_asked_to_start_and_its_job_loses_no_attempt(driver):
    prepared(driver)
    flight = given(driver)
    flight.member.actor = Restarted()
    driver._write_down(flight, {"state": NEW, "error": ""})
    assert flight.member.state == STARTING and flight.member.actor.asked == 1
    assert (driver.manifest.job("a")["state"], driver.manifest.job("a")["attempts"]) == (WAITING, 0)


def test_a_comfyui_that_ends_whenever_it_was_started_is_given_up(driver):
    prepared(driver)
    flight = given(driver)
    flight.member.actor = Restarted()
    new = {"state": NEW, "error": ""}
    for _ in range(2):
        driver._write_down(flight, new)
    driver._write_down(flight, {"state": FAULT, "error": "ComfyUI does not answer."})
    for _ in range(3):
        driver._write_down(flight, new)
    assert flight.member.state == STARTING and flight.member.actor.asked == 5, "it had a job in between"
    driver._write_down(flight, new)
    assert flight.member.state == REFUSED
    with pytest.raises(BatchError, match=r"No worker can sample\. ComfyUI ended 3 times before it had a job\."):
        require_workers(driver.manifest, driver.pool)


ABOUT = {"comfyui": "0.30.0", "pack": "a1", "machine": "m", "error": ""}
ENDED = ABOUT | {"error": "ComfyUI ended while it started.", "lasting": False}


def test_a_worker_that_was_up_and_does_not_come_up_again_is_started_a_few_times_more(driver):
    prepared(driver)
    pool, member = driver.pool, driver.pool.members[SAMPLE]
    member.actor = Restarted()
    assert pool.judge(member, ABOUT) == ""
    assert pool.judge(member, ENDED).endswith("ComfyUI ended while it started. Started again in 5 s.")
    assert member.state == STARTING and pool.judge(member, ABOUT) == "" and member.state == FREE
    driver._write_down(given(driver), {"state": FAULT, "error": "ComfyUI does not answer."})
    for _ in range(3):
        pool.judge(member, ENDED)
        assert member.state == STARTING, "it had a job in between"
    assert member.actor.waits == [5.0, 5.0, 10.0, 20.0]
    assert pool.judge(member, ENDED) == "sample cannot work: ComfyUI ended while it started."
    assert member.state == REFUSED


@pytest.mark.parametrize(
    ("was_up", "about"),
    [(False, ENDED), (True, ENDED | {"lasting": True}), (True, ABOUT | {"pack": "b2"})],
    ids=["never up", "what a user has to change", "another version"],
)
def test_a_worker_whose_start_fails_for_good_is_refused_at_once(driver, was_up, about):
    member = driver.pool.members[SAMPLE]
    driver.pool.judge(Member("first", SAMPLE, None), ABOUT)
    if was_up:
        driver.pool.judge(member, ABOUT)
    assert driver.pool.judge(member, about).startswith("sample cannot work: ") and member.state == REFUSED


def test_a_job_is_cancelled_once_however_often_it_is_looked_at(driver, monkeypatch):
    cancelled = []
    monkeypatch.setattr("wan_vace.cluster.driver.ray.cancel", cancelled.append)
    prepared(driver)
    driver.flights["answer"] = flight = given(driver)
    driver.manifest.cancel([flight.key])
    for _ in range(3):
        driver._cancel()
    assert cancelled == ["answer"], "a second one would interrupt the interrupting"


def test_that_nobody_is_up_is_said_once_in_a_while(driver, monkeypatch):
    said, now = [], time.monotonic()
    driver._view = SimpleNamespace(say=said.append)
    driver.pool.members[SAMPLE].state = STARTING
    driver._tell_of_nobody()
    assert not said
    monkeypatch.setattr("wan_vace.cluster.driver.time.monotonic", lambda: now + PATIENCE + 1)
    driver._tell_of_nobody()
    driver._tell_of_nobody()
    assert len(said) == 1 and said[0].startswith("No worker is up to sample, 1 are starting.")
    driver.pool.members[SAMPLE].state, driver.pool.members[PREPARE].state = BUSY, STARTING
    assert driver.pool.nobody().startswith("No worker is up to prepare")
    driver.pool.members[PREPARE].state = FREE
    assert driver.pool.nobody() == ""


@pytest.mark.parametrize("kind", [SAMPLE, PREPARE])
def test_that_all_who_are_up_lack_what_waits_is_said_while_others_are_starting(driver, kind):
    if kind == SAMPLE:
        prepared(driver)
    flight = given(driver, kind)
    driver._write_down(flight, {"state": LACKS, "error": "It has no model."})
    assert nobody(driver.manifest, driver.pool) == "", "none is starting: the jobs fail"
    driver.pool.members["late"] = late = Member("late", kind, None)
    require_workers(driver.manifest, driver.pool)
    assert driver.manifest.counts()[WAITING] == 2
    said = nobody(driver.manifest, driver.pool)
    assert said.startswith("No worker that is up has what some jobs need. It has no model. 1 are starting.")
    late.state = FREE
    assert nobody(driver.manifest, driver.pool) == "", "it has everything"
    late.state, flight.member.lacks = STARTING, {"what nobody waits for"}
    assert nobody(driver.manifest, driver.pool) == ""


def test_a_new_driver_clears_what_nobody_waits_for_and_prepares_again_what_is_gone(driver, tmp_path):
    """A result that was not taken, a VCU of jobs that left the table, and one whose preview is gone."""
    left = driver.manifest.folder / "arrived" / "token" / "shot.mp4"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"a film")
    file = prepared(driver)
    driver._results.tidy({SAMPLE, PREPARE})
    assert not left.exists() and file.exists() and not driver.manifest.waiting_preparations(), "jobs wait for it"
    (row,) = driver.manifest.prepared()
    driver.manifest.set_preparation(row["key"], shown=json.dumps([{"name": "preview.png"}]))
    driver._results.tidy({SAMPLE, PREPARE})
    assert [each["key"] for each in driver.manifest.waiting_preparations()] == [row["key"]]
    file = prepared(driver)
    driver.manifest.sync(jobs_of(tmp_path, {"job": "c", "Load Video.file": "other.webm"}))
    driver._results.tidy({SAMPLE, PREPARE})
    assert not file.exists()


def test_what_workers_that_are_no_more_left_goes_and_long_videos_stay(driver):
    made, runs = driver.manifest.folder / "made", driver.manifest.folder / "made" / "vace_runs" / "walk"
    runs.mkdir(parents=True)
    for name in (SAMPLE, "sample-9"):
        (made / name / "shot" / "token").mkdir(parents=True)
        (made / name / "vace_runs").symlink_to(made / "vace_runs", target_is_directory=True)
    driver._results.tidy({SAMPLE, PREPARE})
    assert {path.name for path in made.iterdir()} == {SAMPLE, "vace_runs"} and runs.is_dir()
    assert (made / SAMPLE / "shot").is_dir(), "which tidies up itself"


@pytest.mark.parametrize("shared", [True, False])
def test_what_was_prepared_for_jobs_that_were_cancelled_goes(driver, shared):
    """One is cancelled while it runs, the other one while it waits; then all of it is wanted again."""
    driver._results._shared = shared
    file = prepared(driver)
    driver._results._vcus[VCU] = ("its pack", 0)
    flight = given(driver)
    driver.manifest.cancel([])
    driver._write_down(flight, {"state": CANCELLED, "error": None})
    driver._results.let_go_of_cancelled()
    assert driver.manifest.counts()[CANCELLED] == 2
    assert not file.exists() and VCU not in driver._results._vcus
    assert driver.manifest.retry([]) == 2 and driver.manifest.next_preparation("p") is not None


@pytest.mark.parametrize("other", [WAITING, FAILED])
def test_what_a_job_beside_a_cancelled_one_needs_stays(driver, other):
    file = prepared(driver)
    driver.manifest.set_job("b", state=other)
    driver.manifest.cancel(["a"])
    driver._results.let_go_of_cancelled()
    assert file.exists()


def test_what_was_prepared_for_jobs_that_are_over_meanwhile_goes_at_once(driver):
    file, flight = driver._results.store.path(VCU), given(driver, PREPARE)
    file.parent.mkdir()
    file.write_bytes(b"a VCU")
    driver.manifest.cancel([])
    driver._write_down(flight, {"state": DONE, "vcus": [VCU], "outputs": [], "began": 1.0, "ended": 2.0})
    assert not file.exists() and not driver.manifest.prepared()


def test_a_retry_while_a_driver_runs_prepares_again_what_was_dropped(driver):
    file = prepared(driver)
    done = {"state": DONE, "outputs": [], "machine": "m", "began": 1.0, "ended": 2.0}
    first = given(driver)
    driver.manifest.set_job("b", state=FAILED)
    driver._write_down(first, done)
    assert not file.exists() and driver.manifest.retry([]) == 1
    assert driver.manifest.next_job("w", "", (), alone=True) is None
    assert driver.manifest.next_preparation("w") is not None


@pytest.mark.parametrize("shared", [True, False])
def test_what_was_prepared_for_jobs_that_failed_takes_no_room_in_the_object_store(driver, shared):
    driver._results._shared = shared
    file = prepared(driver)
    driver._results._vcus[VCU] = ("its pack", 0)
    for _ in "ab":
        driver._write_down(given(driver), {"state": MISTAKE, "error": "mask: got 3 frames."})
    assert driver.manifest.counts()[FAILED] == 2
    assert (VCU in driver._results._vcus, file.exists()) == (shared, shared), "a folder keeps it for a retry"
    driver.manifest.retry([])
    assert (driver.manifest.next_preparation("p") is None) == shared


def test_a_manifest_on_a_full_disk_ends_the_batch_with_a_sentence(driver):
    """SQLite is told that no more pages fit, and says of itself that the disk is full."""
    driver.pool.members[SAMPLE].state = driver.pool.members[PREPARE].state = BUSY
    (pages,) = driver.manifest._data.execute("PRAGMA page_count").fetchone()
    driver.manifest._data.execute(f"PRAGMA max_page_count = {pages}")

    def write(driver):
        with driver.manifest.together():
            driver.manifest.set_job("a", error="x" * 10**6)

    driver._view = SimpleNamespace(update=write)
    with pytest.raises(BatchError, match=r"The disk of .* is full. Make room and run again"):
        driver.run()
    assert driver.manifest.job("a")["error"] is None, "the manifest is whole"


def test_where_the_object_store_is_full_jobs_wait_for_room_and_the_batch_ends_when_none_can_come(driver):
    def full(name):
        raise OutOfDiskError("Local disk is full")

    driver._settings, driver._results.content = replace(driver._settings, shared=False), full
    driver.flights["other"] = None
    driver._give_out()
    driver.flights.clear()
    with pytest.raises(BatchError, match=r"object store is full, .* with --store-mib .* what is finished is kept\."):
        driver._step()
    assert driver.manifest.counts()[WAITING] == 2 and driver.manifest.next_preparation("w")["attempts"] == 0


@pytest.mark.parametrize("error", [FULL, write_error(FULL, Path("made/a.mp4"))], ids=["the host", "this pack"])
def test_a_disk_of_the_batch_that_a_worker_found_full_stops_it(driver, monkeypatch, error):
    prepared(driver)
    sentence = f"Save Video: {error}"
    flight, report = given(driver), {"state": judge(type(error).__name__, sentence), "error": sentence}
    driver._write_down(flight, report)
    assert driver.manifest.job("a")["state"] == WAITING, "a fault, which is tried again"
    assert driver.manifest.job("a")["error"].startswith("Save Video"), "there is room: another disk was full"
    monkeypatch.setattr("wan_vace.cluster.driver.LEAST_ROOM", 2**60)
    with pytest.raises(BatchError, match="Make room and run again"), full_disk_told(driver.manifest.folder):
        driver._write_down(again := given(driver), report)
    assert driver.manifest.job(again.key)["state"] == RUNNING, "which is no attempt when it runs again"
