"""ComfyUI's page as a user handles it: nodes, wires, values, the mouse on an editor, undo, save and load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from .browser import MODES, listen, open_front_end

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = Path(__file__).with_suffix(".js")
PATIENCE = 300.0  # seconds; playwright itself waits for a script without end
CALL = """([verb, given, most]) => Promise.race([
  canvas[verb](...given),
  new Promise((_, fail) => {
    setTimeout(() => fail(new Error(`canvas.${verb} takes longer than ${most} s`)), 1000 * most);
  }),
])"""


class Canvas:
    """A page with a graph on it.

    Attributes:
        page: The browser's page.
        complaints: What the page threw or wrote to its console as an error, so far.
        strangers: Requests that left the machine, so far.
    """

    def __init__(self, page: Page, url: str) -> None:
        """Open the front end.

        Args:
            page: A new one.
            url: Of the host.
        """
        self.page = page
        self.complaints = listen(page)
        self.strangers: list[str] = []
        ours = re.compile(rf"{re.escape(url)}|blob:|data:")
        page.on("request", lambda request: ours.match(request.url) or self.strangers.append(request.url))
        open_front_end(page, url)

    def set_mode(self, mode: str) -> None:
        """Choose how nodes are drawn, a key of `browser.MODES`, on an empty graph."""
        self.call("mode", MODES[mode])

    def call(self, verb: str, *arguments: object, within: float = PATIENCE) -> object:
        """What a function of ``canvas.js`` gives; an error of the page if that takes longer than so many seconds."""
        if not self.page.evaluate("() => Boolean(window.canvas?.build)"):
            self.page.evaluate(SCRIPT.read_text("utf-8"))
        return self.page.evaluate(CALL, [verb, list(arguments), within])

    def build(self, nodes: dict[str, tuple], wires: list[tuple] = ()) -> dict[str, int]:
        """A graph of its own.

        Args:
            nodes: By name: type, values of widgets in the order they are set, and place.
            wires: From which node and output (its place), to which node and input (its name).

        Returns:
            Ids of the nodes by name.
        """
        return self.call("build", nodes, list(wires))

    def speak(self, language: str) -> None:
        """Choose the page's language, on an empty graph; the host keeps it."""
        self.call("speak", language)

    def value(self, node: int, widget: str) -> object:
        """A widget's value."""
        return self.call("value", node, widget)

    def point(self, node: int, x: float, y: float, part: str = ".wan-vace-stage canvas") -> tuple[float, float]:
        """A place on the screen, by parts of an editor's canvas."""
        left, top, width, height = self.call("rectangle", node, part)
        return left + x * width, top + y * height

    def on_frame(self, node: int, x: float, y: float) -> tuple[float, float]:
        """A place on the screen, by pixels of the frame that an editor shows."""
        left, top, width, height = self.call("rectangle", node, ".wan-vace-stage canvas")
        self.call("look", node)
        stage_x, stage_y = self.call("onStage", node, x, y)
        return left + stage_x * width, top + stage_y * height

    def drag(self, *points: tuple[float, float]) -> None:
        """Press at the first point, go through the others, let go."""
        mouse = self.page.mouse
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point, steps=3)
        mouse.up()
        self.frames()

    def pull(self, source: tuple[int, str], target: tuple[int, str]) -> None:
        """Drag a wire from an output to an input, each by its node and name."""
        self.drag(
            self.call("slotPoint", source[0], "out", source[1]), self.call("slotPoint", target[0], "in", target[1])
        )

    def drop(self, file: Path, x: float, y: float) -> None:
        """Let a file of this machine fall on a place of the screen, as from the file manager."""
        about = {"x": x, "y": y, "data": {"items": [], "files": [str(file)], "dragOperationsMask": 1}}
        session = self.page.context.new_cdp_session(self.page)
        for kind in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": kind, **about})
        session.detach()

    def frames(self, count: int = 2) -> None:
        """Wait until the page has drawn so often."""
        self.call("frames", count)

    def press(self, *keys: str) -> None:
        """Keys one after the other, each let go."""
        for key in keys:
            self.page.keyboard.press(key)
            self.frames(1)

    def click(self, node: int, words: str) -> None:
        """Press the button of an editor by its title."""
        self.page.mouse.click(*self.point(node, 0.5, 0.5, f'button[title^="{words}"]'))
        self.frames()

    def undo(self) -> None:
        """The host's own."""
        self._step("Control+z")

    def redo(self) -> None:
        """The host's own."""
        self._step("Control+y")

    def _step(self, key: str) -> None:
        self.call("atRest")
        self.page.keyboard.press(key)
        self.call("settled")
