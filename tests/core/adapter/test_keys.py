"""The adapter's names and shapes against the counts and widths of the released models."""

import json

import pytest

from wan_vace.vace_core.adapter.checkpoints import refuse_checkpoint
from wan_vace.vace_core.adapter.keys import AdapterShape, adapter_metadata, adapter_names, adapter_shape, layer_mapping
from wan_vace.vace_core.errors import VaceInputError

OFFICIAL = {"1.3B": (1536, 8960, 15), "14B": (5120, 13824, 8)}


def layout(dim=128, ffn=256, blocks=2):
    """Every tensor of an adapter, written out from the official model's modules."""
    shapes = {"vace_patch_embedding.weight": [dim, 96, 1, 2, 2], "vace_patch_embedding.bias": [dim]}
    for i in range(blocks):
        linear = {f"{a}.{p}": [dim, dim] for a in ("self_attn", "cross_attn") for p in "qkvo"}
        linear |= {"ffn.0": [ffn, dim], "ffn.2": [dim, ffn], "after_proj": [dim, dim]}
        linear |= {"before_proj": [dim, dim]} if i == 0 else {}
        own = {"modulation": [1, 6, dim], "norm3.weight": [dim], "norm3.bias": [dim]}
        own |= {f"{a}.norm_{p}.weight": [dim] for a in ("self_attn", "cross_attn") for p in "qk"}
        for name, size in linear.items():
            own |= {f"{name}.weight": size, f"{name}.bias": size[:1]}
        shapes |= {f"vace_blocks.{i}.{name}": size for name, size in own.items()}
    return shapes


@pytest.mark.parametrize(("size", "tensors"), [("1.3B", 439), ("14B", 236)])
def test_the_released_adapters_are_measured(size, tensors):
    dim, ffn, blocks = OFFICIAL[size]
    shapes = layout(dim, ffn, blocks)
    assert len(shapes) == tensors
    assert adapter_shape(shapes) == AdapterShape(dim=dim, ffn_dim=ffn, in_dim=96, num_layers=blocks)


@pytest.mark.parametrize("key", layout())
def test_every_tensor_is_needed(key):
    shapes = layout()
    del shapes[key]
    with pytest.raises(VaceInputError, match=rf"^x\.safetensors is incomplete: {key} is missing\. Download it again"):
        adapter_shape(shapes, "x.safetensors")


@pytest.mark.parametrize("key", sorted({*layout()} - {"vace_patch_embedding.weight", "vace_blocks.0.ffn.0.weight"}))
def test_every_width_is_checked(key):
    shapes = layout()
    wrong = [shapes[key][0] + 1, *shapes[key][1:]]
    with pytest.raises(VaceInputError) as caught:
        adapter_shape(shapes | {key: wrong})
    assert f"{key} is {wrong}" in str(caught.value) and f"it must be {shapes[key]}" in str(caught.value)


def test_a_missing_block_is_named():
    shapes = {key: size for key, size in layout(blocks=3).items() if not key.startswith("vace_blocks.1.")}
    with pytest.raises(VaceInputError, match=r"vace_blocks\.1 is missing"):
        adapter_shape(shapes)
    only = {key: size for key, size in layout().items() if "blocks" not in key}
    with pytest.raises(VaceInputError, match=r"vace_blocks\.0 is missing"):
        adapter_shape(only)


@pytest.mark.parametrize("number", [f"{10**18}", "9" * 5000])
def test_a_block_of_any_number_is_counted_in_no_time(number):
    shapes = {key.replace("vace_blocks.1.", f"vace_blocks.{number}."): size for key, size in layout(blocks=2).items()}
    with pytest.raises(VaceInputError, match=r"vace_blocks\.1 is missing"):
        adapter_shape(shapes)


def test_an_embedding_that_is_no_convolution_is_refused():
    with pytest.raises(VaceInputError, match=r"must have 5 axes, it is \[128, 384\]"):
        adapter_shape(layout() | {"vace_patch_embedding.weight": [128, 384]})


