"""Every task of the miniature: the right kind of VCU, and what it keeps is the clip."""

import random
from collections import Counter

import pytest
import torch

from wan_vace.miniature.train import tasks
from wan_vace.miniature.world import scenes as world
from wan_vace.miniature.world import words
from wan_vace.vace_core.vcu.unit import CONTROL, EMPTY, EXTENSION, REPAINT

KINDS = {
    EMPTY: ["t2v", "reference"],
    REPAINT: ["inpaint", "outpaint", "swap", "guided_inpaint"],
    EXTENSION: ["first", "last", "first_last", "keyframes", "extend", "move", "expand"],
    CONTROL: ["gray", "depth", "flow", "lineart", "pose", "layout", "animate", "reference_layout"],
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
WITH_REFERENCE = {"reference", "swap", "animate", "expand", "reference_layout"}


def clip_of(seed, shape="circle"):
    return world.draw_scene(world.random_scene(seed, shape=shape, motion="right"))


def built(name, seed):
    clip = clip_of(seed, "figure" if tasks.WORLD_TASKS[name].figure else "circle")
    return clip, tasks.WORLD_TASKS[name].build(clip, random.Random(seed))


def test_every_task_has_a_kind_here():
    assert set(KIND_OF) == set(tasks.WORLD_TASKS)


@pytest.mark.parametrize("name", KIND_OF)
def test_a_task_is_of_its_kind_and_keeps_the_truth(name):
    for seed in range(3):
        clip, vcu = built(name, seed)
        assert vcu.kind == KIND_OF[name]
        assert vcu.frames.shape == clip.frames.shape
        assert len(vcu.references) == (name in WITH_REFERENCE)
        kept = vcu.mask == 0
        assert torch.equal(vcu.frames[kept], clip.frames[kept])
        assert bool(kept.any()) == (vcu.kind in (REPAINT, EXTENSION))
        assert (vcu.mask > 0.5).any()


@pytest.mark.parametrize("name", KIND_OF)
def test_the_same_chance_gives_the_same_request(name):
    (_, first), (_, again) = built(name, 5), built(name, 5)
    assert torch.equal(first.frames, again.frames)
    assert torch.equal(first.mask, again.mask)


@pytest.mark.parametrize("name", ["inpaint", "swap"])
def test_what_is_generated_is_not_shown(name):
    _, vcu = built(name, 2)
    assert vcu.control_amount == 0


@pytest.mark.parametrize("name", KINDS[CONTROL])
def test_controls_do_not_show_the_clip_itself(name):
    clip, vcu = built(name, 4)
    assert (vcu.mask == 1).all()
    assert (vcu.frames - clip.frames).abs().mean() > 0.01


def test_every_task_comes_but_those_of_a_figure_only_where_there_is_one():
    rng = random.Random(0)
    circle, figure = clip_of(1), clip_of(1, "figure")
    drawn = {tasks.choose_world_task(rng, circle) for _ in range(900)}
    assert drawn == {name for name, task in tasks.WORLD_TASKS.items() if not task.figure}
    assert {tasks.choose_world_task(rng, figure) for _ in range(900)} == set(tasks.WORLD_TASKS)


def test_the_last_phase_asks_more_often_for_what_is_learnt_slowest():
    rng, figure = random.Random(0), clip_of(1, "figure")
    usual, late = (
        Counter(choose(rng, figure) for _ in range(3000))
        for choose in (tasks.choose_world_task, tasks.choose_late_task)
    )
    assert set(late) == set(tasks.WORLD_TASKS)
    assert late["animate"] > 2 * usual["animate"] and late["depth"] < usual["depth"]


def test_every_phase_has_tasks():
    assert {task.phase for task in tasks.WORLD_TASKS.values()} == set(range(tasks.NUM_PHASES))


def test_a_caption_without_its_colours():
    assert words.without_colour("a red circle moves up in front of a blue square over sand") == (
        "a circle moves up in front of a square over sand"
    )
