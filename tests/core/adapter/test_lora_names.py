"""Names as trainers write them, each against the layer it was written for."""

import pytest

from wan_vace.vace_core.adapter.keys import adapter_shape
from wan_vace.vace_core.adapter.lora_names import SCHEMES, host_name, lora_names
from wan_vace.vace_core.errors import VaceInputError

from .test_keys import layout

# By scheme: the name of one tensor, the layer it changes, and what the host calls such a tensor.
TRUE_NAMES = {
    "ComfyUI": [
        ("diffusion_model.vace_blocks.0.before_proj.lora_A.weight", "vace_blocks.0.before_proj", "lora_down.weight"),
        ("diffusion_model.vace_blocks.0.proj_in.lora_B.weight", "vace_blocks.0.before_proj", "lora_up.weight"),
        ("diffusion_model.blocks.29.self_attn.q.lora_down.weight", "blocks.29.self_attn.q", "lora_down.weight"),
        ("diffusion_model.blocks.0.self_attn.q.diff_b", "blocks.0.self_attn.q", "diff_b"),
        ("diffusion_model.blocks.0.norm3.diff", "blocks.0.norm3", "diff"),
        ("diffusion_model.blocks.0.diff_m", "blocks.0.modulation", "diff"),
        ("diffusion_model.head.diff_m", "head.modulation", "diff"),
        ("diffusion_model.time_projection.1.lora_up.weight", "time_projection.1", "lora_up.weight"),
    ],
    "diffusers": [
        ("transformer.vace_blocks.3.attn2.to_out.0.lora_A.weight", "vace_blocks.3.cross_attn.o", "lora_down.weight"),
        ("transformer.vace_blocks.3.proj_out.lora_B.weight", "vace_blocks.3.after_proj", "lora_up.weight"),
        ("transformer.blocks.7.attn1.to_v.lora_B.bias", "blocks.7.self_attn.v", "diff_b"),
        ("transformer.blocks.7.ffn.net.0.proj.lora_A.weight", "blocks.7.ffn.0", "lora_down.weight"),
        ("transformer.blocks.7.attn1.to_q.lora_magnitude_vector", "blocks.7.self_attn.q", "dora_scale"),
        ("transformer.condition_embedder.text_embedder.linear_1.lora_A.weight", "text_embedding.0", "lora_down.weight"),
        ("transformer.proj_out.lora_A.weight", "head.head", "lora_down.weight"),
        ("transformer.vace_patch_embedding.lora_A.weight", "vace_patch_embedding", "lora_down.weight"),
    ],
    "DiffSynth-Studio or bare": [
        ("vace_blocks.0.cross_attn.k.lora_A.default.weight", "vace_blocks.0.cross_attn.k", "lora_down.weight"),
        ("pipe.vace.vace_blocks.0.ffn.2.lora_B.default.weight", "vace_blocks.0.ffn.2", "lora_up.weight"),
        ("pipe.vace2.vace_blocks.1.ffn.2.lora_B.default.weight", "vace_blocks.1.ffn.2", "lora_up.weight"),
        ("pipe.dit.blocks.0.self_attn.o.lora_B.default.weight", "blocks.0.self_attn.o", "lora_up.weight"),
        ("blocks.0.ffn.0.lora_A.weight", "blocks.0.ffn.0", "lora_down.weight"),
    ],
    "PEFT": [
        ("base_model.model.vace_blocks.0.self_attn.q.lora_A.weight", "vace_blocks.0.self_attn.q", "lora_down.weight"),
        ("base_model.model.blocks.1.attn1.to_k.lora_B.vace.weight", "blocks.1.self_attn.k", "lora_up.weight"),
        (
            "base_model.model.blocks.1.cross_attn.k.lora_magnitude_vector.default.weight",
            "blocks.1.cross_attn.k",
            "dora_scale",
        ),
    ],
    "kohya": [
        ("lora_unet_vace_blocks_0_cross_attn_norm_k.diff", "vace_blocks.0.cross_attn.norm_k", "diff"),
        ("lora_unet_vace_blocks_12_after_proj.lora_down.weight", "vace_blocks.12.after_proj", "lora_down.weight"),
        ("lora_unet_vace_blocks_12_after_proj.alpha", "vace_blocks.12.after_proj", "alpha"),
        ("lora_unet_blocks_6.self_attn.k.lora_up.weight", "blocks.6.self_attn.k", "lora_up.weight"),
        ("lora_unet_blocks_0_ffn_0.hada_w1_a", "blocks.0.ffn.0", "hada_w1_a"),
        ("lora_unet_blocks_0_ffn_0.dora_scale", "blocks.0.ffn.0", "dora_scale"),
        ("lora_unet_patch_embedding.lora_mid.weight", "patch_embedding", "lora_mid.weight"),
        ("lora_unet_vace_patch_embedding.hada_t1", "vace_patch_embedding", "hada_t1"),
        ("lora_unet_vace_blocks_0_ffn_2.a1.weight", "vace_blocks.0.ffn.2", "a1.weight"),
    ],
    "VideoX-Fun": [
        ("lora_unet__vace_blocks_1_self_attn_v.lora_up.weight", "vace_blocks.1.self_attn.v", "lora_up.weight"),
        ("lora_unet__blocks_0_cross_attn_k.lora_down.weight", "blocks.0.cross_attn.k", "lora_down.weight"),
        ("lora_unet__text_embedding_0.alpha", "text_embedding.0", "alpha"),
    ],
    "LyCORIS": [
        ("lycoris_vace_blocks_1_attn1_to_q.lokr_w1", "vace_blocks.1.self_attn.q", "lokr_w1"),
        ("lycoris_blocks_0_ffn_net_0_proj.lokr_w2_a", "blocks.0.ffn.0", "lokr_w2_a"),
        ("lycoris_blocks_0_attn2_to_out_0.lokr_w2", "blocks.0.cross_attn.o", "lokr_w2"),
        ("lycoris_blocks_0_cross_attn_k.hada_w2_b", "blocks.0.cross_attn.k", "hada_w2_b"),
        ("lycoris_vace_patch_embedding.lokr_t2", "vace_patch_embedding", "lokr_t2"),
        ("lycoris_vace_patch_embedding.bm.weight", "vace_patch_embedding", "bm.weight"),
        ("lycoris_vace_blocks_0_attn2_to_out_0.b2.weight", "vace_blocks.0.cross_attn.o", "b2.weight"),
        ("lycoris_blocks_0_norm2.b_norm", "blocks.0.norm3", "diff_b"),
    ],
    "OneTrainer": [
        ("lora_transformer_blocks_5_attn1_to_q.lora_down.weight", "blocks.5.self_attn.q", "lora_down.weight"),
        ("lora_transformer_condition_embedder_time_embedder_linear_2.alpha", "time_embedding.2", "alpha"),
    ],
}
ALL = [(scheme, *case) for scheme, cases in TRUE_NAMES.items() for case in cases]


