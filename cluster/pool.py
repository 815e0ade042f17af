"""The workers of a batch, as Ray knows them: actors that it places, starts, and starts elsewhere when they die."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayError, RayTaskError

from .errors import BatchError
from .faults import pause
from .settings import THREADS, Settings
from .worker import Worker

SAMPLE, PREPARE = "sample", "prepare"
STARTING, FREE, BUSY, REFUSED = "starting", "free", "busy", "refused"
CLEAR_SECONDS, PATIENCE = 30.0, 120.0
AGAIN_SECONDS = 5.0  # before a ComfyUI that did not come up again is started anew, the first time
PLACED = "Ray places each where there is room for it (`ray status` says what there is), and then its ComfyUI starts."
STARTS = 3  # of Ray on this machine, which gives up after 30 s where others compute; of a ComfyUI that does nothing


@dataclass
class Member:
    """One worker, seen from the driver.

    Attributes:
        name: As people see it.
        kind: `SAMPLE` or `PREPARE`.
        actor: What Ray gave.
        state: `STARTING`, `FREE`, `BUSY` or `REFUSED`.
        about: What it said of itself.
        models: What it loaded last.
        lacks: Models of jobs, and keys of preparations, that it does not have what they need for.
        starts: The answer to its start that is still awaited.
        ended: How often its ComfyUI ended without a job, or did not come up again, since it had its last one.
        was_up: Whether it could work before.
    """

    name: str
    kind: str
    actor: Any
    state: str = STARTING
    about: dict = field(default_factory=dict)
    models: str = ""
    lacks: set[str] = field(default_factory=set)
    starts: Any = None
    ended: int = 0
    was_up: bool = False


class Pool:
    """All members.

    Attributes:
        members: By name.
    """

    def __init__(self, settings: Settings) -> None:
        """Nobody yet."""
        self._settings = settings
        self._first: dict[str, str] = {}  # what the first one that was up said of itself, and its name
        self.members: dict[str, Member] = {}

    def add(self, kind: str, count: int, resources: dict[str, float]) -> None:
        """Ask Ray for workers; each needs these resources, and starts where there are some."""
        actor = ray.remote(Worker).options(
            **resources,
            scheduling_strategy="SPREAD",
            max_restarts=-1,
            max_concurrency=8,  # to be asked how far it is while it runs
        )
        for number in range(1, count + 1):
            name = f"{kind}-{number}"
            on_cpu = kind == PREPARE
            member = Member(name, kind, actor.remote(name, self._settings, on_cpu=on_cpu))
            member.starts = member.actor.start.remote()
            self.members[name] = member

    def of(self, kind: str, *states: str) -> list[Member]:
        """Members of a kind in some states, or all."""
        chosen = states or (STARTING, FREE, BUSY, REFUSED)
        return [m for m in self.members.values() if m.kind == kind and m.state in chosen]

    def alone(self, member: Member) -> dict[str, Any]:
        """What no other one of its kind could take: all (``alone``), or what each of them lacks (``alone_with``).

        One that is starting may never be up: Ray finds no place for it when its machine is gone.
        """
        others = [m for m in self.of(member.kind, FREE, BUSY) if m is not member]
        return {"alone": not others, "alone_with": set.intersection(*(m.lacks for m in others)) if others else set()}

    def starting(self) -> dict[Any, Member]:
        """Whose start is awaited, by what it is awaited with."""
        return {m.starts: m for m in self.members.values() if m.starts is not None}

    def hear_start(self, member: Member) -> str:
        """Take the answer to a start; gives a sentence where it cannot work."""
        try:
            return self.judge(member, ray.get(member.starts))
        except RayError as error:
            return self.judge(member, {"error": what_is_wrong(error)})

    def judge(self, member: Member, about: dict[str, str]) -> str:
        """Use a worker that says this of itself, if it can work as the first one does; gives a sentence if not.

        One that was up before is started again a few times: what is wrong may pass, as a disk or memory that is full.
        """
        member.starts, member.models, member.lacks = None, "", set()  # it may be on another machine now
        member.about, member.state = about, FREE
        if about["error"] and member.was_up and not about.get("lasting") and member.ended < STARTS:
            member.ended += 1
            wait = pause(member.ended, AGAIN_SECONDS)
            self.start_again(member, wait)
            return f"{member.name} did not come up again: {about['error']} Started again in {wait:g} s."
        if sentence := about["error"] or self._differs(about):
            return self.refuse(member, sentence)
        self._first, member.was_up = self._first or about | {"name": member.name}, True
        return ""

    def refuse(self, member: Member, sentence: str) -> str:
        """Give it nothing any more, for a reason; gives a sentence on that."""
        member.state, member.about = REFUSED, member.about | {"error": sentence}
        return f"{member.name} cannot work: {sentence}"

    def nobody(self) -> str:
        """A sentence for people who wait if all that sample, or all that prepare, are still starting; else none."""
        for kind in (SAMPLE, PREPARE):
            if (starting := self.of(kind, STARTING)) and not self.of(kind, FREE, BUSY):
                return f"No worker is up to {kind}, {len(starting)} are starting. {PLACED} This waits until one is up."
        return ""

    def clear(self) -> None:
        """Let all end their ComfyUI and remove what they have of the batch on their machines."""
        refs = [member.actor.clear.remote() for member in self.members.values()]
        ray.wait(refs, num_returns=len(refs), timeout=CLEAR_SECONDS)

    def start_again(self, member: Member, after: float = 0.0) -> None:
        """After its death Ray makes the actor anew, perhaps on another machine; wait until it is up.

        Args:
            member: The worker.
            after: Seconds that it waits first.
        """
        member.state, member.starts = STARTING, member.actor.start.remote(after)

    def renew(self, member: Member) -> str:
        """Start a ComfyUI again that is not up; gives a sentence where that was of no use so far."""
        member.ended += 1
        if member.ended > STARTS:
            return self.refuse(member, f"ComfyUI ended {STARTS} times before it had a job.")
        self.start_again(member)
        return ""

    def _differs(self, about: dict[str, str]) -> str:
        """A sentence if another version runs there than on the first one that was up."""
        for what in ("comfyui", "pack") if self._first else ():
            if self._first[what] != about[what]:
                return (
                    f"{about['machine']} has version {about[what] or 'none'} of {what}, {self._first['name']} on "
                    f"{self._first['machine']} has {self._first[what] or 'none'}. Install one version everywhere."
                )
        return ""


def what_is_wrong(error: RayError) -> str:
    """The line of an error that says it: the last one of what a worker raised, the first one of what Ray says."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    return f"{type(error).__name__}: {lines[-1 if isinstance(error, RayTaskError) else 0].strip()}"


