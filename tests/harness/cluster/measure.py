"""What batches do on this machine, as numbers: ``python dev.py cluster`` writes benchmarks/results/cluster.md."""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..host.locations import ROOT
from ..host.server import ComfyServer
from .batches import KINDS, PROMPT, SEED, catalog, frames_in, with_frames, workflow, write_table, write_workflow
from .batches import batch as batches
from .crowd import run_crowd
from .recipes import sample_elsewhere
from .running import Batch, stub_host

PAGE = ROOT / "benchmarks" / "results" / "cluster.md"
STEPS = 2
GPUS, MOST, TRIES = (10, 100, 1000), 200, 3  # jobs that are timed, of as many as there are GPUs
JOB_SECONDS = 60.0  # of sampling, in the arithmetic
ROUNDS, CROWD_SECONDS = 3, 20.0  # of the simulation
VCU_BYTES, VIDEO_BYTES = 81 * 480 * 832 * 4 * 4, 5e6


def equal(options: argparse.Namespace, folder: Path) -> list[str]:
    """Jobs of five kinds by two workers, against each made alone: the same frames to the bit."""
    for kind in KINDS:
        write_workflow(folder, kind, frames=True, steps=STEPS)
    rows = [
        {"job": f"{kind}_{seed}", "workflow": f"{kind}.json", SEED: seed}
        for seed in range(options.jobs // len(KINDS))
        for kind in KINDS
    ]
    batch = Batch(folder / "batch", folder / f"{KINDS[0]}.json", write_table(folder / "shots.csv", rows))
    began = time.monotonic()
    status, said = batch.call("run", "--workers", "2", "--prepare", "1", timeout=7200)
    seconds = time.monotonic() - began
    _require(status == 0, said)
    same = 0
    with ComfyServer() as server:
        for row in rows:
            prompt = with_frames(workflow(row["workflow"].removesuffix(".json"), steps=STEPS))
            sampler = next(node for node in prompt.values() if node["class_type"] == "VaceSampleVcu")
            sampler["inputs"]["seed"] = row[SEED]
            alone = frames_in(server.outputs(server.run(prompt, timeout=600)))
            same += np.array_equal(alone, frames_in((batch.folder / "outputs" / row["job"]).iterdir()))
    _require(same == len(rows), f"{len(rows) - same} of {len(rows)} jobs differ from those made alone")
    shown = (batch.folder / "report.html").read_text("utf-8").count("<img")
    _require(shown == 2 * len(rows), f"the report shows {shown} of {2 * len(rows)} results")
    share = said[said.index("Workers that sample") :].split("\n")[0]
    return [f"{len(rows)} jobs of {len(KINDS)} kinds, 2 workers, {seconds:.0f} s: {same} equal to the bit. {share}"]


def many(options: argparse.Namespace, folder: Path) -> list[str]:
    """Thousands of jobs on the recorded stub: the driver's memory, every job once."""
    write_workflow(folder, "text_to_video")
    rows = [{"job": f"job_{k:05}", PROMPT: "a circle", SEED: k} for k in range(options.many)]
    batch = Batch(folder / "batch", folder / "text_to_video.json", write_table(folder / "shots.csv", rows), stub_host())
    began, memory = time.monotonic(), []
    driver = batch.start("--workers", "2", "--prepare", "1")
    while driver.poll() is None:
        with contextlib.suppress(OSError, IndexError):
            memory.append((_done(batch.folder), _resident(driver.pid)))
        time.sleep(2)
    seconds = time.monotonic() - began
    _require(driver.returncode == 0, (batch.folder / "run.log").read_text("utf-8")[-3000:])
    manifest = batches.Manifest(batch.folder)
    attempts = Counter(row["attempts"] for row in manifest.jobs(batches.DONE))
    folders = [path.name for path in (batch.folder / "outputs").iterdir()]
    _require(attempts == {1: options.many}, f"attempts: {attempts}")
    _require(sorted(folders) == [row["job"] for row in rows], "jobs are missing")
    marks = [_near(memory, part * options.many) for part in (0.1, 0.5, 0.95)]
    shown = ", ".join(f"{mib} MiB after {done} jobs" for done, mib in marks)
    return [f"{options.many} jobs on the stub, 2 workers, {seconds:.0f} s: each once, none missing. Driver: {shown}."]


def idle(options: argparse.Namespace, folder: Path) -> list[str]:
    """How long workers that sample wait, with the cut and without, where preparing takes as long as sampling."""
    each, lines = 2.0, []
    os.environ["STUB_SECONDS"] = str(each)
    write_workflow(folder, "text_to_video")
    rows = [{"job": f"job_{k}", PROMPT: "a", "VACE Build VCU.length": 17 + 4 * k} for k in range(options.idle)]
    table = write_table(folder / "shots.csv", rows)
    for prepare, name in ((0, "without the cut"), (2, "with it")):
        batch = Batch(folder / f"batch_{prepare}", folder / "text_to_video.json", table, stub_host())
        status, said = batch.call("run", "--workers", "2", "--prepare", str(prepare), timeout=1800)
        _require(status == 0, said)
        waits = _waits(batch.folder, each)
        lines.append(f"{name} {sum(waits.values()):.1%}")
    del os.environ["STUB_SECONDS"]
    made_of = ", ".join(f"{share:.1%} {what}" for what, share in waits.items())
    return [
        f"{len(rows)} jobs on the stub, {each:g} s to prepare and {each:g} s to sample, idle: {', '.join(lines)}.",
        f"With it: {made_of}.",
    ]


def _waits(folder: Path, each: float) -> dict[str, float]:
    """What the idle time of workers that sample is made of, from the first job's begin to the last one's end.

    Args:
        folder: Of the batch.
        each: Seconds that sampling takes.

    Returns:
        Shares of the time of all of them.
    """
    spans: dict[str, list[tuple[float, float]]] = {}
    for row in batches.Manifest(folder).jobs():
        spans.setdefault(row["worker"], []).append((row["began"], row["ended"]))
    own = [sorted(each_one) for each_one in spans.values()]
    begin, end = min(jobs[0][0] for jobs in own), max(jobs[-1][1] for jobs in own)
    seconds = {
        "before a worker's first job": sum(jobs[0][0] - begin for jobs in own),
        "between jobs": sum(b[0] - a[1] for jobs in own for a, b in pairwise(jobs)),
        "in a job around its sampling": sum(ended - began - each for jobs in own for began, ended in jobs),
        "after a worker's last job": sum(end - jobs[-1][1] for jobs in own),
    }
    return {what: value / (len(own) * (end - begin)) for what, value in seconds.items()}


def scale(options: argparse.Namespace, folder: Path) -> list[str]:
    """The real driver with many workers that only wait, and what travels then."""
    lines = ["| GPUs | driver computes | GPUs wait between jobs | VCUs, GB/s | videos, MB/s |", "|---|---|---|---|---|"]
    for gpus in GPUS:
        (folder / f"crowd_{gpus}").mkdir()
        busy, waiting = run_crowd(folder / f"crowd_{gpus}", gpus=gpus, rounds=ROUNDS, seconds=CROWD_SECONDS)
        rate, simulated = gpus / JOB_SECONDS, f"{gpus} | {busy:.0%} | {waiting:.1%}"
        lines.append(f"| {simulated} | {rate * VCU_BYTES / 1e9:.1f} | {rate * VIDEO_BYTES / 1e6:.0f} |")
    return [
        *lines,
        "",
        f"Simulated, the first two columns: {ROUNDS} jobs for each GPU, {CROWD_SECONDS:g} s to sample and half of that",
        "to prepare, on average; driver, Ray and manifest are real, ComfyUI and the large files are not.",
        f"Arithmetic, the others: each GPU samples {JOB_SECONDS:g} s a job; a VCU is 81 exact frames of 832 x 480, a",
        "video 5 MB. Up to three VCUs are ahead for each GPU, which is 1.5 GB.",
        "First comes the shared disk, which every VCU passes twice, or the manifest where it waits for that disk.",
    ]


def manifest(options: argparse.Namespace, folder: Path) -> list[str]:
    """The manifest by itself: all that the driver writes down of a job, while every GPU has one."""
    lines = ["| GPUs | ms a job | share of the driver's time | waiting for the disk, ms | its share |"]
    lines += ["|---|---|---|---|---|"]
    for gpus in GPUS:
        cells = [str(gpus)]
        for one_machine in (True, False):
            milliseconds = _manifest_time(folder / f"{gpus}_{one_machine}", gpus, one_machine)
            cells += [f"{milliseconds:.1f}", f"{gpus / JOB_SECONDS * milliseconds / 1000:.1%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "A job has five changes of state, and all are in these times: its preparation is given out, and done; it is",
        f"given out, and done; its preparation is let go. Means of {MOST} jobs, or of as many as there are GPUs where",
        f"these are fewer; the least of {TRIES} tries. The driver's time: each GPU samples {JOB_SECONDS:g} s a job.",
        "The manifest waits for the disk with `--address` and `--shared`, where other machines may open it. Where a",
        "share passes 100 %, divide the table. On a machine that is busy otherwise all of it takes longer, the disk",
        f"most of all: here the load was {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors.",
    ]


def recipes(options: argparse.Namespace, folder: Path) -> list[str]:
    """The neighbours that run without a GPU, with a real ComfyUI and the miniature."""
    return sample_elsewhere(folder)


def _manifest_time(folder: Path, gpus: int, one_machine: bool) -> float:
    """Milliseconds for a job: all five changes of its state, while every GPU has one; the least of some means."""
    folder.mkdir()
    graph, timed, means = write_workflow(folder, "text_to_video"), min(gpus, MOST), []
    planner = batches.Planner(graph, catalog(), batches.Files((folder,)))
    numbers = range(1, gpus + TRIES * timed + 1)
    rows = [batches.Row(k, {"job": f"job_{k}", "VACE Build VCU.length": str(17 + k)}) for k in numbers]
    manifest = batches.Manifest(folder / "batch")
    manifest.keep_journal(one_machine=True)
    manifest.sync(planner.plan(rows))
    running = deque(_begin_job(manifest, f"w{number}") for number in range(gpus))
    manifest.keep_journal(one_machine=one_machine)
    for _ in range(TRIES):
        began = time.perf_counter()
        for _ in range(timed):
            ended = running.popleft()
            _end_job(manifest, ended)
            running.append(_begin_job(manifest, ended["worker"]))
            manifest.counts()
        means.append((time.perf_counter() - began) / timed * 1000)
    manifest.close()
    return min(means)


def _begin_job(manifest: batches.Manifest, worker: str) -> sqlite3.Row:
    """Three changes of its state, as the driver makes them: its preparation is given out and done, it is given out."""
    with manifest.together():
        key = manifest.next_preparation("p", alone=True)["key"]
        manifest.set_preparation(key, state=batches.RUNNING, worker="p", attempts=1)
    manifest.set_preparation(key, state=batches.DONE, vcus="[]", shown="[]", began=0.0, ended=1.0)
    manifest.let_go(key)  # which a job still needs
    with manifest.together():
        name = manifest.next_job(worker, "", ())["name"]
        manifest.set_job(name, state=batches.RUNNING, worker=worker, attempts=1)
    return manifest.job(name)


def _end_job(manifest: batches.Manifest, row: sqlite3.Row) -> None:
    """The other two: it is done, and its preparation is let go."""
    manifest.set_job(row["name"], state=batches.DONE, outputs="[]", machine="here", began=0.0, ended=1.0)
    manifest.let_go(row["prepare_key"])


def _done(folder: Path) -> int:
    return sum(1 for _ in os.scandir(folder / "outputs"))


def _resident(pid: int) -> int:
    """Mebibytes in memory of a process, as Linux says."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def _near(memory: list[tuple[int, int]], wanted: float) -> tuple[int, int]:
    return min(memory, key=lambda each: abs(each[0] - wanted))


def _require(true: bool, otherwise: str) -> None:
    if not true:
        raise SystemExit(f"error: {otherwise}")


PARTS: dict[str, Callable[[argparse.Namespace, Path], list[str]]] = {
    each.__name__: each for each in (equal, many, idle, scale, manifest, recipes)
}


def main(arguments: list[str]) -> int:
    """Measure the parts that are asked for; the page keeps what was measured of the others.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="dev.py cluster")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--jobs", type=int, default=60, help="of `equal`")
    parser.add_argument("--many", type=int, default=2000, help="of `many`")
    parser.add_argument("--idle", type=int, default=40, help="of `idle`")
    parser.add_argument("--to", type=Path, help="keeps what is made, in an empty folder; else it is removed")
    options = parser.parse_args(arguments)
    for name in options.parts.split(","):
        with tempfile.TemporaryDirectory(prefix=f"cluster_{name}_") as passing:
            folder = options.to / name if options.to else Path(passing)
            folder.mkdir(parents=True, exist_ok=True)
            lines = PARTS[name](options, folder)
        print("\n".join(lines), flush=True)
        _write(name, lines)
    return 0


def _write(name: str, lines: list[str]) -> None:
    parts = dict(_sections(PAGE.read_text("utf-8"))) if PAGE.is_file() else {}
    parts[name] = [PARTS[name].__doc__.strip(), "", *lines]
    text = ["# Batches", "", "Written by `python dev.py cluster`; docs/cluster.md says what they are.", ""]
    for each in PARTS:
        if each in parts:
            text += [f"## {each}", "", *parts[each], ""]
    PAGE.write_text("\n".join(text), "utf-8")


def _sections(page: str) -> Iterator[tuple[str, list[str]]]:
    for part in page.split("\n## ")[1:]:
        name, _, rest = part.partition("\n")
        yield name, rest.strip().split("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
