"""GGUF weights through the ``gguf`` library, which is needed for these files only."""

import importlib
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError
from .weights import WeightFile, unreadable_error

# Where a conversion for ComfyUI keeps the shape of a tensor that it had to reshape.
ORIGINAL_SHAPE = "comfy.gguf.orig_shape."


def open_gguf(path: Path) -> WeightFile:
    """A GGUF file. Plain numbers keep their type, quantised ones become float16.

    Raises:
        VaceInputError: If the library is missing, or the file is damaged or quantised in a way it does not know.
    """
    gguf = _library(path.name)
    try:
        reader = gguf.GGUFReader(path)
    except (ValueError, IndexError, KeyError, OSError) as error:
        raise unreadable_error(path.name, error) from error
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def shape_of(key: str) -> tuple[int, ...]:
        original = reader.get_field(ORIGINAL_SHAPE + key)
        if original:
            return tuple(int(original.parts[part][0]) for part in original.data)
        return tuple(reversed(tensors[key].shape.tolist()))  # stored with the fastest axis first

    def tensor(key: str) -> Tensor:
        try:
            return _values(gguf, tensors[key]).reshape(shape_of(key))
        except NotImplementedError as error:
            raise unreadable_error(path.name, error) from error

    return WeightFile(keys=tuple(tensors), shape_of=shape_of, tensor=tensor)


def _values(gguf: ModuleType, stored: object) -> Tensor:
    kinds = gguf.GGMLQuantizationType
    if stored.tensor_type in (kinds.F32, kinds.F16):
        return torch.from_numpy(stored.data.copy())
    if stored.tensor_type == kinds.BF16:
        return torch.from_numpy(stored.data.copy()).view(torch.bfloat16)
    return torch.from_numpy(gguf.dequantize(stored.data, stored.tensor_type)).half()


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module("gguf")
    except ImportError as error:
        raise VaceInputError(
            f"{name} is a GGUF file, and the library that reads them is missing. "
            f"Install it into ComfyUI's Python with: pip install gguf"
        ) from error
