"""Networks of TensorFlow Lite."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from ..host.locations import pack_module
from ..inputs.tflite_files import (
    ADD,
    CONCATENATION,
    CONVOLUTION,
    CUSTOM,
    DENSIFY,
    LOGISTIC,
    MAX_POOL,
    PAD,
    RESHAPE,
    RESIZE,
    SPREAD,
    Number,
    Operator,
    Tensor,
    byte,
    flat,
    tflite,
    whole,
)
from . import forms
from .case import READ, Case

FILE = "selfie_segmentation.tflite"
SIDE = 256
PICTURE, ANSWER = Tensor((1, SIDE, SIDE, 3)), Tensor((1, SIDE, SIDE, 1))
MOST = 2**32 - 1


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, (make, says) in FILES.items():
        yield Case("TensorFlow Lite", kind, _written(make), _read, says=says)
    sparse = "megabytes of which hardly a number is kept"
    yield Case("TensorFlow Lite", sparse, _written(_dense_from_little), _read, READ)
    yield Case("TensorFlow Lite", "a link to a device", _device, _read, says="no plain file")
    yield Case("TensorFlow Lite", "terabytes without anything in them", _sparse, _read, says="longer than 64 MiB")


def _read(path: Path) -> str:
    file = pack_module("annotators.subject").SELFIE_FILE
    network = pack_module("annotators.tflite").load_tflite(path, *file)
    return str(network(torch.zeros(1, 3, SIDE, SIDE)).sum())


def _written(make: Callable[[], bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / FILE).write_bytes(make())
        return folder / FILE

    return write


def _device(folder: Path) -> Path:
    (folder / FILE).symlink_to("/dev/zero")
    return folder / FILE


def _sparse(folder: Path) -> Path:
    return forms.sparse(folder / FILE, _graph(), forms.HUGE)


def _graph(tensors: Sequence[Tensor] = (), operators: Sequence[Operator] = ()) -> bytes:
    """A file with more tensors, from number 2, in which these operators come before the last one."""
    last = Operator(CONVOLUTION, (0, len(tensors) + 2, len(tensors) + 3), 1, {1: whole(1), 2: whole(1)})
    weight, bias = Tensor((1, 1, 1, 3), np.ones((1, 1, 1, 3), np.float32)), Tensor((1,), np.zeros(1, np.float32))
    return tflite([PICTURE, ANSWER, *tensors, weight, bias], [*operators, last], [1])


def _with_answer(*operators: Operator, tensors: Sequence[Tensor] = ()) -> bytes:
    """A file whose answer is of these operators."""
    return tflite([PICTURE, ANSWER, *tensors], operators, [1])


def _changed(place: int, value: int) -> bytes:
    data = bytearray(_graph())
    struct.pack_into("<I", data, place, value)
    return bytes(data)


def _lists_of_one_table() -> bytes:
    """A list of tables that all are the file's own first one."""
    data = bytearray(flat({0: Number("I", 3), 2: [{}] * 20_000, 4: []}))
    root = struct.unpack_from("<I", data)[0]
    slots = [at for at in range(0, len(data) - 4, 4) if struct.unpack_from("<I", data, at)[0] == 20_000]
    for item in range(20_000):
        place = slots[0] + 4 + 4 * item
        struct.pack_into("<I", data, place, (root - place) % 2**32)
    return bytes(data)


def _dense_from_little() -> bytes:
    """Tensors of megabytes of which hardly a number is kept."""
    rows = 4_000_000
    kept = Tensor((rows, 4), np.zeros(0, np.float32), np.zeros(rows + 1, np.int32), np.zeros(0))
    return _graph([kept] * 3)


def _wide_filters() -> bytes:
    weight = Tensor((64, 63, 63, 3), np.zeros((64, 63, 63, 3), np.float16))
    tensors = [weight, Tensor((64,), np.zeros(64, np.float16)), Tensor((1, SIDE, SIDE, 64))]
    steps = [Operator(CONVOLUTION, (0, 2, 3), 4, {1: whole(1), 2: whole(1)})] * 40
    return _with_answer(*steps, Operator(ADD, (4, 4), 1), tensors=tensors)


