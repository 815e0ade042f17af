"""The strength field on a merged VACE model equals that on an attached adapter; what does not fit is refused."""

import pytest
import torch

from ..adapter.test_adapter import conditioned, encode, sample, strength

pytestmark = pytest.mark.host

FIELDS = {
    "ones": {},
    "off after half": {"steps": "0:1, 50%:1, 50%:0"},
    "on from 30 %": {"steps": "0:0, 30%:0, 30%:1"},
    "falling": {"steps": "1, 0.2"},
    "never": {"steps": "0"},
    "over frames": {"frames": "1, 0"},
    "first block": {"blocks": "1, 0"},
    "last block": {"blocks": "0, 1"},
    "both blocks": {"blocks": "0.7, 0.3"},
    "no block": {"blocks": "0, 0"},
    "weak references": {"references": 0.3},
    "mask": {"mask": torch.linspace(0, 1, 48).expand(1, 32, 48)},
    "all": {
        "steps": "1, 0.2",
        "frames": "1, 0.5",
        "blocks": "1, 0.4",
        "references": 0.3,
        "mask": torch.ones(1, 8, 8) / 2,
    },
}


@pytest.fixture(scope="module")
def context(call, vae):
    return encode(call, vae, references=1)


def network_of(model):
    return model.get_model_object("diffusion_model")


def blocks_of(model):
    attached = model.get_additional_models_with_key("wan_vace_adapter")
    return (attached[0].model.diffusion_model if attached else network_of(model)).vace_blocks


def counted(call, model, inputs, **settings):
    """The result, and how often each adapter block ran."""
    counts = {}

    def hook(block, *_):
        counts[block.block_id] = counts.get(block.block_id, 0) + 1

    hooks = [block.register_forward_hook(hook) for block in blocks_of(model)]
    try:
        return sample(call, model, inputs, **settings), counts
    finally:
        for each in hooks:
            each.remove()


@pytest.mark.parametrize("field", FIELDS)
def test_merged_equals_attached_and_runs_the_same_blocks(call, vace_model, attached, prompts, context, field, same):
    inputs = conditioned(call, prompts, [(context, 0.8)])
    (merged, ours), (expected, theirs) = (
        counted(call, strength(call, model, **FIELDS[field]), inputs, steps=4) for model in (vace_model, attached)
    )
    same(f"strength: {field}", merged, expected)
    assert ours == theirs


def test_two_vcus_one_of_them_off(call, vae, vace_model, attached, prompts, context):
    inputs = conditioned(call, prompts, [(context, 0.8), (encode(call, vae, 2), 0.0), (encode(call, vae, 3), 0.4)])
    (merged, ours), (expected, theirs) = (
        counted(call, strength(call, model, blocks="0.5, 1"), inputs) for model in (vace_model, attached)
    )
    assert torch.equal(merged, expected)
    assert ours == theirs == {0: 6, 1: 6}  # 3 steps, 2 VCUs that have an effect


def test_never_is_the_base_and_ones_change_nothing(call, vace_model, plain_model, prompts, context):
    inputs = conditioned(call, prompts, [(context, 0.8)])
    never, counts = counted(call, strength(call, vace_model, steps="0"), inputs)
    assert torch.equal(never, sample(call, plain_model, inputs)) and not counts
    assert torch.equal(sample(call, strength(call, vace_model), inputs), sample(call, vace_model, inputs))


def test_the_last_field_counts_and_the_model_itself_stays(call, vace_model, prompts, context):
    inputs = conditioned(call, prompts, [(context, 0.8)])
    before = sample(call, vace_model, inputs)
    twice = strength(call, strength(call, vace_model, steps="0.2", references=0.1), blocks="1, 0.5")
    once = strength(call, vace_model, blocks="1, 0.5")
    assert torch.equal(sample(call, twice, inputs), sample(call, once, inputs))
    assert torch.equal(sample(call, vace_model, inputs), before)


