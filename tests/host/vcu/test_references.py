"""Reference strengths in the host's model: each reference on its own, number and tensor alike."""

import pytest
import torch

pytestmark = pytest.mark.host


def contexts(call, vae, strengths):
    generator = torch.Generator().manual_seed(1)
    pictures = [torch.rand(1, 32, 48, 3, generator=generator) for _ in strengths]
    references = {
        f"reference_image_{i}": call("VacePrepareReference", image=p, role="background", margin=0.0, strength=s)[0]
        for i, (p, s) in enumerate(zip(pictures, strengths, strict=True))
    }
    settings = {"fit": "cover", "inside_mask": "empty", "soft_mask": False}
    vcu = call("VaceBuildVcu", references=references, width=48, height=32, length=5, **settings)[0]
    return call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]


def run(call, model, prompts, context):
    positive, negative, latent, _ = call(
        "VaceApplyContext", positive=prompts[0], negative=prompts[1], context=context, strength=0.8, batch_size=1
    )
    settings = {"seed": 3, "steps": 2, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    sampled = call(
        "KSampler", model=model, positive=positive, negative=negative, latent_image=latent, **settings
    )[0]["samples"]  # fmt: skip
    return positive[0][1]["vace_strength"][0], sampled


def test_strength_is_a_number_when_all_are_as_trained(call, vae, vace_model, prompts):
    scale, _ = run(call, vace_model, prompts, contexts(call, vae, [1.0, 1.0]))
    assert scale == 0.8


def test_each_reference_scales_its_own_tokens_only(call, vae, vace_model, prompts):
    scale, _ = run(call, vace_model, prompts, contexts(call, vae, [0.5, 1.0]))
    tokens = (32 // 16) * (48 // 16)
    assert scale.shape == (1, 4 * tokens, 1)
    assert scale[0, :, 0].tolist() == pytest.approx([0.4] * tokens + [0.8] * (3 * tokens))


def test_a_weaker_reference_changes_the_result_and_full_strength_does_not(call, vae, vace_model, prompts, near):
    _, full = run(call, vace_model, prompts, contexts(call, vae, [1.0]))
    _, nearly = run(call, vace_model, prompts, contexts(call, vae, [1.0 + 1e-7]))  # a tensor, at the same strength
    _, weak = run(call, vace_model, prompts, contexts(call, vae, [0.2]))
    tolerance = near(full, 1e-4, 1e-4)
    torch.testing.assert_close(full, nearly, **tolerance)
    assert (full - weak).abs().max() > max(1e-3, tolerance["atol"])


def test_padding_a_second_vcu_keeps_each_references_strength(call, vae, prompts):
    weak, strong = contexts(call, vae, [0.5]), contexts(call, vae, [1.0, 1.0])
    first = call("VaceApplyContext", positive=prompts[0], negative=prompts[1], context=weak, strength=1.0, batch_size=1)
    positive, *_ = call(
        "VaceApplyContext", positive=first[0], negative=first[1], context=strong, strength=1.0, batch_size=1
    )
    scale, number = positive[0][1]["vace_strength"]
    assert number == 1.0 and scale.shape == (1, 4 * 6, 1)
    assert scale[0, :, 0].tolist() == [0.5] * 6 + [1.0] * 18
