"""Each quantised format as its own tool writes it: from float32 weights to stored tensors, and to what they mean."""

from __future__ import annotations

import json

import torch
from torch import Tensor

E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2
Stored = tuple[dict[str, Tensor], Tensor]  # tensors by suffix of the layer, and the weights they mean in float32


def is_matrix(key: str, value: Tensor) -> bool:
    """Whether a tensor is a linear layer's weight in a block, which is what every tool quantises."""
    return key.endswith(".weight") and value.ndim == 2 and "blocks." in key


def to_fp8(values: Tensor, dtype: torch.dtype) -> Tensor:
    largest = torch.finfo(dtype).max
    return values.clamp(-largest, largest).to(dtype)


def plain_fp8(dtype: torch.dtype):
    """Cast, without any scale."""

    def store(weight: Tensor) -> Stored:
        stored = to_fp8(weight, dtype)
        return {"weight": stored}, stored.float()

    return store


def scaled_fp8(dtype: torch.dtype, scales: torch.dtype = torch.float32, suffix="scale_weight", rows=False, extra=None):
    """Numbers that fill the range of the type, and a scale for the matrix or for each row."""

    def store(weight: Tensor) -> Stored:
        largest = weight.abs().amax(dim=1, keepdim=True) if rows else weight.abs().amax()
        scale = (largest / torch.finfo(dtype).max).to(scales)
        stored = to_fp8(weight / scale.float(), dtype)
        return {"weight": stored, suffix: scale, **(extra or {})}, stored.float() * scale.float()

    return store


def described(format_: str, store):
    """With ComfyUI's own description of the layer beside it."""

    def with_description(weight: Tensor) -> Stored:
        tensors, means = store(weight)
        text = torch.tensor(list(json.dumps({"format": format_}).encode()), dtype=torch.uint8)
        return tensors | {"comfy_quant": text}, means

    return with_description


def int8_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-5) / 127
    return (weight / scale).round().clamp(-128, 127).to(torch.int8), scale


def lightx2v_int8(weight: Tensor) -> Stored:
    values, scale = int8_rows(weight)
    return {"weight": values, "weight_scale": scale}, values.float() * scale


def lightx2v_nvfp4(weight: Tensor) -> Stored:
    packed = torch.zeros(len(weight), weight.shape[1] // 2, dtype=torch.uint8)
    scale = torch.zeros(len(weight), weight.shape[1] // 16, dtype=E4M3)
    return {"weight": packed, "weight_scale": scale, "weight_global_scale": torch.tensor(1.0)}, weight


def quanto_int8(dtype: torch.dtype):
    """``_data`` and ``_scale`` in place of the weight; the scales of input and output are 1 where only weights are."""

    def store(weight: Tensor) -> Stored:
        scale = int8_rows(weight)[1].to(dtype)
        values = (weight / scale.float()).round().clamp(-128, 127).to(torch.int8)
        ones = {"input_scale": torch.ones((), dtype=dtype), "output_scale": torch.ones((), dtype=dtype)}
        return {"weight._data": values, "weight._scale": scale, **ones}, values.float() * scale.float()

    return store


def quanto_int4(weight: Tensor) -> Stored:
    groups = weight.numel() // 128
    packed = {"weight._data._data": torch.zeros(64, groups, dtype=torch.uint8)}
    return packed | {"weight._scale": torch.ones(1, groups), "weight._shift": torch.zeros(1, groups)}, weight


def bitsandbytes_nf4(weight: Tensor) -> Stored:
    packed = torch.zeros(weight.numel() // 2, 1, dtype=torch.uint8)
    return {"weight": packed, "weight.absmax": torch.ones(2), "weight.quant_map": torch.zeros(16)}, weight


def nunchaku_int4(weight: Tensor) -> Stored:
    packed = torch.zeros(len(weight), weight.shape[1] // 2, dtype=torch.int8)
    return {"qweight": packed, "wscales": torch.ones(weight.shape[1] // 64, len(weight))}, weight


def of_host(layout: str, format_: str):
    """A format of ComfyUI's own kernels, written and read by them: its meaning is not worked out here."""

    def store(weight: Tensor) -> Stored:
        from comfy.quant_ops import QuantizedTensor

        tensor = QuantizedTensor.from_float(weight, layout)
        stored = {f"weight{end}": value.clone() for end, value in tensor.state_dict("").items()}
        return described(format_, lambda _: (stored, tensor.dequantize().float()))(weight)

    return store


def quantise(weights: dict[str, Tensor], store, rest: torch.dtype = torch.bfloat16) -> tuple[dict, dict]:
    """Every matrix of the blocks stored in a format, all else in another precision.

    Returns:
        The file's tensors, and what they mean in float32.
    """
    tensors, means = {}, {}
    for key, value in weights.items():
        if is_matrix(key, value):
            parts, means[key] = store(value)
            tensors |= {f"{key.removesuffix('weight')}{suffix}": part for suffix, part in parts.items()}
        else:
            tensors[key] = value.to(rest)
            means[key] = tensors[key].float()
    return tensors, means
