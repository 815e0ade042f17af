"""The known combinations, each against what the official tasks lay out."""

import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.tasks.anything import COMBINATIONS, make_anything
from wan_vace.vace_core.tasks.layout import BoxMotion, draw_box_outlines
from wan_vace.vace_core.vcu.unit import CONTROL, EMPTY, EXTENSION, REPAINT
from wan_vace.vace_core.video import Target
from wan_vace.vace_core.video.boxes import Box, BoxTrack
from wan_vace.vace_core.video.fit import Clip

REFERENCES = [("reference_image_0", torch.zeros(1, 8, 8, 3)), ("reference_image_1", torch.ones(1, 8, 8, 3))]
SMALL = Target(48, 32, 5)


def rand(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3))


def make(name, target=SMALL, references=REFERENCES, **inputs):
    return make_anything({"combination": name, **inputs}, references, target)


INPUTS = {
    "reference": {},
    "animate": {"control_video": Clip(rand(5, 32, 48, 3), 24.0, "sound")},
    "swap": {"video": Clip(rand(5, 32, 48, 3), 24.0, "sound"), "mask": (rand(5, 32, 48) > 0.7).float()},
    "expand": {"picture": rand(1, 32, 32, 3)},
    "move": {"picture": rand(1, 32, 48, 3), "boxes": "0,0,10,10 20,0,30,10"},
    "first frame + motion": {
        "picture": rand(1, 32, 48, 3),
        "control_video": Clip(rand(4, 32, 48, 3), 24.0, "sound"),
    },
}
KINDS = {"reference": EMPTY, "animate": CONTROL, "swap": REPAINT}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_combination_takes_references_size_and_length(name):
    vcu = make(name, **INPUTS[name])
    assert vcu.frames.shape == (5, 32, 48, 3) and vcu.mask.shape == (5, 32, 48)
    assert [r.image.mean().item() for r in vcu.references] == [0, 1]
    assert vcu.kind == KINDS.get(name, EXTENSION)
    moving = name in ("animate", "swap", "first frame + motion")
    assert (vcu.fps, vcu.audio) == ((24.0, "sound") if moving else (None, None))


@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_combination_tells_of_padding_once(name):
    vcu = make(name, Target(48, 32, 6), **INPUTS[name])
    padding = [note for note in sentences(vcu.notes) if "6 frames are generated as 9" in note]
    assert vcu.num_frames == 6 and len(padding) == 1


def test_reference_is_empty_frames_and_needs_a_reference():
    vcu = make("reference", Target())
    assert vcu.frames.shape == (81, 480, 832, 3) and (vcu.frames[0] == 0.5).all() and (vcu.mask[0] == 1).all()
    with pytest.raises(VaceInputError, match=r"references is empty.*Connect a picture to reference_image_0"):
        make("reference", references=[])


def test_animate_is_the_control_video_all_generated():
    clip = INPUTS["animate"]["control_video"]
    vcu = make("animate", Target(), **INPUTS["animate"])
    assert vcu.frames is clip.frames and (vcu.mask == 1).all() and vcu.control_amount == 1


@pytest.mark.parametrize("grow", [0, 3])
def test_swap_blanks_the_mask_grown_and_keeps_the_rest(grow):
    mask = torch.zeros(1, 32, 48)
    mask[:, 12:20, 16:32] = 1
    video = INPUTS["swap"]["video"]
    vcu = make("swap", Target(), video=video, mask=mask, grow=grow)
    inside = vcu.mask > 0.5
    assert inside[:, 12 - grow : 20 + grow, 20:28].all() and inside[:, 16, 16 - grow : 32 + grow].all()
    assert not inside[:, : 12 - grow].any() and not inside[:, :, 32 + grow :].any()
    shown = vcu.materialized().frames
    assert (shown[inside] == 0.5).all() and torch.equal(shown[~inside], video.frames[~inside])


def test_expand_keeps_the_picture_in_the_first_frame_and_nothing_else():
    picture = rand(1, 32, 64, 3)
    vcu = make("expand", Target(length=5), picture=picture, left=0.25, right=0.25)
    expected, mask = torch.full((5, 32, 96, 3), 0.5), torch.ones(5, 32, 96)
    expected[0, :, 16:80], mask[0, :, 16:80] = picture[0], 0
    assert torch.equal(vcu.frames, expected) and torch.equal(vcu.mask, mask) and sentences(vcu.notes) == []


def test_expand_makes_a_horizontal_video_of_an_upright_picture():
    picture = rand(1, 96, 48, 3)
    vcu = make("expand", Target(128, 64, 5), picture=picture, aspect="16:9")
    keeps = vcu.mask[0] == 0
    rows, columns = keeps.any(1).nonzero().flatten(), keeps.any(0).nonzero().flatten()
    assert (rows[0], rows[-1]) == (0, 63) and keeps.sum() == 64 * 32
    assert columns[0] + columns[-1] == 127  # in the middle
    assert (vcu.mask[1:] == 1).all() and (vcu.frames[1:] == 0.5).all() and (vcu.frames[0][~keeps] == 0.5).all()
    assert "resizes the picture from 48 x 96 to 32 x 64" in sentences(vcu.notes)[0]


