"""The strip of kept and generated frames: it plans as the nodes do, and its edges change their counts."""

import itertools

import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import collect_notes
from wan_vace.vace_core.tasks import Places, bridge_vcu, extend_vcu, interpolate_frames, loop_vcu, place_keyframes
from wan_vace.vace_core.vcu import visible_frames
from wan_vace.vace_core.video import Clip, Target

MODULE = "/extensions/wan-vace/js/editors/strip_plan.mjs"
PLANNED = """async ([module, cases]) => {
  const plans = await import(module);
  return cases.map(([name, given]) => plans[name](given));
}"""
SEEN = "async ([module, counts]) => { const {seenFrames} = await import(module); return counts.map(seenFrames); }"
ONE_MODE = pytest.mark.parametrize("mode", ["classic"], indirect=True)
FRAMES = 33
POSITIONS = ["", "0, 40 last", "first;50%x4 -1", "10x3, 0.5s 2.5s", "0x5 30 79", "last 0 7", "0 79x4 40", "1, 2, 3"]


def kept(vcu):
    return [frame for frame in range(len(vcu.mask)) if vcu.mask[frame].amin() < 0.5]


def frames_of(plan):
    return sorted(frame for run in plan["runs"] for frame in range(run["start"], run["stop"]))


def grey(count):
    return torch.full((count, 16, 16, 3), 0.5)


@ONE_MODE
def test_the_dots_are_what_the_mask_channels_see(canvas):
    counts = [1, 2, 5, 33, 80, 81, 83, 129, 2000]
    assert canvas.page.evaluate(SEEN, [MODULE, counts]) == [visible_frames(count) for count in counts]


@ONE_MODE
def test_keyframes_are_where_the_node_puts_them(canvas):
    cases, expected = [], []
    for text, how, hold in itertools.product(POSITIONS, ("off", "move", "hold"), (1, 3)):
        try:
            with collect_notes():
                vcu = place_keyframes(
                    [("image_0", grey(3))], Places(text, 16.0, hold), snap=how, target=Target(16, 16, 81)
                )
        except VaceInputError:  # they overlap
            continue
        cases.append(["keyframePlan", {"text": text, "count": 3, "length": 81, "hold": hold, "fps": 16, "how": how}])
        expected.append(kept(vcu))
    assert len(cases) > 35
    plans = canvas.page.evaluate(PLANNED, [MODULE, cases])
    assert [frames_of(plan) for plan in plans] == expected
    assert not any(plan["problem"] for plan in plans)


@ONE_MODE
def test_clips_are_kept_as_the_nodes_keep_them(canvas):
    cases, expected = [], []
    with collect_notes():
        for before, after, overlap in [(0, 64, 17), (16, 0, 8), (4, 8, 0), (0, 10, 99), (0, 3, 0)]:
            cases.append(["extendPlan", {"before": before, "after": after, "overlap": overlap, "count": FRAMES}])
            expected.append(extend_vcu(Clip(grey(FRAMES)), before=before, after=after, overlap=overlap))
        for gap, overlaps in [(48, (17, 16)), (5, (0, 3)), (1, (90, 0))]:
            given = {"gap": gap, "overlaps": overlaps, "counts": [FRAMES, 20], "inputs": ["first", "second"]}
            cases.append(["bridgePlan", given])
            expected.append(bridge_vcu(Clip(grey(FRAMES)), Clip(grey(20)), gap=gap, overlaps=overlaps))
        given = {"gap": 49, "overlaps": [16, 16], "counts": [FRAMES, FRAMES], "inputs": ["video", "video"]}
        cases.append(["bridgePlan", given])
        expected.append(loop_vcu(Clip(grey(FRAMES)), gap=49, overlap=16))
        for between, how in itertools.product((1, 3, 4), ("off", "move", "hold")):
            cases.append(["interpolatePlan", {"between": between, "count": 9, "how": how}])
            expected.append(interpolate_frames(Clip(grey(9)), between, snap=how))
    plans = canvas.page.evaluate(PLANNED, [MODULE, cases])
    assert [frames_of(plan) for plan in plans] == [kept(vcu) for vcu in expected]
    assert [plan["length"] for plan in plans] == [len(vcu.mask) for vcu in expected]


def placed(canvas, node_id, values, wires):
    nodes = {
        "clip": ("LoadVideo", {"file": "boy_and_dog.mp4"}, (-300, 0)),
        "car": ("LoadVideo", {"file": "car.mp4"}, (-300, 400)),
        "first": ("LoadImage", {"image": "first.png"}, (-300, 0)),
        "last": ("LoadImage", {"image": "last.png"}, (-300, 400)),
        "one": (node_id, values, (100, 0)),
    }
    used = {name for name, _ in wires} | {"one"}
    kept_nodes = {name: node for name, node in nodes.items() if name in used}
    node = canvas.build(kept_nodes, [(name, 0, "one", socket) for name, socket in wires])["one"]
    canvas.page.wait_for_function("id => canvas.thumbsReady(id)", arg=node)
    canvas.call("look", node)
    return node


def at(canvas, node, frame):
    """The screen's place of the beginning of a frame, worked out here."""
    canvas.call("look", node)
    return at_part(canvas, node, frame / int(canvas.call("hint", node).split(" ")[0]))


def at_part(canvas, node, part):
    left, top, width, height = canvas.call("rectangle", node, ".wan-vace-stage canvas")
    return left + 12 + (width - 24) * part, top + height * 0.45


