"""How the soak judges growth."""

import pytest

from harness.host.soak import LIMITS, Look, as_text, slope


def looks(growth):
    """Memory that jumps while libraries are read, and then grows by so much for each prompt."""
    return [Look(n, 500 + 300 * (n > 30) + growth * n, 7, 4, 3) for n in range(10, 101, 10)]


@pytest.mark.parametrize("growth", [0.0, 0.05, 0.5])
def test_what_grows_once_it_is_warm_is_told(growth):
    assert slope(looks(growth), "megabytes") == pytest.approx(growth)
    assert (slope(looks(growth), "megabytes") > LIMITS["megabytes"]) == (growth == 0.5)
    assert slope(looks(growth), "threads") == 0


def test_the_table_has_every_look_and_every_limit():
    found = looks(0.05)
    text = as_text(found, {name: slope(found, name) for name in LIMITS}, "100 prompts")
    assert "| 100 | 805 | 7 | 4 | 3 |" in text and "megabytes: +0.0500 (0.1)" in text
    assert text.count("\n|") == 2 + len(found)
