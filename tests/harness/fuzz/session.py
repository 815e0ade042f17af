"""One prompt after another against one server, with a memory of what each gave."""

from __future__ import annotations

import contextlib
import copy
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import psutil
import torch
from safetensors.torch import save_file

from ..host.server import ComfyServer
from ..inputs import bad_inputs
from . import outcomes
from .graphs import Grower
from .outcomes import Outcome, ask
from .report import Report
from .shrink import shrink

LIMIT = 180.0  # seconds for a prompt; the default size, 81 frames of 832 x 480, takes a minute on a busy CPU
SLACK = 400e6  # bytes that the server may hold more at the end than when it was warm
ALLOWED = 6e9  # bytes of data that it may hold beyond those of its start, so that a fault cannot take the machine down
KEPT = 60  # prompts that succeeded, to be asked again
LORA = "fuzz_lora.safetensors"
LAYERS = ("diffusion_model.blocks.0.self_attn.q", "diffusion_model.vace_blocks.0.after_proj")
HALVES = {"A": (4, 128), "B": (128, 4)}
REST = 0.6  # seconds in which the host frees what it is asked to


class Session:
    """A run of the fuzzer.

    Attributes:
        server: The host; started anew when it died.
        report: What was found.
        grower: What prompts are made of.
    """

    def __init__(self, server: ComfyServer, seed: int, folder: Path, say: Callable[[str], None] = print) -> None:
        self.server, self.folder, self._say = server, folder, say
        self.random = Random(seed)
        self.report = Report(seed)
        self._known: dict[str, Outcome] = {}  # by prompt
        self._signatures: dict[tuple, dict] = {}
        self.grower = prepare(server)

    def step(self) -> None:
        """Ask one thing more: a new prompt as a rule."""
        chance, random = self.random.random(), self.random
        known = [json.loads(text) for text in self._known]
        if known and chance < 0.08:
            self._again(random.choice(known), fresh=chance < 0.05)
        elif known and chance < 0.2:
            self._judge(self.grower.changed(random.choice(known), random))
        elif chance < 0.25:
            self._interrupted(random.choice(known) if known else self.grower.prompt(random))
        elif chance < 0.3:
            self._two_clients([self.grower.prompt(random), random.choice(known or [self.grower.prompt(random)])])
        else:
            self._judge(self.grower.prompt(random))

    def rest(self) -> None:
        """Let the server free all that it can, and note what it holds then."""
        free(self.server)
        self.report.memory.append((self.report.prompts, psutil.Process(self.server.process.pid).memory_info().rss))

    def end(self) -> Report:
        """Ask all that succeeded once more, look at the memory, and give the report."""
        for text in list(self._known)[-10:]:
            self._again(json.loads(text), fresh=True)
        self.rest()
        warm, last = self.report.memory[0][1], self.report.memory[-1][1]
        if last - warm > SLACK:
            self._fault(
                Outcome(outcomes.GREW, text=f"{warm / 1e6:.0f} MB when warm, {last / 1e6:.0f} MB at the end"), []
            )
        return self.report

    def _ask(self, prompt: dict, client_id: str = "") -> Outcome:
        return ask(self.server, prompt, self.grower.nodes, LIMIT, client_id)

    def _judge(self, prompt: dict, asked: Outcome | None = None) -> Outcome:
        """Ask, count, and compare with what the same prompt gave before."""
        outcome = self._compared(prompt, asked or self._ask(prompt))
        self.report.count(outcome, prompt)
        if outcome.is_fault:
            self._fault(outcome, [prompt])
        elif outcome.kind == outcomes.SUCCESS:
            self._known[json.dumps(prompt)] = outcome
            if len(self._known) > KEPT:
                del self._known[self.random.choice(list(self._known))]
        return outcome

    def _compared(self, prompt: dict, outcome: Outcome) -> Outcome:
        return compared(self._known.get(json.dumps(prompt)), outcome, prompt)

    def _again(self, prompt: dict, fresh: bool) -> None:
        if fresh:
            free(self.server)
        outcome = self._judge(prompt)
        self.report.computed_again += fresh and outcome.computed

    def _interrupted(self, prompt: dict) -> None:
        """Stop a prompt at some moment; afterwards it must do what it does otherwise."""
        delay = self.random.uniform(0, 0.5)
        timer = threading.Timer(delay, self._stop_running)
        timer.start()
        first = self._ask(prompt)
        timer.join()
        self.report.count(first, prompt)
        if first.is_fault:
            self._fault(first, [prompt])
        self._judge(prompt)

    def _stop_running(self) -> None:
        with contextlib.suppress(OSError):
            self.server.interrupt()

    def _two_clients(self, prompts: list[dict]) -> None:
        found: dict[int, Outcome] = {}

        def one(k: int) -> None:
            found[k] = self._ask(prompts[k], uuid.uuid4().hex)

        threads = [threading.Thread(target=one, args=(k,)) for k in range(len(prompts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for k, prompt in enumerate(prompts):
            self._judge(prompt, found[k])

    def _fault(self, outcome: Outcome, prompts: list[dict]) -> None:
        """Write a fault down, the first of its kind with the smallest prompt that shows it."""
        if known := self._signatures.get(outcome.signature):
            known["times"] += 1
            self._revive()
            return
        self._revive()
        if outcome.kind in (outcomes.CRASHED, outcomes.UNNAMED, outcomes.NOT_FINITE):
            prompts = [shrink(prompts[0], lambda one: self._ask(one).signature == outcome.signature, self.grower.nodes)]
        path = self.folder / f"fault_{len(self._signatures):03}.json"
        fault = {"kind": outcome.kind, "where": outcome.where, "text": outcome.text, "raised": outcome.raised}
        self._signatures[outcome.signature] = fault | {"times": 1, "file": path.name}
        self.report.faults.append(self._signatures[outcome.signature])
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"fault": fault, "prompts": prompts}, indent=1), "utf-8")
        self._say(f"FAULT {outcome.kind}: {outcome.where}: {outcome.text[:200]!r} -> {path}")

    def _revive(self) -> None:
        """Start the server anew if it died or does not come to an end; what is known stays known."""
        if self.server.process.poll() is None:
            with contextlib.suppress(TimeoutError):
                self.server.wait_idle(LIMIT)
                return
        self.server.__exit__(None, None, None)
        self.server.__enter__()
        prepare(self.server)


