"""Whole VACE files that ComfyUI's loader reads wrongly, told from names and types."""

import pytest
import torch

from wan_vace.vace_core.adapter.whole_models import require_host_layout
from wan_vace.vace_core.errors import VaceInputError

BASE = ["patch_embedding.weight", "blocks.0.self_attn.q.weight", "head.head.weight"]
VACE = ["vace_patch_embedding.weight", "vace_blocks.0.self_attn.q.weight"]


def check(keys, dtype=torch.float8_e4m3fn, text=None):
    require_host_layout("a.safetensors", keys, lambda key: dtype, text)


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "model.", "net."])
def test_what_the_loader_knows_passes(prefix):
    check([prefix + key for key in BASE + VACE])
    check([prefix + key for key in BASE])  # a base: VACE Apply Adapter follows
    check(["a", "b"])


def test_an_adapter_alone_is_told_its_nodes():
    with pytest.raises(
        VaceInputError, match=r'^model is "a\.safetensors", which holds a VACE adapter alone.*VACE Load'
    ):
        check(VACE)


@pytest.mark.parametrize("prefix", ["transformer.", "diffusion_model.", "module."])
def test_a_prefix_that_the_loader_does_not_take_off(prefix):
    with pytest.raises(VaceInputError, match=rf"whose names begin with {prefix}, which .*VACE Load Adapter"):
        check([prefix + key for key in BASE + VACE])


@pytest.mark.parametrize(
    ("more", "dtype", "message"),
    [
        (["blocks.0.self_attn.q.scale_weight"], torch.float8_e4m3fn, "scaled fp8 without the mark scaled_fp8"),
        (["blocks.0.self_attn.q.scale_weight", "scaled_fp8"], torch.float8_e5m2, "of the kind e5m2.* NaN"),
        (["blocks.0.self_attn.q.weight_scale"], torch.int8, "quantised for LightX2V"),
        (["blocks.0.self_attn.k.weight._data"], torch.int8, "quantised by quanto"),
        (["blocks.0.self_attn.k.qweight"], torch.int8, "quantised as Nunchaku"),
        (["vace_blocks.0.attn1.to_q.weight"], torch.bfloat16, "diffusers' names"),
    ],
)
def test_what_the_loader_reads_wrongly_is_refused_by_name(more, dtype, message):
    with pytest.raises(VaceInputError, match=rf'^model is "a\.safetensors", which .*{message}'):
        check(BASE + VACE + more, dtype)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["blocks.0.self_attn.q.scale_weight", "scaled_fp8"], None),
        (["blocks.0.self_attn.q.weight_scale", "blocks.0.self_attn.q.comfy_quant"], None),
        (["blocks.0.self_attn.q.weight_scale"], {"_quantization_metadata": "{}"}),
    ],
)
def test_formats_of_comfyui_pass(more, text):
    check(BASE + VACE + more, text=text)
