"""The size that is generated: what is asked, else the source's shape, in multiples of 16."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.hearing import heard
from wan_vace.vace_core.video import AS_CONNECTED, Target

sides = st.integers(16, 2000)


@pytest.mark.parametrize(
    ("target", "source", "size"),
    [
        (AS_CONNECTED, (480, 832), (480, 832)),
        (Target(width=416), (480, 832), (240, 416)),
        (Target(height=720), (480, 832), (720, 1248)),
        (Target(64, 48), (480, 832), (48, 64)),
        (AS_CONNECTED, (478, 830), (480, 832)),
    ],
)
def test_sizes_as_worked_out_by_hand(target, source, size):
    resolved, told = heard(target.resolve_size, *source)
    assert resolved.size == size and (resolved.length, resolved.fit) == (target.length, target.fit)
    assert told == (["Size 830 x 478 becomes 832 x 480: the model needs multiples of 16."] if source[0] == 478 else [])


@given(sides, sides, st.just(0) | sides, st.just(0) | sides)
def test_a_side_that_is_not_asked_keeps_the_shape_to_within_a_cell(rows, columns, width, height):
    resolved, told = heard(Target(width, height, 9, "contain").resolve_size, rows, columns)
    scale = Fraction(height, rows) if height else Fraction(width, columns) if width else 1
    wanted = (height or rows * scale, width or columns * scale)
    for side, exact in zip(resolved.size, wanted, strict=True):
        assert side % 16 == 0 and side >= 16 and abs(side - max(exact, 16)) <= 8.5
    assert len(told) == (resolved.size != tuple(map(round, wanted)))
    again, told = heard(resolved.resolve_size, rows, columns)
    assert again == resolved and told == []
