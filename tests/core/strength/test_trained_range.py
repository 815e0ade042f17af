"""Strengths far from 1 are told in one sentence, and the usual ones are not."""

import pytest

from wan_vace.vace_core.notes import collect_notes
from wan_vace.vace_core.strength import note_strengths


def told(*strengths):
    with collect_notes() as notes:
        note_strengths(strengths)
    return [(note.code, note.text) for note in notes]


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.5, 1.0, 1.5, 2.0])
def test_usual_strengths_are_not_told(strength):
    assert told(strength) == told(1.0, strength) == told() == []


@pytest.mark.parametrize("strength", [0.01, 0.29, 2.01, 1000.0])
def test_far_strengths_are_told_with_the_remedy(strength):
    sentence = f"strength is {strength:g}, far from the 1 that the model was trained with; set it between 0.3 and 2."
    assert told(strength) == [("strength-far-from-trained", sentence)]


def test_of_several_vcus_the_far_ones_are_named():
    ((_, text),) = told(0.1, 1.0, 5.0)
    assert text.startswith("strength is 0.1 for VCU 1, 5 for VCU 3, far from the 1")