def _far_filter() -> bytes:
    far = {1: whole(1), 2: whole(1), 4: whole(2**30), 5: whole(2**30)}
    weight, bias = Tensor((1, 3, 3, 3), np.ones((1, 3, 3, 3), np.float32)), Tensor((1,), np.zeros(1, np.float32))
    return _with_answer(Operator(CONVOLUTION, (0, 2, 3), 1, far), tensors=[weight, bias])


def _shared_filters() -> bytes:
    """Layers that would each copy the same eight megabytes."""
    rows, bias = np.zeros((1, 2**11, 2**9, 3), np.float16), Tensor((1,), np.zeros(1, np.float32))
    step = {1: whole(SIDE), 2: whole(SIDE)}
    given = range(5, 45)
    filters = [Operator(CONVOLUTION, (0, 2, 3), number, step) for number in given]
    tensors = [Tensor(rows.shape, rows), bias, Tensor((1, 1, 1, 40)), *[Tensor((1, 1, 1, 1))] * 40]
    ends = [Operator(CONCATENATION, given, 4, {0: whole(3)}), Operator(RESHAPE, (4,), 1)]
    return _with_answer(*filters, *ends, tensors=tensors)


def _wide_pools() -> bytes:
    """Squares of 512 x 512 at 513 x 513 places of an enlarged picture."""
    wide = {0: byte(1), 1: whole(1), 2: whole(1), 3: whole(512), 4: whole(512)}
    enlarge, pool = Operator(RESIZE, (0,), 2, {3: byte(1)}), Operator(MAX_POOL, (2,), 3, wide)
    tensors = [Tensor((1, 1024, 1024, 3)), Tensor((1, 513, 513, 3))]
    return _with_answer(enlarge, pool, Operator(RESHAPE, (3,), 1), tensors=tensors)


