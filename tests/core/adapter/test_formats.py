"""Quantised formats told from names and types; what is damaged is named with its tensor."""

import json

import pytest
import torch

from wan_vace.vace_core.adapter.formats import refuse_foreign, split_layers, values_shapes
from wan_vace.vace_core.errors import VaceInputError

E4M3, E5M2, BF16 = torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16
LAYER = "vace_blocks.0.ffn.0"


def numbers(dtype, rows=4, columns=6):
    return torch.arange(1, rows * columns + 1).reshape(rows, columns).to(dtype)


def split(parts, mark=None, text=None):
    tensors = {f"{LAYER}.{suffix}": tensor for suffix, tensor in parts.items()}
    tensors |= {f"{LAYER}.bias": torch.ones(4, dtype=BF16), "vace_blocks.0.norm3.weight": torch.ones(6, dtype=BF16)}
    if mark is not None:
        tensors["scaled_fp8"] = mark
    plain, layers = split_layers(tensors, text, "a.safetensors")
    assert {f"{LAYER}.bias", "vace_blocks.0.norm3.weight"} <= set(plain)
    return plain, layers


@pytest.mark.parametrize("dtype", [E4M3, E5M2, torch.float32, torch.float16, BF16])
def test_plain_numbers_are_no_format(dtype):
    plain, layers = split({"weight": numbers(dtype)})
    assert not layers and plain[f"{LAYER}.weight"].dtype == dtype


@pytest.mark.parametrize("scales", [torch.float32, BF16, torch.float16])
@pytest.mark.parametrize(("dtype", "name"), [(E4M3, "float8_e4m3fn"), (E5M2, "float8_e5m2")])
@pytest.mark.parametrize("mark", [None, torch.zeros(2), torch.zeros(0)])
def test_scaled_fp8_is_called_by_the_type_of_its_numbers(dtype, name, scales, mark):
    plain, (layer,) = split({"weight": numbers(dtype), "scale_weight": torch.tensor([0.5], dtype=scales)}, mark)
    assert f"{LAYER}.weight" not in plain and f"{LAYER}.scale_weight" not in plain and "scaled_fp8" not in plain
    assert layer.description["format"] == name
    # Only a mark without values asks for multiplication in fp8, and two e5m2 matrices cannot be multiplied.
    exact = not (mark is not None and mark.numel() == 0 and dtype == E4M3)
    assert layer.description.get("full_precision_matrix_mult", False) == exact
    assert torch.equal(layer.dequantised(torch.float32), numbers(dtype).float() / 2)


def test_a_kernel_of_more_dimensions_is_none_of_comfyuis_formats():
    values = numbers(E4M3).reshape(4, 6, 1, 1, 1)
    _, (layer,) = split({"weight": values, "scale_weight": torch.tensor([0.5])})
    assert layer.description is None and torch.equal(layer.dequantised(torch.float32), values.float() / 2)


def test_the_scale_of_an_input_is_kept_unless_it_is_1():
    for value, kept in ((1.0, False), (0.25, True)):
        parts = {"weight": numbers(E4M3), "scale_weight": torch.tensor(0.5), "scale_input": torch.tensor(value)}
        plain, (layer,) = split(parts, torch.zeros(0))
        assert layer.input_scale == 0.25 if kept else layer.input_scale is None
        assert f"{LAYER}.scale_input" not in plain


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize(
    ("parts", "description"),
    [
        (("weight", "weight_scale", E4M3), None),
        (("weight", "weight_scale", torch.int8), {"format": "int8_tensorwise"}),
        (("weight._data", "weight._scale", torch.int8), None),
        (("weight._data", "weight._scale", E4M3), None),
    ],
)
def test_a_scale_for_each_row(parts, description, shape):
    values, scale, dtype = parts
    plain, (layer,) = split({values: numbers(dtype), scale: torch.tensor([1.0, 2, 3, 4]).reshape(shape)})
    assert layer.description == description and not any(LAYER in key and "bias" not in key for key in plain)
    by_hand = [[value * (row + 1) for value in values] for row, values in enumerate(numbers(dtype).float().tolist())]
    assert layer.dequantised(torch.float32).tolist() == by_hand


def test_scales_of_quanto_that_are_1_say_nothing_and_others_are_refused():
    parts = {"weight._data": numbers(torch.int8), "weight._scale": torch.ones(4, 1), "input_scale": torch.ones(())}
    plain, _ = split(parts | {"output_scale": torch.ones(())})
    assert not [key for key in plain if "scale" in key]
    with pytest.raises(VaceInputError, match=rf"a\.safetensors: {LAYER}\.output_scale is not 1: its activations"):
        split(parts | {"output_scale": torch.tensor(0.5)})


def described(format_, **parts):
    return {"comfy_quant": torch.tensor(list(json.dumps({"format": format_}).encode()), dtype=torch.uint8), **parts}


