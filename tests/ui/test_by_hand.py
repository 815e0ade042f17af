"""What a newcomer does by mouse and keys alone, in the host's own page: from an empty canvas to a saved video."""

import re
import uuid

import pytest

LAYOUT = {"width": 64, "height": 64, "length": 5, "boxes": "1,1,40,40"}
SENTENCE = 'boxes, line 1 ("1,1,40"): "1,1,40" is not a box.'
MIDDLE = (500, 500)
TEMPLATE = "VACE Adapter on a Plain Model"
NODES_ARE = "types => String(app.graph.nodes.map(node => node.type).sort()) === String(types.sort())"
PLACED = "() => app.graph.nodes.length === 1 && !app.graph.nodes[0].flags.ghost"
TABS = "() => app.extensionManager.workflow.openWorkflows.length"
LEAVE = "^(Close anyway|No)$"  # of the question whether to save it, in newer front ends and in older ones
LEFT = """([tabs, leave]) => {
  if (app.extensionManager.workflow.openWorkflows.length < tabs) return true;
  const buttons = [...document.querySelectorAll("[role=dialog] button")];
  buttons.find(button => RegExp(leave).test(button.textContent.trim()))?.click();
}"""
COMMAND = "name => { app.extensionManager.command.execute(name); }"
CLOSE_PANEL = "() => app.extensionManager.setting.set('Comfy.RightSidePanel.IsOpen', false)"
REGISTRY = re.compile(r"https://api\.comfy\.org/(comfy-nodes|nodes)\b")  # the host asks it when errors are looked at


@pytest.fixture
def canvas(canvas):
    """The page, with nothing on it; afterwards tabs that were opened are closed, and words that were shown are gone."""
    canvas.build({})
    yield canvas
    canvas.page.evaluate(CLOSE_PANEL)
    while (tabs := canvas.page.evaluate(TABS)) > 1:
        canvas.page.evaluate(COMMAND, "Workspace.CloseWorkflow")
        canvas.page.wait_for_function(LEFT, arg=[tabs, LEAVE])
    canvas.call("clearToasts")


def search(canvas, words, title):
    """A node from the host's search, put in the middle; newer front ends hold it under the mouse until a click."""
    page = canvas.page
    page.mouse.dblclick(*MIDDLE)
    box = page.get_by_role("combobox").first
    box.wait_for()
    page.keyboard.type(words)
    page.get_by_text(title).first.wait_for()
    page.keyboard.press("Enter")
    box.wait_for(state="hidden")
    page.mouse.move(MIDDLE[0] + 5, MIDDLE[1])
    page.mouse.click(*MIDDLE)
    page.wait_for_function(PLACED)


def test_a_node_is_added_by_its_name(canvas):
    search(canvas, "vace inpaint", "VACE Inpaint Video")
    ((node, node_type),) = canvas.call("nodes")
    assert node_type == "VaceInpaintVideo"
    canvas.call("look", node)
    assert "boxes" in canvas.call("onScreen", node)
    canvas.undo()
    assert canvas.call("nodes") == []


def test_nodes_are_wired_by_dragging(canvas):
    nodes = {"layout": ("VaceDrawLayout", LAYOUT, (0, 60)), "preview": ("VacePreviewVcu", {}, (480, 60))}
    ids = canvas.build(nodes)
    canvas.pull((ids["layout"], "vcu"), (ids["preview"], "vcu"))
    assert canvas.call("wires") == [[str(ids["layout"]), "vcu", str(ids["preview"]), "vcu"]]
    assert canvas.call("prompt")[str(ids["preview"])]["inputs"]["vcu"] == [str(ids["layout"]), 0]


