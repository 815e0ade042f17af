"""A crowd of workers that only wait, given out by the real driver: what it does with a thousand GPUs.

They are one Ray actor, so every task, every answer and every line of the manifest is real, and so are the files, which
are small. What is not: ComfyUI, and the bytes of VCUs and videos.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import ray

from ..host.locations import ROOT, pack_module
from .batches import batch as batches
from .batches import catalog, write_workflow
from .running import batch_env

driving, pools, settings = (pack_module(f"cluster.{name}") for name in ("driver", "pool", "settings"))

SPREAD = 0.25  # of the time that a part takes, to both sides
FILM = b"a film"


class Crowd:
    """Every worker of a batch."""

    def __init__(self, folder: str, seconds: float) -> None:
        """Say where the batch lies, and how long a job samples."""
        self._folder, self._seconds, self._chance = Path(folder), seconds, random.Random(0)

    async def run(self, task: dict, *packs: list[bytes]) -> tuple[dict, list[bytes]]:
        """Wait, and leave what a worker leaves where a folder is shared."""
        began = time.time()
        part = 0.5 if task["savers"] else 1.0  # so that whoever samples waits for the driver alone
        await asyncio.sleep(self._seconds * part * self._chance.uniform(1 - SPREAD, 1 + SPREAD))
        vcus, outputs = [], []
        if task["savers"]:
            vcus = [f"{task['job']}/vcu.safetensors"]
            self._write(self._folder / "files" / vcus[0])
        else:
            path = self._folder / "arrived" / task["token"] / "shot.mp4"
            self._write(path)
            digest = hashlib.sha256(FILM).hexdigest()
            outputs = [{"name": path.name, "path": str(path), "size": len(FILM), "sha256": digest}]
        span = {"began": began, "ended": time.time(), "machine": "crowd"}
        return {"state": "done", "vcus": vcus, "outputs": outputs} | span, []

    def _write(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        path.write_bytes(FILM)


def run_crowd(folder: Path, *, gpus: int, rounds: int, seconds: float) -> tuple[float, float]:
    """`crowd_batch` in a process of its own, for a Ray that others started in this one says who may join it."""
    argv = [sys.executable, "-m", __name__, str(folder), str(gpus), str(rounds), str(seconds)]
    env = batch_env()
    env["PYTHONPATH"] += f"{os.pathsep}{ROOT / 'tests'}"
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {done.stdout}{done.stderr}")
    busy, waiting = done.stdout.split()[-2:]
    return float(busy), float(waiting)


def crowd_batch(folder: Path, gpus: int, rounds: int, seconds: float) -> tuple[float, float]:
    """Run a batch in which each of many workers takes some jobs, each with a preparation of its own.

    Args:
        folder: For it.
        gpus: How many sample, and how many prepare.
        rounds: Jobs for each.
        seconds: What sampling takes on average; preparing takes half of it.

    Returns:
        The share of its time that the driver computes, and the share that workers which sample wait after the first
        job has begun and before the last ones have.
    """
    graph = write_workflow(folder, "text_to_video")
    rows = [
        batches.Row(k, {"job": f"job_{k}", "VACE Build VCU.length": str(16 + k)}) for k in range(1, gpus * rounds + 1)
    ]
    manifest = batches.Manifest(folder / "batch")
    manifest.keep_journal(one_machine=True)
    manifest.sync(batches.Planner(graph, catalog(), batches.Files((folder,))).plan(rows))
    pools.connect(None, dashboard=False, store_mib=100)
    try:
        busy = _drive(manifest, gpus, seconds)
    finally:
        ray.shutdown()
    spans = [(row["worker"], row["began"], row["ended"]) for row in manifest.jobs(batches.DONE)]
    if len(spans) != len(rows):
        raise SystemExit(f"error: {len(spans)} of {len(rows)} jobs are done")
    return busy, _waiting(spans)


def _drive(manifest: batches.Manifest, gpus: int, seconds: float) -> float:
    crowd = ray.remote(Crowd).options(num_cpus=0, max_concurrency=2 * gpus + 1).remote(str(manifest.folder), seconds)
    own = settings.Settings("", "", "", (), str(manifest.folder), True, 3600.0, None, "")
    pool = pools.Pool(own)
    for kind in (pools.SAMPLE, pools.PREPARE):
        for number in range(gpus):
            name = f"{kind}-{number}"
            pool.members[name] = pools.Member(name, kind, crowd, state=pools.FREE)
    view = SimpleNamespace(update=lambda driver: None, say=lambda sentence: None)  # shows nothing
    began, computed = time.monotonic(), time.process_time()
    driving.Driver(manifest, pool, own, view, retries=0, first_pause=1.0).run()
    return (time.process_time() - computed) / (time.monotonic() - began)


def _waiting(spans: list[tuple[str, float, float]]) -> float:
    """Of the time from the first begin of each worker to its last begin, what lies between jobs."""
    waited = whole = 0.0
    for worker in {name for name, _, _ in spans}:
        own = sorted((began, ended) for name, began, ended in spans if name == worker)
        waited += sum(after[0] - before[1] for before, after in pairwise(own))
        whole += own[-1][0] - own[0][0]
    return waited / whole if whole else 0.0


if __name__ == "__main__":
    print(*crowd_batch(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
