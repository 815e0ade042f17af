"""Which files are taken as Wan's text encoder, by the names and sizes of those that are published."""

import re

import pytest

from wan_vace.vace_core.adapter import require_text_encoder
from wan_vace.vace_core.errors import VaceInputError


def t5(width=4096, blocks=24, positions=24, vocabulary=True):
    """Names of a T5 as Hugging Face writes them, and the shape of what tells its size."""
    names = {"shared.weight": (1, width), "encoder.final_layer_norm.weight": (width,)}
    for block in range(blocks):
        names[f"encoder.block.{block}.layer.0.SelfAttention.q.weight"] = (1, width)
        names[f"encoder.block.{block}.layer.1.DenseReluDense.wi_1.weight"] = (1, width)
        if block < positions:
            names[f"encoder.block.{block}.layer.0.SelfAttention.relative_attention_bias.weight"] = (32, 64)
    return names | ({"spiece_model": (1,)} if vocabulary else {})


def clip(layers):
    return {f"text_model.encoder.layers.{layer}.mlp.fc1.weight": (1, 1) for layer in range(layers)}


WRONG = {
    "t5xxl": (t5(positions=1, vocabulary=False), "t5-xxl, the text encoder of Flux and SD3, and no umt5-xxl"),
    "umt5 base": (t5(width=768, blocks=12), "a umt5 of width 768, not 4096"),
    "pile-t5-xl": (t5(width=2048, positions=1), "a t5 of width 2048, not 4096"),
    "umt5 of transformers": (t5(vocabulary=False), r"a umt5-xxl without its vocabulary (spiece_model)"),
    "cut off": (t5(blocks=20), "a umt5-xxl that is cut off: it has no block 23"),
    "WanVideoWrapper": (
        {"token_embedding.weight": (1, 1), "blocks.0.attn.q.weight": (1, 1), "blocks.0.norm1.weight": (1,)},
        "a umt5-xxl with the official code's names, for WanVideoWrapper, which ComfyUI's loader does not know",
    ),
    "clip_l": (clip(12), "CLIP-L, a text encoder of SD, SDXL, SD3 and Flux"),
    "clip_h": (clip(23), "CLIP-H, the text encoder of SD 2"),
    "clip_g": (clip(32), "CLIP-G, a text encoder of SDXL and SD3"),
    "clip vision": ({"vision_model.embeddings.class_embedding": (1,)}, "a CLIP vision encoder"),
    "qwen": ({"model.layers.0.self_attn.k_proj.bias": (512,)}, "a language model, such as Qwen, Gemma or Llama"),
    "gpt-oss": ({"layers.0.self_attn.sinks": (64,)}, "a language model, such as Qwen, Gemma or Llama"),
    "vae": ({"encoder.conv1.weight": (1,), "decoder.conv1.weight": (1,)}, "a VAE"),
    "wan": (
        {"patch_embedding.weight": (1536, 16, 1, 2, 2), "blocks.0.self_attn.q.weight": (1536, 1536)},
        "a Wan text-to-video model",
    ),
    "vace": ({"vace_blocks.0.ffn.0.weight": (1, 1)}, "a VACE model or module"),
    "lora": ({"lora_unet_blocks_0_ffn_0.lora_up.weight": (1, 1)}, "a LoRA"),
    "other": ({"double_blocks.0.img_attn.qkv.weight": (1, 1)}, "no model that is known here"),
    "empty": ({}, "empty"),
}


def check(names):
    require_text_encoder("x.safetensors", list(names), names.__getitem__)


@pytest.mark.parametrize("more", [{}, {"scaled_fp8": (0,)}], ids=["fp16", "fp8 scaled"])
def test_umt5_xxl_is_taken(more):
    check(t5() | more)


@pytest.mark.parametrize("case", WRONG)
def test_another_file_is_named_and_the_right_one_too(case):
    names, kind = WRONG[case]
    sentence = rf'^text_encoder is "x\.safetensors", which is {re.escape(kind)}.*choose umt5_xxl_fp8_e4m3fn_scaled'
    with pytest.raises(VaceInputError, match=sentence):
        check(names)
