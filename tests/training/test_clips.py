"""Clips of a folder: tasks that need no truth but the clip, and videos thinned to a frame rate."""

import importlib
import random

import av
import pytest
import torch

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def clips(host):
    return importlib.import_module("wan_vace.training.adapter.clips")


@pytest.fixture(scope="module")
def footage(clips):
    from wan_vace.miniature.world import scenes as world

    return [clips.Footage(world.draw(world.random_scene(seed), 17, 48, 64).frames) for seed in range(4)]


@pytest.mark.parametrize(
    "name",
    [
        *("inpaint", "guided_inpaint", "outpaint", "lineart", "reference", "t2v", "gray"),
        *("first", "last", "first_last", "keyframes", "extend"),
    ],
)
def test_a_task_keeps_the_clip_where_it_does_not_generate(clips, footage, name):
    build, _, _ = clips.TASKS[name]
    for seed, clip in enumerate(footage):
        vcu = build(clip, random.Random(seed))
        kept = vcu.mask == 0
        assert vcu.frames.shape == clip.frames.shape
        assert torch.equal(vcu.frames[kept], clip.frames[kept])
        assert (vcu.mask > 0.5).any()
        assert len(vcu.references) == (name == "reference")


def test_tasks_come_where_the_clip_is_long_enough(clips):
    def drawn(length):
        return {clips.random_task(random.Random(seed), length) for seed in range(300)}

    assert drawn(17) == set(clips.TASKS)
    assert drawn(9) == set(clips.TASKS) - {"extend"}
    assert drawn(1) == {"inpaint", "guided_inpaint", "outpaint", "lineart", "reference", "t2v", "gray"}


def test_regions_are_somewhere_and_never_most_of_the_frame(clips, footage):
    shares = [float(clips.random_region(footage[0], random.Random(seed)).mean()) for seed in range(100)]
    assert 0.01 < min(shares) < max(shares) < 0.6


def test_examples_of_a_longer_clip_are_from_all_over_it(clips):
    clip = torch.arange(20, dtype=torch.uint8)[:, None, None, None].expand(20, 16, 16, 3)
    wanted = clips.Wanted(16, 16, 5, 16.0)
    cut = [clips.footage_of(clip, wanted, random.Random(seed)).frames[:, 0, 0, 0] * 255 for seed in range(80)]
    assert {round(float(frames[0])) for frames in cut} == set(range(16))
    assert all(frames.round().diff().tolist() == [1] * 4 for frames in cut)


def test_a_faster_video_is_thinned_to_the_frame_rate(clips, tmp_path):
    shades = torch.arange(24, dtype=torch.uint8)[:, None, None, None].mul(10).expand(24, 32, 32, 3).numpy()
    with av.open(str(tmp_path / "fast.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=32, options={"crf": "4"})
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
        for shade in shades:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shade)))
        container.mux(stream.encode())
    half = clips.read_clip(tmp_path / "fast.mp4", clips.Wanted(32, 32, 5, 16.0))
    every = clips.read_clip(tmp_path / "fast.mp4", clips.Wanted(32, 32, 9, 0))
    assert len(half) == 12
    assert len(every) == 24
    assert torch.equal(half, every[::2])
