"""Tasks that need no truth but the clip: what they keep is the clip, and when they come."""

import random

import pytest
import torch

from wan_vace.miniature.world import draw_scene, random_scene
from wan_vace.training import tasks


@pytest.fixture(scope="module")
def footage():
    return [draw_scene(random_scene(seed), 17, 48, 64).frames for seed in range(4)]


@pytest.mark.parametrize(
    "name",
    [
        *("inpaint", "guided_inpaint", "outpaint", "lineart", "reference", "t2v", "gray"),
        *("first", "last", "first_last", "keyframes", "extend"),
    ],
)
def test_a_task_keeps_the_clip_where_it_does_not_generate(footage, name):
    build = tasks.CLIP_TASKS[name].build
    for seed, clip in enumerate(footage):
        vcu = build(clip, random.Random(seed))
        kept = vcu.mask == 0
        assert vcu.frames.shape == clip.shape
        assert torch.equal(vcu.frames[kept], clip[kept])
        assert (vcu.mask > 0.5).any()
        assert len(vcu.references) == (name == "reference")


def test_tasks_come_where_the_clip_is_long_enough():
    def drawn(length):
        return {tasks.choose_task(random.Random(seed), length) for seed in range(300)}

    assert drawn(17) == set(tasks.CLIP_TASKS)
    assert drawn(9) == set(tasks.CLIP_TASKS) - {"extend"}
    assert drawn(1) == {"inpaint", "guided_inpaint", "outpaint", "lineart", "reference", "t2v", "gray"}


def test_regions_are_somewhere_and_never_most_of_the_frame(footage):
    shares = [float(tasks.random_region(footage[0], random.Random(seed)).mean()) for seed in range(100)]
    assert 0.01 < min(shares) < max(shares) < 0.6
