"""What users put on the same model, on the attached adapter and on the host's merged VACE model: equal to the bit."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from harness.host import locations

from .test_adapter import sample, strength
from .test_cases import MERGED, PLAIN, adapter_kept_in, forget, lora_weights

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("lora_folder")]


def after(change, **settings):
    """A change of the model that comes behind VACE Apply Adapter."""
    return lambda s: compared(s, change, change(s, s.attach()), settings)


def before(change, **settings):
    """One that the plain model has already."""
    return lambda s: compared(s, change, s.attach(change(s, s.plain)), settings)


def compared(s, change, attached, settings):
    inputs = s.inputs(references=1)
    expected = sample(s.call, change(s, s.merged), inputs, **settings)
    assert not torch.equal(expected, sample(s.call, s.merged, inputs, **settings))  # it has an effect
    return expected, sample(s.call, attached, inputs, **settings)


def node(node_id, **inputs):
    return lambda s, model: s.call(node_id, model=model, **inputs)[0]


# Attention


def nag(places):
    """Normalised attention guidance as user nodes bring it to Wan: the forward of a cross-attention, replaced."""

    def change(_, model):
        clone = model.clone()
        for place in places:
            name = f"diffusion_model.{place}.cross_attn.forward"
            clone.add_object_patch(name, guided(model.get_model_object(name)))
        return clone

    return change


def guided(original, scale=5.0, tau=2.5, alpha=0.25):
    """Pushed away from the attention to an unwanted text, clipped by its norm and blended."""
    unwanted = torch.randn(1, 8, 128, generator=torch.Generator().manual_seed(11))

    def forward(x, context, **kwargs):
        positive = original(x, context, **kwargs)
        negative = original(x, unwanted.to(x).expand(len(x), -1, -1), **kwargs)
        pushed = positive * scale - negative * (scale - 1)
        ratio = pushed.norm(p=1, dim=-1, keepdim=True) / positive.norm(p=1, dim=-1, keepdim=True)
        return pushed * (ratio.clamp(max=tau) / ratio) * alpha + positive * (1 - alpha)

    return forward


NAG = nag([f"blocks.{i}" for i in range(4)])
NAG_ON_ADAPTER = nag([f"vace_blocks.{i}" for i in range(2)])


def attention_patches(_, model):
    """A factor of its own in each block; the host's merged model hands such patches to its VACE blocks as well."""
    clone = model.clone()
    for put in (clone.set_model_attn1_patch, clone.set_model_attn2_patch):
        put(lambda args: args["x"] * (1 + 0.1 * args["transformer_options"]["block_index"]))
    return clone


def attention_override(_, model):
    """Another attention function in the whole model, as nodes for fast attention set it."""
    clone = model.clone()
    options = clone.model_options["transformer_options"]
    options["optimized_attention_override"] = lambda attention, q, *args, **kwargs: attention(q * 0.9, *args, **kwargs)
    return clone


def naguidance(s):
    """The host's own node, which finds nothing to change in Wan."""
    put = node("NAGuidance", nag_scale=5.0, nag_alpha=0.5, nag_tau=1.5)
    return s.both(s.inputs(), lambda model: put(s, model))


# LoRAs as hooks of a conditioning


def hooked(keys, keyframes=()):
    """One on both prompts, or with keyframes on the positive one alone."""

    def case(s):
        positive, negative, latent = s.inputs(references=1)
        inputs = hook(s, positive, keys, keyframes), negative if keyframes else hook(s, negative, keys), latent
        merged, attached = s.both(inputs, steps=6)
        assert not torch.equal(merged, sample(s.call, s.merged, (positive, negative, latent), steps=6))
        return merged, attached

    return case


def hook(s, conditioning, keys, keyframes=()):
    weights = {key: tensor for key, tensor in lora_weights().items() if f".{keys}" in key}
    save_file(weights, s.folder / "hook.safetensors")
    hooks, frames = s.call("CreateHookLoraModelOnly", lora_name="hook.safetensors", strength_model=0.8)[0], None
    for start, factor in keyframes:
        frames = s.call("CreateHookKeyframe", strength_mult=factor, start_percent=start, prev_hook_kf=frames)[0]
        hooks = s.call("SetHookKeyframes", hooks=hooks, hook_kf=frames)[0]
    properties = {"strength": 1.0, "set_cond_area": "default", "hooks": hooks}
    return s.call("ConditioningSetProperties", cond_NEW=conditioning, **properties)[0]


# The model itself


def nag_on_the_adapter(s):
    inputs, adapter = s.inputs(), NAG_ON_ADAPTER(s, s.adapter)
    expected = sample(s.call, NAG_ON_ADAPTER(s, s.merged), inputs)
    assert not torch.equal(expected, sample(s.call, s.merged, inputs))
    return expected, sample(s.call, s.attach(adapter=adapter), inputs)


def cloned_twice(s):
    """Every clone has the adapter, and what is put on one does not reach the others."""
    inputs, first = s.inputs(), s.attach()
    second = first.clone().clone()
    sample(s.call, NAG(s, strength(s.call, second, blocks="0.1, 0.9")), inputs)
    expected = sample(s.call, s.merged, inputs)
    assert torch.equal(expected, sample(s.call, first, inputs))
    return expected, sample(s.call, second, inputs)


