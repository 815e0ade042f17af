"""VCUs encoded and applied, and a second expert, for the samplers' tests."""

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
