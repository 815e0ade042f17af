"""Real faults under whole batches: what is killed, stopped or full costs time, and loses nothing."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from harness.cluster.batches import PROMPT, RECORDED, write_table, write_workflow
from harness.cluster.running import Batch, kill, parent, ray_head, ray_nodes, stub_host, wait_for
from wan_vace.cluster.batch import DONE, WAITING, Manifest

FILM = (RECORDED / "video.mp4").read_bytes()
MIB = 2**20
pytestmark = pytest.mark.long


@contextlib.contextmanager
def small_disk(folder, mib):
    """A disk of its own, in memory, that can really be full."""
    folder.mkdir()
    mounted = sys.platform == "linux" and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        without = pytest.fail if os.environ.get("CI") else pytest.skip  # a check that runs nothing must not pass
        without("nothing can be mounted here; it takes Linux and root")
    try:
        yield lambda mib: subprocess.run(["mount", "-o", f"remount,size={mib}m", folder], check=True)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def whole(made, names, more=b""):
    """All done, and each result as it is made alone."""
    assert made.count(DONE) == len(made.states()) == len(names), made.log()
    for name in names:
        assert [path.read_bytes() for path in (made.folder / "outputs" / name).iterdir()] == [FILM + more], name
    assert not list(made.folder.rglob("*.part"))
    return True


def test_a_killed_worker_and_a_killed_driver_lose_nothing(batch):
    names = [f"shot_{k}" for k in range(5)]
    made = batch(dict.fromkeys(names, "slow") | {"shot_0": "held", "shot_1": "held", "shot_4": "kept"})
    driver = made.start("--workers", "2", "--prepare", "0")
    wait_for(lambda: made.held() == ["sample-1", "sample-2"])
    kill(parent(made.hosts("sample-1")[0]))
    wait_for(lambda: "died" in made.log())
    made.go()
    wait_for(lambda: made.count(DONE) >= 2)
    kill(driver.pid)
    driver.wait()
    wait_for(lambda: not made.hosts(), 30)  # none is left behind
    done = {row["name"]: row["ended"] for row in Manifest(made.folder).jobs(DONE)}
    assert 2 <= len(done) < 5
    made.end()
    status, said = made.call("run", "--workers", "2", "--prepare", "0")
    assert status == 0 and f"{len(done)} jobs are done already." in said, said
    after = {row["name"]: row["ended"] for row in Manifest(made.folder).jobs(DONE)}
    assert done.items() <= after.items(), "what was finished was not made again"
    assert made.attempts() == [1, 1, 1, 1, 2] and whole(made, names)


def test_a_driver_that_is_asked_to_end_says_how_it_goes_on(batch):
    made = batch({"one": "held", "two": "held", "three": "held"})
    driver = made.start("--workers", "2", "--prepare", "0")
    wait_for(lambda: made.held() == ["sample-1", "sample-2"])
    driver.terminate()
    assert driver.wait(60) == 130 and "The same command goes on where it stopped." in made.log()
    wait_for(lambda: not made.hosts(), 30)
    made.go()
    status, said = made.call("run", "--workers", "1", "--prepare", "0")
    assert status == 0, said
    assert made.attempts() == [1, 1, 1] and whole(made, ["one", "two", "three"])


def test_a_node_that_dies_leaves_its_jobs_to_the_others(batch_at, tmp_path):
    names = [f"shot_{k}" for k in range(4)]
    with ray_nodes(tmp_path, 2) as (address, raylets):
        made = batch_at(address, dict.fromkeys(names, "held"))
        driver = made.start("--workers", "2", "--prepare", "0")
        wait_for(lambda: made.held() == ["sample-1", "sample-2"])  # one on each
        kill(raylets[0])
        wait_for(lambda: "died" in made.log())
        made.go()
        assert driver.wait(180) == 0, made.log()
        assert made.attempts() == [1, 1, 1, 2] and whole(made, names)
    wait_for(lambda: not made.hosts(), 30)


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ("STUB_VERSION=0.27.0", "cannot work: "),
        ("STUB_LACKS=with VACE", "has no model with VACE. Others that have it are given what needs it."),
    ],
)
def test_a_machine_that_cannot_make_what_the_others_make_gets_no_job(batch_at, tmp_path, odd, told):
    names = [f"shot_{k}" for k in range(4)]
    with ray_nodes(tmp_path, 2, odd) as (address, _):
        made = batch_at(address, dict.fromkeys(names, "held"))
        driver = made.start("--workers", "2", "--prepare", "0")
        wait_for(lambda: told in made.log() and made.held())
        made.go()
        assert driver.wait(180) == 0, made.log()
        assert made.log().count(told) == 1 and made.attempts() == [1, 1, 1, 1] and whole(made, names)
        assert len({row["worker"] for row in Manifest(made.folder).jobs()}) == 1


def test_a_worker_that_stands_still_is_ended_and_its_job_done_elsewhere(batch):
    names = ["one", "two", "three"]
    made = batch(dict.fromkeys(names, "held"))
    driver = made.start("--workers", "2", "--prepare", "0", "--limit", "60")
    wait_for(lambda: made.held() == ["sample-1", "sample-2"])
    still = parent(made.hosts("sample-1")[0])
    os.kill(still, signal.SIGSTOP)
    try:
        made.go()
        assert driver.wait(400) == 0, made.log()
    finally:
        kill(still)
    assert made.attempts() == [1, 1, 2] and whole(made, names)


def test_a_full_disk_of_the_batch_stops_it_and_room_lets_it_go_on(batch, tmp_path):
    """Room for two films of 160 MiB and not for the third."""
    names = [f"shot_{k}" for k in range(3)]
    with small_disk(tmp_path / "disk", 400) as grow:
        made = batch(dict.fromkeys(names, "large"), "disk/batch")
        status, said = made.call("run", "--workers", "1", "--prepare", "0")
        assert status == 1 and f"The disk of {made.folder} is full. Make room and run again" in said, said
        assert made.count(DONE) == 2, said
        grow(1024)
        status, said = made.call("run", "--workers", "1", "--prepare", "0")
        assert status == 0 and whole(made, names, bytes(160 * MIB)), said
        assert [row["attempts"] for row in Manifest(made.folder).jobs()] == [1, 1, 1]


@pytest.fixture
def clips(tmp_path):
    """Makes a batch of clips through the object store; a row is its size in MiB, and a prompt."""

    def make(address, folder, rows):
        for number, (mib, _) in enumerate(rows):
            (tmp_path / f"{folder}_{number}.mp4").write_bytes(bytes([number]) * mib * MIB)
        cells = [
            {"job": f"job_{k}", "Load Video.file": f"{folder}_{k}.mp4", PROMPT: row[1]} for k, row in enumerate(rows)
        ]
        table, graph = write_table(tmp_path / f"{folder}.csv", cells), write_workflow(tmp_path, "control_video")
        made = Batch(tmp_path / folder, graph, table, stub_host(), address)
        made.shared = False
        return made

    return make


def test_a_full_object_store_is_told_and_room_lets_the_batch_go_on(clips, tmp_path):
    """A store of 80 MiB that spills to a disk of 64: many clips pass it one by one, a larger one does not."""
    spilling = ("--object-spilling-directory", str(tmp_path / "spilled"))
    with small_disk(tmp_path / "spilled", 64) as grow, ray_head(tmp_path, 4, *spilling) as address:
        many = clips(address, "many", [(40, "a")] * 6)
        status, said = many.call("run", "--workers", "1", "--prepare", "1")
        assert status == 0 and whole(many, [f"job_{k}" for k in range(6)]), said
        result = clips(address, "result", [(1, "a"), (1, "large")])
        status, said = result.call("run", "--workers", "1", "--prepare", "1", "--retries", "0")
        assert status == 1 and "1 of 2 done, 1 failed" in said, said
        assert "job_1: failed. What it made did not arrive: Ray's object store is full" in said
        large = clips(address, "large", [(1, "a"), (180, "a")])
        status, said = large.call("run", "--workers", "1", "--prepare", "1")
        assert status == 1 and "error: Ray's object store is full, and so is the disk that it spills to." in said
        assert large.states() == {"job_0": DONE, "job_1": WAITING}
        grow(1024)
        assert result.call("retry")[0] == 0 and result.call("run", "--workers", "1", "--prepare", "1")[0] == 0
        status, said = large.call("run", "--workers", "1", "--prepare", "1")
        assert status == 0 and whole(large, ["job_0", "job_1"]), said
