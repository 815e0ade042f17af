"""The latent noise mask, against loops over every pixel of a cell."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from wan_vace.vace_core.conditioning.halves import split_for_encoding
from wan_vace.vace_core.conditioning.noise_mask import held_notes, kept_frames, latent_noise_mask, reference_slots
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import Note
from wan_vace.vace_core.vcu.unit import Vcu

H, W = 32, 48


def unit(mask):
    return Vcu(torch.rand(*mask.shape, 3, generator=torch.Generator().manual_seed(0)), mask)


def specks(seed, num_frames, share=0.002):
    """Single pixels of every grey, each of which makes its cell generated when above 0.5."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(num_frames, H, W, generator=generator)
    return values * (torch.rand(num_frames, H, W, generator=generator) < share)


def frames_of(k, num_frames):
    """Pixel frames of latent k; those after the end are the last one held."""
    group = [0] if k == 0 else range(4 * k - 3, 4 * k + 1)
    return sorted({min(frame, num_frames - 1) for frame in group})


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 9999), st.integers(1, 14), st.integers(0, 3))
def test_a_cell_is_held_only_if_every_pixel_of_its_frames_is_kept(seed, num_frames, references):
    mask = specks(seed, num_frames)
    actual = latent_noise_mask(unit(mask), references)
    t = (num_frames + 6) // 4 if num_frames > 1 else 1
    assert actual.shape == (1, 1, references + t, H // 8, W // 8) and (actual[:, :, :references] == 1).all()
    for k, y, x in product(range(t), range(H // 8), range(W // 8)):
        cell = mask[frames_of(k, num_frames), 8 * y : 8 * y + 8, 8 * x : 8 * x + 8]
        assert actual[0, 0, references + k, y, x] == float((cell > 0.5).any())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 9999), st.integers(1, 3))
def test_growing_is_by_cells_inside_each_latent_frame(seed, grow):
    vcu = unit(specks(seed, 9, 0.0005))
    plain, grown = (latent_noise_mask(vcu, 1, g)[0, 0].numpy() > 0 for g in (0, grow))
    expected = [ndimage.binary_dilation(frame, structure=[[True] * 3] * 3, iterations=grow) for frame in plain]
    assert (grown == expected).all()


def test_a_kept_first_frame_is_held_and_a_lone_kept_frame_in_the_middle_is_not():
    mask = torch.ones(9, H, W)
    mask[[0, 3]] = 0
    vcu = unit(mask)
    noise_mask = latent_noise_mask(vcu, 2)
    assert noise_mask[0, 0, :, 0, 0].tolist() == [1, 1, 0, 1, 1]
    loose = "Kept but not held: frame 3. Generated frames share these latents; VACE Paste Back returns what is kept."
    assert held_notes(vcu, noise_mask, 2) == [
        Note("held", "33.3% of the latent is held at the source; the rest is sampled."),
        Note("not-held", loose, (3,)),
    ]


def test_kept_frames_that_share_no_latent_with_a_generated_one_are_held():
    mask = torch.zeros(9, H, W)
    mask[0] = 1
    vcu = unit(mask)
    assert [note.code for note in held_notes(vcu, latent_noise_mask(vcu), 0)] == ["held"]


def test_a_pixel_of_one_half_is_kept():
    mask = torch.full((5, H, W), 0.5)
    mask[3:] = 1
    vcu = unit(mask)
    assert [(note.code, note.frames) for note in held_notes(vcu, latent_noise_mask(vcu), 0)] == [
        ("held", ()),
        ("not-held", (1, 2)),
    ]


def test_nothing_or_all_held_is_told():
    nothing, everything = unit(torch.ones(5, H, W)), unit(torch.zeros(5, H, W))
    told = (
        "Nothing is held: every latent cell (8 x 8 pixels of 4 frames) covers something that is generated. The "
        "latent is given on as it was; VACE Paste Back still returns what is kept."
    )
    assert held_notes(nothing, latent_noise_mask(nothing), 0) == [Note("nothing-held", told)]
    told = "All of it is held, so nothing will be generated. White is generated; check the mask."
    assert held_notes(everything, latent_noise_mask(everything, 3), 3) == [
        Note("held", "100.0% of the latent is held at the source; the rest is sampled."),
        Note("nothing-generated", told),
    ]


def test_there_is_no_reference_and_no_growth_unless_asked_for():
    vcu = unit(specks(2, 5))
    assert latent_noise_mask(vcu).shape == (1, 1, 2, H // 8, W // 8)
    assert torch.equal(latent_noise_mask(vcu), latent_noise_mask(vcu, 0, 0))


@pytest.mark.parametrize("num_frames", [1, 5, 7])
def test_the_source_is_the_contexts_inactive_half(num_frames):
    vcu = unit(specks(1, num_frames, 0.3))
    assert torch.equal(kept_frames(vcu), split_for_encoding(vcu)[0])


def test_a_still_mask_needs_no_frame_of_its_own():
    mask = specks(3, 1)
    still, repeated = unit(mask.expand(9, -1, -1)), unit(mask.repeat(9, 1, 1))
    assert torch.equal(latent_noise_mask(still, 1), latent_noise_mask(repeated, 1))


@pytest.mark.parametrize(("carried", "length"), [(None, 5), (2, 5), (0, 3), (None, 3)])
def test_reference_slots_are_what_is_longer_than_the_video(carried, length):
    vcu = unit(torch.ones(7, H, W))
    assert reference_slots(torch.zeros(2, 16, length, H // 8, W // 8), carried, vcu) == length - 3


@pytest.mark.parametrize(
    ("shape", "carried", "found"),
    [
        ((1, 16, 4, 4, 6), 0, "48 x 32 with 13 frames"),  # a longer video is not a reference
        ((1, 16, 2, 4, 6), None, "48 x 32 with 5 frames"),
        ((1, 16, 3, 4, 4), 0, "32 x 32 with 9 frames"),
        ((1, 16, 4, 4, 6), 2, "48 x 32 with 5 frames"),
        ((1, 16, 4, 2, 6), 1, "48 x 16 with 9 frames"),
    ],
)
def test_the_latent_of_another_vcu_is_refused_with_both(shape, carried, found):
    with pytest.raises(VaceInputError, match=rf"latent is {found}, but vcu is 48 x 32 with 9.*VACE Apply Context"):
        reference_slots(torch.zeros(shape), carried, unit(torch.ones(9, H, W)))


def test_another_latent_and_a_negative_grow_are_refused():
    vcu = unit(torch.ones(9, H, W))
    with pytest.raises(VaceInputError, match=r"latent must have shape \[B, 16, t, h, w\], got \[1, 4, 4, 6\]"):
        reference_slots(torch.zeros(1, 4, 4, 6), None, vcu)
    with pytest.raises(VaceInputError, match="grow must be 0 or more, got -1"):
        latent_noise_mask(vcu, 0, -1)
