"""Curves that are typed, listed or drawn."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.strength.curves import PIECES, Curve, chosen_curve, parse_curve, wired_curve

# A busy machine is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_one_number_is_constant_and_nothing_is_one():
    assert parse_curve("steps", "0.4").at(0) == parse_curve("steps", "0.4").at(1) == 0.4
    assert parse_curve("steps", "  ").is_one and not parse_curve("steps", "1, 0.5").is_one


@patient
@given(st.lists(st.floats(0, 2), min_size=2, max_size=6), st.floats(0, 1))
def test_a_list_is_interpolated_evenly_as_numpy_does(values, place):
    curve = parse_curve("steps", ", ".join(f"{v:.6f}" for v in values))
    expected = np.interp(place, np.linspace(0, 1, len(values)), np.round(values, 6))
    assert curve.at(place) == pytest.approx(expected, abs=1e-5)


def test_points_hold_outside_and_may_jump():
    curve = parse_curve("steps", "20%:1, 0.4:1, 0.4:0, 80%:0.5")
    assert [curve.at(x) for x in (0, 0.3, 0.4, 0.6, 0.9)] == pytest.approx([1, 1, 0, 0.25, 0.5])


WRONG_CURVES = {
    "fast": r"steps: 'fast' is no point\. Write '1' for all",
    "0:1, 2:0": r"steps: place 2 is outside",
    "0.5:1, 0.2:0": r"steps: place 0\.2 comes after 0\.5; places must rise",
    "1, -1": r"steps holds -1; a strength must be in \[0, 1000\]",
    "0:nan": r"steps: '0:nan' is no point",
}


@pytest.mark.parametrize("text", WRONG_CURVES)
def test_wrong_curves_are_refused(text):
    with pytest.raises(VaceInputError, match=WRONG_CURVES[text]):
        parse_curve("steps", text)


# Connected


LISTS = {
    "list": [1.0, 0.25, 0],
    "tuple": (1, 0.25, 0.0),
    "tensor": torch.tensor([1.0, 0.25, 0.0]),
    "array": np.array([1, 0.25, 0], dtype=np.float32),
    "list of scalars": [np.float32(1), torch.tensor(0.25), 0],
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_is_what_the_same_numbers_are_when_typed(kind):
    assert wired_curve("steps_curve", LISTS[kind]) == parse_curve("steps", "1, 0.25, 0")


def test_one_number_is_constant():
    assert wired_curve("steps_curve", 0.4) == parse_curve("steps", "0.4")


class Drawn:
    """A curve with its own idea of what is between its points."""

    def __init__(self, points, interp):
        self.points, self.interp = points, interp


def linear(points):
    xs, ys = zip(*sorted(points, key=lambda point: point[0]), strict=True)
    return Drawn(points, lambda x: np.interp(x, xs, ys))


@patient
@given(st.dictionaries(st.integers(0, 100), st.floats(0, 1), min_size=1, max_size=6), st.floats(0, 1))
def test_a_drawn_polygon_stays_exactly_one(heights, place):
    points = [(x / 100, y) for x, y in heights.items()]  # in any order
    drawn = linear(points)
    assert wired_curve("steps_curve", drawn).at(place) == pytest.approx(drawn.interp(place), abs=1e-9)


def test_a_drawn_jump_stays_a_jump():
    curve = wired_curve("steps_curve", linear([(0.0, 1.0), (0.4, 1.0), (0.4, 0.0), (1.0, 0.0)]))
    assert [curve.at(x) for x in (0, 0.399999, 0.4, 1)] == [1, 1, 0, 0]


@pytest.mark.parametrize("width", [1.0, 0.01])
def test_a_drawn_cubic_is_met_however_narrow_its_rise(width):
    def smooth(x):
        t = min(max((x - 0.3) / width, 0), 1)
        return 3 * t**2 - 2 * t**3

    end = min(0.3 + width, 1.0)
    curve = wired_curve("steps_curve", Drawn([(0.3, 0.0), (end, smooth(end))], smooth))
    worst = max(abs(curve.at(x) - smooth(x)) for x in np.linspace(0.3, end, 2000))
    assert 0 < worst <= 6 / 8 / PIECES**2  # a chord of a function of second derivative 6 in t


WRONG_WIRES = {
    "empty list": ([], r"steps_curve is an empty list; it must be a drawn curve, a number or a list of numbers\."),
    "texts": (["1", "0"], r"steps_curve is a list that holds no plain numbers; .* Connect Curve Editor"),
    "pairs": ([[0.0, 1.0], [1.0, 0.0]], r"steps_curve is a list that holds no plain numbers"),
    "a picture": (torch.zeros(1, 2, 2, 3), r"steps_curve is a Tensor that holds no plain numbers"),
    "NaN": ([1.0, float("nan")], r"steps_curve holds nan; a strength must be in \[0, 1000\]"),
    "infinite": (float("inf"), r"steps_curve holds inf"),
    "negative": ([1.0, -0.5], r"steps_curve holds -0\.5"),
    "no point": (Drawn([], float), r"steps_curve is a curve without points\. Draw at least one in Curve Editor"),
    "NaN drawn": (Drawn([(0.0, 1.0), (1.0, 1.0)], lambda _: float("nan")), r"steps_curve holds nan"),
    "high point": (linear([(0.0, 1001.0)]), r"steps_curve holds 1001"),
    "place outside": (linear([(0.0, 1.0), (1.5, 0.0)]), r"steps_curve has a point at 1\.5; places must be in \[0, 1\]"),
    "place NaN": (Drawn([(float("nan"), 1.0)], float), r"steps_curve has a point at nan"),
}


@pytest.mark.parametrize("kind", WRONG_WIRES)
def test_wrong_wires_are_refused(kind):
    value, match = WRONG_WIRES[kind]
    with pytest.raises(VaceInputError, match=match):
        wired_curve("steps_curve", value)


def test_either_the_text_or_the_wire_counts():
    assert chosen_curve("steps", "1, 0", None) == parse_curve("steps", "1, 0")
    assert all(chosen_curve("steps", text, [1, 0]) == Curve(((0.0, 1.0), (1.0, 0.0))) for text in ("1", "", " 1,1 "))
    match = r"steps is '1, 0' and steps_curve is connected, .* Set steps to 1, or disconnect steps_curve\."
    with pytest.raises(VaceInputError, match=match):
        chosen_curve("steps", " 1, 0 ", [1, 0])
