"""The attached adapter against the host's merged VACE model: bit-equal, and free at strength 0."""

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from harness.host import locations

pytestmark = pytest.mark.host

CASES = {
    "euler cfg": {},
    "cfg 1": {"cfg": 1.0},
    "uni_pc": {"sampler_name": "uni_pc"},
    "dpmpp_2m denoise": {"sampler_name": "dpmpp_2m", "scheduler": "sgm_uniform", "denoise": 0.6},
    "euler beta": {"scheduler": "beta"},
}


@pytest.fixture(scope="module")
def adapter(call):
    return call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]


@pytest.fixture(scope="module")
def attached(call, plain_model, adapter):
    return call("VaceApplyAdapter", model=plain_model, adapter=adapter)[0]


def encode(call, vae, seed=1, references=0, width=48, height=32):
    generator = torch.Generator().manual_seed(seed)
    video = torch.rand(5, height, width, 3, generator=generator)
    mask = (torch.rand(5, height, width, generator=generator) > 0.5).float()
    pictures = {f"reference_image_{i}": torch.rand(1, height, width, 3, generator=generator) for i in range(references)}
    settings = {"width": 0, "height": 0, "length": 0, "fit": "cover", "inside_mask": "control", "soft_mask": False}
    vcu = call("VaceBuildVcu", references=pictures, control_video=video, control_masks=mask, **settings)[0]
    return call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]


def conditioned(call, prompts, contexts, batch_size=1):
    (positive, negative), latent = prompts, None
    for context, strength in contexts:
        positive, negative, latent, _ = call(
            "VaceApplyContext", positive=positive, negative=negative, context=context, strength=strength,
            batch_size=batch_size,
        )  # fmt: skip
    return positive, negative, latent


