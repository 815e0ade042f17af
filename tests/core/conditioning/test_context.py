"""The context: 96 channels, references first, several contexts brought to one length."""

import pytest
import torch

from wan_vace.vace_core.conditioning.context import (
    VaceContext,
    assemble_context,
    context_of,
    join_latents,
    pad_references,
    token_strength,
)
from wan_vace.vace_core.conditioning.halves import is_constant, split_for_encoding
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.semantics import decouple, fold_mask
from wan_vace.vace_core.vcu.unit import Vcu, empty_vcu


def latent(t, value=None):
    x = torch.rand(1, 16, t, 2, 2)
    return x if value is None else torch.full_like(x, value)


EMPTY = torch.arange(16.0).view(1, 16, 1, 1, 1)


def test_references_come_first_in_order_with_empty_reactive_half_and_mask_zero():
    context = assemble_context(latent(2), latent(2), torch.ones(5, 16, 16), [latent(1, 7), latent(1, 8)], EMPTY, 5)
    assert context.latents.shape == (1, 32, 4, 2, 2) and context.mask.shape == (1, 64, 4, 2, 2)
    assert (context.num_references, context.video_length, context.size) == (2, 2, (16, 16))
    assert context.latents[:, :16, :2].flatten(3)[0, 0].tolist() == [[7] * 4, [8] * 4]
    assert (context.latents[:, 16:, :2] == EMPTY).all()
    assert (context.mask[:, :, :2] == 0).all() and (context.mask[:, :, 2:] == 1).all()


def test_inactive_is_before_reactive_and_the_mask_is_folded():
    mask = torch.rand(5, 16, 16)
    context = assemble_context(latent(2, 1), latent(2, 2), mask, [], EMPTY, 4)
    assert (context.latents[:, :16] == 1).all() and (context.latents[:, 16:] == 2).all()
    assert (context.mask[0] == fold_mask(mask)).all()
    assert context.num_frames == 4


def test_padding_adds_empty_references_after_its_own_and_keeps_the_video():
    context = assemble_context(latent(2), latent(2), torch.ones(5, 16, 16), [latent(1)], EMPTY, 5)
    latents, mask = pad_references(context.latents, context.mask, 1, 3, EMPTY)
    assert latents.shape[2] == mask.shape[2] == 5
    assert (latents[:, :, :1] == context.latents[:, :, :1]).all()
    assert (latents[:, :, 3:] == context.latents[:, :, 1:]).all()
    assert (latents[:, :16, 1:3] == EMPTY).all() and (latents[:, 16:, 1:3] == EMPTY).all()
    assert (mask[:, :, :3] == 0).all() and (mask[:, :, 3:] == 1).all()


def soft_edged():
    mask = torch.full((5, 16, 16), 0.3)
    mask[:, 8:] = 0.8
    return Vcu(torch.rand(5, 16, 16, 3), mask)


def test_official_edges_split_hard_and_keep_the_channels_soft():
    vcu = soft_edged()
    inactive, reactive, mask = split_for_encoding(vcu, "official")
    assert (inactive[:, 8:] == 0.5).all() and (reactive[:, :8] == 0.5).all()
    assert (mask == vcu.mask).all()


def test_hard_edges_cut_both_and_soft_edges_blend_both():
    vcu = soft_edged()
    assert split_for_encoding(vcu, "hard")[2].unique().tolist() == [0, 1]
    inactive, _, mask = split_for_encoding(vcu, "soft")
    torch.testing.assert_close(inactive, (vcu.frames - 0.5) * (1 - vcu.mask[..., None]) + 0.5)
    assert (mask == vcu.mask).all()


@pytest.mark.parametrize("amount", [0.0, 0.25, 1.0])
def test_control_amount_mixes_the_reactive_half_with_grey_and_leaves_the_rest(amount):
    frames, mask = torch.rand(5, 16, 16, 3), torch.zeros(5, 16, 16)
    mask[:, 8:] = 1
    inactive, reactive, _ = split_for_encoding(Vcu(frames, mask, control_amount=amount))
    torch.testing.assert_close(reactive[:, 8:], torch.lerp(torch.full_like(frames, 0.5), frames, amount)[:, 8:])
    assert (reactive[:, :8] == 0.5).all() and (inactive[:, 8:] == 0.5).all()
    if amount == 0:
        assert (reactive == 0.5).all()  # exactly, so that a constant clip can be recognised


