"""Layout drawings against pictures that OpenCV made, and against scipy."""

import sys

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.tasks.layout import (
    BoxMotion,
    box_layout,
    draw_box_outlines,
    draw_contours,
    layout_frames,
    parse_colour,
    track_layout,
)
from wan_vace.vace_core.vcu.unit import CONTROL
from wan_vace.vace_core.video import Target
from wan_vace.vace_core.video.boxes import Box, BoxTrack, boxes_at

# cv2.rectangle(image, (5, 5), (13, 10), 0, 2) of OpenCV 4.11.0 on 16 x 20 pixels of 255; 5.0.0 draws the same.
CV2_RECTANGLE = """
....................
....................
....................
....................
.....#########......
....###########.....
....###########.....
....###.....###.....
....###.....###.....
....###########.....
....###########.....
.....#########......
....................
....................
....................
....................
"""
# cv2.drawContours(..., 0, 3) of the external contours of rows 6-9, columns 6-12 and the pixel (5, 8), as above.
CV2_CONTOUR = """
....................
....................
....................
........#...........
......#######.......
.....#########......
....###########.....
....###########.....
....###########.....
....###########.....
.....#########......
......#######.......
....................
....................
....................
....................
"""


# How far OpenCV's pen reaches from a line, in pixels, by its thickness (4.10.0 and 5.0.0).
PEN_RADIUS = {1: 0, 2: 1, 3: 2, 4: 2, 5: 3}


def picture(text):
    return np.array([[c == "#" for c in line] for line in text.split()])


def still(*sides, label=""):
    return BoxTrack(((0.0, Box(*sides)),), label)


def drawn(frames):
    return (frames != 1).any(-1).numpy()


def discs(*centres, size=48, radius=9.0):
    y, x = np.mgrid[:size, :size]
    shape = np.zeros((size, size), bool)
    for cy, cx in centres:
        shape |= (y - cy) ** 2 + (x - cx) ** 2 <= radius**2
    return shape


def test_a_box_covers_the_pixels_of_opencv():
    frames = draw_box_outlines([still(5, 5, 13, 10)], 2, 16, 20)
    assert set(frames.unique().tolist()) == {0.0, 1.0}
    for frame in drawn(frames):
        np.testing.assert_array_equal(frame, picture(CV2_RECTANGLE))


