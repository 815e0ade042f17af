"""Bytes in the forms of known files, with headers that say what one likes."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

HUGE = 2**40
ITEM = {"F32": 4, "U8": 1}
GGUF_UINT32, GGUF_ARRAY, GGUF_F32 = 4, 9, 0


def safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file.

    Args:
        header: What is written as JSON, or bytes as they are.
        data: What comes behind it.
        length: Of the header, as the file says it.
    """
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensors(shapes: Mapping[str, Sequence[int]], dtype: str = "F32") -> tuple[dict, bytes]:
    """Header and zeros of tensors that follow each other, as they should."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = ITEM[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    return header, bytes(end)


def gguf(fields: bytes = b"", infos: bytes = b"", counts: tuple[int, int] = (0, 0), data: bytes = b"") -> bytes:
    """A GGUF file; ``counts`` are of tensors and of fields."""
    head = b"GGUF" + struct.pack("<IQQ", 3, *counts) + fields + infos
    return head + bytes(-len(head) % 32) + data


def gguf_text(text: str) -> bytes:
    """A text in a GGUF file."""
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_tensor(name: str, shape: Sequence[int], offset: int = 0, kind: int = GGUF_F32) -> bytes:
    """What a GGUF file says of a tensor."""
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return gguf_text(name) + dims + struct.pack("<IQ", kind, offset)


class Code:
    """A pickle that makes a folder when it is trusted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable, tuple]:
        return os.mkdir, (str(self.path),)


def pickled_code(folder: Path) -> bytes:
    """A pickle that makes ``folder / "ran"`` when it is trusted."""
    return pickle.dumps({"weight": Code(folder / "ran")}, protocol=2)


def zipped(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """A zip file in the place of one of torch's."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def sparse(path: Path, begin: bytes, size: int) -> Path:
    """A file that says it is long and takes no room on the disk."""
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(size)
    return path


def nested(depth: int) -> str:
    """JSON, lists in lists."""
    return "[" * depth + "]" * depth
