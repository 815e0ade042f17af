"""Strength curves, and factors for steps, blocks, tokens."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.schedule import Curve, StrengthField, live_blocks, parse_blocks, parse_curve, share_of_schedule


def test_one_number_is_constant_and_nothing_is_one():
    assert parse_curve("steps", "0.4").at(0) == parse_curve("steps", "0.4").at(1) == 0.4
    assert parse_curve("steps", "  ").is_one and not parse_curve("steps", "1, 0.5").is_one


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


def test_blocks_are_a_list_of_the_right_length():
    field = StrengthField(blocks=parse_blocks("blocks", "1 0.5, 0"))
    assert field.block_factors(3) == (1.0, 0.5, 0.0) and StrengthField().block_factors(2) == (1.0, 1.0)
    with pytest.raises(VaceInputError, match=r"blocks has 3 strengths but the adapter has 8 blocks\. Give 8"):
        field.block_factors(8)
    with pytest.raises(VaceInputError, match=r"blocks: 'x' is no number"):
        parse_blocks("blocks", "1, x")


@pytest.mark.parametrize(("factors", "count"), [((1, 1), 2), ((1, 0), 1), ((0, 1), 2), ((0, 0), 0), ((0.5, 0, 0), 1)])
def test_only_trailing_zero_blocks_need_not_run(factors, count):
    assert live_blocks(factors) == count


def test_tokens_have_references_first_then_frames_in_time():
    field = StrengthField(frames=Curve(((0.0, 1.0), (1.0, 0.0))), references=0.3)
    factors = field.token_factors(2, 3, 4, 4)[0, :, 0]
    assert factors.tolist() == pytest.approx([0.3] * 8 + [1.0] * 4 + [0.5] * 4 + [0.0] * 4)
    assert StrengthField().token_factors(2, 3, 4, 4) is None


def test_a_mask_is_averaged_over_each_token():
    mask = torch.zeros(1, 32, 32)
    mask[:, :, 8:] = 1  # the left token column is half covered
    factors = StrengthField(mask=mask).token_factors(1, 2, 4, 4)[0, :, 0]
    assert factors.tolist() == [1.0] * 4 + [0.5, 1.0, 0.5, 1.0] * 2


@pytest.mark.parametrize("frames", [1, 2, 3, 9, 17])
def test_a_mask_of_any_length_covers_the_video(frames):
    factors = StrengthField(mask=torch.rand(frames, 32, 32)).token_factors(2, 5, 4, 4)
    assert factors.shape == (1, 7 * 4, 1) and factors.min() >= 0 and factors.max() <= 1


@given(st.floats(0.001, 0.999), st.floats(0.5, 20))
def test_the_share_inverts_the_flow_schedule(share, shift):
    def percent_to_sigma(p):
        return shift * (1 - p) / (1 + (shift - 1) * (1 - p))

    assert share_of_schedule(percent_to_sigma(share), percent_to_sigma) == pytest.approx(share, abs=1e-6)
    assert share_of_schedule(1.0, percent_to_sigma) == pytest.approx(0, abs=1e-6)
    assert share_of_schedule(0.0, percent_to_sigma) == pytest.approx(1, abs=1e-6)
