"""Turns the API workflows into workflows for the browser, each with a picture of what the model looks at and makes.

The graph is laid out in a real browser.
The picture is the film strip of VACE Preview VCU, made by the host with the miniature and its inputs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image

from ..host.locations import ROOT, SetupError
from ..host.server import ComfyServer
from ..structure.schema import complete
from ..workflows import miniature
from .browser import VIEW, chromium, open_front_end, require_chromium

FOLDER = ROOT / "example_workflows"
PICTURE_WIDTH = 900
FRAMES = {"VaceSampleVcu": 0, "VaceDecodeLatent": 0}  # which output is what was made
GAP_X, GAP_Y = 70, 90
IMAGE_HEIGHT = 340  # of a node that shows the picture it loads, which arrives after the layout

# Nodes go into columns by their distance from the start, so that wires run from left to right.
LOAD = "([api, name]) => app.loadApiJson(api, name)"
LAYOUT = """([gapX, gapY, imageHeight]) => {
  const nodes = app.graph._nodes, depth = new Map();
  const level = n => {
    if (depth.has(n.id)) return depth.get(n.id);
    depth.set(n.id, 0);
    const links = (n.inputs || []).filter(i => i.link != null).map(i => app.graph.links[i.link]);
    const from = links.map(link => app.graph.getNodeById(link.origin_id));
    const d = from.length ? 1 + Math.max(...from.map(level)) : 0;
    depth.set(n.id, d);
    return d;
  };
  nodes.forEach(level);
  for (const n of nodes) {  // a loader stands right before the node that needs it
    const to = (n.outputs || []).flatMap(o => o.links || []).map(l => depth.get(app.graph.links[l].target_id));
    if (to.length && !(n.inputs || []).some(i => i.link != null)) depth.set(n.id, Math.max(0, Math.min(...to) - 1));
  }
  let x = 40;
  const boxes = {};
  for (let d = 0; d <= Math.max(...depth.values()); d++) {
    let y = 60, width = 0;
    for (const n of nodes.filter(n => depth.get(n.id) === d)) {
      const size = n.computeSize();
      const least = /^Load(Image|Video)$/.test(n.type) ? imageHeight : 0;
      n.setSize([Math.max(size[0], 280), Math.max(size[1], least)]);
      boxes[n.id] = {pos: [Math.round(x), Math.round(y)], size: [n.size[0], n.size[1]].map(Math.round)};
      n.pos = [Math.round(x), Math.round(y)];
      y += n.size[1] + gapY;
      width = Math.max(width, n.size[0]);
    }
    x += width + gapX;
  }
  return boxes;
}"""


def main(names: list[str]) -> int:
    """Draw the named workflows, or all.

    Args:
        names: File names without ending.

    Returns:
        The exit status.
    """
    files = [p for p in sorted((FOLDER / "api").glob("*.json")) if not names or p.stem in names]
    workflows = {path: json.loads(path.read_text("utf-8")) for path in files}
    require_chromium()
    with ComfyServer(cpu=True) as server:
        for path, api in workflows.items():
            _picture(server, path, api)
            print(f"{path.stem}.jpg", flush=True)
        with chromium() as browser:
            page = browser.new_page(viewport=VIEW)
            for path, api in workflows.items():
                open_front_end(page, server.url)  # previews of the last one would stay otherwise
                _draw(page, path, api)
                print(path.name, flush=True)
    return 0


def _draw(page: object, path: Path, api: dict) -> None:
    page.evaluate(LOAD, [complete(api), path.stem])  # the order of sockets is that in which values are set
    page.wait_for_timeout(800)  # widgets that depend on a choice arrive late
    boxes = page.evaluate(LAYOUT, [GAP_X, GAP_Y, IMAGE_HEIGHT])
    graph = _plain(page.evaluate("() => app.graph.serialize()"))
    for node in graph["nodes"]:  # the browser may have changed a size since
        node.update(boxes[str(node["id"])])
    (FOLDER / path.name).write_text(json.dumps(graph, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _picture(server: ComfyServer, path: Path, api: dict) -> None:
    """Save the film strip of the first VCU that the workflow uses, and of what comes out of it."""
    entry = server.run(strip_of(miniature(api, path.stem)))
    strip = next(file for file in server.outputs(entry) if file.suffix == ".png")
    with Image.open(strip) as picture:
        small_picture = picture.convert("RGB")
        small_picture.thumbnail((PICTURE_WIDTH, PICTURE_WIDTH))
        small_picture.save(FOLDER / f"{path.stem}.jpg", quality=82, optimize=True)


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
