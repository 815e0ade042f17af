"""``python dev.py soak``: all workflows shuffled, prompt after prompt on one server, whose memory must stay level."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from random import Random

import psutil

from ..structure.schema import cut
from ..workflows import API, miniature, published
from .locations import ROOT
from .server import ComfyServer
from .workers import own_base_directory

FILE = ROOT / "benchmarks" / "results" / "soak.md"
LOOKS, OFTEN = 12, 25  # looks at least, spread over the run; prompts between two at most
BOOT = 900.0  # seconds, on a machine that does much else
REST = 1.0  # seconds in which the host frees what it is asked to
WARM = 0.4  # share of the run in which libraries and their pools are still filled
OWN_TEMP = ("vace_annotations", "vace_long")
# What each may grow by for a prompt, at rest: a gigabyte of memory after ten thousand prompts, a file after a hundred.
LIMITS = {"megabytes": 0.1, "files_open": 0.01, "threads": 0.01, "temp_files": 0.2}


@dataclass(frozen=True)
class Look:
    """What a server holds at rest.

    Attributes:
        prompts: Asked until then.
        megabytes: Of memory.
        files_open: Files and sockets.
        threads: How many.
        temp_files: Files of this pack in its temp folder.
    """

    prompts: int
    megabytes: float
    files_open: int
    threads: int
    temp_files: int


def main(arguments: list[str]) -> int:
    """Run; the status is 1 if something grows."""
    parser = argparse.ArgumentParser(prog="dev.py soak", description=__doc__)
    parser.add_argument("--prompts", type=int, default=1000, help="how many")
    parser.add_argument("--minutes", type=float, default=math.inf, help="how long at most, whatever was done then")
    parser.add_argument("--seed", type=int, default=0, help="of the order")
    parser.add_argument("--save", action="store_true", help=f"write {FILE.name}")
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    begun = time.monotonic()
    with own_base_directory(), ComfyServer(boot_timeout=BOOT) as server:
        end = time.monotonic() + 60 * given.minutes
        looks = [_told(look) for look in soak(server, given.prompts, given.seed, end)]
    slopes = {name: slope(looks, name) for name in LIMITS}
    done = f"{looks[-1].prompts} prompts of {given.prompts}, seed {given.seed}"
    text = as_text(looks, slopes, f"{done}, {time.monotonic() - begun:.0f} s")
    print(text)
    if given.save:
        FILE.write_text(text, "utf-8")
    return 1 if any(slopes[name] > LIMITS[name] for name in LIMITS) else 0


def soak(server: ComfyServer, prompts: int, seed: int, end: float = math.inf) -> Iterator[Look]:
    """Ask for one workflow after another, each with numbers of its own, and look now and then.

    Args:
        server: The host.
        prompts: How many.
        seed: Of the order.
        end: When to stop all the same, by the monotonic clock.
    """
    random, order = Random(seed), []
    every = min(max(prompts // LOOKS, 1), OFTEN)
    for done in range(1, prompts + 1):
        order = order or random.sample(names := sorted(path.stem for path in API.glob("*.json")), len(names))
        prompt = miniature(published(name := order.pop()), name, steps=1)
        for file in server.outputs(server.run(cut(_with_seed(prompt, done)), timeout=600)):
            file.unlink(missing_ok=True)
        late = time.monotonic() > end
        if late or done % every == 0:
            yield look(server, done)
        if late:
            return


def look(server: ComfyServer, prompts: int) -> Look:
    """What a server holds once it has let go of all that it can."""
    server.wait_idle()
    server.post("/history", {"clear": True})
    server.post("/free", {"unload_models": True, "free_memory": True})
    time.sleep(REST)
    process = psutil.Process(server.process.pid)
    own = [path for name in OWN_TEMP for path in (server.folders["temp"] / name).rglob("*") if path.is_file()]
    return Look(prompts, process.memory_info().rss / 1e6, _open_files(process), process.num_threads(), len(own))


def slope(looks: Sequence[Look], name: str) -> float:
    """By how much something grows for each prompt, once the server is warm: the line of least squares."""
    warm = [one for one in looks if one.prompts >= WARM * looks[-1].prompts]
    xs, ys = [one.prompts for one in warm], [getattr(one, name) for one in warm]
    middle, mean = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle) ** 2 for x in xs)
    return sum((x - middle) * (y - mean) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def as_text(looks: Sequence[Look], slopes: dict[str, float], about: str) -> str:
    """The table, in Markdown."""
    names = [field.name.replace("_", " ") for field in fields(Look)]
    lines = ["# Soak", "", f"`python dev.py soak --save`: {about}. At rest, after everything was freed:", ""]
    lines += [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    lines += ["| " + " | ".join(f"{value:.0f}" for value in astuple(look)) + " |" for look in looks]
    lines += ["", f"Growth for each prompt, from {100 * WARM:.0f} % of the run on, and what is allowed:", ""]
    lines += [f"- {name.replace('_', ' ')}: {slopes[name]:+.4f} ({LIMITS[name]:g})" for name in LIMITS]
    return "\n".join(lines) + "\n"


def _with_seed(prompt: dict, number: int) -> dict:
    """Another seed in each prompt, so that nothing of it is in the cache."""
    for node in prompt.values():
        for name in node["inputs"]:
            if name.rpartition(".")[2] in ("seed", "noise_seed") and not isinstance(node["inputs"][name], list):
                node["inputs"][name] = number
    return prompt


def _open_files(process: psutil.Process) -> int:
    return process.num_fds() if hasattr(process, "num_fds") else process.num_handles()


def _told(one: Look) -> Look:
    print(one, flush=True)
    return one


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
