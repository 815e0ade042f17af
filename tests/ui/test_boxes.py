"""The editor of boxes: what mouse and keys do to the text, and that nothing else changes."""

import pytest

TEXT = "62%,64%,91%,97% 66%,65%,94%,98%"
SIDE, FRAMES, MARGIN = 350, 33, 10  # of the clip; of the stage
CLIP_IS_READY = "([id, n]) => canvas.clip(id).state === 'ready' && canvas.clip(id).count === n"
ONE_MODE = pytest.mark.parametrize("mode", ["classic"], indirect=True)  # where they do not differ


@pytest.fixture
def inpaint(canvas):
    """VACE Inpaint Video behind a clip, its editor open and its text empty."""
    return placed(canvas, "")


def placed(canvas, text, file="boy_and_dog.mp4", frames=FRAMES):
    nodes = {
        "clip": ("LoadVideo", {"file": file}, (0, 0)),
        "inpaint": ("VaceInpaintVideo", {"boxes": text}, (420, 0)),
    }
    node = canvas.build(nodes, [("clip", 0, "inpaint", "video")])["inpaint"]
    canvas.click(node, "Draw boxes")
    canvas.page.wait_for_function(CLIP_IS_READY, arg=[node, frames])
    canvas.call("look", node)
    return node


def screen(canvas, node, x, y, side=SIDE):
    """A whole pixel of the screen near a pixel of the frame, and the pixel of the frame that it is, worked out here."""
    left, top, width, height = canvas.call("rectangle", node, ".wan-vace-stage canvas")
    canvas.call("look", node)
    scale = min(width - 2 * MARGIN, height - 2 * MARGIN) / side
    corner = left + (width - side * scale) / 2, top + (height - side * scale) / 2
    point = round(corner[0] + x * scale), round(corner[1] + y * scale)
    return point, tuple((p - c) / scale for p, c in zip(point, corner, strict=True))


def percent(pixels, side=SIDE):
    return f"{round(pixels * 100 / side, 1):g}%"


def write(canvas, node, text):
    canvas.call("set", node, "boxes", text)
    canvas.call("look", node)


def text_of(canvas, node):
    return canvas.value(node, "boxes")


def test_a_drag_on_the_picture_writes_a_box(canvas, inpaint):
    (start, a), (end, b) = screen(canvas, inpaint, 40, 60), screen(canvas, inpaint, 200, 260)
    canvas.drag(start, end)
    assert text_of(canvas, inpaint) == ",".join(percent(side) for side in (*a, *b))


@ONE_MODE
def test_pixels_for_those_who_want_them(canvas, inpaint):
    canvas.click(inpaint, "Unit of new boxes")
    (start, a), (end, b) = screen(canvas, inpaint, 40, 60), screen(canvas, inpaint, 200, 260)
    canvas.drag(start, end)
    assert text_of(canvas, inpaint) == ",".join(f"{round(side)}" for side in (*a, *b))


def test_a_box_is_moved_and_resized(canvas, inpaint):
    write(canvas, inpaint, "50,50,150,150\nother: 300,300,340,340")
    (start, a), (end, b) = screen(canvas, inpaint, 100, 100), screen(canvas, inpaint, 160, 80)
    canvas.drag(start, end)
    dx, dy = round(b[0] - a[0]), round(b[1] - a[1])
    moved = f"{50 + dx},{50 + dy},{150 + dx},{150 + dy}"
    assert text_of(canvas, inpaint) == f"{moved}\nother: 300,300,340,340"
    corner, target = screen(canvas, inpaint, 150 + dx, 150 + dy), screen(canvas, inpaint, 280, 270)
    canvas.drag(corner[0], target[0])
    right, bottom = (round(side) for side in target[1])
    assert text_of(canvas, inpaint) == f"{50 + dx},{50 + dy},{right},{bottom}\nother: 300,300,340,340"