@pytest.mark.parametrize("thickness", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("sides", [(3, 4, 20, 15), (-5, 2, 12, 40), (20, 10, 21, 11), (-9, -9, 50, 50)])
def test_a_box_is_what_lies_within_the_pens_reach_of_its_line(sides, thickness):
    left, top, right, bottom = sides
    y, x = np.mgrid[-20:60, -20:60]
    line = (((x == left) | (x == right)) & (top <= y) & (y <= bottom)) | (
        ((y == top) | (y == bottom)) & (left <= x) & (x <= right)
    )
    near = ndimage.distance_transform_edt(~line) <= PEN_RADIUS[thickness]
    actual = drawn(draw_box_outlines([still(*sides)], 1, 24, 32, thickness=thickness))[0]
    np.testing.assert_array_equal(actual, near[20:44, 20:52])


def test_boxes_far_away_and_without_opencv(monkeypatch):
    far = draw_box_outlines([still(-1e30, -1e12, 5, 1e30)], 1, 16, 20)
    assert torch.equal(far, draw_box_outlines([still(-500, -500, 5, 500)], 1, 16, 20))
    monkeypatch.setitem(sys.modules, "cv2", None)
    for draw in (lambda: draw_box_outlines([still(0, 0, 9, 9)], 1, 16, 20), lambda: draw_contours(torch.ones(1, 8, 8))):
        with pytest.raises(VaceInputError, match="Drawing a layout needs opencv-python-headless, which this ComfyUI"):
            draw()


def test_a_box_stops_one_step_short_as_in_the_official_code_unless_asked():
    track = BoxTrack(((0.0, Box(0, 0, 8, 8)), (1.0, Box(20, 0, 28, 8))))
    short, full = (draw_box_outlines([track], 5, 16, 48, motion=BoxMotion(official=m)) for m in (True, False))
    right_edges = [[int(np.nonzero(f.any(0))[0].max()) - 1 for f in drawn(frames)] for frames in (short, full)]
    assert right_edges == [[8, 12, 16, 20, 24], [8, 13, 18, 23, 28]]


def random_box(dice, height, width, whole):
    """Sides of a box that may reach out of the frame; whole numbers, or fractions of pixels."""
    columns, rows = (np.sort(dice.uniform(-20, side + 20, 2)) for side in (width, height))
    sides = columns[0], rows[0], columns[1] + 1, rows[1] + 1
    return [float(np.rint(side) if whole else side) for side in sides]


def test_moving_boxes_are_those_of_the_official_annotator():
    # ali-vilab/VACE, vace/annotators/layout.py: place and size in single precision, a step of (end - start) / T, each
    # cut to a whole number, and a rectangle of thickness 2.
    dice, different = np.random.default_rng(7), 0
    for k in range(200):
        (H, W), T = dice.integers(64, 200, 2).tolist(), int(dice.integers(2, 50))
        start, end = (random_box(dice, H, W, whole=k % 2) for _ in range(2))
        drawing = draw_box_outlines([BoxTrack(((0.0, Box(*start)), (1.0, Box(*end))))], T, H, W)
        first, last = (np.float32([a, b, c - a, d - b]) for a, b, c, d in (start, end))
        for t, frame in enumerate(drawing.numpy()):
            x, y, w, h = np.trunc(first + (last - first) / T * t).astype(int).tolist()
            expected = np.full((H, W, 3), 255, np.uint8)
            cv2.rectangle(expected, (x, y), (x + w, y + h), (0, 0, 0), 2)
            different += not np.array_equal(frame * 255, expected)
    assert different == 0


@pytest.mark.parametrize("easing", ["linear", "ease in-out"])
def test_other_motions_cut_place_and_size_to_whole_numbers_too(easing):
    track = BoxTrack(((0.0, Box(2.9, 3.2, 20.7, 12.1)), (0.3, Box(10, 8, 30.5, 20)), (1.0, Box(1, 2, 15, 9))))
    drawing = draw_box_outlines([track], 7, 32, 48, motion=BoxMotion(easing, official=False))
    for box, frame in zip(boxes_at(track, 7, easing), drawing, strict=True):
        left, top = int(box.left), int(box.top)
        whole = still(left, top, left + int(box.right - box.left), top + int(box.bottom - box.top))
        assert torch.equal(frame, draw_box_outlines([whole], 1, 32, 48)[0])


def test_a_box_reaches_whole_numbers_whatever_single_precision_makes_of_the_way():
    track = BoxTrack(((0.0, Box(0, 0, 8, 8)), (1.0, Box(49, 0, 57, 8))))
    frames = draw_box_outlines([track], 50, 16, 64, motion=BoxMotion(official=False))
    assert [int(np.nonzero(f.any(0))[0].max()) - 1 for f in drawn(frames)] == list(range(8, 58))


def test_easing_bends_the_motion():
    track = BoxTrack(((0.0, Box(0, 0, 8, 8)), (1.0, Box(32, 0, 40, 8))))
    frames = draw_box_outlines([track], 3, 16, 48, motion=BoxMotion("ease in", official=False))
    assert np.nonzero(drawn(frames)[1].any(0))[0].max() - 1 == 16


def test_several_boxes_have_their_colours_and_the_later_is_on_top(notes):
    tracks = [still(2, 2, 20, 12, label="cat#ff0000"), still(10, 6, 28, 14), still(4, 4, 6, 6, label="#0000FF")]
    frame = layout_frames(tracks, 1, 16, 32)[0]
    assert (
        frame[2, 5].tolist() == [1, 0, 0] and frame[6, 12].tolist() == [0, 0, 0] and frame[5, 4].tolist() == [0, 0, 1]
    )
    assert frame[12, 10].tolist() == [0, 0, 0] and notes == []


def test_a_label_without_colour_is_black_and_told(notes):
    frames = layout_frames([still(2, 2, 20, 12, label="cat")], 1, 16, 32)
    assert set(frames.unique().tolist()) == {0.0, 1.0}
    assert sentences(notes) == [
        'boxes: "cat" is drawn black; write a colour behind the label, such as cat#ff8000, for another.'
    ]


def test_a_box_that_never_shows_is_told(notes):
    frames = layout_frames([still(2, 2, 9, 9), still(100, 2, 120, 12)], 1, 16, 32)
    assert (frames[:, :, 12:] == 1).all()
    assert sentences(notes) == ["boxes: box 2 is outside the frame of 32 x 16 all the time; nothing of it shows."]


@pytest.mark.parametrize("colour", ["red", "ff00", "#ff00000", ""])
def test_a_colour_that_cannot_be_read_is_refused(colour):
    with pytest.raises(VaceInputError, match=rf'colour is "{colour}", it must be a colour such as #ff8000'):
        parse_colour("colour", colour)
    with pytest.raises(VaceInputError, match=rf'boxes: the colour of "cat" is "{colour}"'):
        layout_frames([still(0, 0, 9, 9, label=f"cat#{colour.removeprefix('#')}")] if colour[:1] != "#" else
                      [still(0, 0, 9, 9, label=f"cat#{colour}")], 1, 16, 16)  # fmt: skip


def test_a_colour_is_bytes_of_red_green_and_blue():
    assert parse_colour("colour", " #ff8000 ") == (1, 128 / 255, 0) and parse_colour("colour", "0000FF") == (0, 0, 1)


def test_box_layout_is_control_of_the_size_asked_for():
    vcu = box_layout("cat#ff0000: 10,10,20,20 50%,50%,80%,80%", target=Target(width=64, height=48, length=6))
    assert vcu.kind == CONTROL and vcu.frames.shape == (6, 48, 64, 3) and (vcu.mask == 1).all()
    assert vcu.mask.untyped_storage().nbytes() == 4
    assert sentences(vcu.notes) == [
        "6 frames are generated as 9 (the model needs 4n + 1); VACE Decode Latent gives 6 back."
    ]
    usual = box_layout("0,0,9,9", target=Target(length=1))
    assert (usual.height, usual.width) == (480, 832) and sentences(usual.notes) == []


def test_box_layout_without_a_box_is_refused():
    with pytest.raises(VaceInputError, match=r"boxes is empty\. Write left,top,right,bottom"):
        box_layout("  \n ")


def test_a_contour_covers_the_pixels_of_opencv():
    mask = torch.zeros(1, 16, 20)
    mask[0, 6:10, 6:13] = mask[0, 5, 8] = 1
    np.testing.assert_array_equal(drawn(draw_contours(mask))[0], picture(CV2_CONTOUR))


def test_contours_are_those_of_the_official_annotator():
    # ali-vilab/VACE, vace/annotators/layout.py: external contours, CHAIN_APPROX_SIMPLE, thickness 3, bytes of 255.
    dice, different = np.random.default_rng(8), 0
    for _ in range(200):
        H, W = dice.integers(40, 200, 2).tolist()
        noise = ndimage.gaussian_filter(dice.random((H, W)), dice.uniform(1, 8))
        shape = (noise > np.quantile(noise, dice.uniform(0.3, 0.9))).astype(np.uint8) * 255
        outlines = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        expected = cv2.drawContours(np.full((H, W, 3), 255, np.uint8), outlines, -1, (0, 0, 0), 3)
        drawing = draw_contours(torch.from_numpy(shape)[None].float() / 255)[0].numpy()
        different += not np.array_equal(drawing * 255, expected)
    assert different == 0


SHAPES = {
    "disc": discs((20, 20)),
    "two": discs((10, 10), (34, 36)),
    "ring": discs((24, 24), radius=15.5) & ~discs((24, 24), radius=8.0),
    "ring with an island": discs((24, 24), radius=15.5) & ~discs((24, 24), radius=8.0) | discs((24, 24), radius=2.0),
    "at the rim": discs((0, 0), (47, 30), radius=12.0),
    "everything": np.ones((48, 48), bool),
    "one pixel": discs((24, 24), radius=0.0),
    "noise": ndimage.gaussian_filter(np.random.default_rng(0).random((48, 48)), 2) > 0.5,
}


@pytest.mark.parametrize("thickness", [1, 3])
@pytest.mark.parametrize("name", SHAPES)
def test_a_contour_is_what_lies_within_the_pens_reach_of_the_outermost_pixels(name, thickness):
    filled = ndimage.binary_fill_holes(SHAPES[name])
    edge = filled & ~ndimage.binary_erosion(filled)
    near = ndimage.distance_transform_edt(~edge) <= PEN_RADIUS[thickness]
    mask = torch.from_numpy(SHAPES[name]).float()[None]
    actual = drawn(draw_contours(mask, thickness))[0]
    # OpenCV's pen is a polygon with rounded corners: around the noise it covers one pixel more, beside 1449.
    assert not (near & ~actual).any() and (actual & ~near).sum() == (name == "noise" and thickness == 3)


def test_a_track_is_drawn_per_frame_in_its_colour_and_blank_where_the_object_is_gone():
    mask = torch.zeros(5, 48, 48)
    mask[0] = torch.from_numpy(SHAPES["disc"]).float()
    vcu = track_layout(mask, "#00ff00")
    assert vcu.kind == CONTROL and (vcu.mask == 1).all() and sentences(vcu.notes) == []
    assert vcu.frames[0, 20, 11].tolist() == [0, 1, 0] and (vcu.frames[1:] == 1).all()


def test_lines_keep_their_width_at_another_size():
    mask = torch.zeros(1, 96, 96)
    mask[:, 32:64, 32:64] = 1
    vcu = track_layout(mask, target=Target(width=48, height=48))
    small = torch.zeros(1, 48, 48)
    small[:, 16:32, 16:32] = 1
    assert torch.equal(vcu.frames, draw_contours(small))
    assert sentences(vcu.notes) == ["mask is resized from 96 x 96 to 48 x 48 (cover)."]


def test_the_length_of_a_track_is_repaired_and_told():
    mask = torch.zeros(5, 16, 16)
    mask[:, 4:9, 4:9] = 1
    held = track_layout(mask[:1], target=Target(length=9))
    assert held.num_frames == 9 and torch.equal(held.frames[8], held.frames[0])
    assert sentences(held.notes) == ["mask has one frame; it is used for all 9."]
    longer = track_layout(mask, target=Target(length=9))
    assert (longer.frames[5:] == 0.5).all() and (longer.mask == 1).all()
    assert sentences(longer.notes) == ["mask has 5 frames; the 4 after it are generated freely."]
    assert sentences(track_layout(mask, target=Target(length=1)).notes) == ["mask has 5 frames; the first 1 are used."]


def test_a_black_track_is_told():
    vcu = track_layout(torch.zeros(1, 16, 16))
    assert (vcu.frames == 1).all()
    assert sentences(vcu.notes) == [
        "mask is black everywhere, so the layout is blank. White is the object; use Invert Mask."
    ]


def test_masks_are_left_alone():
    mask = torch.rand(2, 16, 16).round()
    before = mask.clone()
    track_layout(mask, target=Target(width=32))
    assert torch.equal(mask, before)
