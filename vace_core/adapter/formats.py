"""The quantised format of a file's weights, told from the names and types of its tensors, never from the file's name.

A quantised layer has a tensor of small numbers and a scale; what the file means is their product. Every format that is
in circulation for Wan has its own names for the two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..files import parse_json
from .keys import QUANTIZATION, SCALED_FP8

WEIGHT, BIAS, DESCRIPTION = "weight", "bias", "comfy_quant"
FP8 = (torch.float8_e4m3fn, torch.float8_e5m2)
FLOATS = (torch.float32, torch.float16, torch.bfloat16)
# What ComfyUI calls a type of number when there is one scale for a matrix (``QUANT_ALGOS`` in its quant_ops.py).
HOST_FP8 = {torch.float8_e4m3fn: "float8_e4m3fn", torch.float8_e5m2: "float8_e5m2"}
HOST_INT8 = "int8_tensorwise"
# The scales that ComfyUI's own formats need, after ``_load_quantized_module`` in its ops.py.
HOST_SCALES = {"nvfp4": ("weight_scale", "weight_scale_2")}


@dataclass(frozen=True)
class QuantFormat:
    """Names of one format's tensors, behind the name of a layer.

    Attributes:
        name: What people call it.
        values: The small numbers.
        scale: What they are multiplied by: one number, or one for each row.
        types: The types its small numbers may have.
        rounds_inputs: Whether its own tool multiplies in these small numbers too, with inputs rounded to them, as
            ComfyUI does with int8; otherwise a layer is computed from its dequantised weights.
    """

    name: str
    values: str
    scale: str
    types: tuple[torch.dtype, ...]
    rounds_inputs: bool = False


FORMATS = (
    # Kijai's modules and ComfyUI until 2025, with or without the mark ``scaled_fp8``: ``convert_old_quants`` in
    # comfy/utils.py, ``nodes_model_loading.py`` in kijai/ComfyUI-WanVideoWrapper.
    QuantFormat("scaled fp8", WEIGHT, "scale_weight", (*FP8, *FLOATS)),
    # A scale for each row: tools/convert/quant/quant.py in ModelTC/LightX2V.
    QuantFormat("fp8 of LightX2V", WEIGHT, "weight_scale", FP8),
    QuantFormat("int8 of LightX2V", WEIGHT, "weight_scale", (torch.int8,), rounds_inputs=True),
    # Wan2GP: ``WeightQBytesTensor`` in optimum/quanto/tensor/weights/qbytes.py, huggingface/optimum-quanto.
    QuantFormat("quanto int8", "weight._data", "weight._scale", (torch.int8,)),
    QuantFormat("quanto fp8", "weight._data", "weight._scale", FP8),
)
# Names that only a format has which cannot be read here, and what it is called.
FOREIGN = {
    "weight._data._data": "quanto int4",  # ``PackedTensor`` in optimum/quanto/tensor/packed.py
    "weight._shift": "quanto int4",
    "weight_global_scale": "NVFP4 of LightX2V",  # tools/convert/quant/quant.py in ModelTC/LightX2V
    "weight.absmax": "bitsandbytes",  # ``QuantState`` in bitsandbytes/functional.py
    "weight.quant_map": "bitsandbytes",
    "qweight": "Nunchaku, AWQ or GPTQ",  # nunchaku/models/linear.py; the packing of AWQ and GPTQ
    "weight_scale_inv": "block-wise fp8",  # inference/kernel.py in deepseek-ai/DeepSeek-V3
}
# What a layer may have beside its numbers and their scale; ``input_scale`` and ``output_scale`` of quanto are 1 unless
# activations are quantised too (optimum/quanto/nn/qmodule.py).
INPUT_SCALES, OUTPUT_SCALE = ("scale_input", "input_scale"), "output_scale"
SUFFIXES = tuple(
    dict.fromkeys(
        [
            *(name for each in FORMATS for name in (each.values, each.scale)),
            *(*INPUT_SCALES, OUTPUT_SCALE, DESCRIPTION, "weight_scale_2", "pre_quant_scale"),
        ]
    )
)
INSTEAD = "Choose the same file in bf16, fp16, fp8, int8 of LightX2V or quanto, or GGUF"


@dataclass(frozen=True)
class QuantLayer:
    """One quantised layer.

    Attributes:
        name: Of the layer: ``vace_blocks.0.ffn.0``.
        format: What people call its format.
        values: The small numbers, [rows, columns].
        scale: float32, one number or [rows, 1].
        input_scale: Of its input, where the file has one that is not 1.
        description: The layer's format for ComfyUI, as JSON would hold it; None if ComfyUI has none that is exact.
        parts: Further tensors of ComfyUI's own formats by their suffix.
    """

    name: str
    format: str
    values: Tensor
    scale: Tensor | None
    input_scale: Tensor | None = None
    description: Mapping[str, object] | None = None
    parts: Mapping[str, Tensor] = field(default_factory=dict)

    def dequantised(self, dtype: torch.dtype) -> Tensor:
        """The weights that the layer stands for, multiplied in float32."""
        scale = self.scale
        if scale.ndim:
            scale = scale.reshape(-1, *[1] * (self.values.ndim - 1))
        return (self.values.float() * scale).to(dtype)


def refuse_foreign(keys: Iterable[str], name: str) -> None:
    """Name a quantised format that cannot be read here.

    Raises:
        VaceInputError: If one of the names belongs to such a format.
    """
    for key in keys:
        found = next((kind for suffix, kind in FOREIGN.items() if key.endswith(f".{suffix}")), None)
        if found:
            raise VaceInputError(f"{name} is quantised as {found} ({key}), which cannot be read here. {INSTEAD}.")


def values_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Shapes with every layer's numbers under the name of a plain weight, wherever its format keeps them."""
    ends = {f".{each.values}" for each in FORMATS if each.values != WEIGHT}
    renamed = {}
    for key, shape in shapes.items():
        end = next((end for end in ends if key.endswith(end)), None)
        renamed[f"{key.removesuffix(end)}.{WEIGHT}" if end else key] = shape
    return renamed


