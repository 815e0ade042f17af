"""Layouts of DoRA scales, for matrices and convolutions, square ones too."""

import pytest

from wan_vace.vace_core.adapter import dora_scale_shape


@pytest.mark.parametrize(
    ("scale", "weight", "expected"),
    [
        ((6,), (6, 4), (6, 1)),
        ((6, 1), (6, 4), (6, 1)),
        ((1, 4), (6, 4), (1, 4)),
        ((4,), (4, 4), (4, 1)),
        ((4, 1), (4, 4), (4, 1)),
        ((1, 4), (4, 4), (1, 4)),
        ((1, 6, 1, 1, 1), (6, 4, 1, 2, 2), (6, 1, 1, 1, 1)),
        ((6,), (6, 4, 1, 2, 2), (6, 1, 1, 1, 1)),
        ((1, 4), (6, 4, 1, 2, 2), (1, 4, 1, 1, 1)),
        ((4,), (6, 4), None),
        ((4, 1), (6, 4), None),
        ((2, 3), (6, 4), None),
        ((1, 16), (6, 4, 1, 2, 2), None),
        ((), (6, 4), None),
        ((0,), (6, 4), None),
        ((6, 1), (6,), None),
    ],
)
def test_the_layout_says_what_the_values_belong_to(scale, weight, expected):
    assert dora_scale_shape(scale, weight) == expected
