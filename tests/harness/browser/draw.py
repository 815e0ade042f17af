"""Turns the API workflows into workflows for the browser, each with a picture of what the model looks at and makes.

The subgraph blueprints follow from them. Icon and banner of the registry are drawn beside.

The graph is laid out in a real browser.
The picture is the film strip of VACE Preview VCU, made by the host with the miniature and its inputs.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from ..canvas.blueprints import BLUEPRINTS, blueprint
from ..canvas.emblem import draw_both
from ..canvas.finish import finish
from ..canvas.switch import as_run, with_switch
from ..canvas.texts import Text, texts
from ..host.locations import SetupError
from ..host.server import ComfyServer
from ..structure.schema import complete
from ..workflows import miniature, published
from .browser import VIEW, chromium, open_front_end, require_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURE_WIDTH = 900
FRAMES = {"VaceSampleVcu": 0, "VaceDecodeLatent": 0}  # which output is what was made
LEAST_WIDTH = 300
IMAGE_HEIGHT = 360

LOAD = "([api, name]) => app.loadApiJson(api, name)"
# The node that shows a clip or a picture grows when that arrives, which is sooner or later.
SIZES = """([least, imageHeight]) => Object.fromEntries(app.graph._nodes.map(n => {
  const size = /^Load(Image|Video)$/.test(n.type) ? [least, imageHeight] : n.computeSize();
  return [n.id, [Math.max(size[0], least), size[1]].map(Math.round)];
}))"""


def main(names: list[str]) -> int:
    """Draw the named workflows, or all.

    Args:
        names: Of files in API format, without ending; ``--graphs`` among them leaves the pictures as they are.

    Returns:
        The exit status.
    """
    only_graphs, names = "--graphs" in names, [name for name in names if name != "--graphs"]
    chosen = [text for name, text in texts().items() if not names or name in names]
    require_chromium()
    with ComfyServer(cpu=True) as server:
        for text in () if only_graphs else chosen:
            _picture(server, text)
            print(text.picture.name, flush=True)
        with chromium() as browser:
            for text in chosen:
                with contextlib.closing(browser.new_page(viewport=VIEW)) as page:  # nothing of the last one stays
                    open_front_end(page, server.url)
                    graph = finish(draw(page, with_switch(published(text.name)), text.title), text)
                _write(text.graph, graph)
                print(text.graph.name, flush=True)
    draw_both()
    for one in BLUEPRINTS:
        _write(one.file, blueprint(one, as_run(json.loads(texts()[one.workflow].graph.read_text("utf-8")))))
    return 0


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
    sizes = page.evaluate(SIZES, [LEAST_WIDTH, IMAGE_HEIGHT])
    graph = _plain(page.evaluate("() => app.graph.serialize()"))
    for node in graph["nodes"]:  # the browser may have changed a size since
        node["size"] = sizes[str(node["id"])]
    return graph


def _picture(server: ComfyServer, text: Text) -> None:
    """Save the film strip of the first VCU that the workflow uses, and of what comes out of it."""
    entry = server.run(strip_of(miniature(published(text.name), text.name)))
    strip = next(file for file in server.outputs(entry) if file.suffix == ".png")
    with Image.open(strip) as picture:
        small_picture = picture.convert("RGB")
        small_picture.thumbnail((PICTURE_WIDTH, PICTURE_WIDTH))
        small_picture.save(text.picture, quality=82, optimize=True)


def strip_of(prompt: dict) -> dict:
    """The part of a workflow that leads to its first VCU and its result, with VACE Preview VCU behind it."""
    links = {"vcu": next(node["inputs"]["vcu"] for node in prompt.values() if "vcu" in node["inputs"])}
    for node_id, node in prompt.items():
        if node["class_type"] in FRAMES:
            links["result"] = [node_id, FRAMES[node["class_type"]]]
    parts = [_upstream(prompt, node_id) for node_id, _ in links.values()]
    preview = {"class_type": "VacePreviewVcu", "inputs": {**links, "columns": 7}}
    return {node_id: node for part in parts for node_id, node in part.items()} | {"preview": preview}


def _upstream(api: dict, node_id: str) -> dict:
    """The part of a workflow that a node needs, itself included."""
    node = api[node_id]
    links = [value[0] for value in node["inputs"].values() if isinstance(value, list)]
    return {key: value for link in links for key, value in _upstream(api, link).items()} | {node_id: node}


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