def test_expand_by_nothing_is_told_and_lasts_as_long_as_usual():
    vcu = make("expand", Target(), picture=rand(1, 32, 32, 3), left=0.0, right=0.0)
    assert vcu.num_frames == 81 and (vcu.mask[0] == 0).all()
    assert sentences(vcu.notes) == ["Nothing is added around the picture: it is the whole first frame."]


def test_a_border_off_the_grid_is_widened_and_the_picture_left():
    vcu = make("expand", Target(length=5), picture=rand(1, 30, 30, 3), left=0.0, right=0.0)
    assert (vcu.height, vcu.width) == (32, 32) and (vcu.mask[0] == 0).sum() == 900
    assert "The generated border is that much wider; the picture is not resized." in sentences(vcu.notes)[0]


def test_move_is_the_picture_then_boxes_that_start_after_it():
    picture = INPUTS["move"]["picture"]
    vcu = make("move", Target(length=5), **INPUTS["move"])
    track = BoxTrack(((0.0, Box(0, 0, 10, 10)), (1.0, Box(20, 0, 30, 10))))
    assert torch.equal(vcu.frames, torch.cat([picture, draw_box_outlines([track], 4, 32, 48)]))
    assert (vcu.mask[0] == 0).all() and (vcu.mask[1:] == 1).all() and vcu.control_amount == 1
    assert make("move", Target(), **INPUTS["move"]).num_frames == 81


def test_boxes_are_of_the_result_and_ease():
    inputs = {**INPUTS["move"], "boxes": "0,0,50%,50% 50%,0,100%,50%", "easing": "ease in"}
    vcu = make("move", Target(96, 64, 5), **inputs)
    track = BoxTrack(((0.0, Box(0, 0, 48, 32)), (1.0, Box(48, 0, 96, 32))))
    assert torch.equal(vcu.frames[1:], draw_box_outlines([track], 4, 64, 96, motion=BoxMotion("ease in")))
    assert sentences(vcu.notes) == ["picture is resized from 48 x 32 to 96 x 64 (cover)."]


def test_motion_comes_after_the_first_frame():
    inputs = INPUTS["first frame + motion"]
    vcu = make("first frame + motion", Target(), **inputs)
    assert torch.equal(vcu.frames, torch.cat([inputs["picture"], inputs["control_video"].frames]))
    assert (vcu.mask[0] == 0).all() and (vcu.mask[1:] == 1).all() and sentences(vcu.notes) == []


def test_motion_gives_the_size_and_a_shorter_control_is_told():
    inputs = {**INPUTS["first frame + motion"], "picture": rand(1, 64, 64, 3)}
    vcu = make("first frame + motion", Target(length=9), **inputs)
    assert vcu.frames.shape == (9, 32, 48, 3) and (vcu.frames[5:] == 0.5).all()
    assert sentences(vcu.notes) == [
        "control_video has 4 frames; the 4 after it are generated freely.",
        "picture is resized from 64 x 64 to 48 x 32 (cover).",
    ]


def test_bars_around_a_first_frame_are_generated():
    inputs = {**INPUTS["first frame + motion"], "picture": rand(1, 32, 32, 3)}
    vcu = make("first frame + motion", Target(fit="contain"), **inputs)
    assert (vcu.mask[0, :, :8] == 1).all() and (vcu.mask[0, :, 8:40] == 0).all()


@pytest.mark.parametrize("name", ["expand", "move", "first frame + motion"])
def test_of_several_pictures_the_first_is_used_and_one_frame_is_refused(name):
    picture = INPUTS[name]["picture"]
    inputs = {**INPUTS[name], "picture": torch.cat([picture, picture])}
    assert "picture holds 2 pictures; the first is used." in sentences(make(name, **inputs).notes)
    with pytest.raises(VaceInputError, match=r"length is 1, which is the picture itself.*Use 2 or more"):
        make(name, Target(length=1), **INPUTS[name])


@pytest.mark.parametrize("chosen", [None, {}, {"combination": "teleport"}])
def test_an_unknown_combination_is_refused_with_those_there_are(chosen):
    with pytest.raises(
        VaceInputError, match=r"combination must be one of reference, animate, swap, expand, move, first"
    ):
        make_anything(chosen)


def test_a_picture_that_has_the_aspect_already_is_refused_with_what_the_node_can_do():
    message = r"The picture is 32 x 32, which is 1:1 already.*Leave aspect empty and set the four sides\."
    with pytest.raises(VaceInputError, match=message):
        make("expand", picture=rand(1, 32, 32, 3), aspect="1:1")
