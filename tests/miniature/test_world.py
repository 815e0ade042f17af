"""The world: the same seed gives the same clip, and what is said to be true of it is."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from wan_vace.miniature.world import scenes as world
from wan_vace.miniature.world.words import COLOURS, SHAPES


def clip_of(seed, **wanted):
    return world.draw_scene(world.random_scene(seed, **wanted))


def tensors(clip):
    return (clip.frames, clip.masks, clip.depth, clip.flow, clip.lines, clip.points)


def test_the_same_seed_gives_the_same_clip_and_another_gives_another():
    first, again, other = clip_of(11), clip_of(11), clip_of(12)
    assert first.scene == again.scene != other.scene
    for left, right in zip(tensors(first), tensors(again), strict=True):
        assert torch.equal(left.nan_to_num(), right.nan_to_num())
    assert not torch.equal(first.frames, other.frames)


def test_what_is_wanted_of_a_scene_is_in_it():
    for seed in range(12):
        scene = world.random_scene(seed, colour="pink", shape="square", motion="up", place="snow", second=True)
        first, second = scene.things
        assert (first.colour, first.shape, first.motion, scene.place) == ("pink", "square", "up", "snow")
        assert second.colour != "pink"
        assert scene.caption.startswith("a pink square moves up in front of a ")


@pytest.mark.parametrize("seed", range(6))
def test_masks_are_exactly_where_things_are_seen(seed):
    scene = world.random_scene(seed, second=True)
    clip, ground = world.draw_scene(scene), world.draw_ground(scene).expand(world.LENGTH, -1, -1, -1)
    for thing, mask in zip(scene.things, clip.masks, strict=True):
        assert torch.equal(
            clip.frames[mask == 1], torch.tensor(COLOURS[thing.colour]).expand(int((mask == 1).sum()), 3)
        )
    nothing = clip.masks.sum(0) == 0
    assert nothing.any()
    assert torch.equal(clip.frames[nothing], ground[nothing])
    assert clip.masks.sum(0).max() <= 1 + 1e-6


def test_a_circle_has_its_area():
    clip = clip_of(5, shape="circle", motion="right", second=False)
    area = math.pi * clip.scene.things[0].radius ** 2
    assert clip.masks[0].sum((1, 2)) == pytest.approx([area] * world.LENGTH, rel=0.02)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("motion", ["left", "down"])
def test_flow_leads_to_the_same_place_of_the_thing_in_the_next_frame(shape, motion):
    size = 3 * world.SIZE  # a mask's edge is a pixel wide, and is blurred by looking between pixels
    clip = world.draw_scene(world.random_scene(4, shape=shape, motion=motion, second=False), height=size, width=size)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    there = torch.stack([columns, rows], dim=-1) + clip.flow
    grid = 2 * (there + 0.5) / size - 1
    now, then = clip.masks[0, :-1], clip.masks[0, 1:]
    inside = now > 0.5
    warped = F.grid_sample(then[:, None], grid, align_corners=False)[:, 0]
    assert (warped - now)[inside].abs().mean() < 0.015
    assert (then - now)[inside].abs().mean() > 0.05  # without the flow they do not meet
    assert not clip.flow[~inside].any()


def test_depth_goes_from_the_front_thing_over_the_next_to_the_ground():
    clip = clip_of(8, second=True)
    front, behind = (clip.depth[mask == 1] for mask in clip.masks)
    ground = clip.depth[clip.masks.sum(0) == 0]
    assert front.min() > behind.max()
    assert behind.min() > ground.max()
    far = torch.linspace(*world.FAR, world.SIZE)[:, None].expand_as(clip.depth)  # nearer further down
    nothing = clip.masks.sum(0) == 0
    assert torch.equal(clip.depth[nothing], far[nothing])


def test_what_is_behind_is_hidden_by_what_is_in_front():
    scene = world.random_scene(3, second=True)
    hidden = replace(scene.things[1], start=scene.things[0].start, radius=3.0)
    clip = world.draw_scene(replace(scene, things=(replace(scene.things[0], shape="circle"), hidden)))
    assert clip.masks[1][0].max() == 0


def test_lines_are_dark_on_the_outline_and_nowhere_else():
    clip = clip_of(6, shape="circle", motion="stays", second=False)
    edge = (clip.masks[0] > 0.25) & (clip.masks[0] < 0.75)
    inner = -F.max_pool2d(-clip.masks[0][:, None], 5, 1, 2)[:, 0] == 1
    outer = F.max_pool2d(clip.masks[0][:, None], 5, 1, 2)[:, 0] == 0
    assert clip.lines[edge].max() < 0.3
    assert torch.equal(clip.lines[inner | outer], torch.ones(int((inner | outer).sum())))


def test_only_figures_have_joints_and_they_are_on_the_figure():
    circle, figure = clip_of(2, shape="circle"), clip_of(2, shape="figure", motion="left", second=False)
    assert circle.points[0].isnan().all()
    places = figure.points[0].round().long()
    frames = torch.arange(world.LENGTH)[:, None]
    assert (figure.masks[0][frames, places[..., 1], places[..., 0]] > 0.5).float().mean() > 0.95


def test_a_larger_frame_shows_the_same():
    scene = world.random_scene(9, shape="circle", second=False)
    small, large = world.draw_scene(scene), world.draw_scene(scene, height=128, width=128)
    shrunk = F.avg_pool2d(large.masks[0][:, None], 2)[:, 0]
    assert (shrunk - small.masks[0]).abs().mean() < 0.007
    assert torch.equal(large.flow.abs().amax((1, 2)), 2 * small.flow.abs().amax((1, 2)))
