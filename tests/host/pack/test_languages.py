"""The Chinese texts in the real host: every word it asks for is there, is served, and is shown."""

import json
import re
from pathlib import Path

import pytest

from harness.browser.browser import MODES, VIEW, front_end_or_skip, open_front_end, set_mode
from harness.browser.specs import DYNAMIC, GROWING
from harness.structure import schema

pytestmark = pytest.mark.host

OF_COMFYUI = {"mask": "遮罩", "combine": "组合"}  # parts of the menu that it has already
CHINESE = Path(__file__).resolve().parents[3] / "locales" / "zh"
TEXTS, MAIN = (json.loads((CHINESE / name).read_text("utf-8")) for name in ("nodeDefs.json", "main.json"))
TEMPLATES = "() => app.extensionManager.command.execute('Comfy.BrowseTemplates')"
SHOWN = """async ids => {
  const read = async id => {
    const node = LiteGraph.createNode(id);
    return {
      title: node.title,
      inputs: (node.inputs ?? []).map(one => [one.name, one.localized_name]),
      widgets: (node.widgets ?? []).map(one => [one.name, one.label]),
      outputs: (node.outputs ?? []).map(one => one.localized_name),
      category: node.constructor.category,
      page: await (await fetch(`/extensions/wan-vace/docs/${id}/zh.md`)).text(),
    };
  };
  return Object.fromEntries(await Promise.all(ids.map(async id => [id, await read(id)])));
}"""


def inputs_of(declared, prefix=""):
    """Names and tooltips, as the front end makes inputs of them; sockets that grow have the tooltip of the template."""
    for group in ("required", "optional"):
        for name, (kind, options) in declared.get(group, {}).items():
            yield prefix + name, options["tooltip"]
            if kind == DYNAMIC:
                for option in options["options"]:
                    yield from inputs_of(option["inputs"], f"{prefix}{name}.")
            if kind == GROWING:
                template = options["template"]
                ((_, (_, inner)),) = [each for one in template["input"].values() for each in one.items()]
                for i in range(template["max"]):
                    yield f"{prefix}{name}.{template['prefix']}{i}", inner["tooltip"]


def numbers(text):
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def said_twice(node_id, info):
    """English and Chinese tooltips of a node, side by side."""
    text = TEXTS[node_id]
    for name, english in inputs_of(info["input"]):
        yield name, english, text["inputs"][name.replace(".", "_")]["tooltip"]
    for i, english in enumerate(info["output_tooltips"]):
        yield info["output_name"][i], english, text["outputs"][str(i)]["tooltip"]


def test_every_tooltip_of_the_host_is_there_in_chinese_with_its_numbers(host_nodes):
    """An ``@`` would be syntax in a translation, so what it explains is left to the help pages."""
    assert set(TEXTS) == set(host_nodes)
    for node_id, node in host_nodes.items():
        pairs = list(said_twice(node_id, node.GET_NODE_INFO_V1()))
        assert {name.replace(".", "_") for name, *_ in pairs} >= set(TEXTS[node_id]["inputs"])
        for name, english, chinese in pairs:
            assert "@" in english or numbers(english) <= numbers(chinese), f"{node_id}.{name}: {english} / {chinese}"


@pytest.fixture(scope="module")
def front_end():
    """A host that speaks Chinese, and a browser."""
    with front_end_or_skip() as (server, browser):
        server.post("/settings", {"Comfy.Locale": "zh"})
        yield server, browser


@pytest.mark.server
def test_the_host_serves_the_texts(front_end):
    served = front_end[0].get("/api/i18n")
    assert "en" not in served
    assert {node_id: served["zh"]["nodeDefs"][node_id] for node_id in TEXTS} == TEXTS
    assert {group: served["zh"][group] for group in MAIN} == MAIN


@pytest.mark.server
@pytest.mark.parametrize("mode", MODES)
def test_every_node_is_shown_in_chinese(front_end, mode):
    """The front end takes the labels of growing sockets from their ids, so these stay as they are."""
    server, browser = front_end
    set_mode(server, mode)
    page = browser.new_page(viewport=VIEW)
    open_front_end(page, server.url)
    shown = page.evaluate(SHOWN, list(TEXTS))
    page.evaluate(TEMPLATES)
    page.get_by_text(*MAIN["templateWorkflows"]["category"].values()).first.wait_for(state="attached")
    page.close()
    for node_id, node in shown.items():
        text = TEXTS[node_id]
        assert node["title"] == text["display_name"]
        assert node["outputs"] == [one["name"] for one in text["outputs"].values()]
        names = {key: one["name"] for key, one in text["inputs"].items()}
        for name, label in (*node["inputs"], *node["widgets"]):
            key = name.replace(".", "_")
            assert key not in names or label == names[key] or re.search(r"_\d+$", name), (node_id, name, label)
        assert {name.replace(".", "_") for name, _ in (*node["inputs"], *node["widgets"])} & set(names) or not names
        assert node["page"].startswith(f"# {text['display_name']}\n")
    parts = {**MAIN["nodeCategories"], **OF_COMFYUI}
    menu = {"/".join(parts[part] for part in node["category"].split("/")) for node in schema.load().values()}
    assert {node["category"] for node in shown.values()} == menu