def sample(call, model, inputs, **settings):
    positive, negative, latent = inputs
    base = {"seed": 3, "steps": 3, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    return call(
        "KSampler", model=model, positive=positive, negative=negative, latent_image=latent, **{**base, **settings}
    )[0]["samples"]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_attached_equals_merged_bit_for_bit(call, vae, vace_model, attached, prompts, case, same):
    inputs = conditioned(call, prompts, [(encode(call, vae, references=1), 0.8)])
    same(case, *(sample(call, model, inputs, **CASES[case]) for model in (vace_model, attached)))


def test_several_vcus_and_a_batch_equal_merged(call, vae, vace_model, attached, prompts, same):
    contexts = [(encode(call, vae, 1, references=2), 0.8), (encode(call, vae, 2), 0.4)]
    inputs = conditioned(call, prompts, contexts, batch_size=2)
    same("two VCUs, batch of 2", sample(call, vace_model, inputs), sample(call, attached, inputs))


def test_without_vcu_it_runs_on_the_empty_context_like_the_merged_model(call, vae, vace_model, attached, prompts, same):
    latent = {"samples": torch.zeros(1, 16, 2, 4, 6)}
    inputs = (*prompts, latent)
    same("no VCU", sample(call, vace_model, inputs), sample(call, attached, inputs))


def test_other_patches_before_and_after_keep_working(call, vae, vace_model, plain_model, adapter, prompts, same):
    inputs = conditioned(call, prompts, [(encode(call, vae), 0.8)])

    def skip(model):
        return call(
            "SkipLayerGuidanceDiT", model=model, scale=3.0, double_layers="0, 2", single_layers="",
            start_percent=0.0, end_percent=1.0, rescaling_scale=0.0,
        )[0]  # fmt: skip

    def shift(model):
        return call("ModelSamplingSD3", model=model, shift=3.0)[0]

    def attach(model):
        return call("VaceApplyAdapter", model=model, adapter=adapter)[0]

    expected = sample(call, shift(skip(vace_model)), inputs)
    same("SkipLayerGuidanceDiT and shift after", expected, sample(call, shift(skip(attach(plain_model))), inputs))
    same("SkipLayerGuidanceDiT and shift before", expected, sample(call, attach(shift(skip(plain_model))), inputs))


def test_context_windows_equal_merged(call, vae, vace_model, attached, prompts, same):
    inputs = conditioned(call, prompts, [(encode(call, vae), 0.8)])

    def windowed(model):
        return call(
            "WanContextWindowsManual", model=model, context_length=5, context_overlap=1,
            context_schedule="standard_static", context_stride=1, closed_loop=False, fuse_method="pyramid",
            freenoise=False,
        )[0]  # fmt: skip

    same("context windows", *(sample(call, windowed(model), inputs) for model in (vace_model, attached)))


def test_strength_zero_is_the_base_and_runs_no_adapter_block(call, vae, plain_model, attached, adapter, prompts):
    inputs = conditioned(call, prompts, [(encode(call, vae), 0.0)])
    runs = []
    hook = adapter.model.diffusion_model.vace_blocks[0].register_forward_hook(lambda *_: runs.append(1))
    try:
        result = sample(call, attached, inputs)
    finally:
        hook.remove()
    assert not runs
    assert torch.equal(result, sample(call, plain_model, inputs))


class CountedOperations(TorchDispatchMode):
    """Every operation of torch within, by name."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.counts[str(function)] += 1
        return function(*args, **(kwargs or {}))


def test_a_step_at_strength_zero_is_the_bases_own_operation_by_operation(call, vae, plain_model, attached, prompts):
    inputs = conditioned(call, prompts, [(encode(call, vae), 0.0)])
    counts = []
    for model in (plain_model, attached):
        by_steps = []
        sample(call, model, inputs)  # what only the first run does
        for steps in (2, 6):
            with CountedOperations() as counted_run:
                sample(call, model, inputs, steps=steps)
            by_steps.append(counted_run.counts)
        counts.append(by_steps)
    (few, many), (own_few, own_many) = counts
    assert own_many - own_few == many - few  # of four steps
    assert not few - own_few and (own_few - few).total() <= 8  # before them, a look at each strength's number


def counted(call, adapter, model, inputs, **settings):
    """The result, and how often each adapter block ran."""
    blocks = adapter.model.diffusion_model.vace_blocks
    counts = [0] * len(blocks)

    def count(index):
        def hook(*_):
            counts[index] += 1

        return hook

    hooks = [block.register_forward_hook(count(i)) for i, block in enumerate(blocks)]
    try:
        return sample(call, model, inputs, **settings), counts
    finally:
        for hook in hooks:
            hook.remove()


def strength(call, model, steps="1", frames="1", blocks="", references=1.0, mask=None):
    inputs = {"steps": steps, "frames": frames, "blocks": blocks, "references": references, "mask": mask}
    return call("VaceSetStrength", model=model, **inputs)[0]


def test_a_field_of_ones_changes_nothing(call, vae, attached, prompts):
    inputs = conditioned(call, prompts, [(encode(call, vae, references=1), 0.8)])
    assert torch.equal(sample(call, strength(call, attached), inputs), sample(call, attached, inputs))


def test_steps_switched_off_run_no_block_and_the_shift_may_come_later(call, vae, attached, adapter, prompts):
    inputs = conditioned(call, prompts, [(encode(call, vae), 0.8)])
    model = strength(call, attached, steps="0:1, 50%:1, 50%:0")
    for shifted, shift in ((3.0, 3.0), (8.0, 8.0)):
        late = call("ModelSamplingSD3", model=model, shift=shift)[0]
        early = strength(
            call, call("ModelSamplingSD3", model=attached, shift=shifted)[0], steps="0:1, 50%:1, 50%:0"
        )  # fmt: skip
        (a, first), (b, second) = (counted(call, adapter, m, inputs, steps=4) for m in (late, early))
        assert torch.equal(a, b) and first == second == [2, 2]  # 2 of 4 steps, both prompts in one call


def test_trailing_zero_blocks_do_not_run_and_equal_a_zero(call, vae, attached, adapter, prompts, near):
    inputs = conditioned(call, prompts, [(encode(call, vae), 0.8)])
    cut, counts = counted(call, adapter, strength(call, attached, blocks="1, 0"), inputs)
    nearly, _ = counted(call, adapter, strength(call, attached, blocks="1, 0.0000001"), inputs)
    assert counts == [3, 0]
    torch.testing.assert_close(cut, nearly, **near(cut, 1e-4, 1e-4))
    assert not torch.equal(cut, sample(call, attached, inputs))


def test_reference_strength_equals_that_of_the_references_themselves(call, vae, attached, prompts, near):
    context = encode(call, vae, references=1)
    import dataclasses

    weak = dataclasses.replace(context, reference_strengths=(0.3,))
    by_field = sample(call, strength(call, attached, references=0.3), conditioned(call, prompts, [(context, 1.0)]))
    by_reference = sample(call, attached, conditioned(call, prompts, [(weak, 1.0)]))
    torch.testing.assert_close(by_field, by_reference, **near(by_reference, 1e-5))


def test_a_black_mask_is_strength_zero_and_a_white_one_full(call, vae, plain_model, attached, prompts, near):
    inputs = conditioned(call, prompts, [(encode(call, vae), 1.0)])
    black, white = torch.zeros(1, 32, 48), torch.ones(1, 32, 48)
    for mask, model in ((black, plain_model), (white, attached)):
        expected = sample(call, model, inputs)
        found = sample(call, strength(call, attached, mask=mask), inputs)
        torch.testing.assert_close(found, expected, **near(expected))


def test_loras_reach_the_adapter_by_the_hosts_loader(call, adapter, attached, vae, prompts, host):
    import comfy.sd

    inputs = conditioned(call, prompts, [(encode(call, vae), 0.8)])
    name = "diffusion_model.vace_blocks.0.after_proj"
    lora = {f"{name}.lora_up.weight": torch.rand(128, 4), f"{name}.lora_down.weight": torch.rand(4, 128) - 0.5}
    patched, _ = comfy.sd.load_lora_for_models(adapter, None, lora, 1.0, 0.0)
    plain = call("UNETLoader", unet_name="small_wan_t2v.safetensors", weight_dtype="default")[0]
    with_lora = call("VaceApplyAdapter", model=plain, adapter=patched)[0]
    assert (sample(call, with_lora, inputs) - sample(call, attached, inputs)).abs().max() > 1e-3


def test_one_adapter_serves_two_experts_from_one_module(call, plain_model, adapter):
    low = call("UNETLoader", unet_name="small_wan_t2v.safetensors", weight_dtype="default")[0]
    models = [call("VaceApplyAdapter", model=m, adapter=adapter)[0] for m in (plain_model, low)]
    modules = {id(m.get_additional_models_with_key("wan_vace_adapter")[0].model) for m in models}
    assert modules == {id(adapter.model)}


# Wrong inputs


def test_a_merged_model_an_adapter_twice_and_a_missing_adapter_are_refused(
    call, vace_model, plain_model, attached, adapter
):
    with pytest.raises(ValueError, match="model is a VACE model already, with its own adapter inside"):
        call("VaceApplyAdapter", model=vace_model, adapter=adapter)
    with pytest.raises(ValueError, match=r"model has this adapter already\. Apply it once"):
        call("VaceApplyAdapter", model=attached, adapter=adapter)
    with pytest.raises(ValueError, match=r"model has no VACE adapter of its own\. Put VACE Apply Adapter"):
        strength(call, plain_model)


def test_another_width_is_refused_with_both_numbers(call, plain_model, adapter):
    import copy

    wide = copy.copy(adapter)
    wide.model = copy.copy(adapter.model)
    wide.model.shape = type(adapter.model.shape)(dim=1536, ffn_dim=8960, in_dim=96, num_layers=15)
    with pytest.raises(ValueError, match="model is 128 wide but the adapter is 1536"):
        call("VaceApplyAdapter", model=plain_model, adapter=wide)


def test_strength_lists_that_do_not_fit_are_refused(call, attached):
    with pytest.raises(ValueError, match="blocks has 3 strengths but the adapter has 2 blocks"):
        strength(call, attached, blocks="1,1,1")


def test_the_small_adapter_is_the_file_beside_the_models():
    assert (locations.base_dir() / "models" / "vace" / "small_vace_adapter.safetensors").is_file()
