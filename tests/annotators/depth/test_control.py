"""Depth in VACE's look: known scenes, flicker with known causes, what has no depth."""

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.annotators.depth.align import align_depth
from wan_vace.annotators.depth.control import (
    CLIP,
    OFFICIAL,
    RANGES,
    STEADY,
    DepthMaps,
    depth_control,
    packed,
    picture_maps,
    unpacked,
)
from wan_vace.annotators.protocol import on_levels, silent
from wan_vace.vace_core.notes import sentences

LEVEL = 1 / 255
H, W = 60, 104


def control(maps, value_range=STEADY, invert=False):
    return depth_control(maps, value_range, invert)


def ground(seed=0, height=H, width=W):
    """A floor that comes nearer downwards, with bumps, [H, W]."""
    coarse = torch.rand(1, 1, 9, 15, generator=torch.Generator().manual_seed(seed))
    bumps = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0, 0]
    return 0.2 + 0.5 * torch.linspace(0, 1, height)[:, None] + 0.15 * bumps


def passing(num_frames=33):
    """A still scene through which something near passes from the left to the right, and where it is."""
    x, y = torch.arange(W), torch.arange(H)[:, None]
    where = torch.stack([((x - 6 * (t - 8)) / 15) ** 2 + ((y - 30) / 20) ** 2 < 1 for t in range(num_frames)])
    return torch.where(where, 1.2, ground()), where


def wobbled(maps, amount=0.01, seed=1):
    """As of a network that looks at each frame alone: scale and shift are others in each."""
    scale, shift = amount * torch.randn(2, len(maps), 1, 1, generator=torch.Generator().manual_seed(seed))
    return (1 + scale) * maps + shift


def flicker(frames, moving):
    """Mean change of what stands still, and that of the worst frame, in levels."""
    still = ~(moving[1:] | moving[:-1])
    changes = [c[s].mean().item() / LEVEL for c, s in zip((frames[1:] - frames[:-1]).abs()[..., 0], still, strict=True)]
    return sum(changes) / len(changes), max(changes)


@pytest.mark.parametrize("value_range", RANGES)
def test_near_is_white_in_three_channels_on_levels_and_the_order_stays(value_range):
    maps, _ = passing(5)
    frames = control(maps, value_range)
    assert frames.shape == (5, H, W, 3) and torch.equal(on_levels(frames.clone()), frames)
    assert torch.equal(frames[..., 0], frames[..., 1]) and torch.equal(frames[..., 0], frames[..., 2])
    by_depth = frames[2, ..., 0].flatten()[maps[2].flatten().argsort()]
    assert (by_depth[1:] >= by_depth[:-1]).all() and by_depth[0] == 0 and by_depth[-1] == 1


def test_the_official_range_is_each_frame_s_own():
    maps = torch.rand(3, 20, 30) * torch.tensor([1.0, 7.0, 0.01])[:, None, None] - 3
    expected = []
    for frame in maps:  # written as in the official annotator
        depth = frame - frame.min()
        expected.append(depth / depth.max())
    torch.testing.assert_close(control(maps, OFFICIAL)[..., 0], torch.stack(expected), rtol=0, atol=0.51 * LEVEL)


def test_one_range_for_a_clip_leaves_frames_comparable_and_a_single_spike_out():
    maps = torch.stack([ground(), 0.5 * ground()])
    maps[0, 3, 3] = 1000
    low, high = torch.quantile(maps.flatten(), torch.tensor([0.01, 0.99]))
    expected = ((maps - low) / (high - low)).clamp(0, 1)
    torch.testing.assert_close(control(maps, CLIP)[..., 0], expected, rtol=0, atol=2 * LEVEL)
    assert control(maps, OFFICIAL)[0].mean() < LEVEL


def test_flicker_of_a_still_scene():
    maps, moving = passing()
    found = {(a, r): flicker(control(wobbled(maps, a), r), moving) for a in (0.01, 0.1) for r in RANGES}
    assert found[0.01, STEADY][1] < 0.01 and found[0.1, STEADY][1] < 0.01
    assert found[0.01, CLIP][0] > 2 and found[0.01, OFFICIAL][1] > 30


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.floats(0.001, 1000), st.floats(-9, 9), st.integers(0, 9999))
def test_steady_is_the_same_whatever_scale_and_shift_frames_have(num_frames, scale, shift, seed):
    maps, _ = passing(num_frames)
    other = (wobbled(maps, 0.1, seed) + shift) * scale
    torch.testing.assert_close(control(other), control(maps), rtol=0, atol=1.01 * LEVEL)


