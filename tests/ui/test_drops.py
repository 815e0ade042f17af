"""Files dropped on a strip: uploaded, loaded and wired as by hand."""

import pytest

DROP = """async ([id, part, names, kind]) => {
  const {stage} = app.graph.getNodeById(id).widgets.find(one => one.name === "wan_vace_editor").options.panel;
  const box = stage.getBoundingClientRect(), dataTransfer = new DataTransfer();
  for (const [i, name] of names.entries()) {
    const canvas = Object.assign(document.createElement("canvas"), {width: 48, height: 32 + i});
    canvas.getContext("2d").fillRect(0, 0, 9, 9);
    const bytes = await new Promise(resolve => canvas.toBlob(resolve, "image/png"));
    dataTransfer.items.add(new File([bytes], name, {type: kind}));
  }
  const place = {clientX: box.x + box.width * part, clientY: box.y + box.height / 2};
  stage.dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer, ...place}));
}"""
NODES_ARE = "count => app.graph.nodes.length === count"


@pytest.fixture
def dropped(canvas, front_end):
    """Drop files of these names on a node's strip, and wait for so many nodes; the files are gone afterwards."""
    folder = front_end[0].base / "input"
    before = set(folder.iterdir())

    def drop(node, part, names, count, kind="image/png"):
        canvas.page.evaluate(DROP, [node, part, names, kind])
        canvas.page.wait_for_function(NODES_ARE, arg=count)
        canvas.frames(4)

    yield drop
    for file in set(folder.iterdir()) - before:
        file.unlink()


def test_pictures_become_key_frames(canvas, dropped):
    node = canvas.build({"one": ("VacePlaceKeyframes", {}, (420, 0))})["one"]
    canvas.call("look", node)
    dropped(node, 0.25, ["ui_drop_a.png"], 2)
    first = int(canvas.value(node, "positions"))
    assert abs(first - 81 * 0.25) < 4
    dropped(node, 0.6, ["ui_drop_b.png", "ui_drop_c.png"], 4)
    places = [int(place) for place in canvas.value(node, "positions").split(", ")]
    assert places[0] == first
    assert first < places[1] < places[2] < 81
    prompt = canvas.call("prompt")
    wires = [prompt[str(node)]["inputs"][f"images.image_{k}"] for k in range(3)]
    assert [prompt[source]["inputs"]["image"] for source, _ in wires] == [f"ui_drop_{k}.png" for k in "abc"]
    canvas.undo()
    for _ in "bc":
        if len(canvas.call("nodes")) == 4:  # the host took the arrival of a picture, which resizes its node, for a step
            canvas.undo()
    assert canvas.value(node, "positions") == str(first)
    assert len(canvas.call("nodes")) == 2


@pytest.mark.parametrize("mode", ["classic"], indirect=True)
def test_a_file_goes_to_the_clip_it_is_dropped_on(canvas, dropped):
    node = canvas.build({"one": ("VaceBridgeVideos", {}, (420, 0))})["one"]
    canvas.call("look", node)
    dropped(node, 0.9, ["ui_drop_d.png"], 2)
    assert set(canvas.call("prompt")[str(node)]["inputs"]) & {"first", "second"} == {"second"}
    dropped(node, 0.1, ["ui_drop_e.png"], 3)
    assert set(canvas.call("prompt")[str(node)]["inputs"]) & {"first", "second"} == {"first", "second"}


@pytest.mark.parametrize("mode", ["classic"], indirect=True)
def test_what_is_no_picture_is_refused(canvas):
    node = canvas.build({"one": ("VaceExtendVideo", {}, (420, 0))})["one"]
    canvas.call("look", node)
    canvas.page.evaluate(DROP, [node, 0.5, ["notes.txt"], "text/plain"])
    canvas.page.get_by_text("Drop pictures or videos here.").first.wait_for()
    assert len(canvas.call("nodes")) == 1
    canvas.call("clearToasts")


