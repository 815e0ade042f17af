"""Quantised layers as the host's own layer classes take them, and the precision the host keeps weights in."""

import json
from types import SimpleNamespace
from typing import NamedTuple

import comfy.model_management
import comfy.ops
import comfy.quant_ops
import comfy.utils
import torch
from torch import Tensor, nn

from ....vace_core.adapter import FP8, QuantLayer, split_layers
from ....vace_core.errors import VaceInputError

SUPPORTED_DTYPES = [torch.float16, torch.bfloat16, torch.float32]
DESCRIPTION = "comfy_quant"


class Precision(NamedTuple):
    """How the host keeps and computes a model.

    Attributes:
        dtype: Of the weights.
        cast: What they are cast to when they are used; None if the layers do not cast.
        operations: The host's layer classes.
    """

    dtype: torch.dtype
    cast: torch.dtype | None
    operations: type


def host_tensors(tensors: dict[str, Tensor], metadata: dict | None, name: str) -> dict[str, Tensor]:
    """An adapter's tensors with each quantised layer in the host's words.

    A layer that the host has no exact words for, such as fp8 with a scale for each row, is dequantised.

    Args:
        tensors: By official name, as in the file.
        metadata: The file's text.
        name: What the user calls it.

    Raises:
        VaceInputError: If a scale is missing or wrong, or a format is unknown to this host.
    """
    plain, layers = split_layers(tensors, metadata, name)
    dtype = weight_dtype(tensors, quantised=True) if layers else None
    for layer in layers:
        description = layer.description
        known = description is not None and description["format"] in comfy.quant_ops.QUANT_ALGOS
        if known:
            plain |= _in_host_words(layer)
        elif layer.scale is not None:
            plain[f"{layer.name}.weight"] = layer.dequantised(dtype)
        else:
            raise VaceInputError(
                f"{name} is quantised as {layer.format}, which this ComfyUI does not know. Update ComfyUI, or choose "
                f"the same file in fp8, fp16 or bf16."
            )
    return plain


def _in_host_words(layer: QuantLayer) -> dict[str, Tensor]:
    description = torch.tensor(list(json.dumps(layer.description).encode()), dtype=torch.uint8)
    parts = {"weight": layer.values, DESCRIPTION: description, **layer.parts}
    parts |= {} if layer.scale is None else {"weight_scale": layer.scale}
    parts |= {} if layer.input_scale is None else {"input_scale": layer.input_scale}
    return {f"{layer.name}.{suffix}": tensor for suffix, tensor in parts.items()}


def weight_dtype(tensors: dict[str, Tensor], quantised: bool) -> torch.dtype:
    """The type of weights in memory, by the rule of the host's ``load_diffusion_model_state_dict``."""
    return comfy.model_management.unet_dtype(
        model_params=comfy.utils.calculate_parameters(tensors),
        supported_dtypes=SUPPORTED_DTYPES,
        weight_dtype=None if quantised else comfy.utils.weight_dtype(tensors),
    )


def host_precision(tensors: dict[str, Tensor], device: torch.device) -> Precision:
    """What the host would keep and compute these tensors in, were they a model of its own.

    Args:
        tensors: From `host_tensors`.
        device: That computes.
    """
    quantised = any(key.endswith(f".{DESCRIPTION}") for key in tensors)
    dtype = weight_dtype(tensors, quantised)
    cast = comfy.model_management.unet_manual_cast(None if quantised else dtype, device, SUPPORTED_DTYPES)
    if quantised:
        config = SimpleNamespace(quant_config={"mixed_ops": True})
        return Precision(dtype, cast, comfy.ops.pick_operations(dtype, cast, model_config=config))
    operations = comfy.ops.pick_operations(dtype, cast)
    # The base decides what is computed in (fp16, with an adapter stored in bf16; ModelComputeDtype): weights follow.
    if operations is comfy.ops.disable_weight_init:
        operations = comfy.ops.manual_cast
    return Precision(dtype, cast, operations)


def keep_types(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Settle the type of each parameter before the tensors are loaded.

    In a plain fp8 file, biases, norms and modulation are often stored in 16 bits: they keep them. Rounded to fp8, as
    the host does with the rest of a model, they would be 0.7 per cent off, and they are a thousandth of the weights.

    Args:
        module: With empty parameters of one type.
        tensors: What will be loaded into it.
    """
    stored = comfy.utils.weight_dtype(tensors)
    if stored in FP8:
        for key, parameter in list(module.named_parameters()):
            # A flag of the host may ask for the other kind of fp8.
            if parameter.dtype in FP8 and (parameter.dtype == stored or tensors[key].dtype not in FP8):
                comfy.utils.set_attr_param(module, key, torch.empty_like(parameter, dtype=tensors[key].dtype))
    # With dynamic VRAM the file's own tensors become the parameters, and are cast to these types when loaded.
    archive = getattr(comfy.model_management, "archive_model_dtypes", None)  # newer hosts only, as is dynamic VRAM
    if archive:
        archive(module)
