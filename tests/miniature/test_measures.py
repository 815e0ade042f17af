"""What is measured of a clip, on drawn clips whose truth is known: found there, and not in another clip."""

import math

import pytest
import torch

from wan_vace.miniature.quality.gates import AIMS, Gate, reachable
from wan_vace.miniature.world import measures as m
from wan_vace.miniature.world.scenes import draw_scene, random_scene
from wan_vace.miniature.world.words import COLOURS, MOTIONS, PLACES, SHAPES

SEEDS = range(20_000_100, 20_000_112)
FORMS = (*SHAPES, "figure")


def clip_of(seed, **wanted):
    clip = draw_scene(random_scene(seed, **wanted))
    return clip, clip.scene.things[0]


def blurred(frames, amount=0.04):
    """About what a VAE and a sampler leave: a little blur and noise."""
    pictures = torch.nn.functional.avg_pool2d(frames.movedim(3, 1), 3, 1, 1, count_include_pad=False).movedim(1, 3)
    return (pictures + amount * torch.randn(frames.shape)).clamp(0, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_thing_is_found_where_it_is(seed):
    clip, thing = clip_of(seed)
    found = m.thing_mask(clip.frames, thing.colour)
    assert m.iou(found, clip.masks[0]) > 0.85
    assert m.box_iou(found, clip.masks[0]) > 0.85
    assert m.path_error(m.path_of(found), m.path_of(clip.masks[0])) < 1
    assert m.motion_of(m.path_of(found)) == thing.motion


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_found_in_a_blurred_and_noisy_clip_too(seed):
    clip, thing = clip_of(seed, shape=SHAPES[seed % 3], second=False)
    frames = blurred(clip.frames)
    found = m.thing_mask(frames, thing.colour)
    assert m.iou(found, clip.masks[0]) > 0.8
    assert m.colour_share(frames, thing.colour) == 1 and m.place_share(frames, clip.scene.place) == 1
    assert m.shape_share(found, thing.shape) > 0.8


def test_another_clip_scores_low():
    scores = []
    for seed in SEEDS:
        (clip, thing), (other, _) = clip_of(seed, second=False), clip_of(seed + 1000, second=False)
        found = m.thing_mask(other.frames, thing.colour)
        scores.append((m.iou(found, clip.masks[0]), m.colour_share(other.frames, thing.colour)))
    ious, colours = zip(*scores, strict=True)
    assert sum(ious) / len(ious) < 0.15 and sum(colours) / len(colours) < 0.4


@pytest.mark.parametrize("shape", FORMS)
@pytest.mark.parametrize("seed", [3, 20_000_000])
def test_every_shape_is_told_from_the_others(shape, seed):
    clip, _ = clip_of(seed, shape=shape, second=False)
    shares = {name: m.shape_share(clip.masks[0] > 0.5, name) for name in FORMS}
    assert shares[shape] == 1 and sum(shares.values()) == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_have_the_moments_of_what_they_are_called(shape):
    """A second way: area by the spread of its pixels is 4 pi for a disc, 12 for a square, 6 sqrt(3) for a triangle."""
    clip, _ = clip_of(5, shape=shape, second=False, motion="stays")
    mask = clip.masks[0][0] > 0.5
    spread = torch.cov(mask.nonzero().float().T).det().sqrt()
    expected = {"circle": 4 * math.pi, "square": 12.0, "triangle": 6 * math.sqrt(3)}
    nearest = min(expected, key=lambda name: abs(expected[name] - float(mask.sum() / spread)))
    assert nearest == shape == m.shape_of(mask)


@pytest.mark.parametrize("shape", FORMS)
def test_a_larger_frame_tells_the_same(shape):
    """The same scenes, 64 and 128 pixels high: places in pixels of the smaller one."""
    for seed in SEEDS[:4]:
        scene = random_scene(seed, shape=shape, second=False)
        small, large = (draw_scene(scene, 17, size, size) for size in (64, 128))
        found = [m.thing_mask(clip.frames, scene.things[0].colour) for clip in (small, large)]
        assert m.shape_share(found[1], shape) == 1
        assert m.path_error(m.path_of(found[1]), m.path_of(found[0])) < 0.5  # edges fall between pixels of the smaller
        assert m.motion_of(m.path_of(found[1])) == scene.things[0].motion
    specks = torch.zeros(1, 128, 128)
    specks[0, 10:16, 10:17] = 1  # 42 pixels: a thing in a frame 64 high, none in this one
    assert m.shape_of(specks[0] > 0) == "" and m.path_of(specks).isnan().all()


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("place", PLACES)
def test_every_colour_is_told_on_every_ground(colour, place):
    clip, _ = clip_of(7, colour=colour, place=place, shape="circle", second=False)
    assert {name: m.colour_share(clip.frames, name) for name in COLOURS} == {name: name == colour for name in COLOURS}
    assert {name: m.place_share(clip.frames, name) for name in PLACES} == {name: name == place for name in PLACES}


def test_colour_in_a_region_is_that_of_the_region():
    clip, thing = clip_of(11, shape="square", second=False)
    assert m.colour_share(clip.frames, thing.colour, clip.masks[0]) == 1
    assert m.colour_share(clip.frames, thing.colour, 1 - clip.masks[0].round()) == 0


@pytest.mark.parametrize("motion", MOTIONS)
def test_every_motion_is_told(motion):
    clip, _ = clip_of(13, motion=motion, shape="triangle")
    assert m.motion_of(m.path_of(clip.masks[0])) == motion


def test_the_densest_part_leaves_specks_behind():
    mask = torch.zeros(2, 32, 32)
    mask[:, 4:12, 5:13] = 1
    whole = mask.clone()
    whole[0, 28, 28] = whole[1, 20:22, 30] = 1
    assert torch.equal(m.densest_part(whole > 0), mask > 0)
    assert not m.densest_part(torch.zeros(1, 8, 8) > 0).any()


def test_boxes_and_overlap_are_counted():
    first, second = torch.zeros(2, 10, 10), torch.zeros(2, 10, 10)
    first[0, 2:6, 2:6], second[0, 4:8, 2:6] = 1, 1  # 8 of 24 pixels
    assert m.iou(first, second) == pytest.approx(8 / 24)
    corners = torch.zeros(1, 10, 10)
    corners[0, 2, 3] = corners[0, 7, 5] = 1
    assert m.boxed(corners).sum() == 6 * 3 and m.box_iou(corners, m.boxed(corners)) == 1
    assert m.iou(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)) == 0


