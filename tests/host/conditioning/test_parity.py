"""Bit-equality with the host's own WanVaceToVideo, wherever that node can do the task at all."""

import pytest
import torch

pytestmark = pytest.mark.host

# width, height, length, mask, reference
CASES = [
    (64, 64, 1, False, False),
    (64, 64, 1, True, True),
    (64, 48, 5, True, False),
    (48, 80, 5, False, True),
    (96, 64, 9, True, True),
    (64, 96, 9, False, False),
    (80, 48, 13, True, False),
    (64, 64, 17, True, True),
    (112, 64, 17, False, True),
    (64, 64, 33, True, False),
    (48, 48, 49, True, True),
    (64, 32, 65, False, True),
    (48, 32, 81, True, True),
    (32, 48, 81, True, False),
]


def inputs(width, height, length, with_mask, with_reference):
    generator = torch.Generator().manual_seed(width * 1000 + length)
    video = torch.rand(length, height, width, 3, generator=generator)
    mask = (torch.rand(length, height, width, generator=generator) > 0.5).float() if with_mask else None
    reference = torch.rand(1, height, width, 3, generator=generator) if with_reference else None
    return video, mask, reference


def native(call, vae, prompts, case):
    width, height, length, *_ = case
    video, mask, reference = inputs(*case)
    return call(
        "WanVaceToVideo",
        positive=prompts[0], negative=prompts[1], vae=vae, width=width, height=height, length=length,
        batch_size=1, strength=0.8, control_video=video, control_masks=mask, reference_image=reference,
    )  # fmt: skip


def ours(call, vae, prompts, case):
    video, mask, reference = inputs(*case)
    references = {} if reference is None else {"reference_image_0": reference}
    vcu, report = call(
        "VaceBuildVcu", references=references, width=0, height=0, length=0, fit="cover",
        inside_mask="control", soft_mask=False,
        control_video=video, control_masks=mask,
    )  # fmt: skip
    assert report == ""
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)
    return call(
        "VaceApplyContext", positive=prompts[0], negative=prompts[1], context=context, strength=0.8, batch_size=1
    )


def sample(call, model, outputs):
    positive, negative, latent, _ = outputs
    (result,) = call(
        "KSampler", model=model, seed=3, steps=2, cfg=4.0, sampler_name="uni_pc", scheduler="simple",
        positive=positive, negative=negative, latent_image=latent, denoise=1.0,
    )  # fmt: skip
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}x{c[1]}x{c[2]}{'+mask' * c[3]}{'+ref' * c[4]}")
def test_context_mask_latent_and_result_are_bit_equal_to_the_core_node(call, vae, vace_model, prompts, case):
    theirs, mine = native(call, vae, prompts, case), ours(call, vae, prompts, case)
    for their_cond, my_cond in zip(theirs[:2], mine[:2], strict=True):
        for key in ("vace_frames", "vace_mask"):
            (expected,), (actual,) = their_cond[0][1][key], my_cond[0][1][key]
            assert expected.shape == actual.shape and expected.dtype == actual.dtype
            assert torch.equal(expected, actual), key
        assert their_cond[0][1]["vace_strength"] == my_cond[0][1]["vace_strength"]
    assert torch.equal(theirs[2]["samples"], mine[2]["samples"]) and theirs[3] == mine[3]
    expected, actual = sample(call, vace_model, theirs), sample(call, vace_model, mine)
    assert torch.equal(expected["samples"], actual["samples"])
    assert expected["samples"].std() > 0.01 and expected["samples"].isfinite().all()


def test_decoding_gives_what_trim_and_decode_of_the_core_give(call, vae, vace_model, prompts):
    case = CASES[4]
    sampled = sample(call, vace_model, ours(call, vae, prompts, case))
    (trimmed,) = call("TrimVideoLatent", samples=sampled, trim_amount=1)
    (expected,) = call("VAEDecode", vae=vae, samples=trimmed)
    actual, _ = call("VaceDecodeLatent", samples=sampled, vae=vae, fps=0.0, trim_latent=-1, length=-1)
    assert torch.equal(expected, actual)