def test_a_half_that_holds_nothing_takes_no_memory():
    frames, ones, zeros = torch.rand(5, 16, 16, 3), torch.ones(5, 16, 16), torch.zeros(5, 16, 16)
    cases = {
        (True, True): empty_vcu(5, 16, 16),
        (True, False): Vcu(frames, ones),
        (False, True): Vcu(frames, zeros),
        (True, True, "hole"): Vcu(frames, ones, control_amount=0.0),
    }
    for (no_kept, no_control, *_), vcu in cases.items():
        inactive, reactive, _ = split_for_encoding(vcu)
        assert (is_constant(inactive), is_constant(reactive)) == (no_kept, no_control)
        for half, plain in zip((inactive, reactive), decouple(vcu.frames, vcu.mask), strict=True):
            if vcu.control_amount == 1:
                assert torch.equal(half, plain)  # the same numbers as without the short cut


def test_unknown_edges_are_refused():
    with pytest.raises(VaceInputError, match="mask_edges must be one of official, hard, soft, got blurry"):
        split_for_encoding(soft_edged(), "blurry")


@pytest.mark.parametrize("num_frames", [2, 3, 4, 6, 80])
def test_odd_lengths_are_padded_by_holding_the_last_frame_and_mask(num_frames):
    vcu = Vcu(torch.rand(num_frames, 16, 16, 3), (torch.rand(num_frames, 16, 16) > 0.5).float())
    inactive, reactive, mask = split_for_encoding(vcu)
    assert len(mask) % 4 == 1 and len(mask) - num_frames < 4
    for part in (inactive, reactive, mask):
        assert (part[num_frames:] == part[num_frames - 1]).all()


def test_parts_of_another_shape_are_refused_by_their_names():
    latents, mask = torch.zeros(1, 32, 2, 2, 3), torch.zeros(1, 64, 2, 2, 3)
    assert VaceContext(latents, mask, 0, 5).reference_strengths == ()
    with pytest.raises(VaceInputError, match=r"^latents must have shape \[1, 32, 2, 2, 3\], got \[1, 16, 2, 2, 3\]\.$"):
        VaceContext(latents[:, :16], mask, 0, 5)
    with pytest.raises(VaceInputError, match=r"^mask must have shape \[1, 64, 2, 2, 3\], got \[1, 64, 1, 2, 3\]\.$"):
        VaceContext(latents, mask[:, :, :1], 0, 5)


def test_a_mask_of_fewer_frames_than_the_latents_decode_to_holds_its_last():
    mask = torch.rand(2, 16, 16)
    held = torch.cat([mask, mask[1:].expand(7, -1, -1)])
    assert torch.equal(context_of(torch.zeros(1, 32, 4, 2, 2), mask, 1, 2).mask[0], fold_mask(held, 9, 1))


def test_the_mask_and_what_is_padded_have_the_latents_precision():
    latents = torch.rand(1, 32, 2, 2, 2, dtype=torch.float16)
    context = context_of(latents, torch.rand(5, 16, 16), 0, 5)
    assert context.mask.dtype == torch.float16
    padded, mask = pad_references(latents, context.mask, 0, 1, EMPTY)
    assert padded.dtype == mask.dtype == torch.float16


def test_a_strength_is_one_number_unless_references_differ_from_it():
    assert token_strength(0.7, (), 3, 4, 6) == 0.7
    assert token_strength(0.7, (1.0, 1.0), 3, 4, 6) == 0.7


def test_each_token_of_a_reference_has_its_factor_and_the_video_has_none():
    scales = token_strength(0.5, (1.0, 0.25, 3.0), 5, 5, 7)  # 2 x 3 tokens in each of five latent frames
    assert scales.shape == (1, 30, 1) and scales.dtype == torch.float32
    assert scales.view(5, 6).tolist() == [[value] * 6 for value in (0.5, 0.125, 1.5, 0.5, 0.5)]


@pytest.mark.parametrize("part", range(3), ids=["inactive", "reactive", "picture"])
def test_halves_are_joined_where_gradients_are_kept(gradients, part):
    inactive, reactive = torch.zeros(1, 16, 2, 4, 4), torch.ones(1, 16, 2, 4, 4)
    picture = torch.full((1, 16, 1, 4, 4), 2.0)
    (inactive, reactive, picture)[part].requires_grad_()
    joined = join_latents(inactive, reactive, [picture], torch.zeros(1, 16, 1, 4, 4))
    assert joined.requires_grad
    assert joined[0, ::16, :, 0, 0].tolist() == [[2, 0, 0], [0, 1, 1]]
