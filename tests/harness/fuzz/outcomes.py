"""What the host answers to a prompt, and whether that is as it should be."""

from __future__ import annotations

import json
import re
import time
import urllib.error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..host.client import PromptRefusedError
from ..host.locations import ROOT
from ..host.server import ComfyServer
from ..inputs.bad_inputs import OURS
from .described import Node

POLL = 0.01
FILE_ENDS = (".safetensors", ".pth", ".gguf")  # a file is as good as the name of its socket
PACK_PATHS = ("custom_nodes/wan-vace/", "custom_nodes\\wan-vace\\", str(ROOT / "nodes"), str(ROOT / "vace_core"))
SUCCESS, REFUSED, OUR_ERROR, CORE_ERROR, INTERRUPTED = "success", "400", "VaceInputError", "core error", "interrupted"
EXPECTED = (SUCCESS, REFUSED, OUR_ERROR, CORE_ERROR, INTERRUPTED)
# Each of these is a fault.
DIED, HUNG, CRASHED, UNNAMED, NOT_FINITE, ANOTHER, FORGOTTEN, GREW = (
    *("server died", "no answer in time", "an exception of ours", "an error that names no input", "NaN or infinite"),
    *("another result", "failed after it had succeeded", "memory grew"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a prompt.

    Attributes:
        kind: One of the words above.
        where: The node, or the input that the host refused.
        text: The message.
        raised: Type of the exception and the last line of our code that it came through.
        digests: What the nodes gave.
        computed: Whether any node of the prompt ran, rather than all being in the cache.
    """

    kind: str
    where: str = ""
    text: str = ""
    raised: str = ""
    digests: tuple[str, ...] = ()
    computed: bool = True

    @property
    def is_fault(self) -> bool:
        """Whether it must not be."""
        return self.kind not in EXPECTED

    @property
    def signature(self) -> tuple[str, ...]:
        """Equal for two faults that are probably the same."""
        text = "" if self.raised else re.sub(r"[\d.]+|\"[^\"]*\"", "#", self.text)[:80]
        return (self.kind, self.where, self.raised, "" if self.kind == ANOTHER else text)


def ask(server: ComfyServer, prompt: dict, nodes: Mapping[str, Node], limit: float, client_id: str = "") -> Outcome:
    """Queue a prompt, wait for its end and judge it.

    Args:
        server: The host.
        prompt: API format.
        nodes: Classes by id, for the names of their inputs.
        limit: Seconds.
        client_id: Who asks.
    """
    end = time.monotonic() + limit
    try:
        prompt_id = server.queue(prompt, client_id)
        while not (entry := server.history(prompt_id)):
            if server.process.poll() is not None:
                return Outcome(DIED, text=server.log_tail())
            if time.monotonic() > end:
                server.interrupt()
                return Outcome(HUNG, where=" ".join(sorted({one["class_type"] for one in prompt.values()})))
            time.sleep(POLL)
        return judge(entry, prompt, nodes)
    except PromptRefusedError as refusal:
        return _refused(refusal)
    except json.JSONDecodeError as error:  # the host's page of an error of its own
        return Outcome(CORE_ERROR, "the host's server", error.doc[:200])
    except (TimeoutError, ConnectionError, urllib.error.URLError, OSError) as error:
        time.sleep(0.5)
        return Outcome(DIED if server.process.poll() is not None else HUNG, text=f"{error}\n{server.log_tail()}")


def judge(entry: dict, prompt: dict, nodes: Mapping[str, Node]) -> Outcome:
    """What a history entry says.

    Args:
        entry: As the host gives it.
        prompt: What was asked.
        nodes: Classes by id.
    """
    messages = dict(reversed(entry["status"]["messages"]))
    if "execution_interrupted" in messages:
        return Outcome(INTERRUPTED)
    if "execution_error" in messages:
        return _raised(messages["execution_error"], prompt, nodes)
    digests = tuple(line for shown in entry["outputs"].values() for line in shown.get("digest", ()))
    cached = set(messages.get("execution_cached", {}).get("nodes", ()))
    wrong = [line for line in digests if "not finite" in line]
    if wrong:
        return Outcome(NOT_FINITE, of_nodes(wrong, prompt), " ".join(wrong), digests=digests)
    return Outcome(SUCCESS, digests=digests, computed=bool(set(prompt) - cached))


def of_nodes(lines: Sequence[str], prompt: dict) -> str:
    """Which classes and outputs some lines of a digest are about."""
    wires = [prompt["digest"]["inputs"][line.split()[0]] for line in lines]
    return " ".join(sorted({f"{prompt[key]['class_type']}.{output}" for key, output in wires}))


def _refused(refusal: PromptRefusedError) -> Outcome:
    errors = [(node["class_type"], one) for node in refusal.node_errors.values() for one in node["errors"]]
    names = sorted({f"{node}.{(one.get('extra_info') or {}).get('input_name', '?')}" for node, one in errors})
    return Outcome(REFUSED, names[0] if names else str(refusal.error.get("type")), str(refusal))


def _raised(event: dict, prompt: dict, nodes: Mapping[str, Node]) -> Outcome:
    kind, text, node_type = event["exception_type"], event["exception_message"].strip(), event["node_type"]
    trace = "".join(event["traceback"])
    if kind == OURS:
        own = [node for node in prompt.values() if node["class_type"].startswith("Vace")]
        given = [str(value) for node in own for value in node["inputs"].values() if str(value).endswith(FILE_ENDS)]
        named = any(file in text for file in given) or _names(
            text, (node_type, *(node["class_type"] for node in own)), nodes
        )
        return Outcome(OUR_ERROR if named else UNNAMED, node_type, text)
    lines = [line for line in trace.splitlines() if 'File "' in line and any(path in line for path in PACK_PATHS)]
    if node_type.startswith("Vace") or lines:
        place = re.sub(r'.*[/\\]([^/\\]+[/\\][^/\\]+)", line \d+, in ', r"\1 ", lines[-1]) if lines else ""
        return Outcome(CRASHED, node_type, f"{text}\n{trace[-1500:]}", raised=f"{kind} {place}")
    return Outcome(CORE_ERROR, node_type, f"{kind}: {text}")


def _names(text: str, types: tuple[str, ...], nodes: Mapping[str, Node]) -> bool:
    """Whether a message has the name of an input of one of these classes."""
    words = set(re.findall(r"\w+", text))
    known = {name for kind in types if kind in nodes and kind.startswith("Vace") for name in nodes[kind].socket_names()}
    return any(name in words for name in known)
