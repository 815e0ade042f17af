"""What leaves the trained range is told once, and the trained sizes and lengths are not."""

import math

import pytest
import torch

from wan_vace.vace_core.notes import Note, collect_notes, sentences
from wan_vace.vace_core.vcu import Reference, preflight, with_range_notes
from wan_vace.vace_core.vcu.trained_range import lasting_notes, note_area, note_length
from wan_vace.vace_core.vcu.unit import empty_vcu

TOO_LONG = (
    "97 frames at once are more than the 81 that the model was trained with, so colours may shift and references "
    "fade; use VACE Sample Long Video or VACE Set Context Windows."
)
HD_ON_SMALL = (
    "1.3B was trained with up to 832 x 480, far less than this 1280 x 720, so expect repetition or broken shapes; "
    "use the 14B model or choose a smaller size."
)
FULL_HD = (
    "1.3B was trained with up to 832 x 480 and 14B with up to 1280 x 720, far less than this 1920 x 1088, "
    "so expect repetition or broken shapes; choose a smaller size."
)
MANY = "4 references: the authors advise at most 3; leave out those that matter least."


def told(note, *inputs):
    with collect_notes() as notes:
        note(*inputs)
    return sentences(notes)


def vcu(frames=81, height=480, width=832, references=0):
    return empty_vcu(frames, height, width, [Reference(torch.ones(4, 4, 3))] * references)


@pytest.mark.parametrize("frames", [1, 5, 80, 81])
def test_trained_lengths_are_not_told(frames):
    assert told(note_length, frames) == []


def test_more_frames_are_told_with_what_to_use():
    assert told(note_length, 97) == [TOO_LONG]
    assert told(note_length, 82, "set it to 81")[0].endswith("references fade; set it to 81.")


def test_every_size_of_the_trained_areas_in_any_shape_is_not_told():
    for model, area in (("1.3B", 480 * 832), ("14B", 480 * 832), ("14B", 720 * 1280)):
        for shape in (9 / 21, 9 / 16, 3 / 4, 1, 4 / 3, 16 / 9, 21 / 9):
            rows, columns = (16 * math.ceil(math.sqrt(area * k) / 16) for k in (1 / shape, shape))
            assert told(note_area, rows, columns, [model]) == []


def test_a_far_larger_area_is_told_of_the_models_that_do_not_know_it():
    assert told(note_area, 720, 1280, ["1.3B"]) == told(note_area, 720, 1280, ["1.3B", "14B"]) == [HD_ON_SMALL]
    assert told(note_area, 1088, 1920, ["1.3B", "14B"]) == [FULL_HD]
    assert told(note_area, 1088, 1920, []) == []
    (alone,) = told(note_area, 1088, 1920, ["14B"])
    assert alone.startswith("14B was trained with up to 1280 x 720, far") and "1.3B" not in alone


@pytest.mark.parametrize("unit", [vcu(), vcu(161), vcu(81, 720, 1280, 3), vcu(81, 32, 48)])
def test_a_vcu_keeps_silent_of_what_a_model_or_a_sampler_may_be_for(unit):
    assert with_range_notes(unit).notes == ()


def test_a_vcu_is_told_of_once():
    unit = with_range_notes(vcu(5, 1088, 1920, 4).with_notes([Note("cut", "Cut.")]))
    assert sentences(unit.notes) == ["Cut.", FULL_HD, MANY]
    assert with_range_notes(unit).notes == unit.notes


def test_a_note_that_no_longer_holds_goes():
    before = with_range_notes(vcu(5, 1088, 1920, 4).with_notes([Note("cut", "Cut.")])).notes
    smaller = vcu(5, 480, 832, 5).with_notes(before)
    assert sentences(lasting_notes(smaller)) == ["Cut."]
    after = sentences(with_range_notes(smaller).notes)
    assert after == ["Cut.", MANY.replace("4", "5")]


def test_preflight_says_all_of_it_once_whoever_said_it_first():
    unit = vcu(97, 1088, 1920, 4)
    for each in (unit, with_range_notes(unit)):
        text = preflight(each).text()
        assert [text.count(sentence) for sentence in (TOO_LONG, FULL_HD, MANY)] == [1, 1, 1]
    assert list(preflight(vcu(81, 720, 1280)).warnings) == [HD_ON_SMALL]
    shrunk = vcu().with_notes(with_range_notes(unit).notes)
    assert "Warning" not in preflight(shrunk).text() and FULL_HD not in preflight(shrunk).text()
