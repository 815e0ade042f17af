"""``python dev.py faults --flags``: the pack on servers with each of the host's flags, beside core nodes and none."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from ..host.client import HostDiedError, PromptFailedError, PromptRefusedError
from ..host.computing import computing_flags
from ..host.locations import ROOT, locate
from ..host.server import ComfyServer
from . import prompts

FILE = ROOT / "benchmarks" / "results" / "host_flags.md"
FLAGS = (
    (),
    ("--lowvram",),
    ("--novram",),
    ("--cache-none",),
    ("--cache-lru", "4"),
    ("--disable-smart-memory",),
    ("--fp16-vae",),
    ("--bf16-vae",),
    ("--disable-dynamic-vram",),
)
VIDEO_MEMORY = ("--lowvram", "--novram")  # the host takes none of these beside --cpu
OTHER_NUMBERS = ("--fp16-vae", "--bf16-vae")  # with these the host's own nodes give something else, too
WORKFLOWS = ("control", "inpaint", "long video")
BOOT = 900.0


@dataclass(frozen=True)
class Tried:
    """A server with a flag.

    Attributes:
        flag: The flag; empty for none.
        found: For each workflow what came of it: hashes, or one text where it failed.
        bytes: What the server held at its end.
        seconds: For all, the start included.
    """

    flag: str
    found: dict[str, list[str]]
    bytes: int
    seconds: float

    def judged(self, name: str, without: Tried) -> str:
        """What came of a workflow, with FAULT before it where that must not be."""
        hashes, usual = self.found[name], without.found[name]
        if len(hashes) == 1 and name != "long video":
            return f"FAULT: {hashes[0]}"
        if any(" " in each for each in hashes):  # numbers that are not finite, or an error
            return f"FAULT: {' '.join(hashes)}"
        if len(set(hashes)) > 1:
            return "FAULT: other bytes than core nodes"
        beside = "= core" if name != "long video" else ""
        if hashes == usual:
            return f"{beside} = no flag".strip() if self.flag else beside or "the first"
        return (
            f"{beside}, other than without".strip(", ") if self.flag in OTHER_NUMBERS else "FAULT: other than no flag"
        )


def run(save: bool) -> int:
    """Try each flag; the status is 1 if something is not as it should be."""
    on_cpu = "--cpu" in computing_flags(locate().python)
    left = VIDEO_MEMORY if on_cpu else ()
    tried: list[Tried] = []
    for flag in FLAGS:
        if " ".join(flag) in left:
            continue
        tried.append(_told(_try(flag)))
        if save:
            FILE.write_text(as_text(tried, left), "utf-8")
    print(text := as_text(tried, left))
    return 1 if "FAULT" in text else 0


def _try(flag: Sequence[str]) -> Tried:
    begun, found = time.monotonic(), {}
    with ComfyServer(arguments=tuple(flag), boot_timeout=BOOT) as server:
        for name in WORKFLOWS:
            found[name] = _asked(server, name)
        held = psutil.Process(server.process.pid).memory_info().rss if server.process.poll() is None else 0
    return Tried(" ".join(flag), found, held, time.monotonic() - begun)


def _asked(server: ComfyServer, name: str) -> list[str]:
    """Hashes, the same at both times that a prompt is asked; or what went wrong."""
    try:
        if name == "long video":
            return prompts.ask(server, prompts.long_video(f"flags_{uuid.uuid4().hex[:8]}"))
        found = [prompts.ask(server, prompts.beside_core(name == "inpaint")) for _ in range(2)]
    except (HostDiedError, PromptFailedError, PromptRefusedError, TimeoutError, OSError) as error:
        return [f"failed: {type(error).__name__}: {error}"]
    return found[0] if found[0] == found[1] else ["another result the second time"]


def as_text(tried: Sequence[Tried], left: Sequence[str] = ()) -> str:
    """The table, in Markdown.

    Args:
        tried: A row each.
        left: Flags that the host does not take on this machine.
    """
    on = f"on the CPU, where the host does not take {' and '.join(left)}" if left else "on this machine's device"
    lines = [
        "# Flags of the host",
        "",
        f"`python dev.py faults --flags --save`, {on}.",
        "One server for each flag, small models; control and",
        "inpaint twice. *= core*: the frames are those of core nodes on the same server, to the bit; *= no flag*:",
        "those of a server without flags.",
        "",
        f"| flag | {' | '.join(WORKFLOWS)} | MB | s |",
        "|---" * (len(WORKFLOWS) + 3) + "|",
    ]
    for each in tried:
        cells = [each.judged(name, tried[0]).replace("|", "\\|").replace("\n", " ")[:200] for name in WORKFLOWS]
        flag = f"`{each.flag}`" if each.flag else "none"
        lines.append(f"| {flag} | {' | '.join(cells)} | {each.bytes / 1e6:.0f} | {each.seconds:.0f} |")
    return "\n".join([*lines, ""])


def _told(one: Tried) -> Tried:
    print(f"{one.flag or 'no flag'}: {one.found} ({one.seconds:.0f} s)", flush=True)
    return one