def connect(address: str | None, *, dashboard: bool, store_mib: int) -> None:
    """Start Ray on this machine, or join a cluster.

    Args:
        address: None starts one here; ``auto``, ``host:port`` or ``ray://host:port`` joins one.
        dashboard: Whether Ray shows its dashboard, on loopback.
        store_mib: Mebibytes of this machine's object store.

    Raises:
        BatchError: If there is none at that address, or none can be started.
    """
    cloudpickle.register_pickle_by_value(sys.modules[__package__])  # other machines have this folder elsewhere
    usual = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    try:
        if address:
            with _own_ending():
                ray.init(address, **usual)
            return
        for attempt in range(1, STARTS + 1):
            try:
                with _own_ending():
                    ray.init("local", include_dashboard=dashboard, object_store_memory=store_mib * 2**20, **usual)
                return
            except Exception as error:
                ray.shutdown()
                if attempt == STARTS:
                    raise BatchError(f"Ray did not start on this machine: {error}") from error
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise BatchError(
            f"Ray does not answer at {address}: {error}. Is it up there, and is its token in ~/.ray/auth_token here?"
        ) from None


@contextlib.contextmanager
def _own_ending() -> Iterator[None]:
    """What SIGTERM does stays as it was; Ray puts handlers of its own in its place, which end this process at once."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def resources_of(samplers: int | None, preparers: int | None) -> Iterator[tuple[str, int, dict[str, float]]]:
    """How many workers of each kind there are to be, and what each needs.

    Args:
        samplers: One for each GPU if None; on machines without, this many shares of their CPUs.
        preparers: One for each machine if None.
    """
    total = ray.cluster_resources()
    gpus, machines = (
        int(total.get("GPU", 0)),
        [each["Resources"].get("CPU", 0.0) for each in ray.nodes() if each["Alive"]],
    )
    samplers = samplers or gpus or 1
    preparers = len(machines) if preparers is None else preparers
    cpu = share_of(machines, preparers + (0 if gpus else samplers))
    yield SAMPLE, samplers, {"num_gpus": min(1.0, gpus / samplers), "num_cpus": 0} if gpus else {"num_cpus": cpu}
    yield PREPARE, preparers, {"num_cpus": min(cpu, 4.0)}


def share_of(machines: list[float], workers: int) -> float:
    """The most CPUs that each worker can have if all are to find a place, whole ones where there is one for each.

    Args:
        machines: CPUs of each.
        workers: How many there are to be, all machines together.
    """
    near = 1e-9  # a quotient that is a whole number may come out just below it
    shares = {cpus / number for cpus in machines for number in range(1, workers + 1) if cpus}
    usable = {float(int(share)) if share >= 1 else int(share * 100 + near) / 100 for share in shares}
    fitting = (share for share in usable if share and sum(int(cpus / share + near) for cpus in machines) >= workers)
    return max(fitting, default=0.0)


def threads() -> str | None:
    """What the user chose before Ray sets its own."""
    return os.environ.get(THREADS)
