"""How the table of mutants counts, and what it takes for a reason."""

import pytest

from harness.mutants import Mutant, as_text, passes

SURVIVOR = Mutant("masks/shape.py", "distance_to", False, "x = y.to(mask.device)\nx = y.to(None)")


@pytest.mark.parametrize(
    ("change", "explained"),
    [
        (SURVIVOR.change, True),
        ("return folded.to(latents)\nreturn folded.to(None)", False),  # its precision, which a test can see
        ("if a > 0.5:\nif a >= 0.5:", False),
        ("", False),
    ],
)
def test_only_what_no_test_can_notice_has_a_reason(change, explained):
    assert bool(Mutant("masks/shape.py", "f", False, change).reason) == explained


def test_the_table_counts_by_file_and_shows_what_survived():
    unexplained = Mutant("masks/augment.py", "f", False, "a | b\na & b")
    text = as_text([SURVIVOR, unexplained, *[Mutant("masks/shape.py", "g", True)] * 8])
    assert "10 small changes" in text and "8 were noticed (80.0%)" in text
    assert "| `vace_core/masks/shape.py` | 9 | 8 | 1 |" in text
    assert (
        f"| {SURVIVOR.reason} | `distance_to` | `x = y.to(None)` |" in text
        and "| UNEXPLAINED | `f` | `a & b` |" in text
    )


def test_nine_in_ten_must_be_noticed_and_the_rest_explained():
    noticed = [Mutant("masks/shape.py", "g", True)] * 9
    assert passes([*noticed, SURVIVOR]) and not passes([*noticed[1:], SURVIVOR])
    assert not passes([*noticed, Mutant("masks/shape.py", "f", False)])