@pytest.mark.parametrize("mode", ["classic"], indirect=True)
def test_a_video_among_key_frames_is_refused(canvas, dropped):
    node = canvas.build({"one": ("VacePlaceKeyframes", {}, (420, 0))})["one"]
    canvas.call("look", node)
    dropped(node, 0.5, ["ui_drop.mp4"], 1, "video/mp4")
    canvas.page.get_by_text("Only pictures can be dropped here.").first.wait_for()
    canvas.call("clearToasts")
    assert canvas.value(node, "positions") == ""
    assert len(canvas.call("nodes")) == 1


@pytest.mark.parametrize("mode", ["classic"], indirect=True)
def test_positions_that_cannot_be_read_stay(canvas, dropped):
    node = canvas.build({"one": ("VacePlaceKeyframes", {"positions": "0, somewhere"}, (420, 0))})["one"]
    canvas.call("look", node)
    dropped(node, 0.5, ["ui_drop_f.png"], 2)
    assert "images.image_0" in canvas.call("prompt")[str(node)]["inputs"]
    assert canvas.value(node, "positions") == "0, somewhere"


@pytest.mark.parametrize("mode", ["classic"], indirect=True)
def test_typed_places_that_wait_for_pictures_are_taken_first(canvas, dropped):
    node = canvas.build({"one": ("VacePlaceKeyframes", {"positions": "0x2;  50% last,"}, (420, 0))})["one"]
    canvas.call("look", node)
    dropped(node, 0.2, ["ui_drop_k.png"], 2)
    canvas.page.get_by_text("Placed where positions says: 0x2.").first.wait_for()
    assert canvas.value(node, "positions") == "0x2;  50% last,"
    canvas.page.wait_for_function("id => canvas.thumbsReady(id)", arg=node)
    canvas.call("look", node)
    assert canvas.call("hint", node) == "3 places for 1 pictures."
    dropped(node, 0.75, ["ui_drop_l.png", "ui_drop_m.png", "ui_drop_n.png"], 5)
    canvas.page.get_by_text("Placed where positions says: 50%, last.").first.wait_for()
    canvas.call("clearToasts")
    typed, added = canvas.value(node, "positions").rsplit(", ", 1)
    assert typed == "0x2;  50% last"
    assert abs(int(added) - 81 * 0.75) < 4
    canvas.page.wait_for_function("id => canvas.thumbsReady(id)", arg=node)
    canvas.call("look", node)
    assert canvas.call("hint", node).startswith("81 frames: 5 kept")


@pytest.mark.parametrize("mode", ["classic"], indirect=True)
def test_two_clips_go_to_both_inputs_and_a_third_is_left_out(canvas, dropped):
    node = canvas.build({"one": ("VaceBridgeVideos", {}, (420, 0))})["one"]
    canvas.call("look", node)
    dropped(node, 0.9, ["ui_drop_g.png", "ui_drop_h.png", "ui_drop_i.png"], 3)
    prompt = canvas.call("prompt")
    wires = [prompt[str(node)]["inputs"][name][0] for name in ("first", "second")]
    assert [prompt[source]["inputs"]["image"] for source in wires] == ["ui_drop_g.png", "ui_drop_h.png"]
    canvas.page.get_by_text("Left out: ui_drop_i.png").first.wait_for()
    canvas.call("clearToasts")


@pytest.mark.parametrize("mode", ["classic"], indirect=True)
def test_a_wire_that_the_host_refuses_leaves_no_loader(canvas, dropped):
    node = canvas.build({"one": ("VacePlaceKeyframes", {}, (420, 0))})["one"]
    canvas.call("look", node)
    canvas.page.evaluate("id => { app.graph.getNodeById(id).onConnectInput = () => false; }", node)
    canvas.page.evaluate(DROP, [node, 0.5, ["ui_drop_j.png"], "image/png"])
    canvas.page.get_by_text("ui_drop_j.png does not fit images.image_0").first.wait_for()
    canvas.call("clearToasts")
    assert len(canvas.call("nodes")) == 1
    assert canvas.value(node, "positions") == ""
