"""Editors change nothing but the inputs that they edit: a page without the script makes the same prompts and files."""

import pytest

from harness.browser.canvas import Canvas

NODES = {
    "clip": ("LoadVideo", {"file": "boy_and_dog.mp4"}, (0, 0)),
    "inpaint": ("VaceInpaintVideo", {"boxes": "1,2,30,40", "length": 17}, (400, 0)),
    "mask": ("VaceDrawBoxMask", {"boxes": "1,2,30,40", "width": 350}, (800, 0)),
    "layout": ("VaceDrawLayout", {"boxes": "1,2,30,40"}, (1200, 0)),
    "outpaint": ("VaceOutpaintVideo", {"by": "pixels", "by.left": 7}, (2000, 0)),
    "extend": ("VaceExtendVideo", {"after": 7}, (2400, 0)),
    "bridge": ("VaceBridgeVideos", {}, (2800, 0)),
    "loop": ("VaceLoopVideo", {}, (3200, 0)),
    "keyframes": ("VacePlaceKeyframes", {"positions": "1, 50%"}, (3600, 0)),
    "interpolate": ("VaceInterpolateFrames", {"between": 2}, (4000, 0)),
    "move": ("VaceMakeAnything", {"combination": "move", "combination.boxes": "1,2,30,40"}, (1600, 0)),
}
WIRES = [
    ("clip", 0, "inpaint", "video"),
    ("mask", 0, "inpaint", "mask"),
    ("clip", 0, "outpaint", "video"),
    ("clip", 0, "extend", "video"),
]
EDITOR_NAME = "wan_vace_editor"


def facts(canvas):
    """All that is saved or run of our nodes; the host's loader has a preview in its prompt, or not yet."""
    nodes = [node for node in canvas.call("saved")["nodes"] if node["type"].startswith("Vace")]
    kept = [{key: node.get(key) for key in ("id", "type", "inputs", "outputs", "widgets_values")} for node in nodes]
    prompt = {key: node for key, node in canvas.call("prompt").items() if node["class_type"].startswith("Vace")}
    return {"prompt": prompt, "saved": kept}


@pytest.fixture(scope="session")
def without(front_end):
    """The same graph on a page that has not got the script."""
    server, browser = front_end
    page = browser.new_page()
    page.route("**/wan_vace.js*", lambda route: route.abort())
    canvas = Canvas(page, server.url)
    canvas.set_mode("classic")
    ids = canvas.build(NODES, WIRES)
    assert EDITOR_NAME not in canvas.call("widgets", ids["inpaint"])
    assert canvas.value(ids["inpaint"], "boxes") == "1,2,30,40"
    found = facts(canvas)
    page.close()
    return found


def test_prompt_and_file_are_those_of_a_page_without_editors(without, canvas):
    ids = canvas.build(NODES, WIRES)
    assert all(EDITOR_NAME in canvas.call("widgets", node) for name, node in ids.items() if name != "clip")
    assert facts(canvas) == without
    canvas.call("reload")
    assert facts(canvas)["prompt"] == without["prompt"]


def test_in_a_subgraph_the_text_is_what_it_was(canvas):
    ids = canvas.build(NODES, WIRES)
    before = [node["inputs"] for node in canvas.call("prompt").values() if node["class_type"] == "VaceInpaintVideo"]
    canvas.call("makeSubgraph", [ids["inpaint"], ids["mask"]])
    after = [node["inputs"] for node in canvas.call("prompt").values() if node["class_type"] == "VaceInpaintVideo"]
    assert [one["boxes"] for one in after] == [one["boxes"] for one in before]
    assert len(after) == 1
    assert canvas.call("sourceInside", "VaceInpaintVideo") == "boy_and_dog.mp4"


def test_what_the_page_never_ends_is_an_error_that_names_it(canvas):
    error = pytest.importorskip("playwright.sync_api").Error
    canvas.call("atRest")
    canvas.page.evaluate("() => { canvas.never = () => new Promise(() => {}); }")
    with pytest.raises(error, match=r"canvas\.never takes longer than 0\.1 s"):
        canvas.call("never", within=0.1)
