"""Arithmetic between the pixel and the latent grid."""

import pytest

from wan_vace.vace_core.video import grid


@pytest.mark.parametrize("num_frames", range(1, 200))
def test_padded_length_is_the_next_length_the_vae_takes(num_frames):
    padded = grid.padded_length(num_frames)
    assert padded >= num_frames > padded - 4
    assert grid.num_pixel_frames(grid.latent_length(padded)) == padded


@pytest.mark.parametrize("num_frames", range(1, 200))
def test_nearest_length_is_the_last_length_the_vae_takes(num_frames):
    nearest = grid.nearest_length(num_frames)
    assert nearest <= num_frames < nearest + 4
    assert grid.latent_length(nearest) == (nearest - 1) // 4 + 1


@pytest.mark.parametrize(
    ("pixels", "snapped"), [(1, 16), (16, 16), (23, 16), (24, 32), (70, 64), (350, 352), (480, 480)]
)
def test_snap_size_goes_to_the_nearest_multiple(pixels, snapped):
    assert grid.snap_size(pixels) == snapped


def test_tokens_of_the_official_sizes():
    assert grid.num_tokens(21, 480, 832) == 32760
    assert grid.num_tokens(21, 720, 1280) == 75600
    assert grid.num_tokens(22, 480, 832) - grid.num_tokens(21, 480, 832) == 1560
