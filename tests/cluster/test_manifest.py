"""The manifest: what it remembers, who may write it, and what a changed table does to it."""

import json
import multiprocessing
import random
import sqlite3
import time

import pytest

from harness.cluster.batches import jobs_of, planner
from wan_vace.cluster.batch import DONE, FAILED, RUNNING, WAITING, Manifest, Row
from wan_vace.cluster.errors import BatchError
from wan_vace.cluster.pool import FREE, REFUSED, SAMPLE, STARTING, Member, Pool

ROWS = [{"job": name, "5.seed": str(seed)} for seed, name in enumerate("abc")]


@pytest.fixture
def manifest(tmp_path):
    begun = Manifest(tmp_path / "batch")
    begun.sync(jobs_of(tmp_path, *ROWS))
    yield begun
    begun.close()


def prepare_all(manifest):
    row = manifest.next_preparation("p", alone=True)
    manifest.set_preparation(row["key"], state=DONE, vcus='["x/v.vcu.safetensors"]', shown="[]")
    return row["key"]


def take(manifest, models="", lacks=(), alone=True, worker="w"):
    row = manifest.next_job(worker, models, lacks, alone=alone)
    return row and row["name"]


def test_jobs_wait_for_their_preparation_which_is_made_once(manifest):
    assert take(manifest) is None
    prepare_all(manifest)
    assert manifest.next_preparation("p", alone=True) is None
    assert take(manifest) == "a"


def test_a_worker_takes_what_has_its_models_and_never_what_it_lacks(manifest):
    prepare_all(manifest)
    manifest.set_job("b", models="others")
    assert take(manifest, models="others") == "b" and take(manifest) == "a"
    usual = manifest.job("a")["models"]
    assert take(manifest, lacks=[usual]) == "b" and take(manifest, lacks=[usual, "others"]) is None


def test_a_worker_never_takes_again_what_it_was_found_to_lack(manifest):
    prepare_all(manifest)
    usual = manifest.job("a")["models"]
    assert take(manifest, models=usual, lacks=[usual]) is None


def test_what_failed_on_the_only_worker_that_has_its_models_is_tried_there_again(manifest):
    prepare_all(manifest)
    for name in "abc":
        manifest.set_job(name, attempts=1, worker="w")
    usual = manifest.job("a")["models"]
    assert manifest.next_job("w", usual, ()) is None
    assert manifest.next_job("w", usual, (), alone_with=[usual])["name"] == "a"


def test_who_is_alone_is_asked_of_workers_that_can_work():
    pool = Pool(None)
    pool.members = {name: Member(name, SAMPLE, None, state=FREE) for name in ("one", "two", "three")}
    one, two, three = pool.members.values()
    two.lacks, three.lacks = {"big", "small"}, {"big"}
    assert pool.alone(one) == {"alone": False, "alone_with": {"big"}}
    assert pool.alone(two) == {"alone": False, "alone_with": set()}
    two.state, three.state = REFUSED, STARTING
    assert pool.alone(one) == {"alone": True, "alone_with": set()}, "one that starts may never be up"


def test_what_failed_on_a_worker_goes_to_another_one_after_its_pause(manifest):
    prepare_all(manifest)
    manifest.set_job("a", attempts=1, worker="w")
    assert take(manifest, alone=False) == "b" and take(manifest, alone=False, worker="v") == "a"
    assert take(manifest) == "a", "unless there is no other"
    manifest.set_job("a", not_before=time.time() + 60)
    assert take(manifest) == "b"


def test_a_table_edited_between_runs_makes_only_what_changed(manifest, tmp_path):
    for name in "abc":
        manifest.set_job(name, state=DONE, outputs="[]")
    told = manifest.sync(jobs_of(tmp_path, {"job": "d"}, ROWS[0], ROWS[1] | {"5.seed": "9"}))
    assert told == {"new": 1, "changed": 1, "kept": 1, "gone": 1}
    assert {row["name"]: row["state"] for row in manifest.jobs()} == {"d": WAITING, "a": DONE, "b": WAITING}


def test_a_run_that_divides_jobs_otherwise_makes_nothing_again_and_waits_for_no_preparation(manifest, tmp_path):
    planned = {divide: planner(tmp_path, store=True, divide=divide) for divide in (True, False)}
    jobs = {divide: each.plan([Row(k, cells) for k, cells in enumerate(ROWS, 2)]) for divide, each in planned.items()}
    manifest.set_job("a", state=DONE, outputs="[]")
    manifest.set_job("b", state=FAILED, error="A sentence.")
    assert manifest.sync(jobs[False])["kept"] == 1 and manifest.next_preparation("p") is None
    assert manifest.job("b")["error"] == "A sentence." and manifest.retry(["b"]) == 1
    assert manifest.count_ready(9) == 2 and take(manifest) == "b"
    told = manifest.sync(jobs[True])
    assert (told["kept"], told["changed"]) == (1, 0) and take(manifest) is None
    prepare_all(manifest)
    assert take(manifest) == "b"