def test_what_is_lost_counts_as_far_away():
    there, gone = torch.full((4, 2), 10.0), torch.full((4, 2), 10.0)
    gone[2:] = float("nan")
    assert m.path_error(gone, there) == m.LOST / 2
    assert m.motion_of(torch.full((4, 2), float("nan"))) == ""


def test_psnr_is_the_formula_and_counts_only_where_it_is_told():
    true = torch.rand(3, 8, 8, 3) * 0.5
    found = true + 0.1
    found[0] += 0.3
    where = torch.zeros(3, 8, 8, dtype=torch.bool)
    where[1:] = True
    assert m.psnr(found, true, where) == pytest.approx(20, abs=1e-3)
    assert m.psnr(found, true) == pytest.approx(-10 * math.log10((0.16 + 0.01 + 0.01) / 3), abs=1e-3)
    assert m.psnr(true, true) == m.CEILING == m.psnr(found, true, where & False)


def test_joins_show_and_smooth_clips_do_not():
    (clip, _), (other, _) = clip_of(17, place="sand"), clip_of(18, place="night")
    jump = torch.cat([clip.frames[:9], other.frames[9:]])
    assert m.continuity(clip.frames, [9]) > 0.8 and m.continuity(jump, [9]) < 0.2
    assert m.continuity(jump, [5]) > 0.8  # the jump is elsewhere
    torn = torch.cat([clip.frames[:, :, :16], other.frames[:, :, 16:]], dim=2)
    assert m.seam(clip.frames, [16]) > 0.6 and m.seam(torn, [16]) < 0.2


def test_a_gate_knows_its_direction_and_what_it_must_beat():
    share, error = Gate("colour", 0.8), Gate("path error, px", 5.0, lower=True)
    assert share.passed(0.9, 0.2) and not share.passed(0.7, 0.2) and not share.passed(0.9, 0.95)
    assert error.passed(4.0, 20.0) and not error.passed(6.0, 20.0) and not error.passed(4.0, 3.0)
    assert share.passed(0.9, None) and share.passed(0.7, 0.2, share.slack) and not share.passed(0.5, 0.2, share.slack)
    assert error.passed(8.0, 20.0, error.slack) and not error.passed(10.0, 20.0, error.slack)
    assert Gate("seam", 0.5, beats=False).passed(0.6, 1.0)


def test_every_task_must_reach_something():
    assert all(gates and any(gate.beats for gate in gates) for gates in AIMS.values())


def test_a_limit_is_what_other_scenes_miss_by_chance_only():
    generator, missed = torch.Generator().manual_seed(1), 0
    for _ in range(1000):  # a share of 0.6, all or none
        seen, others = (torch.rand(count, generator=generator) > 0.4 for count in (24, 12))
        limit = reachable(Gate("shape", 0.8), seen.double().tolist(), 12)
        missed += limit is not None and float(others.double().mean()) < limit
    assert missed < 20


def test_a_limit_is_rounded_away_from_the_aim_and_no_further_than_it():
    share, error = Gate("colour", 0.8), Gate("path error, px", 5.0, lower=True)
    assert reachable(share, [0.73] * 4, 4) == 0.7 and reachable(share, [0.8] * 4, 4) is None
    assert reachable(share, [0.0, 0.1], 4) == 0
    assert reachable(error, [6.2] * 4, 4) == 7 and reachable(error, [4.9] * 4, 4) is None
    assert reachable(error, [3.0, 7.0], 4) > 5
    spread = [0.4, 0.6, 0.8, 0.6]
    doubt = 2.5 * torch.tensor(spread).std().item() * (1 / 4 + 1 / 9) ** 0.5
    assert reachable(share, spread, 9) == pytest.approx(0.6 - doubt, abs=0.05)