def test_every_scheme_has_true_names():
    assert set(TRUE_NAMES) == set(SCHEMES)


@pytest.mark.parametrize(("scheme", "key", "layer", "ending"), ALL, ids=[case[1] for case in ALL])
def test_a_name_is_read_as_its_trainer_wrote_it(scheme, key, layer, ending):
    names = lora_names([key], "x.safetensors")
    assert (names.scheme, names.layers, names.foreign) == (scheme, {layer: {ending: key}}, ())
    assert host_name(layer, ending) == f"diffusion_model.{layer}.{ending}"


def test_the_published_vace_lora_has_80_layers():
    parts = [f"{attn}_attn.{part}" for attn in ("self", "cross") for part in "qkvo"] + ["ffn.0", "ffn.2"]
    keys = [f"vace_blocks.{i}.{p}.lora_{s}.default.weight" for i in range(8) for p in parts for s in "AB"]
    names = lora_names(keys, "DiffHDR.safetensors")
    assert len(keys) == 160 and len(names.layers) == 80
    assert names.part(vace=True) == names.layers and names.part(vace=False) == {}


@pytest.mark.parametrize("prefix", ["diffusion_model.", "", "lora_unet_", "lora_unet__", "lycoris_"])
def test_every_layer_of_an_adapter_is_found(prefix):
    layers = {key.removesuffix(".weight") for key in layout(blocks=3) if not key.endswith(".bias")}
    adapter_shape(layout(blocks=3))
    spelled = {layer: layer.replace(".", "_") if prefix.endswith("_") else layer for layer in layers}
    names = lora_names([f"{prefix}{path}.diff" for path in spelled.values()], "x")
    assert set(names.layers) == layers == set(names.part(vace=True))


def test_the_base_and_what_is_foreign_are_told_apart():
    keys = ["diffusion_model.blocks.0.ffn.0.diff", "diffusion_model.vace_patch_embedding.diff", "lora_te_layer.alpha"]
    names = lora_names([*keys, "diffusion_model.vace_blocks.0.nothing.diff"], "x")
    assert set(names.part(vace=False)) == {"blocks.0.ffn.0"} and set(names.part(vace=True)) == {"vace_patch_embedding"}
    assert names.foreign == ("lora_te_layer.alpha", "diffusion_model.vace_blocks.0.nothing.diff")


A = "diffusion_model.blocks.0.ffn.0.lora_A.weight"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([], r"x\.safetensors has nothing for a Wan model.*it is empty"),
        (["unet.down.0.lora_A.weight"], r"none of its 1 tensors names a layer of one \(for example unet\.down\.0"),
        (["blocks.0.ffn.0.weight"], r"x\.safetensors is no LoRA.*blocks\.0\.ffn\.0\.weight.*VACE Load Adapter"),
        (
            ["diffusion_model.blocks.0.ffn.0.oft_blocks"],
            r"x\.safetensors is an OFT or BOFT.*oft_blocks\)\. ComfyUI leaves",
        ),
        ([A, "lora_unet_blocks_0_ffn_0.rescale"], r"is an OFT or BOFT, which turns weights .*lora_unet.*rescale\)"),
        (
            [A, "lora_transformer_blocks_0_ffn_net_2.oft_R.weight"],
            r"OFT or BOFT as PEFT .* ComfyUI does not read these",
        ),
        (["base_model.model.blocks.0.ffn.0.boft_s.default"], r"OFT or BOFT as PEFT .*boft_s\.default"),
        ([A, "diffusion_model.blocks.0.ffn.0.on_input"], r"1 tensors of a kind that is not known.*on_input.*GLoRA"),
        ([A, "lora_unet_blocks_0_ffn_0.lora_up.weight"], r"mixes the names of two trainers: .*ComfyUI\) and .*kohya\)"),
        (
            ["pipe.dit.blocks.0.ffn.0.lora_A.weight", "pipe.dit2.blocks.0.ffn.0.lora_A.weight"],
            r"has pipe\.dit\.blocks.* and pipe\.dit2\.blocks.*both for the same layer",
        ),
    ],
)
def test_files_of_another_kind_are_refused(keys, message):
    with pytest.raises(VaceInputError, match=message):
        lora_names(keys, "x.safetensors")