def test_a_wrong_wire_is_refused(canvas):
    nodes = {
        "layout": ("VaceDrawLayout", LAYOUT, (0, 60)),
        "apply": ("VaceApplyContext", {}, (480, 60)),
        "images": ("PreviewImage", {}, (480, 420)),
    }
    ids = canvas.build(nodes)
    before = canvas.call("prompt")
    canvas.pull((ids["layout"], "vcu"), (ids["apply"], "context"))  # a VCU that is not encoded yet
    canvas.pull((ids["layout"], "vcu"), (ids["images"], "images"))
    assert canvas.call("wires") == []
    assert canvas.call("prompt") == before
    canvas.pull((ids["layout"], "control_video"), (ids["images"], "images"))
    assert [wire[1::2] for wire in canvas.call("wires")] == [["control_video", "images"]]


def test_an_error_says_on_the_page_what_to_do(canvas):
    nodes = {
        "layout": ("VaceDrawLayout", LAYOUT | {"boxes": "1,1,40"}, (0, 60)),
        "images": ("PreviewImage", {}, (480, 420)),
    }
    canvas.build(nodes, [("layout", 2, "images", "images")])
    canvas.page.get_by_test_id("queue-button").click()
    toast = canvas.page.get_by_role("alert").filter(has_text=SENTENCE).last
    toast.wait_for()
    assert "Write left,top,right,bottom" in toast.inner_text()
    canvas.call("idle")


def test_a_field_is_brought_out_of_a_subgraph(canvas):
    node = canvas.build({"one": ("VaceInpaintVideo", {}, (300, 200))})["one"]
    page = canvas.page
    page.mouse.click(*canvas.call("titlePoint", node))
    canvas.press("Control+Shift+E")
    page.wait_for_function("() => app.graph.nodes.length === 1 && app.graph.nodes[0].subgraph")
    page.mouse.click(*canvas.call("enter", "VaceInpaintVideo", "grow"), button="right")
    page.get_by_text("Promote Widget: grow", exact=True).click()
    canvas.call("leave")
    ((outside, _),) = canvas.call("nodes")
    canvas.call("set", outside, "grow", 12)
    assert {one["inputs"].get("grow") for one in canvas.call("prompt").values()} == {12}
    assert "grow" in canvas.call("onScreen", outside)


def test_a_video_that_was_saved_brings_its_graph_back(canvas, front_end):
    name = f"ui_{uuid.uuid4().hex}"  # nothing of it was run before
    nodes = {
        "layout": ("VaceDrawLayout", LAYOUT, (0, 60)),
        "video": ("CreateVideo", {}, (480, 60)),
        "save": ("SaveVideo", {"filename_prefix": name}, (480, 320)),
    }
    ids = canvas.build(nodes, [("layout", 2, "video", "images"), ("video", 0, "save", "video")])
    prompt = canvas.call("prompt")
    canvas.page.get_by_test_id("queue-button").click()
    canvas.page.wait_for_function("([id, name]) => canvas.images(id)[0]?.startsWith(name)", arg=[ids["save"], name])
    (file,) = (front_end[0].base / "output").glob(f"{name}*")
    canvas.build({})
    canvas.drop(file, *MIDDLE)
    canvas.page.wait_for_function(NODES_ARE, arg=[kind for kind, *_ in nodes.values()])
    canvas.call("atRest")
    assert canvas.call("prompt") == prompt
    canvas.call("look", ids["layout"])
    assert canvas.call("rectangle", ids["layout"], ".wan-vace-stage canvas")[3] > 60
    file.unlink()


def test_a_template_says_where_its_missing_files_are(canvas):
    page = canvas.page
    page.evaluate(COMMAND, "Comfy.BrowseTemplates")
    page.get_by_role("dialog").get_by_text("wan-vace", exact=True).click()
    page.get_by_test_id(f"template-workflow-{TEMPLATE}").click()
    page.get_by_role("button", name="View details").click()
    page.get_by_role("button", name="Download all").wait_for()
    running = [node for node in canvas.call("saved")["nodes"] if node["mode"] == 0]
    files = {model["name"] for node in running for model in node["properties"].get("models", [])}
    assert len(files) == 4
    for name in files:
        page.get_by_text(name).first.wait_for(state="attached")
    assert page.get_by_text("Download", exact=True).count() == len(files)
    assert all(REGISTRY.match(url) for url in canvas.strangers)
    canvas.strangers.clear()
