"""What an editor cannot draw is kept and said; clips of any length and files of older versions open."""

import pytest

ONE_MODE = pytest.mark.parametrize("mode", ["classic"], indirect=True)
BOXES = "10%,10%,50%,50%"
OLDER = """async () => {  // as a version saved it that had fewer inputs and no editors
  const graph = app.graph.serialize();
  for (const node of graph.nodes) {
    node.widgets_values = node.widgets_values.slice(0, 1);
    node.inputs = node.inputs.filter(input => input.link != null);
    node.properties = {"Node name for S&R": node.type};
    node.size = [300, 90];
  }
  const {activeWorkflow} = app.extensionManager.workflow;
  await app.loadGraphData({...graph, id: crypto.randomUUID()}, true, true, activeWorkflow);
  return graph.nodes.length;
}"""
HEIGHT = "id => app.graph.getNodeById(id).size[1]"


def inner_drag(canvas, node):
    canvas.drag(canvas.point(node, 0.5, 0.5), canvas.point(node, 0.6, 0.4))


@ONE_MODE
def test_a_strength_that_is_no_curve_is_kept(canvas):
    node = canvas.build({"one": ("VaceSetStrength", {"steps": "half, then all"}, (0, 0))})["one"]
    canvas.click(node, "Draw the strength")
    assert canvas.call("hint", node) == "Kept as it is, not drawn: the text is no curve."
    inner_drag(canvas, node)
    canvas.press("ArrowUp", "Delete")
    assert canvas.value(node, "steps") == "half, then all"


@ONE_MODE
def test_an_aspect_that_is_none_is_kept(canvas):
    values = {"by": "aspect", "by.aspect": "wide"}
    node = canvas.build({"one": ("VaceOutpaintVideo", values, (0, 0))})["one"]
    canvas.call("look", node)
    assert canvas.call("hint", node).startswith('Kept as it is, not drawn: "wide" is no aspect')
    assert [canvas.value(node, name) for name in ("by", "by.aspect")] == ["aspect", "wide"]


@ONE_MODE
@pytest.mark.parametrize(("name", "count"), [("one_frame", 1), ("two_thousand_frames", 2000)])
def test_a_canvas_around_clips_of_any_length(canvas, clips, name, count):
    nodes = {
        "clip": ("LoadVideo", {"file": clips[name]}, (-320, 0)),
        "one": ("VaceOutpaintVideo", {"by": "pixels", "by.left": 16}, (0, 0)),
    }
    node = canvas.build(nodes, [("clip", 0, "one", "video")])["one"]
    canvas.page.wait_for_function("id => canvas.clip(id).state === 'ready'", arg=node)
    canvas.call("look", node)
    assert canvas.call("clip", node)["count"] == count
    canvas.page.mouse.click(*canvas.point(node, 0.5, 0.5))
    canvas.press("End")
    assert canvas.call("frame", node) == count - 1
    assert canvas.value(node, "by.left") == 16


def test_a_workflow_of_an_older_version_opens_with_its_editors(canvas):
    nodes = {
        "clip": ("LoadVideo", {"file": "boy_and_dog.mp4"}, (-320, 0)),
        "inpaint": ("VaceInpaintVideo", {"boxes": BOXES}, (0, 0)),
        "layout": ("VaceDrawLayout", {"boxes": BOXES}, (400, 0)),
        "keyframes": ("VacePlaceKeyframes", {"positions": "0, last"}, (800, 0)),
    }
    ids = canvas.build(nodes, [("clip", 0, "inpaint", "video")])
    prompt = canvas.call("prompt")
    assert canvas.page.evaluate(OLDER) == len(nodes)
    canvas.call("atRest")
    assert canvas.call("prompt") == prompt
    for name in ("inpaint", "layout", "keyframes"):
        canvas.call("look", ids[name])
        assert canvas.call("rectangle", ids[name], ".wan-vace-stage canvas")[3] > 60, name
        assert canvas.page.evaluate(HEIGHT, ids[name]) > 300, name