def model_merge(s):
    """With a base of other weights; VACE stays that of the first model."""
    import comfy.sd

    other = comfy.sd.load_lora_for_models(s.plain, None, lora_weights(), 2.0, 0.0)[0]

    def merge(s, model):
        return s.call("ModelMergeSimple", model1=model, model2=other, ratio=0.3)[0]

    return forget(after(merge)(s))


def compute_dtype(dtype):
    """On models in float32: the host may compute in that precision already."""
    return lambda s: forget(after(node("ModelComputeDtype", dtype=dtype))(s.in_float32()))


def mixed(base, adapter):
    """A base computed in one precision with an adapter stored in another; the merged file holds both rounded."""

    def loaded(s, name):
        import comfy.sd

        source, path = locations.base_dir() / "models" / "diffusion_models" / name, s.folder / name
        with safe_open(source, "pt") as file:
            metadata = file.metadata()
        tensors = {key: tensor.to(adapter if "vace_" in key else base) for key, tensor in load_file(source).items()}
        rounded = {key: t if key.startswith("vace_patch") else t.to(base) for key, t in tensors.items()}
        save_file(rounded, path, metadata)
        model = comfy.sd.load_diffusion_model(str(path), model_options={"dtype": base})
        model.model.manual_cast_dtype = None
        return model

    def case(s):
        inputs = s.inputs(references=1)
        models = loaded(s, MERGED), s.attach(loaded(s, PLAIN), adapter_kept_in(adapter))
        return [sample(s.call, model, inputs) for model in models]

    return case


def dual_cfg(s):
    positive, negative, latent = s.inputs()
    other = s.inputs(seed=2)[0]

    def run(model):
        guider = s.call(
            "DualCFGGuider", model=model, cond1=positive, cond2=other, negative=negative, cfg_conds=4.0,
            cfg_cond2_negative=3.0, style="regular",
        )[0]  # fmt: skip
        sigmas = s.call("BasicScheduler", model=model, scheduler="simple", steps=3, denoise=1.0)[0]
        sampler = s.call("KSamplerSelect", sampler_name="euler")[0]
        noise = s.call("RandomNoise", noise_seed=3)[0]
        return s.call(
            "SamplerCustomAdvanced", noise=noise, guider=guider, sampler=sampler, sigmas=sigmas, latent_image=latent
        )[0]["samples"]  # fmt: skip

    return run(s.merged), run(s.attach())


SKIP = {"double_layers": "1, 2", "single_layers": "", "start_percent": 0.0, "end_percent": 1.0}


def five_nodes(s, model):
    """What one model has on it in a long workflow."""
    for change in (
        node("ModelSamplingSD3", shift=5.0),
        NAG,
        node("SkipLayerGuidanceDiT", scale=3.0, rescaling_scale=0.0, **SKIP),
        node("CFGZeroStar"),
        node("EasyCache", reuse_threshold=0.4, start_percent=0.1, end_percent=0.95, verbose=False),
    ):
        model = change(s, model)
    return model


FALLING = [(0.0, 1.0), (0.4, 0.5), (0.8, 0.0)]
CASES = {
    "NAG before": before(NAG),
    "NAG after": after(NAG),
    "NAG on the adapter": nag_on_the_adapter,
    "NAGuidance": naguidance,
    "attention patches before": before(attention_patches),
    "attention patches after": after(attention_patches),
    "attention override": after(attention_override),
    "SkipLayerGuidanceDiTSimple": after(node("SkipLayerGuidanceDiTSimple", **SKIP)),
    "TCFG": after(node("TCFG")),
    "APG": after(node("APG", eta=0.5, norm_threshold=5.0, momentum=0.5)),
    "CFGNorm": after(node("CFGNorm", strength=0.8)),
    "RescaleCFG": after(node("RescaleCFG", multiplier=0.7)),
    "Mahiro": after(node("Mahiro")),
    "FreSca": after(node("FreSca", scale_low=1.0, scale_high=1.25, freq_cutoff=2)),
    "Epsilon Scaling": after(node("Epsilon Scaling", scaling_factor=1.1)),
    "TemporalScoreRescaling": after(node("TemporalScoreRescaling", tsr_k=0.95, tsr_sigma=1.0)),
    "DualCFGGuider": dual_cfg,
    "heun": lambda s: s.both(s.inputs(), sampler_name="heun"),
    "dpmpp_sde": lambda s: s.both(s.inputs(), sampler_name="dpmpp_sde"),
    "res_multistep": lambda s: s.both(s.inputs(), sampler_name="res_multistep"),
    "LoRA hook": hooked("blocks"),
    "LoRA hook with keyframes": hooked("blocks", FALLING),
    "LoRA hook of VACE blocks": hooked("vace_blocks"),
    "cloned twice": cloned_twice,
    "ModelMergeSimple": model_merge,
    "ModelComputeDtype fp16": compute_dtype("fp16"),
    "ModelComputeDtype bf16": compute_dtype("bf16"),
    "base in fp16, adapter in bf16": mixed(torch.float16, torch.bfloat16),
    "base in bf16, adapter in fp32": mixed(torch.bfloat16, torch.float32),
    "five nodes before": before(five_nodes, steps=6),
    "five nodes after": after(five_nodes, steps=6),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_attached_equals_merged(setting, case, same):
    same(case, *CASES[case](setting))