def test_comfyuis_own_words_are_kept_with_all_that_belongs_to_them():
    parts = described(
        "nvfp4", weight=numbers(torch.uint8), weight_scale=numbers(E4M3), weight_scale_2=torch.tensor(0.5)
    )
    _, (layer,) = split(parts)
    assert layer.description == {"format": "nvfp4"} and set(layer.parts) == {"weight_scale", "weight_scale_2"}
    listed = {"_quantization_metadata": json.dumps({"layers": {LAYER: {"format": "float8_e4m3fn"}}})}
    _, (layer,) = split({"weight": numbers(E4M3), "weight_scale": torch.tensor(0.5)}, text=listed)
    assert layer.description == {"format": "float8_e4m3fn"}


def test_a_description_that_disagrees_with_the_numbers_is_set_right():
    """ComfyUI converts older scaled files as if all were e4m3."""
    _, (layer,) = split(described("float8_e4m3fn", weight=numbers(E5M2), weight_scale=torch.tensor(0.5)))
    assert layer.description == {"format": "float8_e5m2"}


NAN, INF = torch.tensor(float("nan")), torch.tensor(float("inf"))
SCALED = {"weight": numbers(E4M3), "scale_weight": torch.tensor(0.5)}
ROWS = {"weight": numbers(torch.int8), "weight_scale": torch.ones(4, 1)}
QUANTO = {"weight._data": numbers(torch.int8), "weight._scale": torch.ones(4, 1)}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (SCALED | {"scale_weight": NAN}, rf"is damaged: {LAYER}\.scale_weight is NaN or infinite"),
        (SCALED | {"scale_weight": INF}, rf"is damaged: {LAYER}\.scale_weight is NaN or infinite"),
        (SCALED | {"scale_weight": torch.ones(3)}, r"0\.scale_weight is \[3\], it must be one number or \[4, 1\]"),
        (SCALED | {"scale_input": torch.ones(2)}, rf"{LAYER}\.scale_input is \[2\], it must be one number\. "),
        (ROWS | {"weight_scale": torch.ones(4, 2)}, rf"{LAYER}\.weight_scale is \[4, 2\], it must be one number or"),
        (QUANTO | {"weight._scale": NAN}, rf"is damaged: {LAYER}\.weight\._scale is NaN"),
        ({"weight": numbers(torch.int8)}, rf"is incomplete: it is int8, but the scale of {LAYER}\.weight is missing"),
        ({"weight": numbers(torch.uint8)}, rf"it is uint8, but the scale of {LAYER}\.weight is missing"),
        ({"weight._data": numbers(torch.int8)}, rf"the scale of {LAYER}\.weight\._data is missing"),
        (described("float8_e4m3fn", weight=numbers(E4M3)), rf"it is float8_e4m3fn, but {LAYER}\.weight_scale is miss"),
        (described("nvfp4", weight=numbers(torch.uint8), weight_scale=numbers(E4M3)), r"\.weight_scale_2 is missing"),
        (described("float8_e4m3fn", weight=numbers(E4M3), weight_scale=NAN), r"weight_scale is NaN"),
        ({"weight": numbers(E4M3), "comfy_quant": torch.zeros(3, dtype=torch.uint8)}, r"comfy_quant cannot be read"),
        (described(None, weight=numbers(E4M3)), r"comfy_quant names no format"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_named_with_its_tensor(parts, message):
    with pytest.raises(VaceInputError, match=message) as caught:
        split(parts)
    assert str(caught.value).startswith("a.safetensors") and "Download" in str(caught.value)


@pytest.mark.parametrize("mark", [None, torch.zeros(2)])
def test_one_layer_of_a_scaled_file_without_its_scale(mark):
    tensors = {f"{LAYER}.weight": numbers(E4M3)}
    if mark is None:  # another layer has one
        tensors |= {f"vace_blocks.1.{key}": value for key, value in SCALED.items()}
    else:
        tensors["scaled_fp8"] = mark
    with pytest.raises(VaceInputError, match=rf"it is scaled fp8, but the scale of {LAYER}\.weight is missing"):
        split_layers(tensors, None, "a.safetensors")


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        ("weight._data._data", "quanto int4"),
        ("weight._shift", "quanto int4"),
        ("weight_global_scale", "NVFP4 of LightX2V"),
        ("weight.absmax", "bitsandbytes"),
        ("qweight", "Nunchaku, AWQ or GPTQ"),
        ("weight_scale_inv", "block-wise fp8"),
    ],
)
def test_a_format_that_cannot_be_read_is_named(suffix, name):
    with pytest.raises(VaceInputError, match=rf"^a\.sft is quantised as {name} \({LAYER}\.{suffix}\).*Choose the same"):
        refuse_foreign([f"{LAYER}.bias", f"{LAYER}.{suffix}"], "a.sft")
    refuse_foreign([f"{LAYER}.bias", f"{LAYER}.weight", f"{LAYER}.weight_scale", f"{LAYER}.weight._data"], "a.sft")


def test_numbers_count_as_the_weight_wherever_they_are():
    shapes = {f"{LAYER}.weight._data": (4, 6), f"{LAYER}.weight._scale": (4, 1), "b.weight": (2,)}
    assert values_shapes(shapes) == {f"{LAYER}.weight": (4, 6), f"{LAYER}.weight._scale": (4, 1), "b.weight": (2,)}
