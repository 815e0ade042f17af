"""LoRA hooks of a conditioning, for VACE blocks too: the attached adapter against the host's merged VACE model."""

import pytest
import torch
from safetensors.torch import save_file

from harness.host.precision import unet_flag

from .test_adapter import conditioned, encode, sample
from .test_cases import adapter_tensors, built, forget, lora_weights, squeeze

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("lora_folder")]

KEY = "wan_vace_adapter"
FALLING = [(0.0, 1.0), (0.4, 0.5), (0.8, 0.0)]
RISING = [(0.0, 0.3), (0.5, 1.2)]


def lora_hook(s, keys="", strength=0.8, keyframes=(), after=None):
    """A new LoRA of these blocks as a hook; with keyframes it follows them, ``after`` chains it behind others."""
    name = f"hook_{len(list(s.folder.iterdir()))}.safetensors"
    save_file({key: value for key, value in lora_weights().items() if f".{keys}" in key}, s.folder / name)
    hooks = s.call("CreateHookLoraModelOnly", lora_name=name, strength_model=strength)[0]
    frames = None
    for start, factor in keyframes:
        frames = s.call("CreateHookKeyframe", strength_mult=factor, start_percent=start, prev_hook_kf=frames)[0]
        hooks = s.call("SetHookKeyframes", hooks=hooks, hook_kf=frames)[0]
    return s.call("CombineHooks2", hooks_A=after, hooks_B=hooks)[0] if after else hooks


def with_hooks(s, conditioning, hooks):
    properties = {"strength": 1.0, "set_cond_area": "default", "hooks": hooks}
    return s.call("ConditioningSetProperties", cond_NEW=conditioning, **properties)[0]


def without_hooks(inputs):
    *prompts, latent = inputs
    return *([[text, {k: v for k, v in values.items() if k != "hooks"}] for text, values in p] for p in prompts), latent


def positive(**lora):
    """Inputs with a hook on the positive prompt alone."""

    def inputs(s):
        prompt, negative, latent = s.inputs(references=1)
        return with_hooks(s, prompt, lora_hook(s, **lora)), negative, latent

    return inputs


def both_prompts(s):
    """Each prompt its own LoRA, so that the host keeps the weights of both."""
    prompt, negative, latent = s.inputs(references=1)
    falling, lasting = lora_hook(s, keyframes=FALLING), lora_hook(s, "vace_blocks", 1.1)
    return with_hooks(s, prompt, falling), with_hooks(s, negative, lasting), latent


def same_on_both(s):
    """One group for all prompts, for which the host keeps no weights."""
    prompt, negative, latent = s.inputs()
    hooks = lora_hook(s, keyframes=FALLING)
    return with_hooks(s, prompt, hooks), with_hooks(s, negative, hooks), latent


def several_loras(s):
    """Three on the same weights, with keyframes of their own and without."""
    prompt, negative, latent = s.inputs()
    hooks = lora_hook(s, keyframes=FALLING, after=lora_hook(s, "vace_blocks", -0.5))
    return with_hooks(s, prompt, lora_hook(s, strength=0.4, keyframes=RISING, after=hooks)), negative, latent


def combined_prompts(s):
    """Two positive prompts, one with a LoRA for the base and the adapter, one with a LoRA for the adapter."""
    prompt, negative, latent = s.inputs(seed=1)
    one, other = lora_hook(s), lora_hook(s, "vace_blocks", keyframes=RISING)
    return with_hooks(s, prompt, one) + with_hooks(s, prompt, other), negative, latent


def part_of_the_steps(s):
    prompt, negative, latent = s.inputs()
    ranged = with_hooks(s, prompt, lora_hook(s))
    early = s.call("ConditioningSetTimestepRange", conditioning=ranged, start=0.0, end=0.5)[0]
    late = s.call("ConditioningSetTimestepRange", conditioning=prompt, start=0.5, end=1.0)[0]
    return early + late, negative, latent


