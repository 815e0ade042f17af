"""TensorFlow Lite files of a few operators, written as the format says, so that every field of one can be wrong."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

KINDS = {np.dtype(np.float32): 0, np.dtype(np.float16): 1, np.dtype(np.int32): 2}
CUSTOM = 32
# Numbers of operators in the format's schema.
ADD, AVERAGE_POOL, CONCATENATION, CONVOLUTION, DEPTHWISE, SPREAD, DEQUANTIZE = range(7)
LOGISTIC, MAX_POOL, MUL, RELU, RESHAPE, RESIZE = 14, 17, 18, 19, 22, 23
PAD, MEAN, HARD_SWISH, DENSIFY = 34, 40, 117, 124
SAME, VALID = 0, 1  # ways to pad


@dataclass(frozen=True)
class Number:
    """A field that holds a number, in a form of `struct`."""

    form: str
    value: int


# A table: fields by number. A field is a number, a text, numbers, another table, or a list of tables.
Table = Mapping[int, "Number | str | bytes | np.ndarray | Table | Sequence[Table]"]


@dataclass(frozen=True)
class Tensor:
    """A tensor: its shape, and its numbers if it is a constant.

    Attributes:
        shape: As the file says it.
        values: What the file holds; its kind of numbers is the tensor's.
        starts: Of a tensor without its zeros: where each row begins among its numbers; then `columns`.
        columns: Likewise: the column of each.
    """

    shape: Sequence[int]
    values: np.ndarray | None = None
    starts: np.ndarray | None = None
    columns: np.ndarray | None = None


@dataclass(frozen=True)
class Operator:
    """An operator: its number in the schema, tensors it takes, the tensor it gives, its settings.

    Attributes:
        code: As above; `CUSTOM` with a name in `custom`.
        sources: Numbers of tensors.
        target: Likewise.
        settings: Fields of its table, by number: a whole number, or a byte.
        custom: Name and bytes of a custom one.
    """

    code: int
    sources: Sequence[int]
    target: int
    settings: Mapping[int, Number] = field(default_factory=dict)
    custom: tuple[str, bytes] = ("", b"")


def byte(value: int) -> Number:
    """A setting of one byte."""
    return Number("b", value)


def whole(value: int) -> Number:
    """A setting of four bytes."""
    return Number("i", value)


def tflite(
    tensors: Sequence[Tensor], operators: Sequence[Operator], answers: Sequence[int], entrance: int = 0
) -> bytes:
    """A file.

    Args:
        tensors: By number.
        operators: In the order of computing.
        answers: Numbers of the tensors that come out.
        entrance: Number of the one that is given.
    """
    buffers = [b"", *(_data(tensor) for tensor in tensors if tensor.values is not None)]
    places = iter(range(1, len(buffers)))
    codes = sorted({(one.code, one.custom[0]) for one in operators})
    graph = {
        0: [_tensor(tensor, next(places) if tensor.values is not None else 0) for tensor in tensors],
        1: np.int32([entrance]),
        2: np.int32(answers),
        3: [_operator(one, codes.index((one.code, one.custom[0]))) for one in operators],
    }
    model = {
        0: Number("I", 3),
        1: [{0: byte(min(code, 127)), 1: name, 3: whole(code)} for code, name in codes],
        2: [graph],
        4: [{0: np.frombuffer(data, np.uint8)} if data else {} for data in buffers],
    }
    return flat(model)


def write_tflite(path: Path, *graph: object) -> Path:
    """Write the file of `tflite`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tflite(*graph))
    return path


def flat(root: Table) -> bytes:
    """A flatbuffer of a table and what it holds."""
    data = bytearray(8)
    data[4:8] = b"TFL3"
    struct.pack_into("<I", data, 0, _place(data, root))
    return bytes(data)


def _data(tensor: Tensor) -> bytes:
    return tensor.values.tobytes()


def _tensor(tensor: Tensor, buffer: int) -> Table:
    kind = 0 if tensor.values is None else KINDS[tensor.values.dtype]
    table = {0: np.int32(tensor.shape), 1: byte(kind), 2: Number("I", buffer), 3: "t"}
    if tensor.starts is not None:
        dense = [{0: byte(0), 1: whole(side)} for side in tensor.shape[:-1]]
        rows = {0: byte(1), 2: Number("B", 1), 3: {0: np.int32(tensor.starts)}}
        table[6] = {
            0: np.arange(len(tensor.shape), dtype=np.int32),
            2: [*dense, {**rows, 4: Number("B", 2), 5: {0: np.uint16(tensor.columns)}}],
        }
    return table


def _operator(operator: Operator, code: int) -> Table:
    table = {0: Number("I", code), 1: np.int32(operator.sources), 2: np.int32([operator.target])}
    if operator.settings:
        table[4] = operator.settings
    if operator.code == CUSTOM:
        table[5] = np.frombuffer(operator.custom[1], np.uint8)
    return table


def _place(data: bytearray, table: Table) -> int:
    """Write a table behind what is there, what it holds behind it; where it begins."""
    _align(data)
    fields = max(table, default=-1) + 1
    known = len(data)
    data += struct.pack(f"<HH{fields}H", 4 + 2 * fields, 4 + 4 * len(table), *([0] * fields))
    _align(data)
    place = len(data)
    data += struct.pack("<i", place - known)
    later = []
    for number, value in sorted(table.items()):
        struct.pack_into("<H", data, known + 4 + 2 * number, len(data) - place)
        if isinstance(value, Number):
            data += struct.pack(f"<{value.form}", value.value).ljust(4, b"\0")
        else:
            later.append((len(data), value))
            data += bytes(4)
    for slot, value in later:
        struct.pack_into("<I", data, slot, _place_elsewhere(data, value) - slot)
    return place


def _place_elsewhere(data: bytearray, value: object) -> int:
    if isinstance(value, Mapping):
        return _place(data, value)
    _align(data)
    place = len(data)
    if isinstance(value, str | np.ndarray):
        held = np.frombuffer(value.encode(), np.uint8) if isinstance(value, str) else value
        data += struct.pack("<I", len(held)) + held.tobytes()
        return place
    data += struct.pack("<I", len(value)) + bytes(4 * len(value))
    for slot, table in zip(range(place + 4, place + 4 + 4 * len(value), 4), value, strict=True):
        struct.pack_into("<I", data, slot, _place(data, table) - slot)
    return place


def _align(data: bytearray) -> None:
    data += bytes(-len(data) % 4)