def test_an_end_of_an_extended_clip_is_pulled(canvas):
    node = placed(canvas, "VaceExtendVideo", {"after": 64, "overlap": 17}, [("clip", "video")])
    assert canvas.call("hint", node) == "81 frames: 17 kept, 64 generated."
    canvas.drag(at(canvas, node, 81), at(canvas, node, 61.5))
    assert [canvas.value(node, name) for name in ("before", "after", "overlap")] == [0, 44, 17]  # 61 are 4n + 1
    canvas.drag(at(canvas, node, 0), at(canvas, node, 8.2))
    assert [canvas.value(node, name) for name in ("after", "overlap")] == [44, 9]
    canvas.drag(at(canvas, node, 0), at(canvas, node, -60))  # more than there is: all of it
    assert canvas.value(node, "overlap") == 0
    canvas.click(node, "Generate before")
    assert [canvas.value(node, name) for name in ("before", "after")] == [44, 0]


def test_a_gap_is_pulled_and_undone(canvas):
    node = placed(canvas, "VaceBridgeVideos", {}, [("clip", "first"), ("car", "second")])
    canvas.drag(at(canvas, node, 65), at(canvas, node, 48.6))
    assert canvas.value(node, "gap") == 32
    canvas.undo()
    assert canvas.value(node, "gap") == 48
    canvas.drag(at(canvas, node, 81), at(canvas, node, 73))
    assert [canvas.value(node, name) for name in ("gap", "overlap_first", "overlap_second")] == [48, 17, 8]
    canvas.press("Shift+Tab", "ArrowRight", "ArrowRight")
    assert canvas.value(node, "gap") == 50
    assert canvas.call("hint", node).endswith("The model makes 77.")


def test_pictures_are_carried_and_held(canvas):
    wires = [("first", "images.image_0"), ("last", "images.image_1")]
    node = placed(canvas, "VacePlaceKeyframes", {}, wires)
    assert "miss 0, 80" in canvas.call("hint", node)
    canvas.drag(at(canvas, node, 0.5), at(canvas, node, 20.5))
    assert canvas.value(node, "positions") == "20, last"
    canvas.press("ArrowRight", "Shift+ArrowRight", "Alt+ArrowRight", "Alt+ArrowRight")
    assert canvas.value(node, "positions") == "31x3, last"
    canvas.press("Tab", "ArrowLeft")
    assert canvas.value(node, "positions") == "31x3, 79"
    canvas.press("Shift+ArrowLeft", *["Shift+ArrowLeft"] * 6)  # no further than behind the other
    assert canvas.value(node, "positions") == "31x3, 34"
    canvas.undo()
    assert canvas.value(node, "positions") == "31x3, 39"
    canvas.click(node, "Spread the pictures")
    assert canvas.value(node, "positions") == ""
    canvas.click(node, "Hold each picture")
    assert canvas.value(node, "snap") == "hold"
    assert canvas.call("hint", node) == "81 frames: 4 kept, 77 generated."


@ONE_MODE
def test_words_that_are_not_carried_stay(canvas):
    wires = [("first", "images.image_0"), ("last", "images.image_1")]
    node = placed(canvas, "VacePlaceKeyframes", {"positions": " 25% ;; 2.5s"}, wires)
    canvas.drag(at(canvas, node, 40.5), at(canvas, node, 60.5))
    assert canvas.value(node, "positions") == " 25% ;; 60"
    canvas.call("set", node, "positions", "25% somewhere")
    canvas.call("look", node)
    assert '"somewhere" is no place' in canvas.call("hint", node)
    canvas.press("ArrowLeft")
    assert canvas.value(node, "positions") == "25% somewhere"


@ONE_MODE
def test_buttons_of_interpolation(canvas):
    node = placed(canvas, "VaceInterpolateFrames", {}, [("clip", "video")])
    canvas.click(node, "8 times the frames")
    assert canvas.value(node, "between") == 7
    assert canvas.call("hint", node).startswith("257 frames: 33 kept, 224 generated.")


@ONE_MODE
def test_a_clip_that_is_not_there(canvas):
    node = canvas.build({"one": ("VaceExtendVideo", {}, (100, 0))})["one"]
    assert "a guess" in canvas.call("hint", node)
    canvas.drag(at_part(canvas, node, 1.0), at_part(canvas, node, 0.5))
    assert 0 < canvas.value(node, "after") < 80


@ONE_MODE
def test_two_thousand_frames_and_one(canvas, clips):
    for name, hint in (("two_thousand_frames", "7997 frames: 2000 kept"), ("one_frame", "The clip has one frame")):
        nodes = {
            "clip": ("LoadVideo", {"file": clips[name]}, (-300, 0)),
            "one": ("VaceInterpolateFrames", {}, (100, 0)),
            "more": ("VaceExtendVideo", {}, (500, 0)),
        }
        ids = canvas.build(nodes, [("clip", 0, "one", "video"), ("clip", 0, "more", "video")])
        for node in ("one", "more"):
            canvas.page.wait_for_function("id => canvas.thumbsReady(id)", arg=ids[node])
            canvas.call("look", ids[node])
        assert canvas.call("hint", ids["one"]).startswith(hint)
    assert canvas.call("hint", ids["more"]).startswith("81 frames: 1 kept")
