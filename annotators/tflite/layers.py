"""The operators of TensorFlow Lite that are known here, each as a layer of torch. Tensors have their channels last."""

import math
import struct
from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .graph import MOST_AXES, MOST_VALUES, TfliteGraph, TfliteOperator

Constants: TypeAlias = dict[int, np.ndarray]
CONSTANT = ("DEQUANTIZE", "DENSIFY")  # of constants: numbers in 16 bits, or without zeros, are taken as they are
ACTIVATIONS: dict[int, Callable[[Tensor], Tensor]] = {0: nn.Identity(), 1: F.relu, 3: F.relu6}
SAME = 0  # padding: the picture keeps its size over the stride
# Settings of the custom transposed convolution, as its bytes hold them.
CUSTOM_SAME, CUSTOM_SETTINGS = 1, struct.Struct("<3i")


class Layer(nn.Module):
    """A layer, and what it costs.

    Attributes:
        each: Numbers that it multiplies for one of its answer.
        padded: Numbers that it holds besides, its picture with room around it.
    """

    each = 1
    padded = 0

    def work(self, taken: Iterable[tuple[int, ...]], given: tuple[int, ...]) -> int:
        """How many numbers it looks at, writes or multiplies, for the shapes of what it takes and gives."""
        return self.each * math.prod(given) + self.padded + sum(map(math.prod, taken))