def test_a_path_by_key_frames(canvas, inpaint):
    write(canvas, inpaint, "50,50,150,150")
    canvas.click(inpaint, "Key frame here")  # the first goes to the end of the clip
    assert canvas.call("frame", inpaint) == FRAMES - 1
    assert text_of(canvas, inpaint) == "50,50,150,150 50,50,150,150"
    (start, a), (end, b) = screen(canvas, inpaint, 100, 100), screen(canvas, inpaint, 240, 220)
    canvas.drag(start, end)
    dx, dy = round(b[0] - a[0]), round(b[1] - a[1])
    last = f"{50 + dx},{50 + dy},{150 + dx},{150 + dy}"
    assert text_of(canvas, inpaint) == f"50,50,150,150 {last}"
    canvas.press("Home", *["."] * 10, "k")
    assert text_of(canvas, inpaint).split(" ")[1].endswith("@10")
    canvas.press("ArrowUp")
    left, top, *_ = map(int, text_of(canvas, inpaint).split(" ")[1].split("@")[0].split(","))
    assert (left, top) == (50 + round(dx * 10 / 32), 50 + round(dy * 10 / 32) - 1)
    canvas.press("ArrowDown", "k")
    assert text_of(canvas, inpaint) == f"50,50,150,150 {last}"


def test_key_frames_are_moved_on_the_time_line(canvas, inpaint):
    write(canvas, inpaint, "0,0,99,99 50,0,149,99@10 0,0,99,99")
    left, top, width, height = canvas.call("rectangle", inpaint, ".wan-vace-time canvas")

    def at(frame):
        return left + 10 + (width - 20) * frame / (FRAMES - 1), top + height / 2

    canvas.drag(at(10), at(15), at(20))
    assert text_of(canvas, inpaint) == "0,0,99,99 50,0,149,99@20 0,0,99,99"
    canvas.drag(at(20), at(32), at(40))  # no further than before the next
    assert text_of(canvas, inpaint) == "0,0,99,99 50,0,149,99@31 0,0,99,99"
    canvas.page.keyboard.down("Alt")
    canvas.page.mouse.click(*at(31))
    canvas.page.keyboard.up("Alt")
    assert text_of(canvas, inpaint) == "0,0,99,99 0,0,99,99"


def test_keys_move_resize_choose_and_remove(canvas, inpaint):
    write(canvas, inpaint, "50,50,150,150\n10%,10%,20%,20%")
    canvas.page.mouse.click(*screen(canvas, inpaint, 100, 100)[0])
    canvas.press("ArrowRight", "Shift+ArrowDown", "Alt+ArrowLeft")
    assert text_of(canvas, inpaint) == "51,60,150,160\n10%,10%,20%,20%"
    canvas.press("Tab", "ArrowLeft")
    assert text_of(canvas, inpaint) == "51,60,150,160\n9.7%,10%,19.7%,20%"  # a pixel of 350
    canvas.press("Delete")
    assert text_of(canvas, inpaint) == "51,60,150,160"
    canvas.press("Delete", "Delete", "Delete")
    assert text_of(canvas, inpaint) == ""
    assert len(canvas.call("nodes")) == 2  # the host's Delete takes nodes away


@ONE_MODE
def test_a_path_is_made_curved_and_straight_again(canvas, inpaint):
    path = "0,0,99,99 150,200,249,299@10 250,0,349,99"
    write(canvas, inpaint, f"dog: {path}\n9,9,60,60")
    canvas.page.mouse.click(*screen(canvas, inpaint, 70, 30)[0])
    canvas.click(inpaint, "Let the path go through its boxes")
    assert text_of(canvas, inpaint) == f"dog: curved {path}\n9,9,60,60"
    canvas.page.mouse.click(*screen(canvas, inpaint, 70, 30)[0])
    canvas.press("ArrowRight")
    assert text_of(canvas, inpaint).startswith("dog: curved 1,0,100,99 150,200,249,299@10")
    canvas.press("c")
    assert text_of(canvas, inpaint).startswith("dog: 1,0,100,99 150,200,249,299@10")


@ONE_MODE
def test_a_path_of_two_boxes_has_no_curve(canvas, inpaint):
    path = "0,0,99,99 150,200,249,299"
    write(canvas, inpaint, path)
    canvas.page.mouse.click(*screen(canvas, inpaint, 50, 50)[0])
    canvas.press("c")
    assert text_of(canvas, inpaint) == path
    canvas.press("ArrowRight", "c")
    assert text_of(canvas, inpaint) == "1,0,100,99 150,200,249,299"