def test_scale_and_shift_are_found_beside_what_moves():
    maps, _ = passing()
    scales, shifts = torch.rand(33) + 0.5, torch.rand(33) - 0.5
    scales[0], shifts[0] = 1, 0
    scale, shift, first = align_depth((scales[:, None, None] * maps + shifts[:, None, None]).flatten(1))
    torch.testing.assert_close((scale * scales).float(), torch.ones(33), rtol=0, atol=1e-4)
    torch.testing.assert_close((shift + scale * shifts).float(), torch.zeros(33), rtol=0, atol=1e-4)
    assert first.tolist() == [True] + 32 * [False]


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_contrast_does_not_fade_while_the_camera_pans(noise):
    wide = ground(width=W + 3 * 80)
    maps = torch.stack([wide[:, 3 * t : 3 * t + W] for t in range(81)]) + noise * torch.randn(81, H, W)
    scale, _, first = align_depth(maps.flatten(1))
    assert 0.8 < scale.min() and scale.max() < 1.25 and first.sum() == 1


@pytest.mark.parametrize("wobble", [0.0, 0.02])
def test_somebody_cut_out_on_black_keeps_his_brightness_while_he_grows(wobble):
    x, y = torch.arange(W), torch.arange(H)[:, None]
    away = [((x - 20 - 2 * t) / (8 + t / 3)) ** 2 + ((y - 30) / (10 + t / 2)) ** 2 for t in range(33)]
    body = torch.stack([torch.where(d < 1, 0.6 + 0.2 * (1 - d) + 0.01 * torch.randn(H, W), 0.0) for d in away])
    own = 1 + wobble * torch.randn(33)
    scale, _, first = align_depth((own[:, None, None] * body).flatten(1))
    kept = scale * own / own[0]
    assert 0.9 < kept.min() and kept.max() < 1.1 and first.sum() == 1


def test_a_cut_begins_a_range_of_its_own_and_is_told(notes):
    one, other = wobbled(passing(6)[0]), 30 * wobbled(1 - ground(7).T.expand(5, -1, -1), 0.05) + 4
    other = torch.nn.functional.interpolate(other[:, None], (H, W))[:, 0]
    both = control(torch.cat([one, other]))
    torch.testing.assert_close(both, torch.cat([control(one), control(other)]), rtol=0, atol=1.01 * LEVEL)
    (note,) = sentences(notes)
    assert note.startswith("The depth changes as a whole before frame 6, as where a scene ends")


def test_fast_motion_is_no_row_of_cuts(notes):
    maps = torch.rand(8, H, W)
    steady = control(maps)
    assert not notes and steady.std() > 0.2


@pytest.mark.parametrize("value_range", RANGES)
def test_flat_depth_is_refused(value_range):
    for flat in (torch.zeros(1, 8, 9), torch.full((3, 8, 9), 7.0), torch.full((2, 8, 9), torch.nan)):
        with pytest.raises(
            ValueError, match=r"The depth is flat: it is the same in all places of every frame.*Connect"
        ):
            control(flat, value_range)
    barely = 7 + 1e-5 * torch.rand(2, 8, 9)  # what float32 leaves of nothing
    with pytest.raises(ValueError, match="The depth is flat"):
        control(barely, value_range)


@pytest.mark.parametrize("value_range", RANGES)
def test_a_flat_frame_in_a_clip_is_black_and_told(value_range, notes):
    maps = passing(5)[0]
    maps[3] = 0.4
    frames = control(maps, value_range)
    assert not frames[3].any() and all(frame.max() == 1 for frame in frames[[0, 1, 2, 4]])
    assert sentences(notes)[-1] == "1 of 5 frames have no depth, the first is frame 3; they are black."


