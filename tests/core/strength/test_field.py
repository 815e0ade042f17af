"""Factors for steps, blocks and tokens, and which VCU they are for."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.strength.curves import Curve
from wan_vace.vace_core.strength.field import (
    StrengthField,
    StrengthFields,
    applies_to,
    num_active_blocks,
    parse_blocks,
    parse_vcus,
    require_vcu,
    share_of_schedule,
)


def test_blocks_are_a_list_of_the_right_length():
    field = StrengthField(blocks=parse_blocks("blocks", "1 0.5, 0"))
    assert field.block_factors(3) == (1.0, 0.5, 0.0) and StrengthField().block_factors(2) == (1.0, 1.0)
    with pytest.raises(VaceInputError, match=r"blocks has 3 strengths but the adapter has 8 blocks\. Give 8"):
        field.block_factors(8)
    with pytest.raises(VaceInputError, match=r"blocks: 'x' is no number"):
        parse_blocks("blocks", "1, x")


@pytest.mark.parametrize(("factors", "count"), [((1, 1), 2), ((1, 0), 1), ((0, 1), 2), ((0, 0), 0), ((0.5, 0, 0), 1)])
def test_only_trailing_zero_blocks_need_not_run(factors, count):
    assert num_active_blocks(factors) == count


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


@pytest.mark.parametrize("value", [-0.1, 1001, float("nan")])
def test_a_strength_of_references_out_of_range_is_refused(value):
    with pytest.raises(VaceInputError, match=r"references holds .*; a strength must be in \[0, 1000\]"):
        StrengthField(references=value)


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


def test_a_vcu_follows_its_own_field_else_that_of_all_else_none():
    one, other, everyone = (StrengthField(references=value) for value in (0.1, 0.2, 0.3))
    fields = StrengthFields().with_field(0, everyone).with_field(2, other).with_field(2, one)
    assert [fields.of(vcu) for vcu in (1, 2, 3)] == [everyone, one, everyone] and fields.highest == 2
    assert StrengthFields({2: one}).with_field(0, everyone).of(2) is one  # in either order
    alone = StrengthFields().with_field(2, one)
    assert alone.of(1).block_factors(2) == (1.0, 1.0) and alone.of(1).token_factors(1, 2, 4, 4) is None
    assert StrengthFields().highest == 0 and StrengthFields().with_field(0, one).highest == 0


def test_fields_are_added_to_a_copy():
    first = StrengthFields().with_field(1, StrengthField())
    first.with_field(2, StrengthField())
    assert list(first.by_vcu) == [1]


def test_a_negative_number_of_a_vcu_is_refused():
    with pytest.raises(VaceInputError, match=r"vcu is -1\. Set 0 for all VCUs, or 1, 2, \.\.\. for one of them"):
        StrengthFields().with_field(-1, StrengthField())


def test_a_list_of_vcus_is_of_numbers_from_one_and_empty_is_all():
    assert parse_vcus("vcus", " 3, 2;2 ") == (2, 3) and parse_vcus("vcus", "  ") == ()
    assert [applies_to((2, 3), vcu) for vcu in (1, 2, 3)] == [False, True, True] and applies_to((), 7)
    for text in ("0", "1, x", "-1", "1.5", "²", "9" * 5000):
        with pytest.raises(
            VaceInputError, match=r"vcus: '.*' is no number of a VCU\. Write 1 for the VCU of the first"
        ):
            parse_vcus("vcus", text)


def test_a_vcu_that_is_not_there_is_refused_with_both_numbers():
    require_vcu("vcu", 0, 0)
    require_vcu("vcu", 2, 2)
    with pytest.raises(VaceInputError, match=r"vcu is 3, but the conditioning that is sampled holds 2 VCUs\. Choose"):
        require_vcu("vcu", 3, 2)
    with pytest.raises(VaceInputError, match=r"vcu is 2, .* holds 1 VCU\. "):
        require_vcu("vcu", 2, 1)