def split_layers(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None, name: str
) -> tuple[dict[str, Tensor], list[QuantLayer]]:
    """Plain tensors, and the layers that are quantised.

    Args:
        tensors: All of an adapter by official name, what quantised weights have beside them included.
        metadata: The file's text, which may list ComfyUI's quantised layers.
        name: What the user calls it: the file.

    Raises:
        VaceInputError: If a scale is missing, has a wrong shape or is not finite, or a tensor is of no known format.
    """
    mark = tensors.get(SCALED_FP8)
    plain = {key: tensor for key, tensor in tensors.items() if key != SCALED_FP8}
    described = _described(metadata)
    grouped: dict[str, dict[str, Tensor]] = {}
    for key in plain:
        suffix = next((each for each in SUFFIXES if key.endswith(f".{each}")), None)
        if suffix:
            grouped.setdefault(key.removesuffix(f".{suffix}"), {})[suffix] = plain[key]
    layers = []
    for layer, parts in grouped.items():
        found = _quantised(layer, parts, described.get(layer), mark, name)
        if found:
            layers.append(found)
            own = {kind.name: {kind.values, kind.scale, *INPUT_SCALES, OUTPUT_SCALE} for kind in FORMATS}
            for suffix in own.get(found.format, SUFFIXES):
                plain.pop(f"{layer}.{suffix}", None)
    _require_plain(plain, mark is not None or any(_is_scaled_fp8(each) for each in layers), name)
    return plain, layers


def _is_scaled_fp8(layer: QuantLayer) -> bool:
    return layer.values.dtype in FP8 and layer.scale is not None  # None: ComfyUI's own, which lists each of its layers


def _quantised(
    layer: str, parts: dict[str, Tensor], described: object, mark: Tensor | None, name: str
) -> QuantLayer | None:
    if described is None and DESCRIPTION in parts:
        described = _json(parts[DESCRIPTION], f"{layer}.{DESCRIPTION}", name)
    if described is not None:
        return _of_host(layer, parts, described, name)
    for each in FORMATS:
        if each.values in parts and each.scale in parts and parts[each.values].dtype in each.types:
            scale = _scale(f"{layer}.{each.scale}", parts[each.scale], len(parts[each.values]), name)
            values, input_scale = parts[each.values], _input_scale(layer, parts, name)
            return QuantLayer(layer, each.name, values, scale, input_scale, _description(each, values, scale, mark))
    return None


