"""What is said can be printed: a sentence that cannot ends the host, which prints it."""

import pytest

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import tell
from wan_vace.vace_core.strength.curves import parse_curve

HALF = "\ud83d"  # of an emoji


def test_half_a_character_in_an_error_is_shown_as_its_code():
    with pytest.raises(VaceInputError) as raised:
        parse_curve("frames", HALF)
    assert r"frames: '\ud83d' is no point" in str(raised.value)
    assert str(raised.value).encode("utf-8")


def test_half_a_character_in_a_note_is_shown_as_its_code(notes):
    tell("said", f"the name {HALF}")
    assert [note.text for note in notes] == [r"the name \ud83d"]


def test_all_other_characters_stay():
    text = "é 幀 \U0001f98a \\ud83d"
    assert str(VaceInputError(text)) == text
