"""Clips of a folder: parts of longer ones, and videos thinned to a frame rate."""

import importlib
import random

import av
import pytest
import torch

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def clips(host):
    return importlib.import_module("wan_vace.training.adapter.clips")


def test_examples_of_a_longer_clip_are_from_all_over_it(clips):
    clip = torch.arange(20, dtype=torch.uint8)[:, None, None, None].expand(20, 16, 16, 3)
    wanted = clips.ClipFormat(16, 16, 5, 16.0)
    cut = [clips.cut_clip(clip, wanted, random.Random(seed))[:, 0, 0, 0] * 255 for seed in range(80)]
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
    half = clips.read_clip_file(tmp_path / "fast.mp4", clips.ClipFormat(32, 32, 5, 16.0))
    every = clips.read_clip_file(tmp_path / "fast.mp4", clips.ClipFormat(32, 32, 9, 0))
    assert len(half) == 12
    assert len(every) == 24
    assert torch.equal(half, every[::2])
