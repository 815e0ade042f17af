"""What a TensorFlow Lite file holds: its operators in order, and the numbers they work with."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...vace_core.files import read_small
from .flatbuffer import FlatTable

MOST_BYTES = 2**26  # of a file; the largest known has 27 million
MOST_VALUES = 2**26  # of all tensors together; the largest known has 62 million
MOST_AXES = 6
MOST_OPERATORS = 2048  # each is made and tried; the largest that was seen has 332
MOST_SOURCES = 64  # of an operator
MOST_NAME, MOST_CUSTOM = 100, 64  # bytes of an operator's name, and of its settings if it is a custom one
MAGIC = b"TFL3"
# Numbers of the format's schema: of kinds of numbers, of operators, and of the fields of its tables.
DTYPES = {0: np.float32, 1: np.float16, 2: np.int32}
OPERATORS = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    34: "PAD",
    40: "MEAN",
    117: "HARD_SWISH",
    124: "DENSIFY",
}
CUSTOM = 32
INDEX_DTYPES = {1: np.int32, 2: np.uint16, 3: np.uint8}
SPARSE_AXIS = 1


@dataclass(frozen=True, eq=False)
class TfliteTensor:
    """A tensor of the file.

    Attributes:
        shape: As the file says it, channels last.
        values: Its numbers where it is a constant; None where they are computed.
    """

    shape: tuple[int, ...]
    values: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class TfliteOperator:
    """An operator of the file.

    Attributes:
        name: As in the schema; of a custom one, its own name.
        sources: Numbers of the tensors it takes.
        target: Number of the tensor it gives.
        options: Its settings; None if it has none.
        custom: The settings of a custom one.
    """

    name: str
    sources: tuple[int, ...]
    target: int
    options: FlatTable | None
    custom: bytes


@dataclass(frozen=True, eq=False)
class TfliteGraph:
    """A whole file.

    Attributes:
        tensors: All, by number.
        operators: In the order in which they are computed.
        entrance: Number of the tensor that is given.
        answers: Numbers of the tensors that come out.
    """

    tensors: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]
    entrance: int
    answers: tuple[int, ...]


def read_graph(path: Path) -> TfliteGraph:
    """A file's graph.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no such file, is damaged, or holds what is not known here.
    """
    data = read_small(path, MOST_BYTES)
    if data[4:8] != MAGIC:
        raise ValueError("it is no TensorFlow Lite file")
    model = FlatTable.root(data)
    graphs = model.tables(2)
    if len(graphs) != 1:
        raise ValueError(f"it holds {len(graphs)} graphs, it must hold one")
    buffers = model.tables(4)
    described = graphs[0].tables(0)
    _require_bounds(described)
    tensors = tuple(_tensor(each, buffers) for each in described)
    operators = _operators(graphs[0].tables(3), model.tables(1), len(tensors))
    entrances, answers = (_numbers_of(graphs[0], field, len(tensors)) for field in (1, 2))
    if len(entrances) != 1 or not answers:
        raise ValueError(f"it takes {len(entrances)} tensors and gives {len(answers)}")
    return TfliteGraph(tensors, operators, entrances[0], answers)


def _shape(table: FlatTable) -> tuple[int, ...]:
    return tuple(table.numbers(0, np.int32)[: MOST_AXES + 1].tolist())


def _require_bounds(tensors: list[FlatTable]) -> None:
    shapes = [_shape(tensor) for tensor in tensors]
    if any(len(shape) > MOST_AXES or min(shape, default=1) < 1 for shape in shapes):
        raise ValueError("it claims a tensor of a shape that none can have")
    total = sum(math.prod(shape) for shape in shapes)
    if total > MOST_VALUES:
        raise ValueError(f"its tensors would hold {total} numbers")


def _tensor(table: FlatTable, buffers: list[FlatTable]) -> TfliteTensor:
    shape = _shape(table)
    buffer = table.number(2, "I")
    if buffer >= len(buffers):
        raise ValueError("it leads beyond its own end")
    stored = buffers[buffer].numbers(0, np.uint8)
    if not len(stored):
        return TfliteTensor(shape)
    dtype = DTYPES.get(table.number(1, "b"))
    if dtype is None:
        raise ValueError(f"it holds numbers of kind {table.number(1, 'b')}")
    values = stored[: len(stored) // dtype().itemsize * dtype().itemsize].view(dtype)  # of the file's own memory
    sparsity = table.table(6)
    if sparsity is not None:
        values = _dense(values, shape, sparsity)
    if values.size != math.prod(shape):
        raise ValueError(f"a tensor of shape {list(shape)[:8]} has {values.size} numbers")
    return TfliteTensor(shape, values.reshape(shape))


def _dense(values: np.ndarray, shape: tuple[int, ...], sparsity: FlatTable) -> np.ndarray:
    """All numbers of a tensor of which only those that are not zero are kept, row by row along its last axis."""
    axes = sparsity.tables(2)
    if len(axes) != len(shape) or not axes:
        raise ValueError("it leaves out zeros in an order that is not known here")
    *before, last = axes
    in_order = np.array_equal(sparsity.numbers(0, np.int32), range(len(shape)))
    plain = in_order and not len(sparsity.numbers(1, np.int32))
    rows = math.prod(shape[:-1])
    if not plain or any(axis.number(0, "b") for axis in before) or last.number(0, "b") != SPARSE_AXIS:
        raise ValueError("it leaves out zeros in an order that is not known here")
    if len(values) > math.prod(shape):
        raise ValueError(f"a tensor of shape {list(shape)} has {len(values)} numbers")
    starts, columns = _indices(last, 2, rows + 1), _indices(last, 4, len(values))
    if not _rise(starts, columns, shape[-1]):
        raise ValueError("the places of its numbers do not fit its shape")
    dense = np.zeros((rows, shape[-1]), values.dtype)
    dense[np.repeat(np.arange(rows, dtype=np.int32), np.diff(starts)), columns] = values
    return dense


def _rise(starts: np.ndarray, columns: np.ndarray, width: int) -> bool:
    """Whether rows follow each other, and in each the columns, so that each place is named once."""
    if starts[0] != 0 or starts[-1] != len(columns) or (starts[1:] < starts[:-1]).any():
        return False
    rising = columns[1:] > columns[:-1]
    rising[starts[(starts > 0) & (starts < len(columns))] - 1] = True  # a row may begin further left than one ended
    return bool(rising.all() and (columns >= 0).all() and (columns < width).all())


def _indices(axis: FlatTable, field: int, count: int) -> np.ndarray:
    dtype, table = INDEX_DTYPES.get(axis.number(field, "B")), axis.table(field + 1)
    if dtype is None or table is None:
        raise ValueError("it does not say where its numbers belong")
    listed = table.numbers(0, dtype)
    if len(listed) != count:
        raise ValueError("the places of its numbers do not fit its shape")
    return listed.astype(np.int32, copy=False)  # the file's own memory, where it holds them so


def _operators(listed: list[FlatTable], kinds: list[FlatTable], count: int) -> tuple[TfliteOperator, ...]:
    if len(listed) > MOST_OPERATORS:
        raise ValueError(f"it has {len(listed)} operators where at most {MOST_OPERATORS} can be")
    codes = [_operator_name(kind) for kind in kinds]
    return tuple(_operator(each, codes, count) for each in listed)


def _operator_name(code: FlatTable) -> str:
    number = max(code.number(0, "b"), code.number(3, "i"))  # the older field holds no more than 127
    return code.text(1, MOST_NAME) if number == CUSTOM else OPERATORS.get(number, f"operator_{number}")


def _operator(table: FlatTable, codes: list[str], count: int) -> TfliteOperator:
    code = table.number(0, "I")
    targets = _numbers_of(table, 2, count)
    if code >= len(codes) or len(targets) != 1:
        raise ValueError("it has an operator of no known kind")
    custom = table.raw(5, MOST_CUSTOM)
    return TfliteOperator(codes[code], _numbers_of(table, 1, count), targets[0], table.table(4), custom)


def _numbers_of(table: FlatTable, field: int, count: int) -> tuple[int, ...]:
    """Numbers of tensors, each of which there is; what is left out has the number -1 and is not listed."""
    listed = table.numbers(field, np.int32)
    if len(listed) > MOST_SOURCES:
        raise ValueError(f"it names {len(listed)} tensors where at most {MOST_SOURCES} can be")
    numbers = tuple(number for number in listed.tolist() if number != -1)
    if any(not 0 <= number < count for number in numbers):
        raise ValueError("it names a tensor that it does not hold")
    return numbers
