"""A short film, its mask, and VACE Sample Long Video to make it with."""

import numpy as np
import pytest
import torch

from harness.inputs import footage

from .three_segments import BUILD, DEFAULTS


@pytest.fixture(scope="module")
def clip(call):
    from harness.nodes.wan_vace_dev import load_clip

    return load_clip()


@pytest.fixture(scope="module")
def video():
    frames = footage.load(footage.BOY_AND_DOG, 13)[:, 60:252, 60:348]
    return torch.from_numpy(np.ascontiguousarray(frames[:, ::6, ::6])).float() / 255  # [13, 32, 48, 3]


@pytest.fixture(scope="module")
def mask(video):
    moving = torch.zeros(video.shape[:3])
    for t in range(len(moving)):
        moving[t, 8:24, 8 + t : 24 + t] = 1
    return moving


@pytest.fixture
def runs(host, tmp_path, monkeypatch):
    """The folder that runs lie in, an empty one."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path))
    return tmp_path / "vace_runs"


@pytest.fixture
def make(call, vace_model, vae, clip, video, mask, runs):
    """Run the node; gives its frames as 8-bit values, and its report."""
    (inpaint, *_) = call("VaceBuildVcu", control_video=video, control_masks=mask, inside_mask="empty", **BUILD)

    def run(name, vcu=inpaint, **changed):
        inputs = {**DEFAULTS, "model": vace_model, "clip": clip, "vae": vae, "vcu": vcu, "run": name, **changed}
        film, report = call("VaceSampleLongVideo", **inputs)
        return (film.get_components().images * 255).round().to(torch.uint8), report

    return run
