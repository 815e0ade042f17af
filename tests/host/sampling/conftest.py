"""VCUs encoded and applied, all that a sampler needs, and a second expert, for the samplers' tests."""

import pytest


@pytest.fixture(scope="module")
def contexts(call, vae):
    """An encoded VCU with a number of references."""
    from .test_sample_context import vcu_of

    options = {"mask_edges": "official", "antialias_references": False}
    return {n: call("VaceEncodeVcu", vae=vae, vcu=vcu_of(call, n), **options)[0] for n in (0, 2)}


@pytest.fixture
def applied(call, contexts, prompts):
    """Positive, negative and latent of VACE Apply Context."""

    def apply(references=2, batch=1):
        inputs = {"positive": prompts[0], "negative": prompts[1], "context": contexts[references], "strength": 0.9}
        return call("VaceApplyContext", **inputs, batch_size=batch)[:3]

    return apply


@pytest.fixture(scope="module")
def low_noise(vace_model):
    """Another expert: the model with one weight changed, as a LoRA does it."""
    from .test_sample_context import rand

    key = "diffusion_model.blocks.1.ffn.0.weight"
    shape = vace_model.model.state_dict()[key].shape
    other = vace_model.clone()
    other.add_patches({key: ("diff", (0.3 * rand(*shape, seed=8),))}, 1.0)
    return other


@pytest.fixture(scope="module")
def parts(call, vae, vace_model):
    """All that VACE Sample Context needs, 48 x 32 with 5 frames and 2 references."""
    from .test_sample_checks import rand, text

    pictures = {f"reference_image_{i}": rand(1, 32, 48, 3, seed=10 + i) for i in range(2)}
    options = {"width": 48, "height": 32, "length": 5, "fit": "cover", "inside_mask": "empty", "soft_mask": False}
    vcu, _ = call("VaceBuildVcu", references=pictures, control_video=rand(5, 32, 48, 3), **options)
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)
    inputs = {"positive": text(20), "negative": text(21), "context": context, "strength": 1.0, "batch_size": 2}
    positive, negative, latent, _ = call("VaceApplyContext", **inputs)
    return {"model": vace_model, "positive": positive, "negative": negative, "latent": latent}


@pytest.fixture
def sample(call):
    from .test_sample_checks import custom

    def run(**inputs):
        return call(
            "VaceSampleContext", **{"seed": 3, "settings": custom(), "denoise": 1.0, "boundary": 0.875, **inputs}
        )

    return run
