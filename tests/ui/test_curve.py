"""The editor of strength curves: it reads the text as the node does, and writes what was drawn."""

import pytest

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.strength.curves import parse_curve

MODULE = "/extensions/wan-vace/js/editors/curve_text.mjs"
VALUES = """async ([module, texts, places]) => {
  const {readCurve, valueAt, writeCurve} = await import(module);
  return texts.map(text => {
    const points = readCurve(text);
    return points && [places.map(place => valueAt(points, place)), writeCurve(points)];
  });
}"""
READ = ["1", "", "0.5", "1, 0.5, 0", "0:1, 40%:1, 40%:0", "0.25:2; 75%:.5", "0%:0 100%:3", "10%:1, 10%:0, 10%:2"]
UNREADABLE = ["one", "1:1:1", "50%:1, 20%:0", "120%:1", "0:-1", "2:1", "0:1001", "1, 0:1"]
PLACES = [k / 20 for k in range(21)]
ONE_MODE = pytest.mark.parametrize("mode", ["classic"], indirect=True)


@ONE_MODE
def test_the_text_is_read_as_the_node_reads_it(canvas):
    shown = canvas.page.evaluate(VALUES, [MODULE, READ, PLACES])
    for text, (values, written) in zip(READ, shown, strict=True):
        curve = parse_curve("steps", text)
        assert values == pytest.approx([curve.at(place) for place in PLACES], abs=1e-12), text
        assert [parse_curve("steps", written).at(place) for place in PLACES] == pytest.approx(values), written
    assert canvas.page.evaluate(VALUES, [MODULE, UNREADABLE, PLACES]) == [None] * len(UNREADABLE)
    for text in UNREADABLE:
        with pytest.raises(VaceInputError):
            parse_curve("steps", text)


@pytest.fixture
def node(canvas):
    one = canvas.build({"one": ("VaceSetStrength", {}, (100, 0))})["one"]
    canvas.click(one, "Draw the strength")
    canvas.call("look", one)
    return one


def at(canvas, node, place, value, most=1.25):
    """The screen's place of a point, worked out here."""
    left, top, width, height = canvas.call("rectangle", node, ".wan-vace-stage canvas")
    return left + 34 + (width - 46) * place, top + 12 + (height - 32) * (1 - value / most)


def points(text):
    return [tuple(float(part.rstrip("%")) for part in word.split(":")) for word in text.split(", ")]


def test_points_are_drawn_moved_taken_out_and_undone(canvas, node):
    canvas.drag(at(canvas, node, 0.5, 0.5), at(canvas, node, 0.5, 0.25))
    (_, (place, value)) = points(canvas.value(node, "steps"))
    assert (abs(place - 50) < 1, abs(value - 0.25) < 0.06) == (True, True)
    canvas.press("ArrowUp", "Shift+ArrowRight")
    moved = points(canvas.value(node, "steps"))[1]
    assert moved == pytest.approx((place + 5, value + 0.05), abs=0.02)
    canvas.page.keyboard.down("Alt")
    canvas.page.mouse.click(*at(canvas, node, moved[0] / 100, moved[1]))
    canvas.page.keyboard.up("Alt")
    assert canvas.value(node, "steps") == "1"
    canvas.undo()
    assert points(canvas.value(node, "steps"))[1] == moved
    assert canvas.value(node, "frames") == "1"


@ONE_MODE
def test_a_drag_through_the_value_of_the_others_keeps_every_point(canvas, node):
    canvas.call("set", node, "steps", "0:1, 50%:0.8, 100%:1")
    canvas.call("look", node)
    canvas.drag(at(canvas, node, 0.5, 0.8), at(canvas, node, 0.5, 1), at(canvas, node, 0.5, 1.1))
    assert points(canvas.value(node, "steps")) == [(0, 1), pytest.approx((50, 1.1), abs=0.3), (100, 1)]
    canvas.call("set", node, "steps", "0:1, 50%:1, 100%:0.5")
    canvas.call("look", node)
    canvas.drag(at(canvas, node, 1, 0.5), at(canvas, node, 1, 1), at(canvas, node, 1, 0.5))
    assert canvas.value(node, "steps") == "0%:1, 50%:1, 100%:0.5"


@ONE_MODE
def test_a_click_on_the_line_adds_a_point(canvas, node):
    assert canvas.value(node, "steps") == "1"
    canvas.page.mouse.click(*at(canvas, node, 0.5, 1))
    assert points(canvas.value(node, "steps")) == [(0, 1), (pytest.approx(50, abs=1), 1)]
    assert parse_curve("steps", canvas.value(node, "steps")).is_one


def test_frames_have_a_curve_of_their_own(canvas, node):
    canvas.click(node, "Strength over the video")
    canvas.click(node, "Fade out")
    assert canvas.value(node, "frames") == "0%:1, 100%:0"
    assert canvas.value(node, "steps") == "1"
    canvas.call("set", node, "frames", "what")
    canvas.call("look", node)
    assert "not drawn" in canvas.call("hint", node)
    canvas.drag(at(canvas, node, 0.5, 0.5), at(canvas, node, 0.5, 0.25))
    assert canvas.value(node, "frames") == "what"


def test_an_undo_stays_with_the_curve_that_was_edited(canvas, node):
    canvas.click(node, "Strength over the video")
    canvas.click(node, "Fade out")
    canvas.click(node, "Fade in")
    canvas.undo()
    assert canvas.value(node, "frames") == "0%:1, 100%:0"
    canvas.call("look", node)
    canvas.click(node, "Fade in")
    assert (canvas.value(node, "steps"), canvas.value(node, "frames")) == ("1", "0%:0, 100%:1")


@ONE_MODE
def test_what_was_typed_finer_than_a_drag_stays(canvas, node):
    canvas.call("set", node, "steps", "0:0.125, 33.333%:0.0625, 1:0.333")
    canvas.call("look", node)
    canvas.page.mouse.click(*at(canvas, node, 0, 0.125))
    canvas.call("set", node, "steps", "0:0.125, 33.333%:0.0625, 1:0.333")
    canvas.press("ArrowUp")
    assert canvas.value(node, "steps") == "0%:0.175, 33.333%:0.0625, 100%:0.333"


@ONE_MODE
def test_a_strength_is_dragged_no_higher_than_the_node_takes(canvas, node):
    canvas.call("set", node, "steps", "0:1, 100%:900")
    canvas.call("look", node)
    canvas.drag(at(canvas, node, 1, 900, 1125), at(canvas, node, 1, 1110, 1125), at(canvas, node, 1, 1800, 1125))
    assert canvas.value(node, "steps") == "0%:1, 100%:1000"
    canvas.press("Shift+ArrowUp")
    assert canvas.value(node, "steps") == "0%:1, 100%:1000"
    assert len(parse_curve("steps", canvas.value(node, "steps")).points) == 2