@pytest.mark.parametrize("value_range", RANGES)
def test_sky_is_black_and_does_not_count_for_the_range(value_range):
    maps = wobbled(passing(4)[0])
    expected = control(maps[:, 20:], value_range)
    maps[:, :20] = torch.nan
    frames = control(maps, value_range)
    assert not frames[:, :20].any()
    torch.testing.assert_close(frames[:, 20:], expected, rtol=0, atol=2 * LEVEL)
    assert (control(maps, value_range, invert=True)[:, :20] == 1).all()


@pytest.mark.parametrize("value_range", RANGES)
def test_invert_exchanges_near_and_far(value_range):
    maps, _ = passing(3)
    difference = control(maps, value_range, invert=True) - (1 - control(maps, value_range))
    assert difference.abs().max() < 1e-6


@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("size", [(1, 1, 2), (1, 3, 1), (17, 5, 7), (2, 301, 203)])
def test_all_sizes_and_lengths(value_range, size):
    frames = control(torch.rand(size), value_range)
    assert frames.shape == (*size, 3) and frames.isfinite().all() and frames.max() == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_other_numbers_and_no_opencv(dtype, monkeypatch):
    maps, _ = passing(3)
    expected = control(maps.to(dtype))
    torch.testing.assert_close(expected, control(maps), rtol=0, atol=2 * LEVEL)
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert torch.equal(control(maps.to(dtype)), expected)


def test_something_small_before_an_even_wall_is_seen():
    maps = torch.zeros(3, 100, 100)
    maps[:, 50, 50:55] = 1
    for value_range in RANGES:
        assert control(maps, value_range).sum() == 3 * 5 * 3


@settings(max_examples=25, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(0.01, 1e6), st.integers(0, 9999))
def test_packed_values_keep_24_bits_and_lie_on_levels(low, span, seed):
    maps = torch.rand(2, 5, 6, generator=torch.Generator().manual_seed(seed)) * span + low
    pictures = packed(maps)
    assert torch.equal(on_levels(pictures.clone()), pictures)
    exact = (maps.double() - maps.min()) / (maps.max() - maps.min()).clamp(min=1e-30)
    if pictures.any():
        rounding = 2e-7 * (1 + maps.abs().max() / (maps.max() - maps.min()))
        torch.testing.assert_close(unpacked(pictures).double(), exact, rtol=0, atol=rounding.item())
    else:
        assert (maps.max() - maps.min()) <= 1e-4 * maps.abs().max()


def estimator(value=lambda pixels: pixels.mean(1), seen=None):
    def network(pixels):
        if seen is not None:
            seen.append(len(pixels))
        return value(pixels)

    return DepthMaps(lambda: network, ("a.pth", 1), lambda height, width: (height, width))


def test_a_network_sees_every_frame_and_its_depth_survives_the_packing():
    frames, done, seen = torch.rand(5, 480, 832, 3), [], []
    pictures = estimator(seen=seen)(frames, lambda now, total: done.append((now, total)))
    assert seen == [4, 1] and done == [(4, 5), (5, 5)]
    seen_depth = frames.mean(-1)
    expected = (seen_depth - seen_depth.min()) / (seen_depth.max() - seen_depth.min())
    torch.testing.assert_close(unpacked(pictures), expected, rtol=0, atol=2e-6)
    torch.testing.assert_close(
        control(unpacked(pictures), OFFICIAL), control(seen_depth, OFFICIAL), rtol=0, atol=1.01 * LEVEL
    )


def test_a_network_without_numbers_is_named():
    with pytest.raises(ValueError, match=r"a\.pth gives no numbers\. Its weight file is damaged: download it again"):
        estimator(lambda pixels: pixels.mean(1) * torch.nan)(torch.rand(1, 4, 4, 3), silent)


def test_identities_tell_weights_apart():
    assert estimator().identity == estimator().identity != DepthMaps(None, ("b.pth",), None).identity


def test_a_depth_picture_is_its_grey():
    grey = torch.rand(2, 6, 8)
    torch.testing.assert_close(picture_maps("depth", grey[..., None].expand(-1, -1, -1, 3)), grey)


def test_a_coloured_picture_is_no_depth():
    with pytest.raises(ValueError, match=r"depth has colours, but a depth picture is grey\. Connect an ordinary video"):
        picture_maps("depth", torch.rand(2, 16, 16, 3))
