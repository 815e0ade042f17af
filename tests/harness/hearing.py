"""What a function tells, beside what it gives."""

from wan_vace.vace_core.notes import collect_notes, sentences


def heard(function, *args, **kwargs):
    """``(result, sentences)`` of a call."""
    with collect_notes() as notes:
        result = function(*args, **kwargs)
    return result, sentences(notes)
