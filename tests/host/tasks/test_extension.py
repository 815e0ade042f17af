"""Extending, bridging, looping and joining in the real host, through encoding, sampling and decoding."""

from fractions import Fraction

import pytest
import torch

pytestmark = pytest.mark.host

COMMON = {"references": {}, "width": 0, "height": 0, "fit": "cover"}
JOIN = {"before": 0, "overlap_first": 0, "overlap_second": 0, "fit": "cover"}
SOUND = {"waveform": torch.zeros(1, 1, 800), "sample_rate": 800}


def video_of(frames, fps=24, audio=None):
    from comfy_api.latest import InputImpl, Types

    parts = Types.VideoComponents(images=frames, frame_rate=Fraction(fps), audio=audio)
    return InputImpl.VideoFromComponents(parts)


def generate(call, vae, model, prompts, vcu):
    context = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]
    positive, negative, latent, _ = call(
        "VaceApplyContext", positive=prompts[0], negative=prompts[1], context=context, strength=1.0, batch_size=1
    )
    settings = {"seed": 3, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    (samples,) = call("KSampler", model=model, positive=positive, negative=negative, latent_image=latent, **settings)
    return call("VaceDecodeLatent", samples=samples, vae=vae, fps=0.0, trim_latent=-1, length=-1)[0]


@pytest.mark.parametrize("count", [1, 6, 9])
def test_an_extended_video_joins_to_the_given_frames_and_the_new_ones(call, vae, vace_model, prompts, count):
    frames = torch.rand(count, 32, 48, 3)
    overlap = min(count, 5)
    vcu, report = call("VaceExtendVideo", video=video_of(frames, 24, SOUND), before=0, after=7, overlap=5, **COMMON)
    assert vcu.num_frames == overlap + 7 and vcu.fps == 24 and f"overlap_first {overlap}." in report
    new = generate(call, vae, vace_model, prompts, vcu)
    assert len(new) == overlap + 7
    joined, video, _ = call(
        "VaceJoinVideos", generated=new, first=video_of(frames, 24, SOUND), **{**JOIN, "overlap_first": overlap}
    )
    assert torch.equal(joined[:count], frames) and torch.equal(joined[count:], new[overlap:])
    parts = video.get_components()
    assert parts.frame_rate == 24 and parts.audio is SOUND and parts.images is joined


def test_a_bridge_joins_both_videos(call, vae, vace_model, prompts):
    first, second = torch.rand(9, 32, 48, 3), torch.rand(6, 32, 48, 3)
    counts = {"overlap_first": 5, "overlap_second": 4}
    vcu, report = call("VaceBridgeVideos", first=first, second=second, gap=4, **counts, **COMMON)
    assert vcu.num_frames == 13 and "overlap_first 5, overlap_second 4" in report
    new = generate(call, vae, vace_model, prompts, vcu)
    joined, video, report = call(
        "VaceJoinVideos", generated=video_of(new), first=first, second=second, **{**JOIN, **counts}
    )
    assert torch.equal(joined, torch.cat([first, new[5:9], second]))
    assert video.get_components().frame_rate == 16 and video.get_components().audio is None
    assert report == "19 frames: 4 generated, 15 as given."


def test_a_loop_joins_without_its_second_copy(call, vae, vace_model, prompts):
    frames = torch.rand(6, 32, 48, 3)
    vcu, _ = call("VaceLoopVideo", video=frames, gap=5, overlap=4, **COMMON)
    new = generate(call, vae, vace_model, prompts, vcu)
    counts = {"overlap_first": 4, "overlap_second": 4}
    joined = call("VaceJoinVideos", generated=new, first=frames, **{**JOIN, **counts})[0]
    assert torch.equal(joined, torch.cat([frames, new[4:9]]))


def test_control_may_be_a_video(call):
    control = torch.rand(4, 32, 48, 3)
    vcu, _ = call(
        "VaceExtendVideo", video=torch.rand(3, 32, 48, 3), before=0, after=4, overlap=0,
        control_video=video_of(control), **COMMON,
    )  # fmt: skip
    assert torch.equal(vcu.frames[3:], control) and vcu.fps is None


def test_wrong_counts_are_refused_by_the_nodes(call):
    frames = torch.rand(5, 32, 48, 3)
    with pytest.raises(ValueError, match=r"gap is 0: a bridge with no gap"):
        call("VaceBridgeVideos", first=frames, second=frames, gap=0, overlap_first=0, overlap_second=0, **COMMON)
    with pytest.raises(ValueError, match=r"generated has 5 frames, but before 0, overlap_first 5"):
        call("VaceJoinVideos", generated=frames, first=frames, **JOIN)