def model_as_lora(s):
    """A whole VACE model as a hook: its difference to the weights that are there."""
    import comfy.hooks

    weights = comfy.hooks.get_patch_weights_from_model(s.merged)
    generator = torch.Generator().manual_seed(5)
    other = {key: value + 0.1 * torch.rand(value.shape, generator=generator) for key, value in weights.items()}
    prompt, negative, latent = s.inputs()
    return with_hooks(s, prompt, comfy.hooks.create_hook_model_as_lora(other, None, 0.7, 0.0)), negative, latent


INPUTS = {
    "positive only": positive(keys="vace_blocks"),
    "positive only, base too": positive(),
    "keyframes": positive(keyframes=FALLING),
    "each prompt its own": both_prompts,
    "both prompts the same": same_on_both,
    "several LoRAs": several_loras,
    "combined prompts": combined_prompts,
    "part of the steps": part_of_the_steps,
    "model as LoRA": model_as_lora,
}


@pytest.mark.parametrize("case", INPUTS)
def test_hooks_equal_merged(setting, case, same):
    same(f"hooks, {case}", *compared(setting, INPUTS[case](setting)))


def compared(s, inputs, merged=None, attached=None):
    merged = merged or s.merged
    expected = sample(s.call, merged, inputs, steps=6)
    assert (expected - sample(s.call, merged, without_hooks(inputs), steps=6)).abs().max() > 0.01
    return expected, sample(s.call, attached or s.attach(), inputs, steps=6)


# The model


def fp8(s):
    """With weights that the host rounds by chance, the same for each key."""
    import comfy.model_management

    file, dtype = {"weight_dtype": "fp8_e4m3fn"}, torch.float8_e4m3fn
    merged, plain = (
        s.call("UNETLoader", unet_name=f"small_wan_{kind}.safetensors", **file)[0] for kind in ("vace", "t2v")
    )
    tensors = {k: t if k.startswith("vace_patch") else t.to(dtype) for k, t in adapter_tensors().items()}
    # On a device that computes in fp8, without a flag: else the host would not keep it.
    with pytest.MonkeyPatch.context() as patch, unet_flag(None):
        patch.setattr(comfy.model_management, "supports_fp8_compute", lambda *_: True)
        return merged, s.attach(plain, built(tensors))


def lora_beneath(s):
    import comfy.sd

    weights = {key: 0.5 * value for key, value in lora_weights().items()}
    merged, plain, adapter = (
        comfy.sd.load_lora_for_models(model, None, weights, 0.9, 0.0)[0] for model in (s.merged, s.plain, s.adapter)
    )
    return merged, s.attach(plain, adapter)


def partly_loaded(s):
    return [squeeze(model) for model in lora_beneath(s.in_float32())]


def windowed(s):
    return [
        s.call(
            "WanContextWindowsManual", model=model, context_length=5, context_overlap=1, closed_loop=False,
            context_schedule="standard_static", context_stride=1, fuse_method="pyramid", freenoise=False,
        )[0]
        for model in (s.merged, s.attach())
    ]  # fmt: skip


MODELS = {
    "cloned twice": lambda s: (s.merged.clone(), s.attach().clone().clone()),
    "fp8_e4m3fn": fp8,
    "LoRA beneath": lora_beneath,
    "partial load": partly_loaded,
    "context windows": windowed,
}


@pytest.mark.parametrize("case", MODELS)
def test_hooks_equal_merged_on_other_models(setting, case, same):
    merged, attached = MODELS[case](setting)
    same(f"hooks, {case}", *forget(compared(setting, both_prompts(setting), merged, attached)))


def test_two_adapters_of_one_model_get_the_hook_both(setting, same):
    """Twice the same adapter adds each hint twice, as twice the same VCU does."""
    s, context = setting, (encode(setting.call, setting.vae), 0.8)
    both = s.attach(s.attach(), built(adapter_tensors()))
    hooks = lora_hook(s, "vace_blocks")
    twice, once = (conditioned(s.call, s.prompts, [context] * count) for count in (2, 1))
    expected, actual = (
        sample(s.call, model, (*(with_hooks(s, prompt, hooks) for prompt in inputs[:2]), inputs[2]))
        for model, inputs in ((s.merged, twice), (both, once))
    )
    same("hooks, two adapters", expected, actual)