def test_undo_then_edit_again(canvas, inpaint):
    canvas.drag(screen(canvas, inpaint, 40, 60)[0], screen(canvas, inpaint, 200, 260)[0])
    first = text_of(canvas, inpaint)
    canvas.press("Shift+ArrowRight")
    second = text_of(canvas, inpaint)
    assert first != second
    canvas.undo()
    assert text_of(canvas, inpaint) == first
    canvas.undo()
    assert text_of(canvas, inpaint) == ""
    canvas.call("commit")  # as any click does: what was undone is all that there is
    canvas.redo()
    assert text_of(canvas, inpaint) == first
    start, target = screen(canvas, inpaint, 120, 160), screen(canvas, inpaint, 150, 160)
    canvas.drag(start[0], target[0])  # on what is on the screen now
    assert text_of(canvas, inpaint) not in ("", first, second)
    assert text_of(canvas, inpaint) == canvas.call("saved")["nodes"][1]["widgets_values"][0]


@ONE_MODE
def test_an_undo_stays_at_the_frame_and_the_box(canvas, inpaint):
    write(canvas, inpaint, "50,50,150,150\n200,200,300,300")
    canvas.page.mouse.click(*screen(canvas, inpaint, 250, 250)[0])
    canvas.press("ArrowRight", *["."] * 7)
    canvas.press("ArrowRight")
    canvas.undo()
    assert text_of(canvas, inpaint) == "50,50,150,150\n201,200,301,300"
    assert canvas.call("frame", inpaint) == 7
    canvas.page.wait_for_function(CLIP_IS_READY, arg=[inpaint, FRAMES])
    canvas.call("look", inpaint)
    canvas.page.locator(".wan-vace-stage canvas").focus()
    canvas.press("ArrowRight")
    assert text_of(canvas, inpaint) == "50,50,150,150\n202,200,302,300"


def test_it_is_the_same_after_saving_loading_and_copying(canvas):
    node = placed(canvas, TEXT)
    canvas.call("reload")
    assert text_of(canvas, node) == TEXT
    canvas.drag(screen(canvas, node, 270, 280)[0], screen(canvas, node, 250, 270)[0])
    moved = text_of(canvas, node)
    assert moved != TEXT
    copy = canvas.call("copy", node)
    assert copy != node
    assert text_of(canvas, copy) == moved


@ONE_MODE
def test_what_cannot_be_drawn_is_kept(canvas, inpaint):
    kept = "the dog, please\n  5 , 5, 60,60@ 3 ;1,2,3"
    write(canvas, inpaint, kept)
    assert 'not drawn: "the dog, please"' in canvas.call("hint", inpaint)
    (start, a), (end, b) = screen(canvas, inpaint, 100, 100), screen(canvas, inpaint, 200, 200)
    canvas.drag(start, end)
    assert text_of(canvas, inpaint) == kept + "\n" + ",".join(percent(side) for side in (*a, *b))


@ONE_MODE
def test_a_box_outside_of_the_frame_can_be_brought_back(canvas, inpaint):
    write(canvas, inpaint, "-300,50,-200,150")
    assert "outside the frame" in canvas.call("hint", inpaint)
    canvas.drag(canvas.on_frame(inpaint, -250, 100), canvas.on_frame(inpaint, 100, 100))
    left, top, right, bottom = map(int, text_of(canvas, inpaint).split(","))
    assert abs(left - 50) < 4
    assert (right - left, bottom - top) == (100, 100)


@ONE_MODE
def test_without_a_clip_and_with_one_that_is_not_there(canvas):
    node = canvas.build({"inpaint": ("VaceInpaintVideo", {"boxes": TEXT}, (420, 0))})["inpaint"]
    canvas.click(node, "Draw boxes")
    assert canvas.call("clip", node)["state"] == "none"
    nodes = {
        "clip": ("LoadVideo", {"file": "gone.mp4"}, (0, 0)),
        "inpaint": ("VaceInpaintVideo", {"boxes": TEXT}, (420, 0)),
    }
    node = canvas.build(nodes, [("clip", 0, "inpaint", "video")])["inpaint"]
    canvas.click(node, "Draw boxes")
    canvas.page.wait_for_function("id => canvas.clip(id).state === 'failed'", arg=node)
    canvas.call("look", node)
    assert "cannot show this clip" in canvas.call("hint", node)
    assert text_of(canvas, node) == TEXT


