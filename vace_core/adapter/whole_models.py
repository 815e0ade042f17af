"""What ComfyUI's own loader makes of a whole VACE file, told before it is loaded.

The loader ignores what it does not know: scales that it overlooks give a wrong picture, missing weights a black one.
"""

from collections.abc import Callable, Mapping, Sequence

import torch

from ..errors import VaceInputError
from .formats import DESCRIPTION, FP8, refuse_foreign
from .keys import BLOCKS, EMBEDDING, QUANTIZATION, SCALED_FP8, name_prefix

# What ComfyUI takes off in front of a name, after ``unet_prefix_from_state_dict`` in its model_detection.py.
HOST_PREFIXES = ("", "model.diffusion_model.", "model.model.", "net.", "model.")
# The adapter is read by other rules than a whole model.
INSTEAD = (
    "Its adapter can be used: choose this file in VACE Load Adapter, put it on a plain text-to-video model with VACE "
    "Apply Adapter, or load the whole model in bf16, fp16, or fp8 e4m3"
)


def require_host_layout(
    name: str, keys: Sequence[str], dtype_of: Callable[[str], torch.dtype], metadata: Mapping[str, str] | None
) -> None:
    """Refuse a VACE file that ComfyUI's loader would read wrongly; all others pass, files without VACE too.

    Args:
        name: What the user chose.
        keys: Names of all its tensors.
        dtype_of: Type of the tensor with a name.
        metadata: The file's text.

    Raises:
        VaceInputError: If it is an adapter without a base, quantised in a way that the loader does not know, or named
            otherwise.
    """
    prefix = name_prefix(keys, rf"{EMBEDDING}\.", rf"{BLOCKS}\.\d+\.")
    if prefix is None:
        return
    if not any(key.startswith((f"{prefix}blocks.", f"{prefix}patch_embedding.")) for key in keys):
        raise VaceInputError(
            f'model is "{name}", which holds a VACE adapter alone, without a base. Choose a text-to-video model of its '
            f"size here, this file in VACE Load Adapter, and join them with VACE Apply Adapter."
        )
    problem = _naming(keys, prefix) or _scales(keys, prefix, dtype_of, metadata)
    if problem:
        raise VaceInputError(f'model is "{name}", {problem}. {INSTEAD}.')
    refuse_foreign(keys, f'model is "{name}", which')


def _naming(keys: Sequence[str], prefix: str) -> str | None:
    if prefix not in HOST_PREFIXES:
        return f"whose names begin with {prefix}, which ComfyUI's loader does not take off"
    if any(".attn1." in key for key in keys):
        return "which has diffusers' names, which ComfyUI's loader does not know"
    return None


def _scales(
    keys: Sequence[str], prefix: str, dtype_of: Callable[[str], torch.dtype], metadata: Mapping[str, str] | None
) -> str | None:
    def layers(suffix: str) -> list[str]:
        return [key.removesuffix(suffix) for key in keys if key.endswith(suffix)]

    if QUANTIZATION in (metadata or {}) or layers(f".{DESCRIPTION}"):
        return None
    if layers(".weight._data"):
        return "which is quantised by quanto: ComfyUI's loader finds no weights in it"
    scaled = layers(".scale_weight")
    if scaled and f"{prefix}{SCALED_FP8}" not in keys:
        return f"which is scaled fp8 without the mark {SCALED_FP8}: ComfyUI's loader would leave the scales out"
    if any(dtype_of(f"{layer}.weight") == FP8[1] for layer in scaled):
        return "which is scaled fp8 of the kind e5m2: ComfyUI's loader reads it as e4m3, which gives NaN"
    if layers(".weight_scale"):
        return "which is quantised for LightX2V: ComfyUI's loader would leave the scales out"
    return None