def test_a_packed_weight_counts_by_its_rows():
    key = "vace_blocks.0.ffn.2.weight"
    assert adapter_shape(layout() | {key: [128, 128], f"{key}_scale": [128, 16]}).ffn_dim == 256
    with pytest.raises(VaceInputError, match=r"is \[64, 128\]"):
        adapter_shape(layout() | {key: [64, 128], f"{key}_scale": [128, 16]})


PREFIXES = ["", "model.diffusion_model.", "diffusion_model.", "model.", "transformer.", "vace.", "module.dit."]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_merged_checkpoint_gives_its_adapter_only(prefix):
    names = layout()
    base = ["patch_embedding.weight", "blocks.0.self_attn.q.weight", "head.modulation", "scaled_fp8"]
    companions = ["vace_blocks.0.ffn.0.scale_weight", "vace_blocks.1.ffn.2.comfy_quant"]
    found = adapter_names([prefix + key for key in [*names, *base, *companions]])
    assert found == {prefix + key: key for key in [*names, "scaled_fp8", *companions]}


# The replacements of diffusers' convert_wan_to_diffusers.py, in its order, as far as they touch the adapter.
CONVERSION = [
    ("modulation", "scale_shift_table"), ("ffn.0", "ffn.net.0.proj"), ("ffn.2", "ffn.net.2"),
    ("norm2", "norm__placeholder"), ("norm3", "norm2"), ("norm__placeholder", "norm3"),
    ("self_attn.q", "attn1.to_q"), ("self_attn.k", "attn1.to_k"), ("self_attn.v", "attn1.to_v"),
    ("self_attn.o", "attn1.to_out.0"), ("self_attn.norm_q", "attn1.norm_q"), ("self_attn.norm_k", "attn1.norm_k"),
    ("cross_attn.q", "attn2.to_q"), ("cross_attn.k", "attn2.to_k"), ("cross_attn.v", "attn2.to_v"),
    ("cross_attn.o", "attn2.to_out.0"), ("cross_attn.norm_q", "attn2.norm_q"), ("cross_attn.norm_k", "attn2.norm_k"),
    ("before_proj", "proj_in"), ("after_proj", "proj_out"),
]  # fmt: skip


def to_diffusers(key):
    for old, new in CONVERSION:
        key = key.replace(old, new)
    return key


def test_diffusers_names_become_official_ones():
    theirs = {to_diffusers(key): key for key in layout()}
    assert adapter_names([*theirs, "blocks.0.attn1.to_q.weight", "proj_out.weight", "scale_shift_table"]) == theirs


def test_a_name_that_diffusers_does_not_know_stays():
    keys = ["vace_blocks.0.attn1.to_q.weight", "vace_blocks.0.extra.weight"]
    assert adapter_names(keys)[keys[1]] == keys[1]


def test_official_names_are_not_renamed():
    assert adapter_names(["vace_blocks.0.norm2.weight"]) == {"vace_blocks.0.norm2.weight": "vace_blocks.0.norm2.weight"}


def test_a_lora_of_a_vace_model_is_no_adapter():
    keys = ["diffusion_model.vace_blocks.0.ffn.0.lora_A.weight", "diffusion_model.vace_blocks.0.ffn.0.lora_B.weight"]
    assert adapter_names(keys) == {}


def test_the_list_of_quantised_layers_is_cut_to_the_adapter():
    layers = {"model.diffusion_model.blocks.0.ffn.0": {"format": "a"},
              "model.diffusion_model.vace_blocks.1.ffn.0": {"format": "b"},
              "model.diffusion_model.vace_patch_embedding": {"format": "c"}}  # fmt: skip
    text = {"_quantization_metadata": json.dumps({"format_version": "1.0", "layers": layers}), "author": "me"}
    found = adapter_metadata(text)
    assert found["author"] == "me"
    assert json.loads(found["_quantization_metadata"]) == {
        "format_version": "1.0",
        "layers": {"vace_blocks.1.ffn.0": {"format": "b"}, "vace_patch_embedding": {"format": "c"}},
    }


