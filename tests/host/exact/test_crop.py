"""Crop and stitch in the real host: a real clip through the small model, and what the sockets carry."""

import pytest
import torch

from harness.inputs import footage
from wan_vace.vace_core.exact.crop import crop_vcu, plan_crop
from wan_vace.vace_core.masks.shape import feather_mask
from wan_vace.vace_core.notes import sentences

pytestmark = pytest.mark.host

LENGTH, SIZE, FPS = 7, 128, 24.0  # 7 is not 4n + 1
DEFAULTS = {"margin": 25.0, "scale": "1:1", "megapixels": 0.4, "smoothing": 8}
INPAINT = {
    "references": {}, "keep_amount": 0.0, "grow": 0.0, "feather": 0.0, "unit": "pixels", "augment": "original",
    "seed": 0, "width": SIZE, "height": SIZE, "length": 0, "fit": "cover", "easing": "linear", "soft_mask": False,
}  # fmt: skip
MOVING = "5%,30%,25%,50% 70%,40%,90%,60%"


@pytest.fixture(scope="module")
def vcu(call):
    clip = torch.from_numpy(footage.load(footage.BOY_AND_DOG, LENGTH)) / 255
    sound = {"waveform": torch.zeros(1, 1, 700), "sample_rate": 2400}
    (video,) = call("CreateVideo", images=clip, fps=FPS, audio=sound)
    picture = {"reference_image_0": clip[:1, 200:340, 200:320]}
    return call("VaceInpaintVideo", video=video, boxes=MOVING, **{**INPAINT, "references": picture})[0]


def generated(call, vae, model, prompts, vcu):
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)
    *conditioned, latent, _ = call(
        "VaceApplyContext", positive=prompts[0], negative=prompts[1], context=context, strength=1.0, batch_size=1
    )
    settings = {"seed": 3, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    positive, negative = conditioned
    (sampled,) = call("KSampler", model=model, positive=positive, negative=negative, latent_image=latent, **settings)
    return call("VaceDecodeLatent", samples=sampled, vae=vae, fps=0.0, trim_latent=-1, length=-1)


def test_the_defaults_of_the_node_are_those_of_these_tests(host_nodes):
    schema = host_nodes["VaceCropVcu"].GET_SCHEMA()
    assert {s.id: s.default for s in schema.inputs if s.id != "vcu"} == DEFAULTS


@pytest.mark.parametrize("scale", [{}, {"scale": "custom", "megapixels": 0.02}], ids=["1:1", "enlarged"])
def test_a_clip_is_generated_in_its_crop_and_stays_itself_elsewhere(call, vae, vace_model, prompts, vcu, scale):
    cropped, crop, report = call("VaceCropVcu", vcu=vcu, **{**DEFAULTS, **scale})
    assert not crop.plan.still and (cropped.height, cropped.width) == crop.plan.size
    assert cropped.num_frames == LENGTH and len(cropped.references) == 1
    frames, video = generated(call, vae, vace_model, prompts, cropped)
    stitched, out, told = call("VaceStitchCrop", frames=video, crop=crop, feather=2.0)
    assert torch.equal(stitched, call("VaceStitchCrop", frames=frames, crop=crop, feather=2.0)[0])
    kept = feather_mask(vcu.mask, 2) == 0
    assert stitched.shape == (LENGTH, SIZE, SIZE, 3) and torch.equal(stitched[kept], vcu.frames[kept])
    inside = vcu.mask > 0.5
    assert ((stitched - vcu.frames).abs().amax(-1)[inside] > 0.01).float().mean() > 0.9
    parts = out.get_components()
    assert parts.frame_rate == FPS and parts.audio is vcu.audio and torch.equal(parts.images, stitched)
    assert "tokens instead of" in report and "now exactly the source" in told


def test_every_setting_reaches_the_core(call, vcu):
    settings = {"margin": 10.0, "scale": "custom", "megapixels": 0.03, "smoothing": 2}
    cropped, crop, report = call("VaceCropVcu", vcu=vcu, **settings)
    plan = plan_crop(vcu, **settings)
    assert (crop.plan.box, crop.plan.size, crop.plan.corners) == (plan.box, plan.size, plan.corners)
    expected = crop_vcu(vcu, plan)
    assert torch.equal(cropped.frames, expected.frames) and torch.equal(cropped.mask, expected.mask)
    assert report == "\n".join(sentences(plan.notes)) != ""


def test_a_wide_feather_is_told_and_errors_reach_the_user(call, vcu):
    cropped, crop, _ = call("VaceCropVcu", vcu=vcu, **DEFAULTS)
    assert "A larger margin allows more." in call("VaceStitchCrop", frames=cropped.frames, crop=crop, feather=99.0)[2]
    with pytest.raises(ValueError, match=r"frames has 6 frames but crop has 7"):
        call("VaceStitchCrop", frames=cropped.frames[1:], crop=crop, feather=4.0)
