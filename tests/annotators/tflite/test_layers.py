"""Each operator of TensorFlow Lite against arithmetic written out by hand."""

import math

import numpy as np
import pytest
import torch

from harness.inputs.tflite_files import (
    ADD,
    AVERAGE_POOL,
    CONCATENATION,
    CONVOLUTION,
    CUSTOM,
    DENSIFY,
    DEPTHWISE,
    DEQUANTIZE,
    HARD_SWISH,
    LOGISTIC,
    MAX_POOL,
    MEAN,
    MUL,
    PAD,
    RELU,
    RESHAPE,
    RESIZE,
    SAME,
    SPREAD,
    VALID,
    Operator,
    Tensor,
    byte,
    tflite,
    whole,
)
from wan_vace.annotators.tflite.graph import read_graph
from wan_vace.annotators.tflite.network import TfliteNetwork

PICTURE = np.random.default_rng(3).normal(size=(1, 7, 10, 4)).astype(np.float32)


def run(path, given, tensors, operators, answer):
    """What a file of these tensors and operators makes of a picture, in the file's own order."""
    path.write_bytes(tflite([Tensor(given.shape), *tensors], operators, [answer]))
    network = TfliteNetwork(graph := read_graph(path), [answer])
    pixels = torch.from_numpy(given).permute(0, 3, 1, 2)
    twice = network(torch.cat([pixels, -pixels]))
    torch.testing.assert_close(twice[:1], network(pixels))  # pictures do not know of each other
    return twice[0].reshape(graph.tensors[answer].shape[1:]).numpy()


def single(path, code, shape, settings=None, constants=(), given=PICTURE):
    """One operator that takes the picture and constants."""
    tensors = [*(Tensor(each.shape, each) for each in constants), Tensor(shape)]
    answer = len(tensors)
    operator = Operator(code, range(answer), answer, settings or {})
    return run(path, given, tensors, [operator], answer)


def filtered(picture, weight, bias, stride, dilation, same, depthwise=False):
    """A convolution, place by place."""
    (rows, columns), (H, W) = weight.shape[1:3], picture.shape[1:3]
    spread = (rows - 1) * dilation + 1, (columns - 1) * dilation + 1
    sizes = [math.ceil((side if same else side - far + 1) / stride) for side, far in zip((H, W), spread, strict=True)]
    room = [max((n - 1) * stride + far - side, 0) * same for n, far, side in zip(sizes, spread, (H, W), strict=True)]
    wide = np.pad(picture[0], [(part // 2, part - part // 2) for part in room] + [(0, 0)])
    out = np.zeros((*sizes, len(bias)))
    for y in range(sizes[0]):
        for x in range(sizes[1]):
            part = wide[y * stride :, x * stride :][: spread[0] : dilation, : spread[1] : dilation]
            each = np.einsum("hwc,hwc->c", part, weight[0]) if depthwise else np.einsum("hwc,ohwc->o", part, weight)
            out[y, x] = each + bias
    return out


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 5)])
@pytest.mark.parametrize(("stride", "dilation", "same"), [(1, 1, 1), (2, 1, 1), (1, 1, 0), (2, 1, 0), (1, 2, 1)])
def test_convolutions(tmp_path, kernel, stride, dilation, same, depthwise):
    generator = np.random.default_rng(5)
    shape = (1, *kernel, 4) if depthwise else (6, *kernel, 4)
    weight = generator.normal(size=shape).astype(np.float32)
    bias = generator.normal(size=4 if depthwise else 6).astype(np.float32)
    expected = filtered(PICTURE, weight, bias, stride, dilation, same, depthwise)
    behind = {4: byte(1), 5: whole(dilation), 6: whole(dilation)} if depthwise else {}
    behind = behind or {3: byte(1), 4: whole(dilation), 5: whole(dilation)}
    settings = {0: byte(VALID if not same else SAME), 1: whole(stride), 2: whole(stride), **behind}
    code = DEPTHWISE if depthwise else CONVOLUTION
    got = single(tmp_path / "a.tflite", code, (1, *expected.shape), settings, (weight, bias))
    np.testing.assert_allclose(got, np.maximum(expected, 0), atol=1e-5)


def test_a_transposed_convolution_without_overlap(tmp_path):
    generator = np.random.default_rng(5)
    weight, bias = generator.normal(size=(3, 2, 2, 4)).astype(np.float32), np.float32([1, 2, 3])
    tensors = [Tensor(weight.shape, weight), Tensor((3,), bias), Tensor((1, 14, 20, 3))]
    custom = ("Convolution2DTransposeBias", np.int32([1, 2, 2]).tobytes())
    got = run(tmp_path / "a.tflite", PICTURE, tensors, [Operator(CUSTOM, (0, 1, 2), 3, custom=custom)], 3)
    expected = np.einsum("hwc,oyxc->hywxo", PICTURE[0], weight).reshape(14, 20, 3) + bias
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize(("code", "pool"), [(MAX_POOL, np.max), (AVERAGE_POOL, np.mean)])
def test_pools(tmp_path, code, pool):
    settings = {0: byte(VALID), 1: whole(5), 2: whole(3), 3: whole(5), 4: whole(3)}
    got = single(tmp_path / "a.tflite", code, (1, 2, 2, 4), settings)
    np.testing.assert_allclose(got, pool(PICTURE[0, :6].reshape(2, 3, 2, 5, 4), (1, 3)), atol=1e-6)


