"""VACE Create Hook LoRA: names of other trainers against the host's own hook, and a hook against VACE Load LoRA."""

import pytest
import torch
from safetensors.torch import save_file

from ..test_adapter import sample
from ..test_hooks import FALLING, with_hooks
from .forms import CONVOLUTIONS, EMBEDDINGS, FORMS

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("lora_folder")]
STRENGTH = 0.7  # of the forms of test_lora_schemes

# A LoRA as diffusers writes it, and the host's names of the same tensors.
DIFFUSERS = {
    "transformer.blocks.0.attn1.to_q": "diffusion_model.blocks.0.self_attn.q",
    "transformer.vace_blocks.0.proj_out": "diffusion_model.vace_blocks.0.after_proj",
    "transformer.vace_blocks.1.attn2.to_k": "diffusion_model.vace_blocks.1.cross_attn.k",
}


def hook(s, model, name, strength=STRENGTH, **inputs):
    return s.call("VaceCreateHookLora", model=model, lora_name=name, strength=strength, **inputs)


def models(s):
    return {"merged": s.merged, "attached": s.attach()}


def on_both(s, hooks, references=0):
    positive, negative, latent = s.inputs(references=references)
    return with_hooks(s, positive, hooks), with_hooks(s, negative, hooks), latent


def follow(s, hooks):
    """Hooks that follow keyframes."""
    frames = None
    for start, factor in FALLING:
        frames = s.call("CreateHookKeyframe", strength_mult=factor, start_percent=start, prev_hook_kf=frames)[0]
    return s.call("SetHookKeyframes", hooks=hooks, hook_kf=frames)[0]


@pytest.mark.parametrize("kind", ["merged", "attached"])
def test_a_hook_of_other_names_is_the_hosts_of_its_own(setting, kind):
    """On one prompt, following keyframes, behind another hook."""
    s, model = setting, models(setting)[kind]
    theirs, own = {}, {}
    for name, host in DIFFUSERS.items():
        for side, end, tensor in (("A", "down", torch.rand(4, 128) - 0.5), ("B", "up", torch.rand(128, 4) - 0.5)):
            theirs[f"{name}.lora_{side}.weight"] = own[f"{host}.lora_{end}.weight"] = tensor
    save_file(theirs, s.folder / "theirs.safetensors")
    save_file(own, s.folder / "own.safetensors")
    (first,) = s.call("CreateHookLoraModelOnly", lora_name="own.safetensors", strength_model=0.3)
    both = {"lora_name": "own.safetensors", "strength_model": 0.8, "prev_hooks": first}
    (expected,) = s.call("CreateHookLoraModelOnly", **both)
    actual, report = hook(s, model, "theirs.safetensors", 0.8, prev_hooks=first)
    assert report.startswith("theirs.safetensors (names: diffusers): 1 layers on the base, 2 on ")
    positive, negative, latent = s.inputs(references=1)
    results = [
        sample(s.call, model, (with_hooks(s, positive, follow(s, hooks)), negative, latent), steps=6)
        for hooks in (expected, actual)
    ]
    assert torch.equal(*results)
    assert (results[0] - sample(s.call, model, (positive, negative, latent), steps=6)).abs().max() > 1e-2


def forms():
    """Every form that VACE Load LoRA takes, in one file, each for a layer of its own."""
    names = [f"{block}_self_attn_{part}" for part in "qkvo" for block in ("blocks_0", "vace_blocks_0", "vace_blocks_1")]
    tensors = {}
    for name, form in zip(names, FORMS.values(), strict=False):
        tensors |= {f"lycoris_{name}.{end}": tensor for end, tensor in form(128, 128)[0].items()}
    for (layer, channels), form in zip(EMBEDDINGS.items(), ("locon_of_tucker", "glora_of_tucker"), strict=True):
        parts, _ = CONVOLUTIONS[form](128, channels)
        tensors |= {f"lycoris_{layer}.{end}": tensor for end, tensor in parts.items()}
    return tensors


@pytest.mark.parametrize("kind", ["merged", "attached"])
@pytest.mark.parametrize(
    "tensors",
    [forms, lambda: {"transformer.vace_blocks.0.diff_m": torch.rand(1, 6, 128)}],
    ids=["every form", "modulation"],
)
def test_a_hook_on_both_prompts_is_the_lora_on_the_model(setting, kind, tensors):
    s, model = setting, models(setting)[kind]
    save_file({key: tensor.contiguous() for key, tensor in tensors().items()}, s.folder / "x.safetensors")
    patched, _ = s.call("VaceLoadLora", model=model, lora_name="x.safetensors", strength=STRENGTH)
    expected, plain = sample(s.call, patched, s.inputs()), sample(s.call, model, s.inputs())
    hooks, _ = hook(s, model, "x.safetensors")
    assert (expected - plain).abs().max() > 1e-3
    torch.testing.assert_close(sample(s.call, model, on_both(s, hooks)), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["merged", "attached"])
def test_a_file_that_does_not_fit_the_model_is_refused(setting, kind):
    s = setting
    for name, width in (("wide", 256), ("own", 128)):
        pair = {"lora_up.weight": torch.rand(width, 4), "lora_down.weight": torch.rand(4, width)}
        tensors = {f"lora_unet_vace_blocks_1_self_attn_k.{end}": tensor for end, tensor in pair.items()}
        save_file(tensors, s.folder / f"{name}.safetensors")
    with pytest.raises(ValueError, match=r"^wide\.safetensors does not fit .* \[256, 256\]"):
        hook(s, models(s)[kind], "wide.safetensors")
    with pytest.raises(ValueError, match=r"^own\.safetensors has 1 layers for VACE blocks, but model has no VACE"):
        hook(s, s.plain, "own.safetensors")
    hooks, report = hook(s, models(s)[kind], "own.safetensors", 0.0)
    assert not hooks.hooks and report == "strength is 0, so own.safetensors changes nothing."
