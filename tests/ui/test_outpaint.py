"""The canvas of VACE Outpaint Video: its numbers are the node's, and what is dragged is what the inputs say."""

import itertools
from dataclasses import asdict

import pytest

from wan_vace.vace_core.notes import collect_notes
from wan_vace.vace_core.tasks import growth_from
from wan_vace.vace_core.tasks.outpaint import place_on_canvas
from wan_vace.vace_core.video import Target

MODULE = "/extensions/wan-vace/js/editors/outpaint_numbers.mjs"
PLACED = """async ([module, cases]) => {
  const {marginsOf, placement} = await import(module);
  return cases.map(([by, size, target]) => placement(size, marginsOf(by, size), target));
}"""
SIZES = [(350, 350), (832, 480), (481, 853), (64, 1000)]
TARGETS = [(0, 0), (832, 480), (480, 0), (0, 720), (500, 300)]
CHOICES = [
    {"by": "wider"},
    {"by": "ratio", "left": 0.1, "right": 0.0, "top": 0.35, "bottom": 0.05},
    {"by": "pixels", "left": 0, "right": 77, "top": 3, "bottom": 0},
    {"by": "aspect", "aspect": "16:9", "anchor": "left"},
    {"by": "aspect", "aspect": "9x16", "anchor": "centre"},
    {"by": "aspect", "aspect": "2.39", "anchor": "bottom"},
]
SIDES = "left", "right", "top", "bottom"
SIDE, FRAMES = 350, 33
CLIP_IS_READY = "([id, n]) => canvas.clip(id).state === 'ready' && canvas.clip(id).count === n"
ONE_MODE = pytest.mark.parametrize("mode", ["classic"], indirect=True)  # where they do not differ


@pytest.fixture
def outpaint(canvas):
    """VACE Outpaint Video behind a clip."""
    return placed(canvas)


def placed(canvas, **values):
    nodes = {
        "clip": ("LoadVideo", {"file": "boy_and_dog.mp4"}, (0, 0)),
        "outpaint": ("VaceOutpaintVideo", values, (420, 0)),
    }
    node = canvas.build(nodes, [("clip", 0, "outpaint", "video")])["outpaint"]
    canvas.page.wait_for_function(CLIP_IS_READY, arg=[node, FRAMES])
    canvas.call("look", node)
    return node


def inputs(canvas, node, *names):
    return [canvas.value(node, f"by.{name}") for name in names]


def pull(canvas, node, start, end):
    """From one pixel of the clip to another, whose corner is 0, on the screen as it is before."""
    canvas.drag(canvas.on_frame(node, *start), canvas.on_frame(node, *end))


@ONE_MODE
def test_the_canvas_is_the_one_that_the_node_makes(canvas):
    cases, expected = [], []
    for (width, height), target, by in itertools.product(SIZES, TARGETS, CHOICES):
        with collect_notes():
            margins = growth_from(by).margins(height, width)
            if not (margins.columns or margins.rows):
                continue
            expected.append(asdict(place_on_canvas((height, width), margins, Target(*target))))
        cases.append([by, {"width": width, "height": height}, {"width": target[0], "height": target[1]}])
    assert len(cases) > 100
    assert canvas.page.evaluate(PLACED, [MODULE, cases]) == expected


def test_a_pulled_edge_makes_a_canvas_of_sixteens(canvas, outpaint):
    assert canvas.call("hint", outpaint) == "350 x 350 → 528 x 352 (+52% area)"
    right = canvas.call("edges", outpaint)[2]
    pull(canvas, outpaint, (right, 175), (right + 100, 175))
    assert canvas.value(outpaint, "by") == "pixels"
    left, right, top, bottom = inputs(canvas, outpaint, *SIDES)
    assert (left, top, bottom) == (87, 0, 0)
    assert (SIDE + left + right) % 16 == 0
    assert abs(right - (87 + 100)) <= 8
    width = SIDE + left + right
    assert canvas.call("hint", outpaint).startswith(f"350 x 350 → {width} x 352 (+")


def test_a_corner_pulls_two_edges_and_back_to_nothing(canvas, outpaint):
    edges = canvas.call("edges", outpaint)
    pull(canvas, outpaint, edges[:2], (edges[0] - 60, edges[1] - 90))
    left, right, top, bottom = inputs(canvas, outpaint, *SIDES)
    assert (right, bottom) == (87, 0)
    assert (SIDE + left + right) % 16 == 0 and (SIDE + top) % 16 == 0
    assert abs(left - 147) <= 8 and abs(top - 90) <= 9
    edges = canvas.call("edges", outpaint)
    pull(canvas, outpaint, edges[:2], (edges[0] + 400, edges[1] + 400))
    assert inputs(canvas, outpaint, "left", "top") == [0, 0]