@pytest.mark.parametrize(("activation", "top"), [(1, np.inf), (3, 6)])
def test_pools_and_lists_end_in_an_activation(tmp_path, activation, top):
    ones = {0: byte(VALID), **{number: whole(1) for number in (1, 2, 3, 4)}, 5: byte(activation)}
    for code in (MAX_POOL, AVERAGE_POOL):
        got = single(tmp_path / "a.tflite", code, PICTURE.shape, ones, given=9 * PICTURE)
        np.testing.assert_allclose(got, np.clip(9 * PICTURE[0], 0, top), atol=1e-6)
    operator = Operator(CONCATENATION, (0, 0), 1, {0: whole(3), 1: byte(activation)})
    got = run(tmp_path / "a.tflite", 9 * PICTURE, [Tensor((1, 7, 10, 8))], [operator], 1)
    np.testing.assert_allclose(got, np.clip(np.tile(9 * PICTURE[0], 2), 0, top), atol=1e-6)


@pytest.mark.parametrize(
    ("code", "compute"),
    [
        (RELU, lambda x: np.maximum(x, 0)),
        (LOGISTIC, lambda x: 1 / (1 + np.exp(-x))),
        (HARD_SWISH, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ],
    ids=["relu", "logistic", "hard swish"],
)
def test_what_is_computed_of_each_number(tmp_path, code, compute):
    got = single(tmp_path / "a.tflite", code, PICTURE.shape, given=4 * PICTURE)
    np.testing.assert_allclose(got, compute(4 * PICTURE[0]), atol=1e-6)


@pytest.mark.parametrize(("code", "compute"), [(ADD, np.add), (MUL, np.multiply)])
def test_two_of_which_one_is_a_column(tmp_path, code, compute):
    tensors = [Tensor((1, 1, 1, 4)), Tensor(PICTURE.shape), Tensor((2,), np.int32([1, 2]))]
    operators = [Operator(MEAN, (0, 3), 1, {0: byte(1)}), Operator(code, (0, 1), 2, {0: byte(3)})]
    got = run(tmp_path / "a.tflite", PICTURE, tensors, operators, 2)
    expected = compute(PICTURE[0], PICTURE[0].mean((0, 1)))
    np.testing.assert_allclose(got, np.clip(expected, 0, 6), atol=1e-6)


def test_room_around_a_picture_and_channels(tmp_path):
    room = np.int32([[0, 0], [1, 2], [0, 3], [0, 1]])
    got = single(tmp_path / "a.tflite", PAD, (1, 10, 13, 5), constants=[room])
    np.testing.assert_array_equal(got, np.pad(PICTURE, room)[0])


def test_channels_are_spread_over_places(tmp_path):
    got = single(tmp_path / "a.tflite", SPREAD, (1, 14, 20, 1), {0: whole(2)})
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        np.testing.assert_array_equal(got[y::2, x::2, 0], PICTURE[0, ..., 2 * y + x])


def test_pictures_are_enlarged_from_the_middles_of_pixels(tmp_path):
    row = np.float32([0, 4, 8]).reshape(1, 1, 3, 1)
    got = single(tmp_path / "a.tflite", RESIZE, (1, 1, 6, 1), {3: byte(1)}, [np.int32([1, 6])], given=row)
    np.testing.assert_allclose(got.ravel(), [0, 1, 3, 5, 7, 8])


def test_shapes_and_lists(tmp_path):
    tensors = [Tensor((1, 35, 8)), Tensor((1, 35, 16))]
    operators = [Operator(RESHAPE, (0,), 1), Operator(CONCATENATION, (1, 1), 2, {0: whole(2)})]
    got = run(tmp_path / "a.tflite", PICTURE, tensors, operators, 2)
    np.testing.assert_array_equal(got, np.tile(PICTURE.reshape(35, 8), 2))


def test_numbers_without_their_zeros_and_in_16_bits(tmp_path):
    weight = np.zeros((3, 1, 1, 4), np.float16)
    weight[0, 0, 0, 1], weight[2, 0, 0, 0], weight[2, 0, 0, 3] = 1.5, -2, 0.25
    kept = Tensor(weight.shape, weight[weight != 0], starts=np.int32([0, 1, 1, 3]), columns=np.array([1, 0, 3]))
    bias = np.float16([0, 7, 0])
    tensors = [
        kept,
        Tensor(weight.shape),
        Tensor(weight.shape),
        Tensor((3,), bias),
        Tensor((3,)),
        Tensor((1, 7, 10, 3)),
    ]
    operators = [
        Operator(DENSIFY, (1,), 2),
        Operator(DEQUANTIZE, (2,), 3),
        Operator(DEQUANTIZE, (4,), 5),
        Operator(CONVOLUTION, (0, 3, 5), 6, {1: whole(1), 2: whole(1)}),
    ]
    got = run(tmp_path / "a.tflite", PICTURE, tensors, operators, 6)
    expected = PICTURE[0] @ weight.reshape(3, 4).T.astype(np.float32) + bias
    np.testing.assert_allclose(got, expected, atol=1e-5)
