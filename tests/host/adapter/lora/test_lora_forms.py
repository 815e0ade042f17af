"""Every form of LoRA, merged and attached, against weights that were changed by hand; and those that are refused."""

import pytest
import torch
from safetensors.torch import save_file

from .forms import CONVOLUTIONS, EMBEDDINGS, FLAT, FORMS, LAYERS, PRODUCT_TOLERANCE, TOLERANCES, draw, spoken

pytestmark = pytest.mark.host


def in_turn(forms, spellings):
    """Every form in one of the spellings, which `SCHEMES` and the core's tests go through one by one."""
    return [(form, *spellings[index % len(spellings)]) for index, form in enumerate(forms)]


@pytest.mark.parametrize(
    ("form", "prefix", "paths"),
    in_turn(FORMS, [("diffusion_model.", LAYERS), ("lora_unet_", FLAT), ("lycoris_", FLAT)]),
)
def test_a_form_is_the_weights_added_by_hand(check, form, prefix, paths):
    tensors, changes = {}, {}
    for path, (layer, size) in zip(paths, LAYERS.items(), strict=True):
        parts, changes[f"{layer}.weight"] = FORMS[form](*size)
        tensors |= {f"{prefix}{path}.{end}": tensor for end, tensor in parts.items()}
    check(f"form: {spoken(form)}", tensors, changes, TOLERANCES.get(form, 0))


@pytest.mark.parametrize(
    ("form", "prefix"),
    in_turn(CONVOLUTIONS, [("diffusion_model.",), ("transformer.",), ("lora_unet_",), ("lycoris_",)]),
)
def test_a_form_with_a_kernel_is_the_weights_added_by_hand(check, form, prefix):
    """On both patch embeddings, which alone of Wan's layers are convolutions."""
    tensors, changes = {}, {}
    for layer, channels in EMBEDDINGS.items():
        parts, changes[f"{layer}.weight"] = CONVOLUTIONS[form](128, channels)
        tensors |= {f"{prefix}{layer}.{end}": tensor for end, tensor in parts.items()}
    report = check(f"patch embeddings: {spoken(form)}", tensors, changes, PRODUCT_TOLERANCE)
    assert "1 layers on the base, 1 on the VACE adapter, at strength 0.7." in report


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("blocks", [(4, 8, 8), (3, 4, 8, 8)], ids=["OFT", "BOFT"])
def test_the_host_leaves_oft_out_of_what_it_computes_in_16_bits(host, blocks, dtype):
    """Why it is refused: offloaded layers are changed in the model's own precision (the host's LowVramPatch)."""
    import comfy.lora

    parts, weight = {"x.oft_blocks": draw(*blocks), "x.alpha": torch.tensor(0.0)}, draw(32, 32)
    patch = comfy.lora.load_lora(parts, {"x": "x.weight"})["x.weight"]
    whole, half = (
        comfy.lora.calculate_weight([(1.0, patch, 1.0, None, None)], w.clone(), "x", intermediate_dtype=w.dtype)
        for w in (weight, weight.to(dtype))
    )
    assert (whole - weight).abs().max() > 1e-2 and torch.equal(half, weight.to(dtype))


def test_the_host_takes_the_strength_of_oft_twice(host):
    import comfy.lora

    patch = comfy.lora.load_lora({"x.oft_blocks": draw(4, 8, 8)}, {"x": "x.weight"})["x.weight"]
    weight = draw(32, 32)
    half, whole = (
        comfy.lora.calculate_weight([(strength, patch, 1.0, None, None)], weight.clone(), "x") - weight
        for strength in (0.5, 1.0)
    )
    torch.testing.assert_close(half, whole / 4)


def test_oft_is_refused_by_name(call, folder, targets, note_kind):
    save_file({"lycoris_blocks_0_self_attn_q.oft_blocks": draw(16, 8, 8)}, folder / "x.safetensors")
    for where, model in zip(("merged", "attached"), targets, strict=True):
        note_kind("form: OFT and BOFT", where, "refused by name")
        with pytest.raises(ValueError, match=r"^x\.safetensors is an OFT or BOFT, .* takes their strength twice"):
            call("VaceLoadLora", model=model, lora_name="x.safetensors", strength=1.0)