def _chained(count: int) -> bytes:
    """Each of one number, so that all together cost little but for being made."""
    numbers = [2, *range(4, count + 2), 3]
    steps = [Operator(LOGISTIC, (taken,), given) for taken, given in itertools.pairwise(numbers)]
    first = Operator(MAX_POOL, (0,), 2, {1: whole(SIDE), 2: whole(SIDE), 3: whole(SIDE), 4: whole(SIDE)})
    last = Operator(RESIZE, (3,), 1, {3: byte(1)})
    return _with_answer(first, *steps, last, tensors=[Tensor((1, 1, 1, 1))] * count)


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing at all": (lambda: b"", "no TensorFlow Lite file"),
    "a pickle with code": (lambda: forms.pickled_code(Path()), "no TensorFlow Lite file"),
    "cut off in the middle": (lambda: _graph()[: len(_graph()) // 2], "cannot be read"),
    "cut off at its end": (lambda: _graph()[:-4], "cannot be read"),
    "a first table beyond the end": (lambda: _changed(0, MOST), "beyond its own end"),
    "a first table before the beginning": (lambda: flat({})[:8] + struct.pack("<i", 2**30), "cannot be read"),
    "a list of tables that are its own first one": (_lists_of_one_table, "cannot be read"),
    "more tables than there can be": (lambda: flat({2: [{}], 4: [{}] * 30_000}), "at most 20000 can be"),
    "a shape of terabytes": (lambda: _graph([Tensor((2**20, 2**20))]), "would hold"),
    "a shape whose size overflows": (lambda: _graph([Tensor((2**16,) * 5)]), "would hold"),
    "a negative shape": (lambda: _graph([Tensor((-1, 2**30))]), "that none can have"),
    "a shape of a thousand sides": (lambda: _graph([Tensor((1,) * 1000)]), "that none can have"),
    "a thousand shapes that are large together": (lambda: _graph([Tensor((1, 512, 512, 1))] * 1000), "would hold"),
    "numbers that are fewer than the shape says": (lambda: _graph([Tensor((9, 9), np.zeros(1, np.int32))]), "numbers"),
    "rows without an end": (
        lambda: _graph([Tensor((2, 4), np.zeros(2, np.float32), np.int32([0, 2**30, 2]), np.zeros(2))]),
        "do not fit its shape",
    ),
    "rows of which each place is named twice": (
        lambda: _graph([Tensor((2, 4), np.zeros(2, np.float32), np.int32([0, 2, 2]), np.zeros(2))]),
        "do not fit its shape",
    ),
    "millions of numbers for a few places": (
        lambda: _graph([Tensor((2, 4), np.zeros(2**22, np.float32), np.int32([0, 2, 2]), np.zeros(2**22))]),
        "numbers",
    ),
    "columns beyond a row": (
        lambda: _graph([Tensor((1, 4), np.zeros(1, np.float32), np.int32([0, 1]), np.array([60_000]))]),
        "do not fit its shape",
    ),
    "an operator that is not known": (lambda: _with_answer(Operator(120, (0,), 1)), "not known here"),
    "an operator of a name with control characters": (
        lambda: _with_answer(Operator(CUSTOM, (0,), 1, custom=("\x1b[2J", b""))),
        "what has no name",
    ),
    "an operator of a name of megabytes": (
        lambda: _with_answer(Operator(CUSTOM, (0,), 1, custom=("A" * 2**23, b""))),
        "at most 100 can be",
    ),
    "a custom operator with settings of megabytes": (
        lambda: _with_answer(Operator(CUSTOM, (0,), 1, custom=("Shell", bytes(2**23)))),
        "at most 64 can be",
    ),
    "an operator on itself": (lambda: _with_answer(Operator(ADD, (1, 1), 1)), "not its own"),
    "a convolution without weights": (lambda: _with_answer(Operator(CONVOLUTION, (0, 0, 0), 1)), "cannot be read"),
    "room of terabytes around a picture": (
        lambda: _with_answer(Operator(PAD, (0, 2), 1), tensors=[Tensor((4, 2), np.full((4, 2), 2**30, np.int32))]),
        "cannot be read",
    ),
    "room around a million axes": (
        lambda: _with_answer(Operator(PAD, (0, 2), 1), tensors=[Tensor((10**6, 2), np.zeros((10**6, 2), np.int32))]),
        "at most 12 can be",
    ),
    "a picture enlarged to terabytes": (
        lambda: _with_answer(Operator(RESIZE, (0,), 2, {3: byte(1)}), tensors=[Tensor((1, 2**20, 2**20, 3))]),
        "would hold",
    ),
    "a picture of another shape": (lambda: _with_answer(Operator(RESHAPE, (0,), 1)), "does not fit"),
    "a list joined a million times": (
        lambda: _with_answer(Operator(CONCATENATION, (0,) * 1_000_000, 1, {0: whole(3)})),
        "at most 64 can be",
    ),
    "zeros put back where there are none": (lambda: _with_answer(Operator(DENSIFY, (0,), 1)), "not known here"),
    "a pool that steps by nothing": (lambda: _with_answer(Operator(MAX_POOL, (0,), 1)), "steps by 0 x 0"),
    "channels over no places": (lambda: _with_answer(Operator(SPREAD, (0,), 1)), "over 0 x 0 places"),
    "filters of a size that none has": (_wide_filters, "would compute without end"),
    "a filter whose places lie far apart": (_far_filter, "so much room around"),
    "forty filters that are one in the file": (_shared_filters, "its layers would hold"),
    "a pool that looks at a quarter of the picture from each place": (_wide_pools, "would compute without end"),
    "nineteen thousand operators, one behind the other": (lambda: _chained(19_000), "at most 2048 can be"),
    "ten thousand operators that give what none takes": (
        lambda: _with_answer(*[Operator(LOGISTIC, (0,), 0)] * 10_000, Operator(LOGISTIC, (0,), 1)),
        "at most 2048 can be",
    ),
}