def test_other_text_is_left_alone():
    assert adapter_metadata(None) is None
    assert adapter_metadata({"author": "me"}) == {"author": "me"}
    for bad in ("{", "[]", "{}", '{"layers": 3}'):
        with pytest.raises(VaceInputError, match="_quantization_metadata cannot be read"):
            adapter_metadata({"_quantization_metadata": bad})


def test_blocks_are_spread_as_in_the_official_models():
    assert layer_mapping(30, 15) == tuple(range(0, 30, 2))
    assert layer_mapping(40, 8) == (0, 5, 10, 15, 20, 25, 30, 35)
    assert layer_mapping(4, 4) == (0, 1, 2, 3)
    assert layer_mapping(40, 3, [0, 7, 39]) == (0, 7, 39)


@pytest.mark.parametrize(("base", "blocks"), [(40, 15), (30, 8), (2, 4), (4, 0)])
def test_a_division_with_a_rest_is_refused(base, blocks):
    with pytest.raises(VaceInputError, match=f"has {base} blocks and the VACE adapter {blocks}, .* 1.3B has 30"):
        layer_mapping(base, blocks)


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        ([0], "has 1 entries, it must have one for each of the adapter's 2 blocks"),
        ([0, 0], "must rise"),
        ([3, 0], "must rise"),
        ([-1, 0], "must begin with 0"),
        ([1, 2], "must begin with 0"),
        ([0, 4], "names block 4, but the base model's 4 end at 3"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused(layers, problem):
    with pytest.raises(VaceInputError, match=problem):
        layer_mapping(4, 2, layers)


WAN = ["patch_embedding.weight", "blocks.0.self_attn.q.weight", "text_embedding.0.weight"]


@pytest.mark.parametrize(
    ("keys", "shape", "what", "needed"),
    [
        (WAN, (1536, 16, 1, 2, 2), "a Wan text-to-video model", "load it with Load Diffusion Model.*module_1_3B"),
        (WAN, (5120, 16, 1, 2, 2), "a Wan text-to-video model", "load it with Load Diffusion Model.*module_14B"),
        ([f"model.diffusion_model.{k}" for k in WAN], (5120, 36, 1, 2, 2), "a Wan image-to-video model", "Choose"),
        (["patch_embedding.weight", "blocks.0.attn1.to_q.weight"], (3072, 48, 1, 2, 2),
         "a Wan model with 48 input channels", "Choose"),
        (["blocks.0.self_attn.q.lora_up.weight"], (), "a LoRA", "Choose"),
        (["lora_unet_vace_blocks_0_ffn_0.lora_down.weight"], (), "a LoRA", "Choose"),
        (["encoder.conv1.weight", "decoder.head.2.weight"], (), "a VAE", "Choose"),
        (["encoder.block.0.layer.0.SelfAttention.q.weight", "shared.weight"], (), "a text encoder", "Choose"),
        (["token_embedding.weight", "blocks.0.attn.q.weight"], (), "a text encoder", "Choose"),
        (["vision_model.post_layernorm.weight"], (), "a CLIP vision encoder", "Choose"),
        (["double_blocks.0.img_mod.lin.weight"], (), "no model that is known here", "Choose"),
        ([], (), "empty", "Choose"),
    ],
)  # fmt: skip
def test_what_is_no_adapter_is_told_apart(keys, shape, what, needed):
    pattern = rf"^f is {what}; it has no VACE adapter .*{needed}.*, or a whole VACE model such as wan2.1_vace_1"
    with pytest.raises(VaceInputError, match=pattern):
        refuse_checkpoint("f", keys, lambda key: shape)