def compared(before: Outcome | None, outcome: Outcome, prompt: dict) -> Outcome:
    """A second outcome of a prompt that succeeded before: it must be the same.

    Args:
        before: The first; None if there was none, and nothing is compared if it was no success.
        outcome: The second.
        prompt: API format.
    """
    if before is None or before.kind != outcomes.SUCCESS or outcome.is_fault or outcome.kind == outcomes.INTERRUPTED:
        return outcome
    if outcome.kind != outcomes.SUCCESS:
        return replace(outcome, kind=outcomes.FORGOTTEN)
    if any(
        node["inputs"].get("redo") for node in prompt.values()
    ):  # makes a segment again, from another seed each time
        return outcome
    changed = sorted(set(before.digests) ^ set(outcome.digests))
    where = outcomes.of_nodes(changed, prompt) if changed else ""
    return replace(outcome, kind=outcomes.ANOTHER, where=where, text=" ".join(changed)) if changed else outcome


def prepare(server: ComfyServer) -> Grower:
    """Bound the memory of a server, write the files that nodes read, and read what nodes there are."""
    limit_memory(server.process.pid)
    write_lora(server.base / "models" / "loras")
    bad_inputs.queue(server, bad_inputs.Case("VaceSaveVcu", "a file for VACE Load VCU", {"vcu": ["vcu", 0]}))
    server.wait_idle()
    return Grower(server.object_info())


def write_lora(folder: Path) -> None:
    """A small LoRA for a layer of the base and one of the VACE blocks; the host lists it from then on."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (path := folder / LORA).is_file():
        generator = torch.Generator().manual_seed(0)
        shapes = {f"{layer}.lora_{half}.weight": shape for layer in LAYERS for half, shape in HALVES.items()}
        save_file({name: 0.1 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}, path)


def limit_memory(pid: int) -> None:
    """Let allocations beyond ``ALLOWED`` fail, where the system can do that."""
    process = psutil.Process(pid)
    if hasattr(process, "rlimit"):
        held = process.memory_info().data
        process.rlimit(psutil.RLIMIT_DATA, (int(held + ALLOWED), psutil.RLIM_INFINITY))


def free(server: ComfyServer) -> None:
    """Let a server forget models, results and history."""
    server.wait_idle(LIMIT)
    server.post("/history", {"clear": True})
    server.post("/free", {"unload_models": True, "free_memory": True})
    time.sleep(REST)


def replay(server: ComfyServer, path: Path) -> Iterator[Outcome]:
    """Ask the prompts of a file again, each with nothing in the cache.

    Args:
        server: The host.
        path: What a session wrote.

    Yields:
        What became of each.
    """
    nodes, before = prepare(server).nodes, {}
    for prompt in json.loads(path.read_text("utf-8"))["prompts"]:
        for _ in range(2):
            text = json.dumps(prompt)
            outcome = compared(before.get(text), ask(server, copy.deepcopy(prompt), nodes, LIMIT), prompt)
            before.setdefault(text, outcome)
            yield outcome
            if server.process.poll() is not None:
                return
            free(server)