def test_hooks_come_back_after_a_host_that_unloads_between_steps(setting, same):
    import comfy.model_management

    def unload(args):
        comfy.model_management.unload_all_models()
        return args["denoised"]

    s, models = setting, [setting.merged.clone(), setting.attach()]
    for model in models:
        model.set_model_sampler_post_cfg_function(unload)
    same("hooks, unloaded after each step", *compared(s, same_on_both(s), *models))


def test_a_hook_that_a_model_was_loaded_with_stays_on_the_base(setting, same):
    """As other packs may put it, and like a LoRA loader on the model; its LoRA is not in the conditioning."""
    import comfy.hooks

    s, results = setting, []
    prompt, negative, latent = s.inputs()
    weights = {key: value for key, value in lora_weights().items() if ".blocks" in key}
    for model in (s.merged, s.attach()):
        model, _, hooks = comfy.hooks.load_hook_lora_for_models(model, None, weights, 0.8, 0.0)
        inputs = with_hooks(s, prompt, hooks), negative, latent
        results.append(sample(s.call, model, inputs))
        assert not torch.equal(results[-1], sample(s.call, model, (prompt, negative, latent)))
    same("hooks, loaded with the model", *results)


# Undone


@pytest.mark.parametrize("case", ["each prompt its own", "both prompts the same"])
def test_a_later_run_without_hooks_is_as_before(setting, case):
    s, attached = setting, setting.attach()
    check = unchanged(s, attached, s.inputs())
    sample(s.call, attached, INPUTS[case](s))
    check()


def unchanged(s, attached, inputs):
    """Gives a check that the adapter's weights and a run without hooks are what they are now."""
    plain = sample(s.call, attached, inputs)
    before = {key: value.cpu().clone() for key, value in s.adapter.model.state_dict().items()}

    def check():
        after = s.adapter.model.state_dict()
        assert all(torch.equal(after[key].cpu(), value) for key, value in before.items())
        assert torch.equal(sample(s.call, attached, inputs), plain)
        assert not any(each.hook_patches for each in attached.get_additional_models_with_key(KEY))

    return check


def test_a_run_that_is_stopped_leaves_no_hook(setting):
    s, attached, steps = setting, setting.attach(), []
    check = unchanged(s, attached, s.inputs())

    def stop(_):
        steps.append(len(s.adapter.hook_backup))
        raise KeyboardInterrupt

    clone = attached.clone()
    clone.set_model_sampler_post_cfg_function(stop)
    with pytest.raises(KeyboardInterrupt):
        sample(s.call, clone, same_on_both(s))
    assert steps == [2]  # weights of the adapter that the LoRA changes
    check()


def test_a_run_that_is_refused_leaves_no_hook(setting):
    s, context = setting, (encode(setting.call, setting.vae), 0.8)
    attached = s.call("VaceApplyAdapter", model=s.plain, adapter=s.adapter, vcus="1, 2")[0]
    check = unchanged(s, attached, conditioned(s.call, s.prompts, [context, context]))
    with pytest.raises(ValueError, match="vcus of VACE Apply Adapter"):
        sample(s.call, attached, both_prompts(s))  # of one VCU
    check()


@pytest.mark.parametrize(("case", "groups"), [("each prompt its own", 2), ("both prompts the same", 0)])
def test_weights_are_kept_where_the_host_keeps_them_and_none_of_past_keyframes(setting, case, groups):
    s, attached, kept = setting, setting.attach(), []
    (adapter,) = attached.get_additional_models_with_key(KEY)

    def count(args):
        kept.append(len(adapter.cached_hook_patches))
        return args["denoised"]

    attached.set_model_sampler_post_cfg_function(count)
    sample(s.call, attached, INPUTS[case](s), steps=8)
    assert set(kept) == {groups}
    assert not adapter.cached_hook_patches