def _of_host(layer: str, parts: dict[str, Tensor], described: dict, name: str) -> QuantLayer:
    """A layer that says in ComfyUI's own words how it is stored."""
    if not isinstance(described, dict) or not isinstance(described.get("format"), str) or WEIGHT not in parts:
        raise VaceInputError(f"{name}: {layer}.{DESCRIPTION} names no format and weight. Download the file again.")
    values, kind = parts[WEIGHT], described["format"]
    for scale in HOST_SCALES.get(kind, ("weight_scale",)):
        if scale not in parts:
            raise _missing(f"{layer}.{scale}", kind, name)
        _require_finite(f"{layer}.{scale}", parts[scale], name)
    # A converter that writes e4m3 over e5m2 numbers, as ComfyUI's own does, is set right by the numbers' type.
    described = {**described, "format": HOST_FP8.get(values.dtype, kind) if kind in HOST_FP8.values() else kind}
    if described["format"] in HOST_FP8.values():
        _scale(f"{layer}.weight_scale", parts["weight_scale"], 1, name)
    rest = {suffix: tensor for suffix, tensor in parts.items() if suffix not in (WEIGHT, DESCRIPTION)}
    return QuantLayer(layer, described["format"], values, None, None, described, rest)


def _description(kind: QuantFormat, values: Tensor, scale: Tensor, mark: Tensor | None) -> dict | None:
    """ComfyUI's format with the same meaning, dequantised before it is computed with unless the mark says otherwise."""
    if values.ndim != 2:
        return None
    if values.dtype == torch.int8:
        return {"format": HOST_INT8} if kind.rounds_inputs else None
    if values.dtype not in HOST_FP8 or scale.ndim:
        return None
    # Two e5m2 matrices cannot be multiplied as they are (torch._scaled_mm); a mark of two values asks for the same.
    exact = mark is None or mark.numel() == 2 or values.dtype == torch.float8_e5m2
    return {"format": HOST_FP8[values.dtype]} | ({"full_precision_matrix_mult": True} if exact else {})


def _scale(key: str, scale: Tensor, rows: int, name: str) -> Tensor:
    """A scale as float32, of no axes or of the shape [rows, 1]."""
    _require_finite(key, scale, name)
    if scale.numel() == 1:
        return scale.float().reshape(())
    if tuple(scale.shape) in ((rows,), (rows, 1)):
        return scale.float().reshape(rows, 1)
    raise VaceInputError(
        f"{name}: {key} is {list(scale.shape)}, it must be one number{f' or [{rows}, 1]' if rows > 1 else ''}. "
        f"Download the file again, or choose another one."
    )


def _input_scale(layer: str, parts: Mapping[str, Tensor], name: str) -> Tensor | None:
    """The scale of a layer's input, if it is not 1."""
    output = parts.get(OUTPUT_SCALE)
    if output is not None and (output != 1).any():
        raise VaceInputError(
            f"{name}: {layer}.{OUTPUT_SCALE} is not 1: its activations are quantised too, which cannot be read here. "
            f"{INSTEAD}."
        )
    suffix = next((each for each in INPUT_SCALES if each in parts), None)
    scale = None if suffix is None else _scale(f"{layer}.{suffix}", parts[suffix], 1, name)
    return None if scale is None or scale == 1 else scale


def _require_finite(key: str, scale: Tensor, name: str) -> None:
    if not scale.is_floating_point() or scale.dtype.itemsize == 1:
        return  # block scales of eight bits, which ComfyUI reads
    if not scale.isfinite().all():
        raise VaceInputError(
            f"{name} is damaged: {key} is NaN or infinite, so every video would be. Download it again, or choose "
            f"another VACE adapter."
        )


def _require_plain(plain: Mapping[str, Tensor], scaled: bool, name: str) -> None:
    """Refuse numbers without the scale that they need."""
    for key, tensor in plain.items():
        if not tensor.is_floating_point():
            kind = "int8" if tensor.dtype == torch.int8 else str(tensor.dtype).removeprefix("torch.")
            raise _missing(f"the scale of {key}", kind, name)
        if scaled and tensor.dtype in FP8 and tensor.ndim == 2:
            raise _missing(f"the scale of {key}", "scaled fp8", name)


def _missing(what: str, kind: str, name: str) -> VaceInputError:
    return VaceInputError(f"{name} is incomplete: it is {kind}, but {what} is missing. Download it again. {INSTEAD}.")


def _described(metadata: Mapping[str, str] | None) -> dict[str, object]:
    """ComfyUI's list of quantised layers in a file's text, after `adapter_metadata` has checked it."""
    return parse_json(metadata[QUANTIZATION])["layers"] if metadata and QUANTIZATION in metadata else {}


def _json(tensor: Tensor, key: str, name: str) -> object:
    try:
        return parse_json(bytes(tensor.tolist()))
    except (ValueError, TypeError) as error:
        raise VaceInputError(f"{name}: {key} cannot be read. Download the file again.") from error