def test_what_ran_when_a_driver_ended_waits_again_and_failures_stay(manifest, tmp_path):
    prepare_all(manifest)
    manifest.set_job("a", state=RUNNING, attempts=1)
    manifest.set_job("b", state=FAILED, error="A sentence.")
    manifest.sync(jobs_of(tmp_path, *ROWS))
    assert [row["state"] for row in manifest.jobs()] == [WAITING, FAILED, WAITING]
    assert manifest.retry([]) == 1 and manifest.job("b")["error"] is None


def test_an_interruption_is_no_attempt(manifest, tmp_path):
    key = manifest.next_preparation("p")["key"]
    manifest.set_preparation(key, state=RUNNING, attempts=3)
    manifest.set_job("a", state=RUNNING, attempts=1)
    manifest.sync(jobs_of(tmp_path, *ROWS))
    assert manifest.job("a")["attempts"] == 0 and manifest.next_preparation("p")["attempts"] == 2


def test_cancelling_waits_for_what_runs_and_retry_takes_it_back(manifest):
    manifest.set_job("a", state=RUNNING)
    assert manifest.cancel([]) == 3
    assert [row["state"] for row in manifest.jobs()] == ["cancelling", "cancelled", "cancelled"]
    assert manifest.retry(["b"]) == 1 and manifest.job("b")["state"] == WAITING
    assert manifest.cancel(["nobody"]) == 0


def test_a_preparation_is_named_after_a_job_that_waits_for_it(manifest):
    assert manifest.next_preparation("p")["job"] == "a"
    manifest.cancel(["a"])
    assert manifest.next_preparation("p")["job"] == "b"


def test_a_preparation_that_failed_fails_its_jobs_with_its_sentence(manifest):
    key = manifest.next_preparation("p", alone=True)["key"]
    manifest.fail_preparation(key, "The mask is empty.")
    assert {(row["state"], row["error"]) for row in manifest.jobs()} == {(FAILED, "The mask is empty.")}


def test_a_new_job_of_a_preparation_that_failed_has_it_made_again(manifest, tmp_path):
    manifest.fail_preparation(manifest.next_preparation("p")["key"], "The mask is empty.")
    assert manifest.sync(jobs_of(tmp_path, *ROWS, {"job": "d", "5.seed": "9"}))["new"] == 1
    row = manifest.next_preparation("p")
    assert (row["attempts"], row["error"]) == (0, None)
    prepare_all(manifest)
    assert take(manifest) == "d"


def test_a_preparation_whose_files_are_gone_is_asked_for_once(manifest):
    key = prepare_all(manifest)
    manifest.prepare_again(key)
    assert manifest.next_preparation("p")["key"] == key
    manifest.set_preparation(key, state=RUNNING)
    manifest.prepare_again(key)
    assert manifest.next_preparation("p") is None, "a second job found them gone, while they are made"


def test_files_of_a_preparation_go_only_when_no_job_needs_them_and_a_later_retry_makes_them_anew(manifest):
    key = prepare_all(manifest)
    for name in "ab":
        manifest.set_job(name, state=DONE)
    assert not manifest.let_go(key)
    manifest.set_job("c", state=FAILED)
    assert manifest.let_go(key) and manifest.retry(["c"]) == 1
    assert take(manifest) is None and manifest.next_preparation("p")["key"] == key


def _hold(folder, ready, go):
    with Manifest(folder).alone():
        ready.set()
        go.wait(60)


def test_one_driver_at_a_time_and_a_killed_one_lets_go(manifest):
    context = multiprocessing.get_context("fork")
    ready, go = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(manifest.folder, ready, go))
    other.start()
    assert ready.wait(60)
    with pytest.raises(BatchError, match="Another run works on"), manifest.alone():
        pass
    other.kill()
    other.join()
    with manifest.alone():
        assert manifest.counts()[WAITING] == 3, "its file can be read meanwhile"


def _count_up(folder, told):
    manifest = Manifest(folder)
    for number in range(10**6):
        with manifest.together():
            for name in "abc":
                manifest.set_job(name, began=number)
        told.value = number


@pytest.mark.parametrize("one_machine", [True, False])
def test_what_was_committed_outlives_a_kill_and_no_half_of_it_is_there(manifest, one_machine):
    manifest.keep_journal(one_machine=one_machine)
    context = multiprocessing.get_context("fork")
    told = context.Value("q", -1)
    writer = context.Process(target=_count_up, args=(manifest.folder, told))
    writer.start()
    end = time.monotonic() + 60
    while told.value < 20 and time.monotonic() < end:
        time.sleep(0.001)
    writer.kill()
    writer.join()
    (began,) = {row["began"] for row in Manifest(manifest.folder).jobs()}
    assert told.value >= 20 and began in (told.value, told.value + 1)


