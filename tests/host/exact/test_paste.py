"""What stays, to the pixel and in the latent: a real clip through the small model in the real host."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from harness.hearing import heard
from harness.inputs import footage
from wan_vace.vace_core.conditioning.noise_mask import latent_noise_mask
from wan_vace.vace_core.exact.paste import paste_back
from wan_vace.vace_core.notes import sentences

pytestmark = pytest.mark.host

SIZE, LENGTH = 64, 7  # not 4n + 1
INPAINT = {
    "boxes": "", "references": {}, "keep_amount": 0.0, "grow": 0.0, "feather": 0.0, "unit": "pixels",
    "augment": "original", "seed": 0, "width": SIZE, "height": SIZE, "length": LENGTH, "fit": "cover",
    "easing": "linear", "soft_mask": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def clip():
    return torch.from_numpy(footage.load(footage.BOY_AND_DOG, LENGTH)) / 255


def masked(call, clip, moving=True, references=0):
    """The VCU that replaces the dog."""
    mask = torch.from_numpy(footage.dog_mask(LENGTH if moving else 1, 350, 350)) / 255
    pictures = {f"reference_image_{k}": clip[k : k + 1] for k in range(references)}
    return call("VaceInpaintVideo", video=clip, mask=mask, **{**INPAINT, "references": pictures})[0]


def keyed(call, clip, references=0):
    """The VCU that keeps the first five frames."""
    pictures = {f"reference_image_{k}": clip[k : k + 1] for k in range(references)}
    return call(
        "VaceExtendVideo", video=clip[:5], before=0, after=2, overlap=0, references=pictures, width=SIZE,
        height=SIZE, fit="cover",
    )[0]  # fmt: skip


def encoded(call, vae, prompts, vcu, batch_size=1):
    context = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]
    conditioned = {"positive": prompts[0], "negative": prompts[1], "context": context, "strength": 1.0}
    *conditionings, latent, _ = call("VaceApplyContext", batch_size=batch_size, **conditioned)
    return context, conditionings, latent


def sampled(call, model, conditionings, latent, denoise=1.0, sampler="euler"):
    settings = {"seed": 3, "steps": 2, "cfg": 4.0, "scheduler": "simple", "sampler_name": sampler, "denoise": denoise}
    positive, negative = conditionings
    return call("KSampler", model=model, positive=positive, negative=negative, latent_image=latent, **settings)[0]


def decoded(call, vae, latent):
    return call("VaceDecodeLatent", samples=latent, vae=vae, fps=0.0, trim_latent=-1, length=-1)[0]


def held(call, vae, vcu, latent, grow=0):
    return call("VaceSetNoiseMask", latent=latent, vcu=vcu, vae=vae, grow=grow)


VCUS: dict[str, Callable] = {
    "moving mask": masked,
    "still mask": lambda call, clip: masked(call, clip, moving=False),
    "kept frames": keyed,
}


@pytest.mark.parametrize("name", VCUS)
@pytest.mark.parametrize(("feather", "side"), [(0.0, "outside"), (4.0, "outside"), (4.0, "inside")])
def test_outside_mask_and_feather_a_sampled_clip_is_exactly_the_source(
    call, vae, vace_model, prompts, clip, name, feather, side
):
    vcu = VCUS[name](call, clip)
    _, conditionings, latent = encoded(call, vae, prompts, vcu)
    made = decoded(call, vae, sampled(call, vace_model, conditionings, latent))
    pasted, video, report, outside, border, drift = call(
        "VacePasteBack", frames=made, vcu=vcu, feather=feather, feather_side=side
    )
    (expected, numbers), notes = heard(paste_back, made, vcu, feather, side)
    assert torch.equal(pasted, expected) and torch.equal(video.get_components().images, expected)
    assert report == "\n".join([*sentences(numbers.notes()), *notes])
    assert (outside, border, drift) == (0, numbers.border_error, numbers.largest_drift) and border > 0 < drift
    kept = (vcu.mask <= 0.5).numpy()
    change = 255 * (made.numpy().astype(float) - vcu.frames.numpy())[kept].mean(0)
    np.testing.assert_allclose(numbers.drift, change, atol=1e-3)
    if feather == 0 or side == "inside":
        assert np.array_equal(pasted.numpy()[kept], vcu.frames.numpy()[kept])
        assert not np.array_equal(made.numpy()[kept], vcu.frames.numpy()[kept])


def test_rate_and_sound_are_the_vcus_and_else_the_videos(call, clip):
    sound = {"waveform": torch.zeros(1, 1, 100), "sample_rate": 100}
    (source,) = call("CreateVideo", images=clip, fps=24.0, audio=sound)
    vcu = masked(call, source)  # a VIDEO, which carries both
    (made,) = call("CreateVideo", images=vcu.frames, fps=12.0)
    bare = masked(call, clip)
    for frames, unit, rate, audio in ((made, vcu, 24, sound), (made, bare, 12, None), (vcu.frames, bare, 16, None)):
        video = call("VacePasteBack", frames=frames, vcu=unit, feather=4.0, feather_side="outside")[1]
        parts = video.get_components()
        assert parts.frame_rate == rate and parts.audio is audio


def test_frames_of_another_vcu_are_refused_on_the_node(call, clip):
    with pytest.raises(ValueError, match="frames has 5 frames but vcu has 7"):
        call("VacePasteBack", frames=clip[:5], vcu=masked(call, clip), feather=4.0, feather_side="outside")


@pytest.mark.parametrize(
    ("references", "vcu_of", "sampler", "denoise", "tolerance"),
    [
        (0, masked, "euler", 1.0, 1e-5),
        (2, masked, "euler", 1.0, 1e-5),
        (2, masked, "euler", 0.5, 1e-5),
        (1, keyed, "euler", 1.0, 1e-5),
        (1, keyed, "dpmpp_2m", 0.5, 1e-5),
        (1, keyed, "uni_pc", 1.0, 0.02),  # the host's ends at noise level 0.001 instead of 0, with a mask or without
    ],
)
def test_a_sampler_leaves_the_held_latents_alone(
    call, vae, vace_model, prompts, clip, references, vcu_of, sampler, denoise, tolerance
):
    vcu = vcu_of(call, clip, references=references)
    context, conditionings, latent = encoded(call, vae, prompts, vcu, batch_size=2)
    held_latent, report = held(call, vae, vcu, latent)
    mask = held_latent["noise_mask"]
    assert torch.equal(mask, latent_noise_mask(vcu, references)) and mask.shape[2] == latent["samples"].shape[2]
    assert (mask[:, :, :references] == 1).all() and f"{(mask[:, :, references:] == 0).float().mean():.1%}" in report
    still = (mask == 0).expand_as(held_latent["samples"])
    source = context.latents[:, :16].expand_as(still)  # what the context keeps, the references before it
    assert 0 < still.float().mean() < 1 and torch.equal(held_latent["samples"][still], source[still])
    result = sampled(call, vace_model, conditionings, held_latent, denoise, sampler)["samples"]
    assert (result - source)[still].abs().max() < tolerance
    assert (result - source)[~still].abs().min(0).values.max() > 0


def test_what_is_sampled_sees_the_source_and_decoding_needs_nothing_else(call, vae, vace_model, prompts, clip):
    vcu = masked(call, clip, references=2)
    _, conditionings, latent = encoded(call, vae, prompts, vcu)
    held_latent, _ = held(call, vae, vcu, latent)
    with_mask, without = (sampled(call, vace_model, conditionings, each) for each in (held_latent, latent))
    free = (held_latent["noise_mask"] == 1).expand_as(with_mask["samples"])
    assert not torch.allclose(with_mask["samples"][free], without["samples"][free], atol=1e-3)
    (trimmed,) = call("VaceTrimLatent", samples=with_mask, trim_latent=-1)
    assert torch.equal(trimmed["noise_mask"], held_latent["noise_mask"][:, :, 2:])
    assert torch.equal(trimmed["samples"], with_mask["samples"][:, :, 2:])
    assert decoded(call, vae, with_mask).shape == (LENGTH, SIZE, SIZE, 3)


def test_what_is_not_held_starts_as_it_would_without_the_mask(call, vae, vace_model, prompts, clip):
    vcu = masked(call, clip, references=1)
    _, _, latent = encoded(call, vae, prompts, vcu)
    empty, _ = held(call, vae, vcu, latent)
    free = (empty["noise_mask"] == 1).expand_as(empty["samples"])
    assert (vace_model.model.process_latent_in(empty["samples"])[free] == 0).all()
    given = {**latent, "samples": torch.rand_like(latent["samples"])}
    before = given["samples"].clone()
    kept, _ = held(call, vae, vcu, given)
    assert torch.equal(kept["samples"][free], before[free]) and torch.equal(given["samples"], before)
    assert kept["vace_num_references"] == 1 and "noise_mask" not in given


def test_grow_reaches_the_mask_and_an_old_mask_is_replaced_with_a_note(call, vae, prompts, clip):
    vcu = masked(call, clip)
    _, _, latent = encoded(call, vae, prompts, vcu)
    grown, report = held(call, vae, vcu, {**latent, "noise_mask": torch.ones(1, 1, 3, 8, 8)}, grow=2)
    assert torch.equal(grown["noise_mask"], latent_noise_mask(vcu, 0, 2))
    assert "The noise mask that the latent had is replaced." in report


def test_with_nothing_to_hold_the_latent_goes_on_as_it_was(call, vae, prompts):
    settings = {"references": {}, "width": SIZE, "height": SIZE, "length": 5, "fit": "cover"}
    vcu = call("VaceBuildVcu", inside_mask="empty", soft_mask=False, **settings)[0]
    _, _, latent = encoded(call, vae, prompts, vcu)
    same, report = held(call, vae, vcu, latent)
    assert same is latent and report.startswith("Nothing is held")


def test_a_latent_that_lost_its_counts_or_was_trimmed_still_fits(call, vae, prompts, clip):
    vcu = masked(call, clip, references=2)
    _, _, latent = encoded(call, vae, prompts, vcu)
    bare = {"samples": latent["samples"]}
    assert held(call, vae, vcu, bare)[0]["noise_mask"].shape[2] == 5
    (trimmed,) = call("TrimVideoLatent", samples=latent, trim_amount=2)
    assert held(call, vae, vcu, trimmed)[0]["noise_mask"].shape[2] == 3


def test_another_latent_or_vae_is_refused_on_the_node(call, vae, prompts, clip):
    vcu = masked(call, clip)
    _, _, latent = encoded(call, vae, prompts, vcu)
    with pytest.raises(ValueError, match=r"latent is 64 x 64 with 5 frames, but vcu is 64 x 64 with 9"):
        held(call, vae, vcu, {**latent, "samples": latent["samples"][:, :, :2]})
    (pixels,) = call("VAELoader", vae_name="pixel_space")
    with pytest.raises(ValueError, match="vae is PixelspaceConversionVAE"):
        held(call, pixels, vcu, latent)
    with pytest.raises(ValueError, match=r"latent must have shape \[B, 16, t, h, w\], got \[1, 4, 8, 8\]"):
        held(call, vae, vcu, {"samples": torch.zeros(1, 4, 8, 8)})