@ONE_MODE
@pytest.mark.parametrize(("name", "frames"), [("one_frame", 1), ("two_thousand_frames", 2000)])
def test_clips_of_any_length(canvas, clips, name, frames):
    node = placed(canvas, "10%,10%,50%,50%", clips[name], frames)
    canvas.page.mouse.click(*canvas.on_frame(node, 20, 20))
    canvas.press("k")
    if frames == 1:
        assert text_of(canvas, node) == "10%,10%,50%,50%"
        return
    canvas.press("ArrowRight", "Home", "Shift+.", "k")
    assert canvas.call("clip", node)["shown"] >= 0
    assert "@" in text_of(canvas, node)


@ONE_MODE
def test_what_the_last_run_showed_is_drawn_upon(canvas):
    nodes = {
        "made": ("EmptyImage", {"width": 96, "height": 64, "batch_size": 5}, (0, 0)),
        "shown": ("PreviewImage", {}, (420, 500)),
        "inpaint": ("VaceInpaintVideo", {}, (420, 0)),
    }
    ids = canvas.build(nodes, [("made", 0, "shown", "images"), ("made", 0, "inpaint", "video")])
    canvas.click(ids["inpaint"], "Draw boxes")
    assert canvas.call("clip", ids["inpaint"])["state"] == "none"
    canvas.call("run")
    canvas.page.wait_for_function("id => canvas.clip(id).state === 'ready'", arg=ids["inpaint"])
    clip = canvas.call("clip", ids["inpaint"])
    assert (clip["width"], clip["height"], clip["count"]) == (96, 64, 5)


@pytest.mark.parametrize(
    ("node_id", "values", "widget"),
    [
        ("VaceDrawBoxMask", {"length": 33}, "boxes"),
        ("VaceDrawLayout", {"length": 33}, "boxes"),
        ("VaceMakeAnything", {"combination": "move", "length": 34}, "combination.boxes"),
    ],
)
def test_the_other_nodes_with_boxes(canvas, node_id, values, widget):
    node = canvas.build({"one": (node_id, {**values, widget: "80,80,400,400"}, (100, 0))})["one"]
    canvas.call("look", node)
    canvas.page.mouse.click(*canvas.on_frame(node, 240, 240))
    canvas.press("ArrowRight", "k")
    assert canvas.value(node, widget) == "81,80,401,400 81,80,401,400"
    if node_id == "VaceMakeAnything":
        canvas.call("set", node, "combination", "swap")
        assert canvas.value(node, widget) is None
        canvas.call("set", node, "combination", "move")
        canvas.click(node, "Add a box")
        assert "\n" in canvas.value(node, widget)


@ONE_MODE
def test_the_mask_takes_the_size_of_the_clip_it_is_for(canvas):
    nodes = {
        "clip": ("LoadVideo", {"file": "boy_and_dog.mp4"}, (0, 0)),
        "inpaint": ("VaceInpaintVideo", {}, (900, 0)),
        "mask": ("VaceDrawBoxMask", {}, (420, 0)),
    }
    ids = canvas.build(nodes, [("clip", 0, "inpaint", "video"), ("mask", 0, "inpaint", "mask")])
    canvas.page.wait_for_function("id => canvas.clip(id).state === 'ready'", arg=ids["mask"])
    canvas.call("look", ids["mask"])
    canvas.click(ids["mask"], "Take width, height and length")
    assert [canvas.value(ids["mask"], name) for name in ("width", "height", "length")] == [SIDE, SIDE, FRAMES]


def test_a_wire_takes_the_place_of_the_text(canvas):
    nodes = {"text": ("PrimitiveString", {"value": TEXT}, (0, 0)), "mask": ("VaceDrawBoxMask", {}, (420, 0))}
    node = canvas.build(nodes, [("text", 0, "mask", "boxes")])["mask"]
    canvas.call("look", node)
    before = text_of(canvas, node)
    canvas.drag(canvas.on_frame(node, 100, 100), canvas.on_frame(node, 300, 300))
    assert text_of(canvas, node) == before
    assert "wire" in canvas.call("hint", node)


def test_large_and_back(canvas, inpaint):
    canvas.click(inpaint, "Larger")
    canvas.drag(screen(canvas, inpaint, 40, 60)[0], screen(canvas, inpaint, 200, 260)[0])
    assert text_of(canvas, inpaint)
    canvas.press("Escape")
    assert canvas.page.locator(".wan-vace-large").count() == 0
    canvas.press("Tab")
    canvas.undo()
    assert text_of(canvas, inpaint) == ""