def test_only_where_no_other_machine_opens_the_manifest_commits_do_not_wait_for_the_disk(manifest):
    modes = {}
    for one_machine in (True, False):
        manifest.keep_journal(one_machine=one_machine)
        again = Manifest(manifest.folder)._data
        modes[one_machine] = [again.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        again.close()
    assert modes == {True: ["wal", 1], False: ["delete", 2]}


def test_a_manifest_that_somebody_looks_at_is_not_taken_to_other_machines_with_a_log_they_do_not_see(manifest):
    manifest.keep_journal(one_machine=True)
    reader = Manifest(manifest.folder)
    with pytest.raises(BatchError, match=r"Somebody looks at .*manifest\.sqlite, .* End `status`"):
        manifest.keep_journal(one_machine=False)
    (patience,) = manifest._data.execute("PRAGMA busy_timeout").fetchone()
    assert patience == 60_000, "other changes wait for a reader as before"
    reader.close()
    manifest.keep_journal(one_machine=False)
    assert manifest._data.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def test_a_damaged_or_missing_manifest_is_said(tmp_path):
    with pytest.raises(BatchError, match="There is no batch in"):
        Manifest.there(tmp_path)
    (tmp_path / "manifest.sqlite").write_bytes(b"no database at all, but long enough to be read as one" * 20)
    with pytest.raises(BatchError, match="is damaged"):
        Manifest(tmp_path)


@pytest.mark.parametrize("seed", range(8))
def test_what_can_begin_is_counted_as_it_is_given_out(tmp_path, seed):
    """Counted by one query; a second way, workers take until nothing is left."""
    chance = random.Random(seed)
    manifest = Manifest(tmp_path / "batch")
    rows = [{"job": f"j{k}", "5.seed": str(k), "VACE Build VCU.length": str(17 + 4 * (k // 3))} for k in range(18)]
    manifest.sync(jobs_of(tmp_path, *rows))
    for row in manifest.waiting_preparations():
        state = chance.choice([WAITING, RUNNING, DONE, "let go", FAILED])
        later = chance.choice([0, 0, time.time() + 60])
        manifest.set_preparation(row["key"], state=state, not_before=later, vcus="[]", shown="[]")
    for row in list(manifest.jobs()):
        later = chance.choice([0, 0, time.time() + 60])
        manifest.set_job(row["name"], state=chance.choice([WAITING, WAITING, RUNNING, DONE]), not_before=later)
        if chance.random() < 0.2:
            manifest.set_job(row["name"], prepare_key=None)
    ready, to_prepare = manifest.count_ready(99), manifest.count_to_prepare(99)
    assert manifest.count_ready(2) == min(ready, 2) and manifest.count_to_prepare(1) == min(to_prepare, 1)
    taken = 0
    while row := manifest.next_job("w", "", ()):
        manifest.set_job(row["name"], state=RUNNING)
        taken += 1
    assert taken == ready and manifest.count_ready(99) == 0
    assert manifest.is_under_way() == any(row["state"] in (WAITING, RUNNING) for row in manifest.jobs())


def test_what_can_be_prepared_is_counted_as_it_is_given_out(manifest, tmp_path):
    rows = [{"job": f"j{k}", "VACE Build VCU.length": str(17 + 4 * k)} for k in range(5)]
    manifest.sync(jobs_of(tmp_path, *rows))
    manifest.set_preparation(manifest.job("j0")["prepare_key"], not_before=time.time() + 60)
    manifest.cancel(["j4"])
    counted, taken = manifest.count_to_prepare(99), 0
    while row := manifest.next_preparation("p"):
        manifest.set_preparation(row["key"], state=RUNNING)
        taken += 1
    assert taken == counted == 3


def test_a_preparation_that_was_let_go_is_made_for_a_row_that_comes_later(manifest, tmp_path):
    key = prepare_all(manifest)
    for name in "abc":
        manifest.set_job(name, state=DONE)
    assert manifest.let_go(key) and manifest.next_preparation("p") is None and manifest.count_to_prepare(9) == 0
    manifest.sync(jobs_of(tmp_path, *ROWS, {"job": "d", "5.seed": "9"}))
    assert manifest.next_preparation("p")["key"] == key


def test_a_folder_that_can_hold_no_manifest_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BatchError, match=r"manifest\.sqlite cannot be opened: .*File exists"):
        Manifest(tmp_path / "file")
    (tmp_path / "batch" / "manifest.sqlite").mkdir(parents=True)
    with pytest.raises(BatchError, match="cannot be opened: unable to open database file"):
        Manifest(tmp_path / "batch")


def test_seeds_keep_all_their_digits(tmp_path):
    (job,) = jobs_of(tmp_path, {"job": "a", "5.seed": str(2**64 - 1)})
    manifest = Manifest(tmp_path / "batch")
    manifest.sync([job])
    assert manifest.job("a")["seed"] == str(2**64 - 1)
    assert json.loads(manifest.job("a")["sample"])["5"]["inputs"]["seed"] == 2**64 - 1
    with sqlite3.connect(manifest.folder / "manifest.sqlite") as data:
        assert data.execute("PRAGMA integrity_check").fetchone() == ("ok",)
