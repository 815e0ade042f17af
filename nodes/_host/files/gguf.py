"""GGUF weights through the ``gguf`` library, which is needed for these files only."""

import importlib
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError
from .weights import UNREADABLE, WeightFile, unreadable_error

# Where a conversion for ComfyUI keeps the shape of a tensor that it had to reshape.
ORIGINAL_SHAPE = "comfy.gguf.orig_shape."


def open_gguf(path: Path) -> WeightFile:
    """A GGUF file. Plain numbers keep their type, quantised ones become float16.

    Raises:
        VaceInputError: If the library is missing, or the file is damaged or quantised in a way it does not know.
    """
    gguf = _library(path.name)
    try:
        reader = _checked(gguf)(path)
        tensors = {tensor.name: tensor for tensor in reader.tensors}
        if sum(tensor.n_bytes for tensor in reader.tensors) > path.stat().st_size:
            raise ValueError("its tensors lie over each other")
    except UNREADABLE as error:  # its reader trusts a file
        raise unreadable_error(path.name, error) from error

    def shape_of(key: str) -> tuple[int, ...]:
        original = reader.get_field(ORIGINAL_SHAPE + key)
        if original:
            return tuple(int(original.parts[part][0]) for part in original.data)
        return tuple(reversed(tensors[key].shape.tolist()))  # stored with the fastest axis first

    def tensor(key: str) -> Tensor:
        try:
            return _values(gguf, tensors[key]).reshape(shape_of(key))
        except UNREADABLE as error:
            raise unreadable_error(path.name, error) from error

    return WeightFile(keys=tuple(tensors), shape_of=shape_of, tensor=tensor)


def _checked(gguf: ModuleType) -> type:
    """The library's reader, which notices where a file ends before its header does.

    Without that it reads nothing, again and again, as often as a damaged header says.
    """

    class Reader(gguf.GGUFReader):
        def _get(self, offset: int, dtype: object, count: int = 1, *rest: object, **named: object) -> object:
            found = super()._get(offset, dtype, count, *rest, **named)
            if len(found) != int(count):
                raise ValueError("it is cut off")
            return found

    return Reader


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
