"""Outpainting: canvas, mask and kept pixels, by numbers worked out by hand from the official formulas."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.conditioning.halves import split_for_encoding
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.shape import feather_mask
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.tasks import KeptEdge
from wan_vace.vace_core.tasks.canvas import Aspect, Margins, Ratio, growth_from, parse_aspect
from wan_vace.vace_core.tasks.outpaint import outpaint_vcu
from wan_vace.vace_core.vcu.unit import REPAINT
from wan_vace.vace_core.video import Target
from wan_vace.vace_core.video.fit import resize


def video(num_frames=2, height=32, width=48):
    return torch.rand(num_frames, height, width, 3)


def kept_box(mask):
    """(left, top, right, bottom) of the pixels that are kept, which must be a rectangle."""
    rows, columns = (mask == 0).nonzero().T
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert (mask[top:bottom, left:right] == 0).all() and (mask == 0).sum() == (right - left) * (bottom - top)
    return [left.item(), top.item(), right.item(), bottom.item()]


@pytest.mark.parametrize(
    ("size", "growth", "canvas", "kept"),
    [
        # The official default, left and right by int(0.25 * 832) = 208.
        ((480, 832), Ratio(), (480, 1248), [208, 0, 1040, 480]),
        # int(0.3 * 832) = 249 and int(0.3 * 480) = 144; 832 + 498 = 1330 is 14 short of 1344, 7 on each side.
        ((480, 832), Ratio(0.3, 0.3, 0.3, 0.3), (768, 1344), [256, 144, 1088, 624]),
        # int(0.1 * 832) = 83, 915 is 13 short of 928 and only the left grows.
        ((480, 832), Ratio(0.1, 0, 0, 0), (480, 928), [96, 0, 928, 480]),
        ((480, 832), Ratio(0, 0.1, 0, 0), (480, 928), [0, 0, 832, 480]),
        # int(0.33 * 477) = 157, 634 is 6 short of 640; 829 is 3 short of 832 with neither side asked: 1 and 2.
        ((477, 829), Ratio(0, 0, 0.33, 0), (640, 832), [1, 163, 830, 640]),
        ((480, 832), Margins(16, 0, 0, 32), (512, 848), [16, 0, 848, 480]),
        # 9:16 to 16:9: round(832 * 16 / 9) = 1479, 999 more; 1479 is 9 short of 1488, which the growing sides share.
        ((832, 480), Aspect("16:9"), (832, 1488), [503, 0, 983, 832]),
        ((832, 480), Aspect("16:9", "left"), (832, 1488), [0, 0, 480, 832]),
        ((832, 480), Aspect("16:9", "right"), (832, 1488), [1008, 0, 1488, 832]),
        ((832, 480), Aspect("16:9", "top"), (832, 1488), [503, 0, 983, 832]),
        # 480 x 640 of 640 x 480 is round(640 / 0.75) = 853, 373 more rows and 11 to reach 864.
        ((480, 640), Aspect("3:4", "bottom"), (864, 640), [0, 384, 640, 864]),
        ((480, 640), Aspect("3:4", "top"), (864, 640), [0, 0, 640, 480]),
    ],
)
def test_the_canvas_by_hand(size, growth, canvas, kept):
    frames = video(1, *size)
    vcu = outpaint_vcu(frames, growth)
    assert vcu.frames.shape[1:3] == canvas and kept_box(vcu.mask[0]) == kept
    left, top, right, bottom = kept
    assert torch.equal(vcu.frames[:, top:bottom, left:right], frames) and vcu.kind == REPAINT


def test_the_border_is_exactly_grey_and_the_mask_binary():
    vcu = outpaint_vcu(video(), Ratio(0.5, 0.5, 0.5, 0.5))
    assert (vcu.frames[vcu.mask == 1] == 0.5).all() and set(vcu.mask.unique().tolist()) == {0, 1}
    _, reactive, _ = split_for_encoding(vcu)
    assert (reactive == 0.5).all() and sentences(vcu.notes) == ["2 frames are generated as 5 (the model needs 4n + 1); "
                                                     "VACE Decode Latent gives 2 back."]  # fmt: skip


def test_a_wider_border_is_told():
    (note,) = sentences(outpaint_vcu(video(1), Ratio(0.1, 0, 0, 0)).notes)
    assert note == (
        "The canvas of 52 x 32 becomes 64 x 32: the model needs multiples of 16. "
        "The generated border is that much wider; the video is not resized."
    )


def test_a_size_fits_the_whole_canvas_and_resizes_the_video_alone():
    frames = video(1, 64, 96)
    # The canvas is 144 x 64: into 80 x 48 it goes 1.8 times smaller, and 48 - 36 rows are left over.
    vcu = outpaint_vcu(frames, Ratio(), target=Target(width=80, height=48))
    left, top, right, bottom = kept = kept_box(vcu.mask[0])
    assert kept == [13, 6, 67, 42]  # round(24 / 1.8) = 13, round(120 / 1.8) = 67, (48 - 36) / 2 = 6
    assert torch.equal(vcu.frames[:, top:bottom, left:right], resize(frames, 36, 54))
    assert (vcu.frames[vcu.mask == 1] == 0.5).all()
    assert sentences(vcu.notes) == [
        "The canvas of 144 x 64 is fitted into 80 x 48, which resizes the video from 96 x 64 to 54 x 36.",
    ]


def test_one_side_of_the_size_keeps_the_canvas_shape_and_edges_without_border_stay_at_the_edge():
    # 200 x 60 to 64 x 19.2, so 64 x 16
    vcu = outpaint_vcu(video(1, 60, 100), Margins(right=100), target=Target(width=64))
    assert vcu.frames.shape[1:3] == (16, 64) and kept_box(vcu.mask[0])[1::2] == [0, 16]
    assert "Size 64 x 19 becomes 64 x 16: the model needs multiples of 16." in sentences(vcu.notes)


def test_inner_keeps_the_size_and_generates_a_band():
    frames = video(1, 32, 48)
    vcu = outpaint_vcu(frames, Ratio(0.25, 0.25, 0.1, 0), inner=True)  # 12, 12 and int(3.2)
    assert vcu.frames.shape == frames.shape and kept_box(vcu.mask[0]) == [12, 3, 36, 32]
    assert torch.equal(vcu.frames[:, 3:, 12:36], frames[:, 3:, 12:36])
    assert (vcu.frames[vcu.mask == 1] == 0.5).all() and sentences(vcu.notes) == []


def test_the_official_inner_rectangle_keeps_one_grey_pixel_right_and_below():
    vcu = outpaint_vcu(video(1), Margins(4, 4, 4, 4), inner=True, edge=KeptEdge(official_inner=True))
    assert kept_box(vcu.mask[0]) == [4, 4, 45, 29] and (vcu.frames[0, 4:29, 44] == 0.5).all()
    vcu = outpaint_vcu(video(1), Margins(left=4), inner=True, edge=KeptEdge(official_inner=True))
    assert kept_box(vcu.mask[0]) == [4, 0, 48, 32]


def test_a_feather_softens_inside_the_video_only():
    vcu = outpaint_vcu(video(1), Margins(16, 0, 0, 0), edge=KeptEdge(3))
    hard = outpaint_vcu(video(1), Margins(16, 0, 0, 0)).mask
    assert torch.equal(vcu.mask, feather_mask(hard, 3)) and vcu.mask[0, 5, 14:21].tolist() == [
        1,
        1,
        0.75,
        0.5,
        0.25,
        0,
        0,
    ]


def test_references_get_the_same_border_in_white():
    picture = torch.zeros(1, 20, 40, 3)
    references = [("reference_image_0", picture)]
    (reference,) = outpaint_vcu(video(), Ratio(0.25, 0.5, 0, 0.5), references, extend_references=True).references
    assert reference.image.shape == (30, 70, 3)
    assert (reference.image[:20, 10:50] == 0).all() and reference.image.sum() == (30 * 70 - 20 * 40) * 3
    assert outpaint_vcu(video(), Ratio(), references).references[0].image.shape == (20, 40, 3)
    vcu = outpaint_vcu(video(1), Ratio(), references, inner=True, extend_references=True)
    assert vcu.references[0].image.shape == (20, 40, 3)
    assert sentences(vcu.notes) == ["extend_references does nothing with inner: the canvas keeps its size."]


def test_length_cuts_or_goes_on_over_the_whole_canvas():
    frames = video(5)
    vcu = outpaint_vcu(frames, Margins(16), target=Target(length=9))
    assert vcu.mask.flatten(1).mean(1).tolist() == [0.25] * 5 + [1] * 4 and (vcu.frames[5:] == 0.5).all()
    assert sentences(vcu.notes) == ["video has 5 frames; the 4 after it are generated freely."]
    vcu = outpaint_vcu(frames, Margins(16), target=Target(length=1))
    assert torch.equal(vcu.frames[:, :, 16:], frames[:1])
    assert sentences(vcu.notes) == ["video has 5 frames; the first 1 are used."]


def test_a_still_mask_stays_one_frame_in_memory():
    vcu = outpaint_vcu(video(9), Margins(16), edge=KeptEdge(2))
    assert vcu.mask.shape == (9, 32, 64) and vcu.mask.untyped_storage().nbytes() == 32 * 64 * 4


@pytest.mark.parametrize(
    ("growth", "inner", "message"),
    [
        (Ratio(0, 0, 0, 0), False, r"left, right, top and bottom come to 0 pixels of 48 x 32: nothing would be"),
        (Aspect("3:2"), False, r"The video is 48 x 32, which is 3:2 already"),
        (Aspect("16:9", "middle"), False, r"anchor must be one of centre, left, right, top, bottom, got middle"),
        (Aspect("wide"), False, r'aspect must be like "16:9", "9:16" or "2.39", got "wide"'),
        (Aspect(), True, r"inner keeps the size of the video, so it has no aspect to grow to"),
        (Ratio(0.5, 0.5), True, r"inner borders of 48 columns and 0 rows leave nothing of a video of 48 x 32"),
    ],
)
def test_what_cannot_be_done_is_refused(growth, inner, message):
    with pytest.raises(VaceInputError, match=message):
        outpaint_vcu(video(), growth, inner=inner)


def test_a_negative_side_is_refused():
    for kind in (Ratio, Margins):
        with pytest.raises(VaceInputError, match=r"top must be 0 or more, got -1\. To cut something off, crop"):
            kind(top=-1)


@pytest.mark.parametrize(
    ("text", "value"), [("16:9", 16 / 9), ("9 / 16", 9 / 16), ("4x3", 4 / 3), (" 2.39 ", 2.39), ("2.39:1", 2.39)]
)
def test_aspects(text, value):
    assert parse_aspect(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "0", "16:0", "-1", "16:9:1", "1e3", "9" * 5000, "1:" + "9" * 400])
def test_what_is_no_aspect(text):
    with pytest.raises(VaceInputError, match="aspect must be like"):
        parse_aspect(text)


def test_the_growth_a_user_chose():
    sides = {"left": 1, "right": 2, "top": 3, "bottom": 4}
    assert growth_from({"by": "wider"}) == Ratio(0.25, 0.25, 0, 0)
    assert growth_from({"by": "ratio", **sides}) == Ratio(1, 2, 3, 4)
    assert growth_from({"by": "pixels", **sides}) == Margins(1, 2, 3, 4)
    assert growth_from({"by": "aspect", "aspect": "1:1", "anchor": "top"}) == Aspect("1:1", "top")
    for by in (None, {}, {"by": "corner"}):
        with pytest.raises(VaceInputError, match="by must be one of wider, ratio, pixels, aspect, got"):
            growth_from(by)


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(*[st.integers(0, 40)] * 4).filter(any),
    st.booleans(),
    st.integers(1, 5),
)
def test_without_a_size_every_kept_pixel_survives_bit_for_bit(size, sides, inner, num_frames):
    frames = video(num_frames, *size)
    margins = Margins(*sides)
    if inner and (margins.columns >= size[1] or margins.rows >= size[0]):
        return
    before = frames.clone()
    vcu = outpaint_vcu(frames, margins, inner=inner)
    left, top, right, bottom = kept_box(vcu.mask[0])
    kept = frames
    if inner:
        kept = frames[:, margins.top : size[0] - margins.bottom, margins.left : size[1] - margins.right]
    assert torch.equal(vcu.frames[:, top:bottom, left:right], kept) and torch.equal(frames, before)
    assert left >= margins.left and top >= margins.top
    assert vcu.width - right >= margins.right and vcu.height - bottom >= margins.bottom
    assert (vcu.mask == vcu.mask[:1]).all() and (vcu.frames[vcu.mask == 1] == 0.5).all()


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(8, 60), st.integers(8, 60)),
    st.tuples(*[st.integers(0, 40)] * 4).filter(any),
    st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(any),
)
def test_any_size_holds_the_whole_video(size, sides, target):
    vcu = outpaint_vcu(video(1, *size), Margins(*sides), target=Target(width=target[0] * 16, height=target[1] * 16))
    left, top, right, bottom = kept_box(vcu.mask[0])
    assert vcu.width == (target[0] * 16 or vcu.width) and vcu.height == (target[1] * 16 or vcu.height)
    scale = min(vcu.width / (size[1] + sides[0] + sides[1]), vcu.height / (size[0] + sides[2] + sides[3]))
    assert abs(right - left - size[1] * scale) <= 1 and abs(bottom - top - size[0] * scale) <= 1
    assert (vcu.frames[vcu.mask == 1] == 0.5).all()
