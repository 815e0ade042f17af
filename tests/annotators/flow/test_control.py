"""Motion: against known motion, forwards and backwards, and as control frames."""

import re
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch

from harness.inputs.motion import dense_flow
from wan_vace.annotators.flow.control import (
    OFFICIAL_SCALE,
    STEADY_SCALE,
    Dis,
    Flow,
    Motion,
    dis_flow,
    fill_unreliable,
    forward_backward_consistent,
    steady_radius,
)
from wan_vace.annotators.flow.wheel import flow_colours, largest_motion
from wan_vace.annotators.protocol import on_levels, silent
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences

HEIGHT, WIDTH, RADIUS = 240, 416, 50
REACH = 40  # of the textures beyond the frame


def texture(seed):
    """Noise of several sizes, [H, W, 3] in [0, 1]."""
    rng, size = np.random.default_rng(seed), (WIDTH + 2 * REACH, HEIGHT + 2 * REACH)
    octaves = [
        weight
        * cv2.resize(rng.standard_normal((size[1] // s + 2, size[0] // s + 2, 3)), size, interpolation=cv2.INTER_CUBIC)
        for s, weight in ((32, 1.0), (16, 0.7), (8, 0.5), (4, 0.35), (2, 0.2))
    ]
    picture = np.sum(octaves, axis=0)
    return ((picture - picture.min()) / np.ptp(picture)).astype(np.float32)


def layers(ground, disc, num_frames=2, seed=0):
    """A textured disc over a textured ground, both moving evenly.

    Args:
        ground: Motion (x, y) of the ground, in pixels a frame.
        disc: Motion of the disc.

        num_frames: How many.
        seed: Of the textures.

    Returns:
        Frames [T, H, W, 3] in [0, 1], the true flow [H, W, 2] of the first pair, and what gets covered in it.
    """
    behind, before = texture(seed), texture(seed + 1)[..., ::-1]
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)

    def shifted(picture, motion, k):
        return cv2.remap(picture, x + REACH - k * motion[0], y + REACH - k * motion[1], cv2.INTER_CUBIC)

    def cover(at_x, at_y, k):
        away = np.hypot(at_x - 0.45 * WIDTH - k * disc[0], at_y - 0.5 * HEIGHT - k * disc[1])
        return np.clip(RADIUS - away + 0.5, 0, 1)

    frames = []
    for k in range(num_frames):
        alpha = cover(x, y, k)[..., None]
        frames.append(alpha * shifted(before, disc, k) + (1 - alpha) * shifted(behind, ground, k))
    on_disc = cover(x, y, 0) > 0.5
    covered = ~on_disc & (cover(x + ground[0], y + ground[1], 1) > 0.5)
    flow = np.where(on_disc[..., None], np.float32(disc), np.float32(ground))
    return on_levels(torch.from_numpy(np.stack(frames)).float()), flow, covered


def error(flow, truth):
    """End-point error in pixels, [H, W]."""
    return np.hypot(*np.moveaxis(np.asarray(flow) - truth, -1, 0))


@dataclass(frozen=True, eq=False)
class Known:
    """A finder that is told the motion."""

    flow: torch.Tensor
    at_once: int = 3

    @property
    def identity(self):
        """Name."""
        return ("known",)

    def pairs(self, height, width):
        """How many are given at once."""
        return self.at_once

    def ready(self):
        """What gives them."""
        given = iter(self.flow.split(self.at_once))

        def find(frames):
            flow = next(given)
            assert len(frames) == len(flow) + 1
            return flow

        return find


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("ground", "disc"),
    [((2.3, -1.2), (-4.5, 3.25)), ((6, 0), (-8, 5)), ((0, 0), (7, 0)), ((0.4, 0.2), (-1.5, 0.7))],
)
def test_known_motion_is_found(ground, disc, check):
    frames, truth, _ = layers(ground, disc)
    flow = dense_flow(frames, Dis(check))
    assert flow.shape == (1, HEIGHT, WIDTH, 2) and flow.dtype == torch.float32
    assert error(flow[0], truth).mean() < min(0.25, 0.25 * error(0 * truth, truth).mean())


def test_the_check_repairs_what_leaves_the_frame():
    frames, truth, _ = layers((20, 0), (16, 4))
    with_check, without = (error(dense_flow(frames, Dis(check))[0], truth) for check in (True, False))
    assert with_check.mean() < 0.6 * without.mean()
    assert with_check[:, -20:].mean() < 0.2 * without[:, -20:].mean()


def test_what_gets_covered_is_found():
    frames, _, covered = layers((-12, 3), (10, -9))
    pictures = (frames * 255).round().byte().numpy()
    flows = dis_flow(pictures[0], pictures[1]), dis_flow(pictures[1], pictures[0])
    sound = forward_backward_consistent(*flows)
    assert sound.mean() > 0.9 and sound[covered].mean() < 0.15


def test_each_pair_is_found_alone_whatever_the_chunks():
    frames, _, _ = layers((1.5, 0.5), (-3, 2), num_frames=20)
    frames = frames[:, :96, 100:228]
    flow, told = dense_flow(frames), []
    pairs = [dense_flow(frames[k : k + 2])[0] for k in range(19)]
    assert torch.equal(flow, torch.stack(pairs))
    Flow()(frames, lambda done, total: told.append((done, total)))
    assert told == [(17, 20), (20, 20)]


def test_frames_may_be_grey_and_are_not_written_to():
    rng = np.random.default_rng(0)
    one = cv2.GaussianBlur(rng.integers(0, 256, (70, 90), dtype=np.uint8), (5, 5), 1.5)
    other = np.roll(one, 2, axis=1)
    before = one.copy()
    grey, colour = dis_flow(one, other), dis_flow(*(np.repeat(p[..., None], 3, axis=2) for p in (one, other)))
    assert np.array_equal(grey, colour) and grey.dtype == np.float32 and np.array_equal(one, before)
    np.testing.assert_allclose(np.median(grey, axis=(0, 1)), (2, 0), atol=0.2)
    mirrored = one[:, ::-1], other[:, ::-1]
    assert np.array_equal(dis_flow(*mirrored), dis_flow(*(picture.copy() for picture in mirrored)))


@pytest.mark.parametrize("size", [(1, 1), (8, 64), (20, 400), (400, 20), (63, 65), (3, 999)])
def test_every_size_works(size):
    frames = torch.rand(2, *size, 3)
    assert dense_flow(frames).shape == (1, *size, 2)
    assert Flow()(frames, silent).shape == frames.shape


def test_motion_there_and_back_is_consistent_within_the_frame():
    forward = np.zeros((8, 12, 2), np.float32)
    forward[..., 0] = 3
    expected = np.zeros((8, 12), bool)
    expected[:, :9] = True  # the last three columns leave the frame
    assert np.array_equal(forward_backward_consistent(forward, -forward), expected)
    assert not forward_backward_consistent(forward, forward).any()
    assert forward_backward_consistent(forward, -forward + 0.5)[:, :9].all()  # misses by less than a pixel


@pytest.mark.parametrize("size", [(1, 2), (9, 31), (64, 48)])
def test_unsound_places_get_what_is_around_them(size):
    flow = np.full((*size, 2), (2.0, -1.0), np.float32)
    sound = np.random.default_rng(1).random(size) > 0.7
    sound.flat[0], sound.flat[-1] = True, False
    broken = np.where(sound[..., None], flow, 77).astype(np.float32)
    np.testing.assert_allclose(fill_unreliable(broken, sound), flow, atol=1e-5)
    assert broken[~sound].min() == 77


def test_filling_keeps_what_is_sound_and_all_when_nothing_is():
    flow = np.random.default_rng(2).standard_normal((17, 23, 2)).astype(np.float32)
    sound = np.ones((17, 23), bool)
    assert fill_unreliable(flow, sound) is flow and fill_unreliable(flow, ~sound) is flow
    sound[5:9, 5:9] = False
    result = fill_unreliable(flow, sound)
    assert np.array_equal(result[sound], flow[sound]) and not np.array_equal(result, flow)
    assert abs(result[~sound]).max() <= abs(flow[sound]).max()


def test_the_first_field_is_there_twice_and_frames_are_on_levels():
    flow = torch.randn(7, 10, 12, 2)
    frames = torch.rand(8, 10, 12, 3)
    control = Flow(Known(flow))(frames, silent)
    assert control.shape == frames.shape and control.dtype == torch.float32
    assert torch.equal(control[0], control[1]) and torch.equal(on_levels(control), control)
    assert torch.equal((control[1:] * 255).round().byte(), flow_colours(flow, largest_motion(flow)))


def test_one_frame_is_refused():
    message = r"frames has 1 frame, but flow needs at least 2\. Connect a video\."
    with pytest.raises(VaceInputError, match=message):
        Flow()(torch.rand(1, 8, 8, 3), silent)
    with pytest.raises(VaceInputError, match=message):
        dense_flow(torch.rand(1, 8, 8, 3))


def test_the_steady_scale_keeps_colours_that_the_official_one_changes():
    fastest = torch.tensor([4.0, 20.0, 6.0, 15.0, 4.0])  # of something small; the ground moves evenly
    flow = torch.full((5, 40, 60, 2), 1.5)
    flow[:, 4:12, 4:12, 0] = fastest[:, None, None]
    grounds = {}
    for scale in (OFFICIAL_SCALE, STEADY_SCALE):
        control = Flow(Known(flow), scale)(torch.rand(6, 40, 60, 3), silent)
        grounds[scale] = (control[2:, 20:] - control[1:-1, 20:]).abs().mean()
    assert grounds[STEADY_SCALE] == 0 and grounds[OFFICIAL_SCALE] > 0.1


def test_the_steady_scale_leaves_a_clip_that_hardly_moves_pale():
    flow = 0.05 * torch.randn(3, 32, 32, 2)
    official, steady = (
        Flow(Known(flow), scale)(torch.rand(4, 32, 32, 3), silent) for scale in (OFFICIAL_SCALE, STEADY_SCALE)
    )
    assert steady.min() > 0.7 and official.min() < 0.1


def test_the_steady_radius_is_what_nearly_all_pixels_stay_below():
    flow = torch.zeros(2, 80, 80, 2)
    flow[..., 1] = torch.arange(2 * 80 * 80).reshape(2, 80, 80) / 1000
    speeds = flow[:, ::4, ::4, 1].flatten().numpy()
    assert steady_radius([flow[:1], flow[1:]]) == pytest.approx(np.quantile(speeds, 0.99))
    assert steady_radius([flow * 0.01]) == 1


def test_how_fast_it_moves_is_told():
    flow = torch.zeros(2, 8, 8, 2)
    flow[0, 1, 1, 0], flow[1, 2, 2, 1] = 3.0, -4.0
    official, steady = Flow(Known(flow)), Flow(Known(flow), STEADY_SCALE)
    for each in (official, steady):
        each(torch.rand(3, 8, 8, 3), silent)
    assert official.found == [Motion((3.0, 4.0))]
    assert sentences(official.found[0].notes()) == [
        "The fastest point of a frame moves 3.0 to 4.0 px from one frame to the next."
    ]
    assert sentences(steady.found[0].notes())[1:] == ["Full colour is 1.0 px in every frame."]


@pytest.mark.parametrize(
    ("largest", "advice"),
    [
        ((2.0, 9.0), r"the same speed changes its colour up to 4\.5 times\. Choose \"steady per clip\""),
        ((0.0, 9.0, 0.3), r"2 of 3 pairs of frames move less than 1 px, .*noise.*Choose \"steady per clip\""),
    ],
)
def test_advice_is_given_where_the_official_scale_pulses(largest, advice):
    _, sentence = sentences(Motion(largest).notes())
    assert re.search(advice, sentence)
    assert (
        len(sentences(Motion(largest, 5.0).notes())) == 2 and "Choose" not in sentences(Motion(largest, 5.0).notes())[1]
    )


def test_identities_tell_settings_apart():
    flows = [Flow(), Flow(Dis(False)), Flow(scale=STEADY_SCALE), Flow(Known(torch.zeros(1)))]
    assert len({flow.identity for flow in flows}) == 4 and Flow().identity == Flow().identity
