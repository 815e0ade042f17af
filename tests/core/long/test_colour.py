"""Colours measured where they are known and corrected everywhere, over ten segments of a synthetic drift."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.inputs.drift import DriftingSampler, long_run, textured_clip, turned
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.long import colour as c
from wan_vace.vace_core.long.segments import plan_segments

PLAN = plan_segments(10 * 16 + 9, 25, 9)
CHANGES = {
    "gain": turned(gain=(1.02, 1.0, 0.985)),
    "offset": turned(offset=(0.01, 0.004, -0.006)),
    "hue": turned(hue=0.03),
    "contrast": turned(contrast=1.03),
    "all": turned(hue=0.02, gain=(1.01, 1.0, 0.99), offset=(0.006, 0.0, -0.004), contrast=1.01),
}


@pytest.fixture(scope="module")
def clip():
    return textured_clip(PLAN[-1].stop, (48, 64))


@pytest.fixture(scope="module")
def known(clip):
    """The left of the picture, up to an edge that moves."""
    T, H, W, _ = clip.shape
    edge = 24 + (torch.arange(T) % 16)
    return (torch.arange(W) < edge[:, None])[:, None].expand(T, H, W)


def both(clip, change, known=None, **drift):
    """The error of each segment without the loop and with it, printed, and the colour maps."""
    without, with_loop = (long_run(DriftingSampler(clip, change, **drift), PLAN, loop, known) for loop in (False, True))
    errors = [[error for error, _ in results] for results in (without, with_loop)]
    for name, values in zip(("without", "with"), errors, strict=True):
        print(f"{name:8}", " ".join(f"{value:5.2f}" for value in values))
    return *errors, [colour_map for _, colour_map in with_loop]


@pytest.mark.parametrize("name", CHANGES)
def test_ten_segments_of_new_video_stay_true_to_the_first(clip, name):
    without, with_loop, maps = both(clip, CHANGES[name], first_too=False)
    assert len(PLAN) == 10 and without[-1] > 6
    assert max(with_loop) < 0.7  # of 255; 0.3 is the noise of the sampler's pixels
    drifts = [255 * colour_map.drift for colour_map in maps]
    assert drifts[0] == 0 and all(0.5 < drift < 5 for drift in drifts[1:])


@pytest.mark.parametrize("name", ["offset", "hue", "all"])
def test_ten_segments_of_an_inpainted_video_stay_true_to_the_source(clip, known, name):
    without, with_loop, maps = both(clip, CHANGES[name], known, growth=0.5)
    assert without[-1] > 2
    assert max(with_loop) < 0.7  # from the first segment on, and although the change grows along each
    assert all(colour_map.after < colour_map.before for colour_map in maps)


def test_a_sampler_that_does_not_drift_is_left_alone(clip, known):
    for where in (None, known):
        _, with_loop, maps = both(clip, turned(), where)
        assert max(with_loop) < 0.6
        assert max(255 * colour_map.drift for colour_map in maps) < 0.4


def test_a_change_that_grows_out_of_sight_is_reduced_but_not_undone(clip):
    """The overlap shows the beginning of each segment alone; this is what remains."""
    without, with_loop, _ = both(clip, CHANGES["all"], growth=0.5, first_too=False)
    assert 2 < with_loop[-1] < without[-1] / 2


changes = st.builds(
    turned,
    st.floats(-0.2, 0.2),
    st.tuples(*[st.floats(0.8, 1.2)] * 3),
    st.tuples(*[st.floats(-0.04, 0.04)] * 3),
)


@settings(max_examples=12, deadline=None)
@given(first=changes, last=changes, moves=st.booleans())
def test_an_exact_change_is_found_and_undone(first, last, moves):
    truth = 0.5 + (textured_clip(9, (32, 48)) - 0.5) * 0.5  # nothing is clipped
    time = torch.linspace(0, 1, 9) * moves
    parts = [(torch.lerp(first[0], last[0], t), torch.lerp(first[1], last[1], t)) for t in time]
    decoded = torch.stack([x @ matrix.T + shift for x, (matrix, shift) in zip(truth, parts, strict=True)])
    colour_map = c.fit_colour_map(decoded, truth, torch.ones(9, 32, 48))
    restored = c.apply_colour_map(decoded, colour_map)
    assert (restored - truth).abs().max() < 0.01  # what the pull towards no change leaves
    assert colour_map.before == pytest.approx((decoded - truth).abs().mean().item(), abs=0.01)
    assert colour_map.after < 0.002
    assert torch.equal(c.apply_colour_map(decoded[4:6], colour_map, 4), restored[4:6])


def test_what_is_not_known_is_not_read(clip):
    decoded = (clip[:9] * 0.9 + 0.05).clamp(0.04, 0.96)
    weight = torch.zeros(decoded.shape[:3])
    weight[:3, :, 24:] = 0.5
    truth = torch.where(weight[..., None] > 0, clip[:9], float("nan"))
    colour_map = c.fit_colour_map(decoded, truth, weight)
    assert colour_map.after < colour_map.before / 10
    others = decoded.clone()
    others[weight == 0] = float("nan")
    assert torch.equal(c.fit_colour_map(others, truth, weight).gain, colour_map.gain)


def test_nothing_known_changes_nothing(clip):
    frames = clip[:5]
    for weight, truth in ((torch.zeros(frames.shape[:3]), frames), (torch.ones(frames.shape[:3]), frames * 0)):
        colour_map = c.fit_colour_map(frames * 0.5 + 0.2, truth, weight)  # near black nothing can be told
        assert torch.equal(c.apply_colour_map(frames, colour_map), frames)
        assert colour_map.drift == 0
    assert colour_map.before == pytest.approx(colour_map.after) and colour_map.before > 0.3
    assert torch.equal(c.apply_colour_map(frames, c.identity_map(5)), frames)


def test_little_that_is_known_changes_little(clip):
    decoded, truth = clip[:5] * 0.8 + 0.1, clip[:5]
    cells = torch.arange(48).view(6, 8).repeat_interleave(8, 0).repeat_interleave(8, 1)
    changes = []
    for blocks in (1, 4, 48):
        weight = torch.zeros(truth.shape[:3])
        weight[0] = (cells < blocks).float()
        changes.append((c.fit_colour_map(decoded, truth, weight).gain - torch.eye(3)).norm().item())
    assert changes[0] < 0.1 and changes[0] < changes[1] < changes[2]
    assert changes[2] == pytest.approx(0.2 * 3**0.5, abs=0.05)


def test_a_flat_picture_changes_brightness_and_not_contrast():
    truth = torch.full((9, 32, 48, 3), 0.4)
    decoded = truth + torch.tensor([0.03, 0.0, -0.02]) + torch.randn(9, 32, 48, 3) * 0.01
    colour_map = c.fit_colour_map(decoded, truth, torch.ones(9, 32, 48))
    assert (colour_map.gain - torch.eye(3)).abs().max() < 0.05
    restored = c.apply_colour_map(decoded, colour_map)
    assert (restored.mean((0, 1, 2)) - 0.4).abs().max() < 0.001


def test_the_time_within_a_segment_counts_only_when_both_ends_are_known():
    truth = textured_clip(32, (48, 64))
    grown = truth * 0.9 + torch.linspace(0.0, 0.08, 32).view(-1, 1, 1, 1)
    for ends, moves in (([0, 5], False), ([12, 20], False), ([26, 32], False), ([0, 4, 28, 32], True)):
        weight = torch.zeros(truth.shape[:3])
        for start, stop in zip(ends[::2], ends[1::2], strict=True):
            weight[start:stop] = 1
        colour_map = c.fit_colour_map(grown, truth, weight)
        assert bool(colour_map.offset_slope.any()) == moves
    restored = c.apply_colour_map(grown, colour_map)  # the middle was never shown
    assert (restored - truth)[8:24].abs().mean() < 0.002


def test_another_picture_is_told_and_does_not_explode(clip):
    decoded = torch.rand(9, 48, 64, 3) * 0.02 + 0.3
    colour_map = c.fit_colour_map(decoded, clip[:9], torch.ones(9, 48, 64))
    restored = c.apply_colour_map(decoded, colour_map)
    assert restored.isfinite().all() and restored.std() < 0.05
    assert colour_map.after > 0.05


def test_one_frame_and_any_size_work():
    truth = textured_clip(1, (43, 61)) * 0.6 + 0.2
    decoded = truth * 0.95
    colour_map = c.fit_colour_map(decoded, truth, torch.ones(1, 43, 61))
    assert (c.apply_colour_map(decoded, colour_map) - truth).abs().max() < 0.01


def test_the_numbers_in_words():
    colour_map = replace(c.identity_map(5), drift=0.02, before=0.03, after=0.01)
    assert colour_map.sentence() == (
        "Known colours came back 7.6 of 255 off on average; the correction changes them by 5.1 and leaves 2.6."
    )


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((5, 8, 8, 4), (5, 8, 8, 3), (5, 8, 8)), r"decoded must have shape \[T, H, W, 3\]"),
        (((5, 8, 8, 3), (4, 8, 8, 3), (5, 8, 8)), r"truth must have shape \[5, 8, 8, 3\], got \[4, 8, 8, 3\]"),
        (((5, 8, 8, 3), (5, 8, 8, 3), (5, 8, 9)), r"weight must have shape \[5, 8, 8\], got \[5, 8, 9\]"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, message):
    with pytest.raises(VaceInputError, match=message):
        c.fit_colour_map(*map(torch.zeros, shapes))
