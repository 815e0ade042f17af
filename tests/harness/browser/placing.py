"""Every node of the pack in the front end: placed, its sockets and widgets tried, saved, loaded, made a prompt."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.locations import SetupError
from ..host.server import ComfyServer
from . import specs
from .browser import MODES, TIMEOUT, VIEW, listen, open_front_end, set_mode
from .specs import Socket

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCRIPT = Path(__file__).with_suffix(".js")


@dataclass(frozen=True)
class Placing:
    """What came of it.

    Attributes:
        nodes: Ids of the nodes that were to be placed.
        failures: For each node that failed, what did.
        complaints: What the page threw or wrote to its console as an error.
        seconds: How long it took, the page's start included.
    """

    nodes: list[str]
    failures: dict[str, list[str]]
    complaints: list[str]
    seconds: float

    @property
    def placed(self) -> int:
        """How many nodes did everything they should."""
        return len(set(self.nodes) - set(self.failures))

    @property
    def passed(self) -> bool:
        """Whether all did, and the page complained about nothing."""
        return bool(self.nodes) and not self.failures and not self.complaints


def place_all(server: ComfyServer, browser: Browser, mode: str) -> Placing:
    """Place every node, once for each option of its dynamic combos.

    Args:
        server: A running host.
        browser: A browser.
        mode: How nodes are drawn, a key of `browser.MODES`.

    Returns:
        What came of it.
    """
    start = time.perf_counter()
    everything = server.object_info()
    nodes = specs.ours(everything)
    set_mode(server, mode)
    page = browser.new_page(viewport=VIEW)
    heard = listen(page)
    try:
        trial = Trial(page, everything, mode)
        trial.open(server.url)
        for turn in range(max(specs.turns(info["input"]) for info in nodes.values())):
            trial.run([one for one, info in nodes.items() if specs.turns(info["input"]) > turn], turn)
    finally:
        page.close()
    return Placing(list(nodes), dict(trial.failures), heard, time.perf_counter() - start)


class Trial:
    """Nodes on one page.

    Attributes:
        failures: What failed so far, by node id.
    """

    def __init__(self, page: Page, object_info: dict, mode: str) -> None:
        """Prepare.

        Args:
            page: A new one.
            object_info: The host's description of all nodes.
            mode: How the page draws nodes.
        """
        self.failures: dict[str, list[str]] = defaultdict(list)
        self._page, self._info, self._mode = page, object_info, mode
        self._sources = specs.sources(object_info)

    def open(self, url: str) -> None:
        """Open the front end, with our script in it.

        Raises:
            SetupError: If it does not draw nodes as it should.
        """
        open_front_end(self._page, url)
        if self._page.evaluate("() => LiteGraph.vueNodesMode") != MODES[self._mode]:
            raise SetupError(f"This front end does not draw nodes in the mode {self._mode}.")
        self._page.evaluate(SCRIPT.read_text("utf-8"))

    def run(self, nodes: list[str], turn: int) -> None:
        """Place nodes, give every widget its values and every socket a wire, and see whether that is kept.

        Args:
            nodes: Their ids.
            turn: Which option their dynamic combos get.
        """
        full = {one: self._sockets(one, turn, grown=True) for one in nodes}
        givers = sorted({self._giver(socket)[0] for one in nodes for socket in full[one] if not socket.is_widget})
        ids = self._place(nodes, givers)
        placed = {one: ids[one] for one in nodes if one in ids}
        bare = {one: {socket.name: None for socket in self._sockets(one, 0)} for one in placed}
        self._look(placed, bare, "placed", open_ended=True)
        values = {one: {socket.name: self._value(socket, turn, ids) for socket in full[one]} for one in placed}
        self._act(placed, full, values, turn)
        self._look(placed, values, f"turn {turn}")
        self._page.evaluate("() => placing.reload()")
        self._look(placed, values, f"turn {turn}, loaded again")
        self._compare_prompt(placed, values, turn)
        self._page.evaluate("() => placing.loadPrompt()")
        self._look(placed, values, f"turn {turn}, loaded as a prompt")

    def _sockets(self, node: str, turn: int, *, grown: bool = False) -> list[Socket]:
        return list(specs.sockets(self._info[node]["input"], turn, grown=grown))

    def _giver(self, socket: Socket) -> tuple[str, int]:
        return next(self._sources[kind] for kind in socket.type.split(",") if kind in self._sources)

    def _place(self, nodes: list[str], givers: list[str]) -> dict[str, str]:
        """The places of our nodes by id, and of what they are wired to by ``from`` and id."""
        names = [*nodes, *(f"from {giver}" for giver in givers)]
        made = self._page.evaluate("types => placing.place(types)", [*nodes, *givers])
        for name, one in zip(names, made, strict=True):
            if "error" in one:
                self.failures[name].append(f"cannot be placed: {one['error']}")
        return {name: str(one["id"]) for name, one in zip(names, made, strict=True) if "id" in one}

    def _value(self, socket: Socket, turn: int, ids: dict[str, str]) -> object:
        """What a socket ends with: a wire, a value, or None."""
        if socket.is_widget:
            return (socket.values(turn) or [None])[-1]
        giver, output = self._giver(socket)
        return [ids[f"from {giver}"], output]

    def _act(self, placed: dict[str, str], full: dict[str, list[Socket]], values: dict[str, dict], turn: int) -> None:
        steps = []
        for one, place in placed.items():
            for socket in full[one]:
                if socket.is_widget:
                    steps += [[place, "choose", socket.name, value] for value in socket.values(turn)]
                else:
                    steps.append([place, "wire", socket.name, values[one][socket.name]])
        names = {place: one for one, place in placed.items()}
        for place, error in self._page.evaluate("steps => placing.act(steps)", steps):
            self.failures[names[place]].append(f"turn {turn}: {error}")

    def _look(self, placed: dict[str, str], values: dict[str, dict], when: str, *, open_ended: bool = False) -> None:
        """Compare what the page has with what it should have; an open end is one more socket of a growing group."""
        state = self._page.evaluate("() => placing.state()")
        for one, place in placed.items():
            for difference in self._differences(one, state.get(place), values[one], open_ended):
                self.failures[one].append(f"{when}: {difference}")
        if MODES[self._mode]:
            self._page.wait_for_function("ids => placing.drawn(ids)", arg=list(placed.values()), timeout=TIMEOUT)
            broken = self._page.evaluate("() => placing.broken()")
            for one in (one for one, place in placed.items() if place in broken):
                self.failures[one].append(f"{when}: the page shows an error in its place")

    def _differences(self, node: str, state: dict | None, values: dict[str, object], open_ended: bool) -> list[str]:
        if state is None:
            return ["it is gone"]
        inputs, widgets = dict(state["inputs"]), dict(state["widgets"])
        more = {socket.name for socket in self._sockets(node, 0, grown=True)} if open_ended else set()
        wrong = [f"it lacks {name}" for name in values if name not in inputs]
        wrong += [f"it shows {name} too" for name in inputs if name not in values and name not in more]
        if len(inputs) < len(state["inputs"]):
            wrong.append("it shows an input twice")
        if state["outputs"] != self._info[node]["output"]:
            wrong.append(f"its outputs are {state['outputs']}")
        for name, value in values.items():
            found = inputs.get(name) or widgets.get(name)
            if value is not None and found != value:
                wrong.append(f"{name} is {found} instead of {value}")
        return wrong

    def _compare_prompt(self, placed: dict[str, str], values: dict[str, dict], turn: int) -> None:
        prompt = self._page.evaluate("() => placing.prompt()")
        for one, place in placed.items():
            node = prompt.get(place, {"class_type": None, "inputs": {}})
            found = node["inputs"] | {name: None for name in values[one] if name not in node["inputs"]}
            if node["class_type"] != one or found != values[one]:
                self.failures[one].append(f"turn {turn}: its prompt is {node} instead of {values[one]}")
