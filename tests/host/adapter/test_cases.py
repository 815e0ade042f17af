"""One attached adapter against the host's merged VACE model, case by case: the difference must be exactly 0."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from harness.host import locations
from harness.host.precision import unet_flag

from .test_adapter import conditioned, encode, sample, strength

pytestmark = pytest.mark.host

MERGED, PLAIN = "small_wan_vace.safetensors", "small_wan_t2v.safetensors"


@dataclasses.dataclass
class Setting:
    """What a case works with."""

    call: Callable
    vae: object
    merged: object
    plain: object
    adapter: object
    prompts: list
    folder: Path

    def attach(self, model=None, adapter=None):
        """The plain model with the adapter, or others."""
        return self.call("VaceApplyAdapter", model=model or self.plain, adapter=adapter or self.adapter)[0]

    def in_float32(self):
        """The same models in float32: in less, the host rounds the patched weights that are loaded, and no others."""
        with unet_flag("fp32_unet"):
            merged, plain = (
                self.call("UNETLoader", unet_name=name, weight_dtype="default")[0] for name in (MERGED, PLAIN)
            )
            return dataclasses.replace(self, merged=merged, plain=plain, adapter=built(adapter_tensors()))

    def inputs(self, seed=1, references=0, strength=0.8, **size):
        """Positive, negative and latent with one VCU."""
        context = encode(self.call, self.vae, seed, references=references, **size)
        return conditioned(self.call, self.prompts, [(context, strength)])

    def both(self, inputs, change=lambda model: model, **settings):
        """Results of the merged model and of the attached one, changed in the same way after the attach."""
        models = change(self.merged), change(self.attach())
        return [sample(self.call, model, inputs, **settings) for model in models]


def adapter_tensors():
    return load_file(locations.base_dir() / "models" / "vace" / "small_vace_adapter.safetensors")


def built(tensors):
    from wan_vace.nodes._host.adapter.model import build_adapter

    return build_adapter(tensors, None, None)


def cached(node_id, before):
    def case(s):
        def cache(model):
            return s.call(
                node_id, model=model, reuse_threshold=3.0, start_percent=0.1, end_percent=0.95, verbose=False
            )[0]  # fmt: skip

        inputs, settings = s.inputs(), {"steps": 8}
        model = s.attach(cache(s.plain)) if before else cache(s.attach())
        expected = sample(s.call, cache(s.merged), inputs, **settings)
        assert not torch.equal(expected, sample(s.call, s.merged, inputs, **settings))  # steps were reused
        return expected, sample(s.call, model, inputs, **settings)

    return case


def perp_neg_guider(s):
    positive, negative, latent = s.inputs()

    def run(model):
        guider = s.call(
            "PerpNegGuider", model=model, positive=positive, negative=negative, empty_conditioning=negative, cfg=4.0,
            neg_scale=0.7,
        )[0]  # fmt: skip
        sigmas = s.call("BasicScheduler", model=model, scheduler="simple", steps=3, denoise=1.0)[0]
        sampler = s.call("KSamplerSelect", sampler_name="euler")[0]
        noise = s.call("RandomNoise", noise_seed=3)[0]
        return s.call(
            "SamplerCustomAdvanced", noise=noise, guider=guider, sampler=sampler, sigmas=sigmas, latent_image=latent
        )[0]["samples"]  # fmt: skip

    return run(s.merged), run(s.attach())


def perp_neg_node(s):
    inputs = s.inputs()
    return s.both(inputs, lambda model: s.call("PerpNeg", model=model, empty_conditioning=inputs[1], neg_scale=0.7)[0])


def combined(s):
    one, two = s.inputs(seed=1), s.inputs(seed=2, strength=0.4)
    positive = s.call("ConditioningCombine", conditioning_1=one[0], conditioning_2=two[0])[0]
    return s.both((positive, *one[1:]))


def timestep_ranges(s):
    one, two = s.inputs(seed=1), s.inputs(seed=2)

    def ranged(conditioning, start, end):
        return s.call("ConditioningSetTimestepRange", conditioning=conditioning, start=start, end=end)[0]

    positive = ranged(one[0], 0.0, 0.5) + ranged(two[0], 0.5, 1.0)
    return s.both((positive, *one[1:]), steps=4)


def masked_region(s):
    positive, negative, latent = s.inputs()
    mask = torch.zeros(1, 32, 48)
    mask[:, :, :24] = 1
    region = s.call("ConditioningSetMask", conditioning=positive, mask=mask, strength=1.0, set_cond_area="default")[0]
    return s.both((region + s.prompts[0], negative, latent))


def positive_only(s):
    positive, _, latent = s.inputs(references=1)
    return s.both((positive, s.prompts[1], latent))


def noise_mask(s):
    positive, negative, latent = s.inputs()
    filled = {**latent, "samples": torch.rand_like(latent["samples"])}
    mask = (torch.rand(latent["samples"].shape[2], 32, 48) > 0.5).float()
    return s.both((positive, negative, s.call("SetLatentNoiseMask", samples=filled, mask=mask)[0]), denoise=0.7)


def fp8(name, dtype):
    def case(s):
        tensors = {
            key: tensor if key.startswith("vace_patch_embedding") else tensor.to(dtype)
            for key, tensor in adapter_tensors().items()
        }
        merged, plain = (s.call("UNETLoader", unet_name=file, weight_dtype=name)[0] for file in (MERGED, PLAIN))
        inputs = s.inputs()
        return sample(s.call, merged, inputs), sample(s.call, s.attach(plain, built(tensors)), inputs)

    return case


def converted(s, name, dtype, options=None):
    """A whole file in another precision, as the host loads it."""
    import comfy.sd

    source, path = locations.base_dir() / "models" / "diffusion_models" / name, s.folder / name
    with safe_open(source, "pt") as file:
        metadata = file.metadata()
    save_file({key: tensor.to(dtype) for key, tensor in load_file(source).items()}, path, metadata)
    return comfy.sd.load_diffusion_model(str(path), model_options=options or {})


def converted_adapter(dtype):
    return built({key: tensor.to(dtype) for key, tensor in adapter_tensors().items()})


def adapter_kept_in(dtype):
    """In that precision whatever the host would choose, so that nothing is rounded twice."""
    with unet_flag({torch.float16: "fp16_unet", torch.bfloat16: "bf16_unet", torch.float32: "fp32_unet"}[dtype]):
        return converted_adapter(dtype)


def stored(dtype):
    def case(s):
        models = converted(s, MERGED, dtype), s.attach(converted(s, PLAIN, dtype), converted_adapter(dtype))
        inputs = s.inputs()
        return [sample(s.call, model, inputs) for model in models]

    return case


def computed(dtype, **field):
    """The run itself in half precision, as on a GPU, with a weak reference: a strength for each token."""

    def case(s):
        merged, plain = (converted(s, name, dtype, {"dtype": dtype}) for name in (MERGED, PLAIN))
        for model in (merged, plain):
            model.model.manual_cast_dtype = None
            assert model.model.get_dtype_inference() == dtype
        context = dataclasses.replace(encode(s.call, s.vae, references=1), reference_strengths=(0.3,))
        inputs = conditioned(s.call, s.prompts, [(context, 0.8)])
        models = merged, s.attach(plain, adapter_kept_in(dtype))
        if field:
            models = [strength(s.call, model, **field) for model in models]
        return [sample(s.call, model, inputs) for model in models]

    return case


def squeeze(model):
    """A clone that gives half of every loaded model back right before the first step, as under memory pressure."""
    from comfy.patcher_extension import WrappersMP

    def wrapper(executor, *args, **kwargs):
        patcher = args[0].inner_model.current_patcher
        for each in (patcher, *patcher.get_additional_models_with_key("wan_vace_adapter")):
            assert each.partially_unload(each.offload_device, each.model_size() // 2) > 0
            assert each.model.model_lowvram
        return executor(*args, **kwargs)

    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.SAMPLER_SAMPLE, "squeeze", wrapper)
    return clone


def lora_weights():
    lora = {}
    for name in (
        "blocks.0.self_attn.q",
        "blocks.2.cross_attn.v",
        "vace_blocks.0.after_proj",
        "vace_blocks.1.self_attn.k",
    ):
        lora[f"diffusion_model.{name}.lora_up.weight"] = torch.rand(128, 4) - 0.5
        lora[f"diffusion_model.{name}.lora_down.weight"] = torch.rand(4, 128) - 0.5
    return lora


def lora(change):
    def case(s):
        import comfy.sd

        weights = lora_weights()
        merged, plain, adapter = (
            comfy.sd.load_lora_for_models(model, None, weights, 0.9, 0.0)[0]
            for model in (s.merged, s.plain, s.adapter)
        )  # fmt: skip
        inputs = s.inputs()
        expected = sample(s.call, change(merged), inputs)
        assert not torch.equal(expected, sample(s.call, s.merged, inputs))
        return forget([expected, sample(s.call, change(s.attach(plain, adapter)), inputs)])

    return case


def forget(results):
    """Unload everything, so that what was squeezed or patched does not stay with the next case."""
    import comfy.model_management

    comfy.model_management.unload_all_models()
    return results


def unloaded_and_used_again(s):
    inputs, attached = s.inputs(), s.attach()
    expected = sample(s.call, s.merged, inputs)
    assert torch.equal(forget(sample(s.call, attached, inputs)), expected)
    return expected, sample(s.call, attached, inputs)


def two_adapters(s):
    """Every adapter works on every VCU: twice the same adapter adds each hint twice."""
    both = s.attach(s.attach(), built(adapter_tensors()))
    context = encode(s.call, s.vae)
    twice = conditioned(s.call, s.prompts, [(context, 0.8), (context, 0.8)])
    return sample(s.call, s.merged, twice), sample(s.call, both, s.inputs())


CASES = {
    "EasyCache before": cached("EasyCache", before=True),
    "EasyCache after": cached("EasyCache", before=False),
    "LazyCache before": cached("LazyCache", before=True),
    "LazyCache after": cached("LazyCache", before=False),
    "CFGZeroStar": lambda s: s.both(s.inputs(), lambda model: s.call("CFGZeroStar", model=model)[0]),
    "PerpNeg guider": perp_neg_guider,
    "PerpNeg node": perp_neg_node,
    "ConditioningCombine": combined,
    "timestep ranges": timestep_ranges,
    "ConditioningSetMask": masked_region,
    "VACE on positive only": positive_only,
    "noise mask": noise_mask,
    "latent 10 x 14": lambda s: s.both(s.inputs(width=112, height=80, references=1)),
    "fp8_e4m3fn": fp8("fp8_e4m3fn", torch.float8_e4m3fn),
    "fp8_e5m2": fp8("fp8_e5m2", torch.float8_e5m2),
    "stored bf16": stored(torch.bfloat16),
    "stored fp16": stored(torch.float16),
    "computed in bf16": computed(torch.bfloat16),
    "bf16, strength field": computed(torch.bfloat16, steps="1, 0.3", frames="1, 0.2", blocks="0.7, 0.4"),
    "partial load": lambda s: forget(s.both(s.inputs(), squeeze)),
    "LoRA": lora(lambda model: model),
    "LoRA, partial load": lambda s: lora(squeeze)(s.in_float32()),
    "unloaded, used again": unloaded_and_used_again,
    "two adapters": two_adapters,
}


@pytest.mark.parametrize("case", CASES)
def test_attached_equals_merged(setting, case, same):
    same(case, *CASES[case](setting))


@pytest.fixture
def another_shift_loaded(call, plain_model, vae, prompts):
    """The plain model as an earlier workflow leaves it: loaded, with a shift of its own."""
    shifted = call("ModelSamplingSD3", model=plain_model, shift=0.2)[0]
    sample(call, shifted, conditioned(call, prompts, [(encode(call, vae), 1.0)]))


def test_a_case_goes_not_by_what_was_sampled_before(another_shift_loaded, setting, same):
    same("EasyCache after another shift", *CASES["EasyCache before"](setting))
