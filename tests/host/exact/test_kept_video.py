"""What is kept, put back as a video is saved: the file of pasting and stitching images, to the byte."""

import io as python_io
import logging

import pytest
import torch

from harness.host.locations import pack_module
from harness.inputs import footage
from harness.letting_go import watched

from .test_crop import DEFAULTS
from .test_crop import LENGTH as CROP_LENGTH
from .test_paste import LENGTH, VCUS, masked

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def clip():
    return torch.from_numpy(footage.load(footage.BOY_AND_DOG, LENGTH)) / 255


def latent(vcu, batch=1, **about):
    """What a sampler might have made of a VCU."""
    shape = batch, 16, (vcu.num_frames + 2) // 4 + 1, vcu.height // 8, vcu.width // 8
    samples = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    return {"samples": samples, "vace_num_references": 0, "vace_num_frames": vcu.num_frames, **about}


def later(call, vae, samples, fps=0.0, **kept):
    return call("VaceDecodeVideo", samples=samples, vae=vae, fps=fps, **kept)[0]


def at_once(call, vae, samples):
    return call("VaceDecodeLatent", samples=samples, vae=vae)[1]


def saved(video):
    file = python_io.BytesIO()
    video.save_to(file)
    return file.getvalue()


@pytest.mark.parametrize("name", VCUS)
def test_a_pasted_video_is_that_of_pasted_images(call, vae, clip, name):
    vcu = VCUS[name](call, clip)
    samples = latent(vcu)
    video = later(call, vae, samples, vcu=vcu)
    pasted, expected, *_ = call("VacePasteBack", frames=at_once(call, vae, samples), vcu=vcu)
    assert video.shape == pasted.shape and torch.equal(video.get_components().images, pasted)
    assert saved(later(call, vae, samples, vcu=vcu)) == saved(expected) != saved(at_once(call, vae, samples))


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
@pytest.mark.parametrize("giver", ["decode_stream", "_parts"])
def test_no_decoded_frame_is_held_while_the_next_are_decoded(call, vae, clip, monkeypatch, giver):
    decoding, decoded, kept = (
        pack_module(f"nodes._host.{name}") for name in ("conditioning.decoding", "conditioning.decoded_video", "exact")
    )
    vcu, held = VCUS["moving mask"](call, clip), []
    samples = latent(vcu)["samples"]
    video = decoded.DecodedVideo(vae=vae, samples=samples, num_frames=vcu.num_frames)
    with torch.inference_mode():
        assert decoding.is_exact(vae, "decode", decoding._try_out, decoding.INEXACT)
        stream = getattr(decoding, giver)
        monkeypatch.setattr(decoding, giver, lambda *given: watched(stream(*given), held))
        saved(kept.paste_later(video, vcu, 4.0))
    assert len(held) > 2 and not any(held)


@pytest.fixture(scope="module")
def whole_vcu(call):
    clip = torch.from_numpy(footage.load(footage.BOY_AND_DOG, CROP_LENGTH)) / 255
    sound = {"waveform": torch.rand(1, 1, 4700), "sample_rate": 16000}
    (video,) = call("CreateVideo", images=clip, fps=24.0, audio=sound)
    return call("VaceInpaintVideo", video=video, boxes="5%,30%,25%,50% 70%,40%,90%,60%", width=128, height=128)[0]


@pytest.mark.parametrize("scale", [{}, {"scale": "custom", "megapixels": 0.02}], ids=["1:1", "enlarged"])
@pytest.mark.parametrize("feather", [2.0, 99.0])
def test_a_stitched_video_is_that_of_stitched_images(call, vae, whole_vcu, scale, feather):
    cropped, crop, _ = call("VaceCropVcu", vcu=whole_vcu, **{**DEFAULTS, **scale})
    assert not crop.plan.still
    samples = latent(cropped)
    video = later(call, vae, samples, crop=crop, feather=feather)
    stitched, expected, _ = call("VaceStitchCrop", frames=at_once(call, vae, samples), crop=crop, feather=feather)
    assert video.shape == (CROP_LENGTH, 128, 128, 3) and torch.equal(video.get_components().images, stitched)
    assert saved(later(call, vae, samples, crop=crop, feather=feather)) == saved(expected)
    parts = video.get_components()
    assert parts.frame_rate == 24 and parts.audio is whole_vcu.audio


@pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")
def test_nothing_is_decoded_before_it_is_saved_and_then_a_few_frames_at_a_time(call, clip):
    (vae,), vcu = call("VAELoader", vae_name="small_wan_vae.safetensors"), masked(call, clip)
    runs = []
    vae.first_stage_model.decoder.conv1.register_forward_hook(lambda *_: runs.append(1))
    samples = latent(vcu)
    at_once(call, vae, samples)  # the check of the device, once for each VAE
    runs.clear()
    video = later(call, vae, samples, vcu=vcu)
    assert runs == [] and video.get_frame_count() == LENGTH
    parts = video.parts()
    assert next(parts).shape == (1, *vcu.frames.shape[1:]) and len(runs) == 1


def test_the_rate_asked_for_wins_and_what_was_measured_is_in_the_log(call, vae, clip, caplog):
    vcu = masked(call, clip)
    video = later(call, vae, latent(vcu), fps=12.0, vcu=vcu)
    with caplog.at_level(logging.INFO, "wan_vace"):
        saved(video)
    assert video.get_frame_rate() == 12
    assert "is now exactly the source" in caplog.text and "colour of what is kept had changed" in caplog.text


def test_what_does_not_fit_is_refused_by_the_node(call, vae, clip, whole_vcu):
    vcu = masked(call, clip)
    samples, (_, crop, _) = latent(vcu), call("VaceCropVcu", vcu=whole_vcu, **DEFAULTS)
    for change, kept, match in (
        ({"vace_num_frames": 5}, {"vcu": vcu}, "frames has 5 frames but vcu has 7"),
        ({}, {"vcu": whole_vcu}, "frames is 64 x 64 but vcu is 128 x 128"),
        ({"vace_num_frames": 5}, {"crop": crop}, "frames has 5 frames but crop has 7"),
        ({}, {"vcu": vcu, "crop": crop}, "vcu and crop are connected both"),
        ({"samples": samples["samples"].repeat(2, 1, 1, 1, 1)}, {"vcu": vcu}, "samples holds a batch"),
    ):
        with pytest.raises(ValueError, match=match):
            later(call, vae, {**samples, **change}, **kept)
