"""LoRAs of every naming scheme, merged and attached, against weights that were changed by hand, in float32."""

import pytest

from .forms import FLAT, KOHYA, LAYERS, PEFT, STRENGTH, draw, lora, lora_with_alpha

pytestmark = pytest.mark.host
DIFFUSERS = [
    "blocks.0.attn1.to_q",
    "blocks.3.ffn.net.0.proj",
    "vace_blocks.0.proj_out",
    "vace_blocks.1.attn2.to_out.0",
    "vace_blocks.1.ffn.net.2",
]
DOTS = [
    "blocks_0.self_attn.q",
    "blocks_3.ffn.0",
    "vace_blocks_0.after_proj",
    "vace_blocks_1.cross_attn.o",
    "vace_blocks_1.ffn.2",
]
DEFAULT = ("lora_B.default.weight", "lora_A.default.weight")
# By scheme: what is before each layer, its spelling, and the ends of the names of up and down.
SCHEMES = {
    "ComfyUI, up and down": ("diffusion_model.", LAYERS, KOHYA),
    "ComfyUI, A and B (diffusion-pipe)": ("diffusion_model.", LAYERS, PEFT),
    "ComfyUI, diffusers' layers (ai-toolkit)": ("diffusion_model.", DIFFUSERS, PEFT),
    "bare (DiffHDR, Ditto, DiffSynth)": ("", LAYERS, DEFAULT),
    "bare, diffusers' layers": ("", DIFFUSERS, PEFT),
    "pipe.dit and pipe.vace (DiffSynth)": ("pipe.", LAYERS, DEFAULT),
    "transformer, diffusers' layers": ("transformer.", DIFFUSERS, PEFT),
    "transformer, official layers": ("transformer.", LAYERS, PEFT),
    "base_model.model (PEFT)": ("base_model.model.", LAYERS, PEFT),
    "kohya (musubi-tuner)": ("lora_unet_", FLAT, KOHYA),
    "kohya with dots": ("lora_unet_", DOTS, KOHYA),
    "VideoX-Fun": ("lora_unet__", FLAT, KOHYA),
    "LyCORIS": ("lycoris_", FLAT, KOHYA),
    "LyCORIS, diffusers' layers": ("lycoris_", [path.replace(".", "_") for path in DIFFUSERS], KOHYA),
    "OneTrainer": ("lora_transformer_", [path.replace(".", "_") for path in DIFFUSERS], KOHYA),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_is_the_weights_added_by_hand(check, scheme):
    prefix, paths, ends = SCHEMES[scheme]
    tensors, changes = {}, {}
    for path, (layer, size) in zip(paths, LAYERS.items(), strict=True):
        parts, changes[f"{layer}.weight"] = (lora_with_alpha if ends == KOHYA else lora)(*size)
        root = {"pipe.": "vace." if "vace" in layer else "dit."}.get(prefix, "")
        spelled = dict(zip(KOHYA, ends, strict=True))
        tensors |= {f"{prefix}{root}{path}.{spelled.get(end, end)}": tensor for end, tensor in parts.items()}
    report = check(f"names: {scheme}", tensors, changes)
    assert "2 layers on the base, 3 on the VACE adapter, at strength 0.7." in report


def test_differences_of_biases_norms_modulation_and_the_embedding(check):
    shapes = {
        "vace_blocks.0.ffn.0.diff_b": (256,),
        "blocks.1.cross_attn.q.lora_B.bias": (128,),
        "vace_blocks.1.norm3.diff": (128,),
        "vace_blocks.1.norm3.diff_b": (128,),
        "blocks.0.self_attn.norm_q.diff": (128,),
        "vace_blocks.0.diff_m": (1, 6, 128),
        "head.diff_m": (1, 2, 128),
        "vace_patch_embedding.diff": (128, 96, 1, 2, 2),
    }
    names = {
        ".diff_b": ".bias",
        ".lora_B.bias": ".bias",
        ".diff_m": ".modulation",
        ".diff": ".weight",
    }
    tensors, changes = {}, {}
    for key, shape in shapes.items():
        end = next(end for end in names if key.endswith(end))
        tensors[f"transformer.{key}"] = draw(*shape)
        name = key.removesuffix(end) + names[end]
        changes[name] = lambda w, d=tensors[f"transformer.{key}"]: w + STRENGTH * d
    check("differences of biases, norms, modulation and an embedding", tensors, changes)