def test_aspects_and_where_the_clip_lies(canvas, outpaint):
    canvas.click(outpaint, "Grow to 16:9")
    assert canvas.value(outpaint, "by") == "aspect"
    assert inputs(canvas, outpaint, "aspect", "anchor") == ["16:9", "centre"]
    pull(canvas, outpaint, (175, 175), (20, 175))
    assert inputs(canvas, outpaint, "aspect", "anchor") == ["16:9", "left"]
    canvas.click(outpaint, "The same border")
    assert inputs(canvas, outpaint, "anchor") == ["centre"]


@ONE_MODE
def test_a_clip_is_moved_on_its_canvas(canvas):
    node = placed(canvas, by="pixels", **{"by.left": 100, "by.right": 50})
    pull(canvas, node, (175, 175), (125, 175))
    left, right = inputs(canvas, node, "left", "right")
    assert left + right == 150
    assert abs(left - 50) <= 2
    canvas.click(node, "The same border")
    assert inputs(canvas, node, "left", "right") == [75, 75]


@ONE_MODE
def test_a_ratio_stays_a_ratio(canvas):
    node = placed(canvas, by="ratio")
    right = canvas.call("edges", node)[2]
    pull(canvas, node, (right, 175), (right + 0.5 * SIDE, 175))
    assert canvas.value(node, "by") == "ratio"
    assert inputs(canvas, node, *SIDES) == [0.25, 0.75, 0, 0]


@ONE_MODE
def test_an_inner_border_is_pulled_inwards(canvas):
    node = placed(canvas, by="pixels", inner=True, **{"by.left": 40, "by.right": 0})
    pull(canvas, node, (SIDE, 175), (SIDE - 60, 175))
    left, right = inputs(canvas, node, "left", "right")
    assert left == 40
    assert abs(right - 60) <= 2
    canvas.call("set", node, "by", "aspect")
    canvas.call("look", node)
    assert "no aspect" in canvas.call("hint", node)


def test_keys_pull_the_chosen_edge(canvas, outpaint):
    canvas.page.mouse.click(*canvas.on_frame(outpaint, 175, 175))
    canvas.press("ArrowRight")
    assert inputs(canvas, outpaint, *SIDES) == [87, 107, 0, 0]  # 544 columns
    canvas.press("Shift+Tab", "Shift+Tab", "ArrowLeft", "ArrowDown", "ArrowDown")
    left, right, top, bottom = inputs(canvas, outpaint, *SIDES)
    assert (left, right, top) == (103, 107, 0)
    assert (SIDE + bottom) % 16 == 0 and bottom > 16


def test_undo_then_pull_again_and_load(canvas, outpaint):
    canvas.page.mouse.click(*canvas.on_frame(outpaint, 175, 175))
    canvas.press("ArrowRight")
    canvas.undo()  # of the new widgets, too, with which the node grew
    assert canvas.value(outpaint, "by") == "wider"
    assert inputs(canvas, outpaint, "right") == [None]
    canvas.call("commit")  # as any click does: what was undone is all that there is
    canvas.redo()
    assert inputs(canvas, outpaint, "right") == [107]
    canvas.undo()
    right = canvas.call("edges", outpaint)[2]
    pull(canvas, outpaint, (right, 175), (right + 60, 175))
    kept = inputs(canvas, outpaint, *SIDES)
    assert kept[1] > 120
    canvas.call("reload")
    assert canvas.value(outpaint, "by") == "pixels"
    assert inputs(canvas, outpaint, *SIDES) == kept
    prompt = canvas.call("prompt")[outpaint]["inputs"]
    assert [prompt[f"by.{side}"] for side in SIDES] == kept


@ONE_MODE
def test_before_the_clip_is_known_and_with_nothing_to_generate(canvas):
    node = canvas.build({"outpaint": ("VaceOutpaintVideo", {"by": "pixels"}, (420, 0))})["outpaint"]
    assert "not known yet" in canvas.call("hint", node)
    for side in SIDES:
        canvas.call("set", node, f"by.{side}", 0)
    canvas.call("look", node)
    assert "Nothing would be generated" in canvas.call("hint", node)
