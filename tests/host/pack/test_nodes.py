"""The nodes in the real host: what loads, the traps of other packs, and wrong inputs."""

import copy

import pytest
import torch

from wan_vace.vace_core.vcu.references import letterbox

pytestmark = pytest.mark.host


def build(call, **inputs):
    settings = {"references": {}, "width": 0, "height": 0, "length": 0, "fit": "cover"}
    settings.update(inside_mask="empty", soft_mask=False)
    return call("VaceBuildVcu", **{**settings, **inputs})[0]


def encode(call, vae, **inputs):
    vcu = build(call, **inputs)
    return call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]


def apply(call, prompts, context, strength=1.0, batch_size=1, **model):
    inputs = {"positive": prompts[0], "negative": prompts[1], "strength": strength, "batch_size": batch_size}
    return call("VaceApplyContext", context=context, **inputs, **model)


def sample(call, model, positive, negative, latent):
    inputs = {"seed": 3, "steps": 2, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    return call("KSampler", model=model, positive=positive, negative=negative, latent_image=latent, **inputs)[0]


def picture(height, width, seed=0):
    return torch.rand(1, height, width, 3, generator=torch.Generator().manual_seed(seed))


def test_every_reference_has_its_own_latent_in_order_and_is_seen_whole(call, vae):
    pictures = [picture(20, 90, 1), picture(90, 20, 2), picture(32, 48, 3)]
    references = {f"reference_image_{i}": p for i, p in enumerate(pictures)}
    context = encode(call, vae, references=references, width=48, height=32, length=5)
    assert context.num_references == 3 and context.latents.shape == (1, 32, 5, 4, 6)
    for k, p in enumerate(pictures):
        expected = vae.encode(letterbox(p[0], 32, 48)[None])
        assert torch.equal(context.latents[:, :16, k : k + 1], expected)
    assert (context.mask[:, :, :3] == 0).all() and (context.mask[:, :, 3:] == 1).all()


def test_a_reference_has_a_reactive_half_that_the_model_reads_as_zero(call, vae, vace_model):
    context = encode(call, vae, references={"reference_image_0": picture(32, 48)}, width=48, height=32, length=1)
    assert (vace_model.model.process_latent_in(context.latents[:, 16:, :1]) == 0).all()


def test_adding_a_reference_leaves_the_video_part_alone(call, vae):
    video = torch.rand(5, 32, 48, 3)
    alone = encode(call, vae, control_video=video)
    both = encode(call, vae, control_video=video, references={"reference_image_0": picture(32, 48)})
    assert torch.equal(both.latents[:, :, 1:], alone.latents)


def test_one_mask_frame_acts_on_every_frame(call, vae):
    mask = torch.zeros(1, 32, 48)
    mask[:, :, 24:] = 1
    context = encode(call, vae, control_video=torch.rand(9, 32, 48, 3), control_masks=mask)
    assert (context.mask[..., :3] == 0).all() and (context.mask[..., 3:] == 1).all()


@pytest.mark.parametrize(("first", "second"), [(1, 0), (0, 1), (2, 1)])
def test_vcus_with_different_numbers_of_references_run_together(call, vae, vace_model, prompts, first, second):
    contexts = [
        encode(
            call, vae, width=48, height=32, length=5,
            references={f"reference_image_{i}": picture(32, 48, i) for i in range(count)},
        )
        for count in (first, second)
    ]  # fmt: skip
    positive, negative, *_ = apply(call, prompts, contexts[0], 0.7)
    positive, negative, latent, trim = apply(call, [positive, negative], contexts[1], 0.3)
    assert trim == max(first, second) and latent["samples"].shape[2] == 2 + trim
    assert positive[0][1]["vace_strength"] == [0.7, 0.3]
    sampled = sample(call, vace_model, positive, negative, latent)
    frames = call("VaceDecodeLatent", samples=sampled, vae=vae, fps=0.0, trim_latent=-1, length=-1)[0]
    assert frames.shape == (5, 32, 48, 3) and frames.isfinite().all()


def test_a_vcu_of_the_core_node_is_brought_along(call, vae, vace_model, prompts):
    core = call(
        "WanVaceToVideo", positive=prompts[0], negative=prompts[1], vae=vae, width=48, height=32, length=5,
        batch_size=1, strength=1.0,
    )  # fmt: skip
    context = encode(call, vae, references={"reference_image_0": picture(32, 48)}, width=48, height=32, length=5)
    positive, negative, latent, trim = apply(call, core[:2], context)
    assert trim == 1 and {f.shape[2] for f in positive[0][1]["vace_frames"]} == {3}
    assert sample(call, vace_model, positive, negative, latent)["samples"].isfinite().all()


def test_two_vcus_of_one_length_equal_the_chained_core_nodes(call, vae, vace_model, prompts):
    clips = [torch.rand(5, 32, 48, 3, generator=torch.Generator().manual_seed(s)) for s in (1, 2)]
    theirs, mine = prompts, prompts
    for clip, strength in zip(clips, (0.8, 0.4), strict=True):
        size = {"width": 48, "height": 32, "length": 5, "batch_size": 1}
        *theirs, latent, _ = call(
            "WanVaceToVideo", positive=theirs[0], negative=theirs[1], vae=vae, strength=strength,
            control_video=clip, **size,
        )  # fmt: skip
        *mine, my_latent, _ = apply(call, mine, encode(call, vae, control_video=clip), strength)
    expected, actual = sample(call, vace_model, *theirs, latent), sample(call, vace_model, *mine, my_latent)
    assert torch.equal(expected["samples"], actual["samples"])


def test_an_odd_length_comes_back_exactly_and_per_video_of_a_batch(call, vae, vace_model, prompts):
    context = encode(call, vae, control_video=torch.rand(7, 32, 48, 3))
    positive, negative, latent, _ = apply(call, prompts, context, batch_size=2)
    assert latent["samples"].shape == (2, 16, 3, 4, 6)
    sampled = sample(call, vace_model, positive, negative, latent)
    frames = call("VaceDecodeLatent", samples=sampled, vae=vae, fps=0.0, trim_latent=-1, length=-1)[0]
    whole = vae.decode(sampled["samples"])
    assert torch.equal(frames, torch.cat([whole[0, :7], whole[1, :7]]))


def test_a_vcu_of_the_core_node_between_two_of_ours_is_counted(call, vae, vace_model, prompts):
    size = {"width": 48, "height": 32, "length": 5}
    context = encode(call, vae, references={"reference_image_0": picture(32, 48)}, **size)
    positive, negative, *_ = apply(call, prompts, context)
    core = call(
        "WanVaceToVideo", positive=positive, negative=negative, vae=vae, batch_size=1, strength=1.0,
        reference_image=picture(32, 48, 5), **size,
    )  # fmt: skip
    positive, negative, latent, trim = apply(call, core[:2], encode(call, vae, **size))
    assert trim == 1 and {f.shape[2] for f in positive[0][1]["vace_frames"]} == {3}
    assert sample(call, vace_model, positive, negative, latent)["samples"].isfinite().all()


def test_a_latent_that_the_core_has_trimmed_is_not_trimmed_again(call, vae, prompts):
    context = encode(
        call, vae, control_video=torch.rand(9, 32, 48, 3), references={"reference_image_0": picture(32, 48)}
    )
    latent = {**apply(call, prompts, context)[2], "samples": torch.rand(1, 16, 4, 4, 6)}
    (trimmed,) = call("TrimVideoLatent", samples=latent, trim_amount=1)
    by_core = call("VaceDecodeLatent", samples=trimmed, vae=vae, fps=0.0, trim_latent=-1, length=-1)[0]
    by_us = call("VaceDecodeLatent", samples=latent, vae=vae, fps=0.0, trim_latent=-1, length=-1)[0]
    assert torch.equal(by_core, by_us) and len(by_us) == 9


def test_gray_carries_frame_rate_and_sound(call):
    from comfy_api.latest import InputImpl, Types

    sound = {"waveform": torch.zeros(1, 1, 100), "sample_rate": 100}
    parts = Types.VideoComponents(images=torch.rand(3, 16, 16, 3), audio=sound, frame_rate=30)
    frames, video, report = call("VaceAnnotateGray", frames=InputImpl.VideoFromComponents(parts), luma="official")
    out = video.get_components()
    assert out.frame_rate == 30 and out.audio is sound and torch.equal(out.images, frames) and report == ""


def test_trimming_shortens_the_noise_mask_with_the_samples(call):
    latent = {"samples": torch.zeros(1, 16, 5, 4, 6), "vace_num_references": 2, "vace_num_frames": 9}
    for mask in (torch.rand(1, 1, 5, 4, 6), torch.rand(5, 1, 32, 48), torch.rand(5, 32, 48)):
        (trimmed,) = call("VaceTrimLatent", samples={**latent, "noise_mask": mask}, trim_latent=-1)
        axis = 2 if mask.ndim == 5 else 0
        assert trimmed["samples"].shape[2] == 3
        assert torch.equal(trimmed["noise_mask"], mask.narrow(axis, 2, 3))
    still = torch.rand(1, 32, 48)
    assert call("VaceTrimLatent", samples={**latent, "noise_mask": still}, trim_latent=-1)[0]["noise_mask"] is still


def test_split_shows_what_the_encoder_sees(call):
    video, mask = torch.rand(5, 16, 16, 3), torch.ones(5, 16, 16)
    inactive, reactive = call("VaceSplitByMask", control_video=video, control_masks=mask)
    assert (inactive == 0.5).all()
    torch.testing.assert_close(reactive, video)


def test_split_takes_a_mask_for_all_frames_or_of_another_size_and_names_one_that_fits_no_video(call):
    video, mask = torch.rand(5, 16, 16, 3), torch.zeros(1, 16, 16)
    mask[:, 8:] = 1
    expected = call("VaceSplitByMask", control_video=video, control_masks=mask.expand(5, -1, -1))
    for given in (mask, mask.repeat_interleave(2, 1).repeat_interleave(2, 2)):
        halves = call("VaceSplitByMask", control_video=video, control_masks=given)
        assert all(map(torch.equal, halves, expected))
    with pytest.raises(ValueError, match="control_masks is 32 x 16 but control_video is 16 x 16"):
        call("VaceSplitByMask", control_video=video, control_masks=torch.ones(5, 16, 32))


def test_gray_uses_the_official_weights_unless_told_otherwise(call):
    red = torch.zeros(1, 2, 2, 3)
    red[..., 0] = 1
    for luma, value in (("official", 0.114), ("bt601", 0.299)):
        frames, *_ = call("VaceAnnotateGray", frames=red, luma=luma)
        torch.testing.assert_close(frames, torch.full_like(frames, round(value * 255) / 255))


def test_preview_needs_no_model_and_shows_each_row(call):
    vcu = build(call, control_video=torch.rand(9, 32, 48, 3), references={"reference_image_0": picture(32, 48)})
    small, report = call("VacePreviewVcu", vcu=vcu, columns=3)
    large, _ = call("VacePreviewVcu", vcu=vcu, columns=3, result=torch.rand(9, 32, 48, 3).half())
    assert report.startswith("48 x 32, 9 frames out")
    assert small.ndim == 4 and small.shape[0] == 1 and small.min() >= 0 and small.max() <= 1
    assert large.shape[1] > small.shape[1] and large.shape[2] == small.shape[2]


# Wrong inputs


def test_another_vae_is_refused_by_name(call):
    (pixels,) = call("VAELoader", vae_name="pixel_space")
    with pytest.raises(ValueError, match="vae is PixelspaceConversionVAE with 3 latent channels; VACE needs"):
        encode(call, pixels, width=48, height=32, length=1)


def test_the_wan22_vae_is_refused_by_name(call, vae):
    newer = copy.copy(vae)
    newer.latent_channels = 48
    with pytest.raises(ValueError, match=r"vae is the Wan 2\.2 5B VAE with 48.*Load wan_2\.1_vae\.safetensors"):
        encode(call, newer, width=48, height=32, length=1)


def test_a_model_without_vace_blocks_is_refused_before_sampling(call, vae, plain_model, prompts):
    context = encode(call, vae, width=48, height=32, length=1)
    message = r"model is a plain Wan text-to-video model without VACE blocks; it would ignore.*vace_patch_embedding"
    with pytest.raises(ValueError, match=message):
        apply(call, prompts, context, model=plain_model)


def test_a_model_with_vace_blocks_passes(call, vae, vace_model, prompts):
    apply(call, prompts, encode(call, vae, width=48, height=32, length=1), model=vace_model)


def test_contexts_of_different_size_or_length_are_refused_with_both(call, vae, prompts):
    positive, negative, *_ = apply(call, prompts, encode(call, vae, width=48, height=32, length=5))
    message = r"context is 64 x 32 with 9 frames, but positive or negative already holds one of 48 x 32 with 5"
    with pytest.raises(ValueError, match=message):
        apply(call, [positive, negative], encode(call, vae, width=64, height=32, length=9))


def test_a_latent_that_lost_its_counts_is_refused_until_they_are_given(call, vae):
    bare = {"samples": torch.zeros(1, 16, 3, 4, 6)}
    with pytest.raises(ValueError, match=r"samples does not say what trim_latent is.*Set trim_latent on this node"):
        call("VaceDecodeLatent", samples=bare, vae=vae, fps=0.0, trim_latent=-1, length=-1)
    assert len(call("VaceDecodeLatent", samples=bare, vae=vae, fps=0.0, trim_latent=1, length=3)[0]) == 3


@pytest.mark.parametrize(
    ("trim", "length", "message"),
    [
        (3, 1, r"trim_latent is 3 but samples has 3 latent frames, so nothing would be left"),
        (1, 9, r"length is 9 but samples decodes to 5 frames.*at most 5"),
        (0, 0, r"length is 0 but samples decodes to 9 frames"),
    ],
)
def test_counts_that_do_not_fit_the_latent_are_refused(call, vae, trim, length, message):
    with pytest.raises(ValueError, match=message):
        call(
            "VaceDecodeLatent",
            samples={"samples": torch.zeros(1, 16, 3, 4, 6)},
            vae=vae,
            fps=0.0,
            trim_latent=trim,
            length=length,
        )


def test_a_picture_latent_is_refused(call, vae):
    with pytest.raises(ValueError, match=r"samples must have shape \[B, 16, t, h, w\], got \[1, 4, 8, 8\]"):
        call(
            "VaceDecodeLatent", samples={"samples": torch.zeros(1, 4, 8, 8)}, vae=vae, fps=0.0, trim_latent=0, length=1
        )