class Filtered(Layer):
    """A convolution, with the padding of TensorFlow Lite: what is odd goes below and to the right.

    Args:
        weight: [out, rows, columns, in / groups].
        bias: [out].
        strides: Down and across.
        dilations: Down and across.
        room: What is put above and below, and left and right.
        activation: A key of `ACTIVATIONS`.
        groups: Of channels.
    """

    def __init__(
        self,
        weight: np.ndarray,
        bias: np.ndarray,
        strides: tuple[int, int],
        dilations: tuple[int, int],
        room: tuple[tuple[int, int], tuple[int, int]],
        activation: int,
        groups: int,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(_floats(weight).permute(0, 3, 1, 2).contiguous(), requires_grad=False)
        self.bias = nn.Parameter(_floats(bias), requires_grad=False)
        self.strides, self.dilations, self.groups = strides, dilations, groups
        self.activation = ACTIVATIONS[activation]
        self.each = self.weight[0].numel()
        down, across = room
        self.even = (down[0], across[0]) if down[0] == down[1] and across[0] == across[1] else (0, 0)
        self.uneven = (*across, *down) if self.even == (0, 0) else (0, 0, 0, 0)

    def forward(self, x: Tensor) -> Tensor:
        """[n, h, w, in] to [n, rows, columns, out]."""
        x = x.permute(0, 3, 1, 2)
        if any(self.uneven):
            x = F.pad(x, self.uneven)
        x = F.conv2d(x, self.weight, self.bias, self.strides, self.even, self.dilations, self.groups)
        return self.activation(x).permute(0, 2, 3, 1)


class Enlarged(Layer):
    """A transposed convolution whose steps do not overlap.

    Args:
        weight: [out, rows, columns, in].
        bias: [out].
    """

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        super().__init__()
        self.weight = nn.Parameter(_floats(weight).permute(3, 0, 1, 2).contiguous(), requires_grad=False)
        self.bias = nn.Parameter(_floats(bias), requires_grad=False)
        self.each = len(self.weight)  # of a picture's channels: one step alone leads to a place

    def forward(self, x: Tensor) -> Tensor:
        """[n, h, w, in] to [n, h * rows, w * columns, out]."""
        x = F.conv_transpose2d(x.permute(0, 3, 1, 2), self.weight, self.bias, self.weight.shape[2:])
        return x.permute(0, 2, 3, 1)


class Computed(Layer):
    """A layer without numbers of its own."""

    def __init__(self, compute: Callable[..., Tensor], each: int = 1) -> None:
        super().__init__()
        self.compute, self.each = compute, each

    def forward(self, *given: Tensor) -> Tensor:
        """What `compute` makes of what is given."""
        return self.compute(*given)


def _floats(values: np.ndarray) -> Tensor:
    if values.dtype not in (np.float16, np.float32):
        raise ValueError("it computes with whole numbers, which is not known here")
    return torch.from_numpy(values.astype(np.float32))


def _padding(side: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """What is put before and behind a side so that every stride of it is looked at."""
    total = max((math.ceil(side / stride) - 1) * stride + (kernel - 1) * dilation + 1 - side, 0)
    return total // 2, total - total // 2


def _setting(operator: TfliteOperator, field: int, form: str, default: int = 0) -> int:
    return default if operator.options is None else operator.options.number(field, form, default)


def _weights(operator: TfliteOperator, constants: Constants) -> tuple[np.ndarray, np.ndarray]:
    weight, bias = (constants[number] for number in operator.sources[1:3])
    return weight, bias


def _listed(operator: TfliteOperator, constants: Constants) -> np.ndarray:
    """Numbers of axes, or of what belongs to them."""
    values = constants[operator.sources[1]]
    if values.size > 2 * MOST_AXES:
        raise ValueError(f"{operator.name} lists {values.size} numbers where at most {2 * MOST_AXES} can be")
    return values


def _convolution(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    weight, bias = _weights(operator, constants)
    return _filtered(operator, graph, weight, bias, activation=3, dilations=(5, 4), groups=1)


def _depthwise(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    weight, bias = _weights(operator, constants)  # [1, rows, columns, out]
    groups = graph.tensors[operator.sources[0]].shape[-1]
    weight = rearrange(weight, "1 h w c -> c h w 1")
    return _filtered(operator, graph, weight, bias, activation=4, dilations=(6, 5), groups=groups)


def _filtered(
    operator: TfliteOperator,
    graph: TfliteGraph,
    weight: np.ndarray,
    bias: np.ndarray,
    activation: int,
    dilations: tuple[int, int],
    groups: int,
) -> Layer:
    """A convolution, with the fields of its activation and dilations; the others are the same for both kinds."""
    strides = _setting(operator, 2, "i"), _setting(operator, 1, "i")
    spread = tuple(_setting(operator, field, "i", 1) for field in dilations)
    if min(*strides, *spread) < 1:
        raise ValueError(f"{operator.name} steps by {strides}")
    taken = graph.tensors[operator.sources[0]].shape
    if len(taken) != 4 or weight.ndim != 4:
        raise ValueError(f"{operator.name} does not fit what it is given: {len(taken)} and {weight.ndim} axes, not 4")
    room = ((0, 0), (0, 0))
    if _setting(operator, 0, "b") == SAME:
        room = tuple(_padding(*each) for each in zip(taken[1:3], weight.shape[1:3], strides, spread, strict=True))
    layer = Filtered(weight, bias, strides, spread, room, _setting(operator, activation, "b"), groups)
    layer.padded = _padded_numbers(operator, taken, room)
    return layer


def _padded_numbers(operator: TfliteOperator, taken: tuple[int, ...], room: Iterable[tuple[int, int]]) -> int:
    """Numbers of a picture with room around it."""
    count = taken[0] * taken[3] * math.prod(side + sum(part) for side, part in zip(taken[1:3], room, strict=True))
    if count > MOST_VALUES:
        raise ValueError(f"{operator.name} puts so much room around its picture that it would hold {count} numbers")
    return count


def _transposed(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    weight, bias = _weights(operator, constants)
    settings = CUSTOM_SETTINGS.unpack(operator.custom) if len(operator.custom) == CUSTOM_SETTINGS.size else ()
    if settings != (CUSTOM_SAME, *weight.shape[1:3]):
        raise ValueError(f"{operator.name} overlaps its steps, which is not known here")
    return Enlarged(weight, bias)


def _pool(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    across, down, columns, rows = (_setting(operator, field, "i") for field in (1, 2, 3, 4))
    sides = graph.tensors[operator.sources[0]].shape[1:3]
    if min(down, across, rows, columns) < 1:
        raise ValueError(f"{operator.name} looks at {rows} x {columns} and steps by {down} x {across}")
    if _setting(operator, 0, "b") == SAME and (sides[0] % down or sides[1] % across):
        raise ValueError(f"{operator.name} looks beyond the picture, which is not known here")
    pool = F.max_pool2d if operator.name == "MAX_POOL_2D" else F.avg_pool2d
    activation = ACTIVATIONS[_setting(operator, 5, "b")]

    def pooled(x: Tensor) -> Tensor:
        return activation(pool(x.permute(0, 3, 1, 2), (rows, columns), (down, across))).permute(0, 2, 3, 1)

    return Computed(pooled, rows * columns)


def _added(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    activation = ACTIVATIONS[_setting(operator, 0, "b")]
    return Computed(lambda one, other: activation(one + other))


def _multiplied(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    activation = ACTIVATIONS[_setting(operator, 0, "b")]
    return Computed(lambda one, other: activation(one * other))


def _joined(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    axis, activation = _setting(operator, 0, "i"), ACTIVATIONS[_setting(operator, 1, "b")]
    return Computed(lambda *given: activation(torch.cat(given, axis)))


def _spread(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    size = _setting(operator, 0, "i")
    if size < 1:
        raise ValueError(f"{operator.name} spreads channels over {size} x {size} places")
    return Computed(lambda x: rearrange(x, "n h w (y x c) -> n (h y) (w x) c", y=size, x=size))


def _reshaped(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    shape = graph.tensors[operator.target].shape[1:]
    return Computed(lambda x: x.reshape(len(x), *shape))


def _resized(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    if _setting(operator, 2, "b") or not _setting(operator, 3, "b"):
        raise ValueError("it enlarges pictures in a way that is not known here")
    size = graph.tensors[operator.target].shape[1:3]

    def resize(x: Tensor) -> Tensor:
        return F.interpolate(x.permute(0, 3, 1, 2), size, mode="bilinear").permute(0, 2, 3, 1)

    return Computed(resize)


def _padded(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    room = _listed(operator, constants).reshape(-1, 2)[::-1].flatten().tolist()  # torch begins with the last axis
    if min(room) < 0 or room[-2:] != [0, 0]:
        raise ValueError("it takes away from a picture, which is not known here")
    return Computed(lambda x: F.pad(x, room))


def _mean(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> Layer:
    axes, keep = _listed(operator, constants).flatten().tolist(), bool(_setting(operator, 0, "b"))
    return Computed(lambda x: x.mean(axes, keepdim=keep))


def _by(compute: Callable[[Tensor], Tensor]) -> Callable[..., Layer]:
    return lambda operator, graph, constants: Computed(compute)


LAYERS: dict[str, Callable[[TfliteOperator, TfliteGraph, Constants], Layer]] = {
    "ADD": _added,
    "AVERAGE_POOL_2D": _pool,
    "CONCATENATION": _joined,
    "CONV_2D": _convolution,
    "Convolution2DTransposeBias": _transposed,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEPTH_TO_SPACE": _spread,
    "HARD_SWISH": _by(F.hardswish),
    "LOGISTIC": _by(torch.sigmoid),
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "MUL": _multiplied,
    "PAD": _padded,
    "RELU": _by(F.relu),
    "RESHAPE": _reshaped,
    "RESIZE_BILINEAR": _resized,
}
