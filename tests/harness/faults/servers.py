"""A real server: prompts stopped in each phase that takes a while, and models that are replaced between two prompts."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psutil
from safetensors.torch import load_file, save_file

from ..host.client import PromptFailedError
from ..host.server import ComfyServer
from . import prompts
from .case import Row

INTERRUPTED, REPLACED = "a prompt stopped in a phase", "a file of a model replaced between two prompts"
SHORTEST = 0.05  # seconds that a phase lasts, to be stopped in
BOOT = 900.0
ADAPTER, VAE = ("vace", "small_vace_adapter.safetensors"), ("vae", "small_wan_vae.safetensors")
WORKFLOW = "adapter_on_plain_model"
REPLACEMENTS = 4  # of files, in `_sequence`


def rows(seed: int) -> Iterator[Row]:
    """Both, on servers of their own."""
    with ComfyServer(cpu=True, boot_timeout=BOOT) as server:
        yield from _interrupts(server, Random(seed))
    yield _replaced()


def _interrupts(server: ComfyServer, random: Random) -> Iterator[Row]:
    prompt, folder = prompts.whole("faults"), server.folders["output"] / "faults"
    wanted, phases = prompts.ask(server, prompt), []
    for _ in range(2):  # the first time everything is imported
        prompts.free(server)
        phases = _phases(server, prompt)
    for node, lasts in phases:
        begun, before = time.monotonic(), _memory(server)
        prompts.free(server)
        came, wrong = _stopped(server, prompt, node, random.uniform(0, lasts))
        wrong += [f"left: {path.name}" for path in folder.rglob("*") if ".part" in path.name]
        if prompts.ask(server, prompt) != wanted:
            wrong.append("the same prompt gave other bytes afterwards")
        held = _memory(server) - before
        came = f"{came}; afterwards the same bytes"
        yield Row(INTERRUPTED, _shown(node, prompt), "all", 1, came, "; ".join(wrong), held, time.monotonic() - begun)


def _phases(server: ComfyServer, prompt: dict) -> list[tuple[str, float]]:
    """Nodes that take a while, those that a node expands to included, with their seconds."""
    begins: list[tuple[str, float]] = []

    def hear(event: dict) -> None:
        if event["type"] == "executing" and event["data"].get("node"):
            begins.append((event["data"]["node"], time.monotonic()))

    server.run(prompt, timeout=prompts.PATIENCE, on_event=hear)
    ends = [*(begin for _, begin in begins[1:]), time.monotonic()]
    lasts = {node: end - begin for (node, begin), end in zip(begins, ends, strict=True)}
    return [(node, seconds) for node, seconds in lasts.items() if seconds > SHORTEST]


def _memory(server: ComfyServer) -> int:
    return psutil.Process(server.process.pid).memory_info().rss


def _stopped(server: ComfyServer, prompt: dict, node: str, after: float) -> tuple[str, list[str]]:
    """How a prompt ended that was stopped so many seconds into a node, and what is wrong with that."""
    timers: list[threading.Timer] = []

    def hear(event: dict) -> None:
        if event["type"] == "executing" and event["data"].get("node") == node and not timers:
            timers.append(threading.Timer(after, server.interrupt))
            timers[0].start()

    try:
        server.run(prompt, timeout=prompts.PATIENCE, on_event=hear)
    except PromptFailedError as error:
        return judged_stop(error, after)
    finally:
        for timer in timers:
            timer.join()  # else it would stop the next prompt
    return "it had ended", []


def judged_stop(error: PromptFailedError, after: float) -> tuple[str, list[str]]:
    """What came of an interrupt, and what is wrong with it: it must not end in another exception.

    Args:
        error: How the prompt ended.
        after: Seconds into the node.
    """
    came = f"stopped after {after:.2f} s"
    return came, [] if error.exception_type == "Interrupted" else [f"an interrupt ended in an exception: {error}"]


def _shown(node: str, prompt: dict) -> str:
    top, _, rest = node.partition(".")
    return f"{prompt[top]['class_type']}{', ' if rest else ''}{rest.rpartition('.')[2]}"


def _replaced() -> Row:
    """An adapter by a new file, then written over with the old one; a VAE by a new file; beside a fresh server."""
    begun, prompt = time.monotonic(), prompts.plain(WORKFLOW)
    with ComfyServer(cpu=True, boot_timeout=BOOT) as server:
        adapter, vae = (server.base / "models" / Path(*name) for name in (ADAPTER, VAE))
        kept = shutil.copy(adapter, adapter.with_suffix(".kept"))
        kept_vae = shutil.copy(vae, vae.with_suffix(".kept"))
        before = _memory(server)
        try:
            found = _sequence(server, prompt, adapter, vae, Path(kept))
            held = _memory(server) - before
            with ComfyServer(cpu=True, boot_timeout=BOOT) as fresh:
                expected = prompts.ask(fresh, prompt)
        finally:
            Path(kept).replace(adapter)
            Path(kept_vae).replace(vae)
    wrong = []
    if found["new adapter"] == found["first"]:
        wrong.append("a new adapter was not noticed")
    if found["old adapter, written over"] != found["first"]:
        wrong.append("an adapter that was written over gave something else than it had given")
    if found["new VAE, after /free"] != expected:
        wrong.append("another result than of a fresh server")
    host = "keeps the old VAE until /free" if found["new VAE"] == found["new adapter"] else "reads a new VAE at once"
    came = f"the new adapter is used, equal to a fresh server; the host's own loader {host}"
    return Row(
        REPLACED,
        "adapter, VAE",
        "files of models",
        REPLACEMENTS,
        came,
        "; ".join(wrong),
        held,
        time.monotonic() - begun,
    )


def _sequence(server: ComfyServer, prompt: dict, adapter: Path, vae: Path, kept: Path) -> dict[str, list[str]]:
    found = {"first": prompts.ask(server, prompt)}
    _put_changed(adapter)
    found["new adapter"] = prompts.ask(server, prompt)
    shutil.copyfile(kept, adapter)
    found["old adapter, written over"] = prompts.ask(server, prompt)
    _put_changed(adapter)
    _put_changed(vae)
    found["new VAE"] = prompts.ask(server, prompt)
    prompts.free(server)
    found["new VAE, after /free"] = prompts.ask(server, prompt)
    return found


def _put_changed(path: Path) -> None:
    """A file of the same names with other numbers, in the place of the old one."""
    new = path.with_suffix(".new")
    save_file({name: tensor.clone() * 0.9 for name, tensor in load_file(path).items()}, new)
    new.replace(path)