def test_caches_and_a_later_shift(call, vace_model, attached, prompts, context):
    inputs = conditioned(call, prompts, [(context, 0.8)])

    def changed(model):
        weak = strength(call, model, steps="0:1, 60%:1, 60%:0", blocks="0.5, 1")
        fast = call(
            "EasyCache", model=weak, reuse_threshold=3.0, start_percent=0.1, end_percent=0.95, verbose=False
        )[0]  # fmt: skip
        return call("ModelSamplingSD3", model=fast, shift=3.0)[0]

    # The host's cache reads the shift of the run before; the second run has that of its own.
    runs = [[sample(call, changed(model), inputs, steps=8) for _ in range(2)] for model in (vace_model, attached)]
    assert torch.equal(runs[0][1], runs[1][1])


def test_after_an_error_the_model_is_whole_again(call, vace_model, prompts, context):
    inputs = conditioned(call, prompts, [(context, 0.8)])
    network = network_of(vace_model)
    expected, whole = sample(call, vace_model, inputs), network.vace_layers_mapping
    seen = []

    def fail(*_):
        seen.append(dict(network.vace_layers_mapping))
        raise RuntimeError("in the middle")

    hook = network.blocks[1].register_forward_hook(fail)
    try:
        with pytest.raises(RuntimeError, match="in the middle"):
            sample(call, strength(call, vace_model, blocks="1, 0"), inputs)
    finally:
        hook.remove()
    assert seen == [{0: 0}]
    assert network.vace_layers_mapping is whole and whole == {0: 0, 2: 1}
    assert torch.equal(sample(call, vace_model, inputs), expected)


def test_a_list_that_does_not_fit_is_refused(call, vace_model):
    with pytest.raises(ValueError, match="blocks has 3 strengths but the adapter has 2 blocks"):
        strength(call, vace_model, blocks="1,1,1")


# Wrong conditioning, by nodes of other packs; refused before the first step


def refused(call, model, inputs, match):
    runs = []
    hook = network_of(model).blocks[0].register_forward_hook(lambda *_: runs.append(1))
    try:
        with pytest.raises(ValueError, match=match):
            sample(call, model, inputs)
    finally:
        hook.remove()
    assert not runs


def changed(conditioning, **values):
    return [[tensor, {**entry, **values}] for tensor, entry in conditioning]


def test_vcus_of_two_sizes_in_one_conditioning(call, attached, prompts, context):
    positive, negative, latent = conditioned(call, prompts, [(context, 0.8)])
    frames, masks = positive[0][1]["vace_frames"], positive[0][1]["vace_mask"]
    wrong = changed(
        positive,
        vace_frames=[*frames, frames[0][..., :4]],
        vace_mask=[*masks, masks[0][..., :4]],
        vace_strength=[1.0, 1.0],
    )
    match = r"VCUs of different size in one pass: \[3, 4, 6\] and \[3, 4, 4\] latent frames, rows, columns\. Build"
    refused(call, attached, (wrong, negative, latent), match)


@pytest.mark.parametrize("size", [(2, 4, 6), (3, 4, 8), (4, 4, 6)])
def test_a_latent_of_another_size_than_the_context(call, attached, prompts, context, size):
    positive, negative, _ = conditioned(call, prompts, [(context, 0.8)])
    match = (
        r"VACE context is \[3, 4, 6\] latent frames, rows, columns, references included, but the latent that is "
        rf"sampled is \[{size[0]}, {size[1]}, {size[2]}\]\. Sample the latent that VACE Apply Context gives"
    )
    refused(call, attached, (positive, negative, {"samples": torch.zeros(1, 16, *size)}), match)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), torch.full((1, 18, 1), float("nan"))])
def test_a_strength_that_is_no_number(call, attached, prompts, context, value):
    positive, negative, latent = conditioned(call, prompts, [(context, 0.8)])
    wrong = changed(positive, vace_strength=[value])
    refused(call, attached, (wrong, negative, latent), r"vace_strength of VCU 1 in the conditioning is NaN or infinite")
