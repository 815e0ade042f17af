"""Turns the API workflows into workflows for the browser, and draws every picture that is made by a script.

The graphs are laid out in a real browser; the blueprints follow from them. Cards of the workflows, diagrams of the
tasks, icon and banner of the registry are drawn beside, and help pages copied to where they are asked for.
``--editors`` takes the pictures of the editors in the page; ``--demo`` runs the demo for the moving picture of the
README.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..canvas.blueprints import BLUEPRINTS, blueprint
from ..canvas.emblem import draw_both
from ..canvas.finish import finish
from ..canvas.switch import as_run, with_switch
from ..canvas.texts import Text, texts
from ..host.locations import SetupError
from ..host.server import ComfyServer
from ..pages import copy_pages
from ..pictures.cards import draw_cards
from ..pictures.diagrams import draw_diagrams
from ..pictures.film import film_demo
from ..structure.schema import complete
from ..workflows import published
from .browser import VIEW, chromium, open_front_end, require_chromium
from .editors import draw_editors

if TYPE_CHECKING:
    from playwright.sync_api import Page

LEAST_WIDTH = 300
IMAGE_HEIGHT = 360

LOAD = "([api, name]) => app.loadApiJson(api, name)"
OPEN = "graph => app.loadGraphData(graph)"
# The node that shows a clip or a picture grows when that arrives, which is sooner or later.
SIZES = """([least, imageHeight]) => Object.fromEntries(app.graph._nodes.map(n => {
  const size = /^Load(Image|Video)$/.test(n.type) ? [least, imageHeight] : n.computeSize();
  return [n.id, [Math.max(size[0], least), size[1]].map(Math.round)];
}))"""


def main(names: list[str]) -> int:
    """Draw the named workflows, or all.

    Args:
        names: Of files in API format, without ending; among them ``--graphs`` for these and the blueprints alone,
            ``--pictures`` for what needs no browser, ``--editors`` for pictures of the editors (names are then
            theirs), ``--demo`` for the README's moving picture.

    Returns:
        The exit status.
    """
    flags, names = {name for name in names if name.startswith("--")}, [name for name in names if name[:2] != "--"]
    if "--editors" in flags:
        _say(*draw_editors(names))
        return 0
    chosen = [text for name, text in texts().items() if not names or name in names]
    if not flags & {"--graphs", "--demo"}:
        _say(*draw_diagrams(), *draw_cards([text.name for text in chosen]))
        draw_both()
        copy_pages()
    if "--demo" in flags:
        with ComfyServer(cpu=True) as server:
            _say(film_demo(server))
    if not flags & {"--pictures", "--demo"}:
        _draw_graphs(chosen)
    return 0


def _draw_graphs(chosen: list[Text]) -> None:
    require_chromium()
    with ComfyServer(cpu=True) as server, chromium() as browser:
        for text in chosen:
            with contextlib.closing(browser.new_page(viewport=VIEW)) as page:  # nothing of the last one stays
                open_front_end(page, server.url)
                graph = finish(draw(page, with_switch(published(text.name)), text.title), text)
            _write(text.graph, graph)
            _say(text.graph)
    for one in BLUEPRINTS:
        _write(one.file, blueprint(one, as_run(json.loads(texts()[one.workflow].graph.read_text("utf-8")))))


def _say(*files: Path) -> None:
    for file in files:
        print(file.name, flush=True)


def _write(file: Path, graph: dict) -> None:
    file.write_text(json.dumps(graph, indent=1, ensure_ascii=False) + "\n", "utf-8")


def draw(page: Page, api: dict, title: str) -> dict:
    """A workflow in the browser's form, with nodes as large as they need to be.

    Args:
        page: With the front end on it.
        api: The workflow in API format.
        title: What the front end calls it.
    """
    page.evaluate(LOAD, [complete(api), title])  # the order of sockets is that in which values are set
    page.wait_for_timeout(800)  # widgets that depend on a choice arrive late
    graph = _plain(page.evaluate("() => app.graph.serialize()"))
    page.evaluate(OPEN, graph)  # editors are open or closed by the values
    page.wait_for_timeout(800)
    sizes = page.evaluate(SIZES, [LEAST_WIDTH, IMAGE_HEIGHT])
    for node in graph["nodes"]:  # the browser may have changed a size since
        node["size"] = sizes[str(node["id"])]
    return graph


def _plain(value: object) -> object:
    """Without the nulls that the browser adds to everything; a ``link`` is null where nothing is connected."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None or k == "link"}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(f"error: {error}")
