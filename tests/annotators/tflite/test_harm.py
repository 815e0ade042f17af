"""Files that would take memory or time without end, or end in another error than a sentence."""

import itertools
import time

import numpy as np
import pytest
import torch

from harness.inputs.tflite_files import (
    AVERAGE_POOL,
    CONCATENATION,
    CONVOLUTION,
    CUSTOM,
    DEPTHWISE,
    LOGISTIC,
    MAX_POOL,
    MEAN,
    PAD,
    SAME,
    SPREAD,
    VALID,
    Number,
    Operator,
    Tensor,
    byte,
    flat,
    tflite,
    whole,
)
from wan_vace.annotators.tflite import load_tflite
from wan_vace.annotators.tflite.graph import read_graph
from wan_vace.annotators.tflite.network import _last_uses
from wan_vace.vace_core.errors import VaceInputError

PICTURE, ANSWER = Tensor((1, 8, 8, 3)), Tensor((1, 8, 8, 3))


def refused(path, tensors, operators, message):
    """A file whose tensor 0 is the picture, and whose tensor 1 is the answer."""
    path.write_bytes(tflite(tensors, operators, [1]))
    with pytest.raises(VaceInputError, match=rf"a\.tflite cannot be read \(.*{message}"):
        load_tflite(path, tuple(tensors[0].shape[1:3]), {"answer": tuple(tensors[1].shape[1:])}, ("answer",))


@pytest.mark.parametrize("padding", [SAME, VALID])
@pytest.mark.parametrize("field", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [0, -1])
def test_pools_of_no_size_are_refused(tmp_path, padding, field, size):
    settings = {0: byte(padding), **{number: whole(1) for number in (1, 2, 3, 4)}, field: whole(size)}
    operator = Operator(MAX_POOL, (0,), 1, settings)
    refused(tmp_path / "a.tflite", [PICTURE, ANSWER], [operator], "MAX_POOL_2D looks at .* and steps by")


@pytest.mark.parametrize("size", [0, -2])
def test_channels_over_no_places_are_refused(tmp_path, size):
    operator = Operator(SPREAD, (0,), 1, {0: whole(size)})
    refused(tmp_path / "a.tflite", [PICTURE, ANSWER], [operator], f"DEPTH_TO_SPACE spreads channels over {size} x")


@pytest.mark.parametrize(("name", "settings"), [(101, 0), (2**16, 0), (5, 65), (5, 2**16)])
def test_long_names_and_settings_are_refused(tmp_path, name, settings):
    operator = Operator(CUSTOM, (0,), 1, custom=("A" * name, bytes(settings)))
    most = 64 if settings else 100
    message = f"it holds {settings or name} bytes where at most {most} can be"
    refused(tmp_path / "a.tflite", [PICTURE, ANSWER], [operator], message)


def test_the_longest_name_and_settings_are_read(tmp_path):
    operator = Operator(CUSTOM, (0,), 1, custom=("A" * 100, bytes(64)))
    refused(tmp_path / "a.tflite", [PICTURE, ANSWER], [operator], "it computes A{40}, which is not known here")


def constant(*shape):
    return Tensor(shape, np.zeros(shape, np.float16))


def joined(tensors, operators):
    """Operators that give one number each, and behind them those that join these for the answer."""
    half, number = len(operators) // 2, len(tensors)
    given = [operator.target for operator in operators]
    halves = [Tensor((1, 1, 1, half)), Tensor((1, 1, 1, len(operators) - half))]
    joins = [(given[:half], number), (given[half:], number + 1), ((number, number + 1), 1)]
    return [*tensors, *halves], [*operators, *(Operator(CONCATENATION, *each, {0: whole(3)}) for each in joins)]


def test_a_pool_counts_all_that_it_looks_at(tmp_path):
    """Squares of 500 x 500 at 501 x 501 places of one picture are sixty billion numbers."""
    settings = {0: byte(VALID), 1: whole(1), 2: whole(1), 3: whole(500), 4: whole(500)}
    tensors = [Tensor((1, 1000, 1000, 1)), Tensor((1, 501, 501, 1))]
    refused(tmp_path / "a.tflite", tensors, [Operator(AVERAGE_POOL, (0,), 1, settings)], "compute without end")


@pytest.mark.parametrize("code", [MEAN, CONVOLUTION])
def test_what_gives_one_number_of_many_counts_those_it_takes(tmp_path, code):
    """Seventy times one number of sixty-four million."""
    one, count = Tensor((1, 1, 1, 1)), 70
    constants, settings = [Tensor((2,), np.int32([1, 2])), constant(1)], {0: byte(1)}
    if code == CONVOLUTION:
        constants, settings = [constant(1, 1, 1, 1), constant(1)], {1: whole(8000), 2: whole(8000)}
    tensors = [Tensor((1, 8000, 8000, 1)), Tensor((1, 1, 1, count)), *constants, *[one] * count]
    operators = [Operator(code, (0, 2, 3), 4 + each, settings) for each in range(count)]
    refused(tmp_path / "a.tflite", *joined(tensors, operators), "it would compute without end")


def test_an_enlarging_convolution_counts_the_channels_it_takes(tmp_path):
    custom = ("Convolution2DTransposeBias", np.int32([1, 1, 1]).tobytes())
    tensors = [Tensor((1, 64, 64, 4096)), Tensor((1, 64, 64, 512)), constant(512, 1, 1, 4096), constant(512)]
    operator = Operator(CUSTOM, (0, 2, 3), 1, custom=custom)
    refused(tmp_path / "a.tflite", tensors, [operator], "compute without end")


def test_layers_that_share_a_constant_are_refused_where_they_would_hold_too_much(tmp_path):
    """One filter of two million numbers, taken by forty layers, each of which would copy it."""
    one, weight, count = Tensor((1, 1, 1, 1)), constant(1, 1, 1, 2**21), 40
    tensors = [Tensor((1, 1, 1, 2**21)), Tensor((1, 1, 1, count)), weight, constant(1), *[one] * count]
    strides = {1: whole(1), 2: whole(1)}
    operators = [Operator(CONVOLUTION, (0, 2, 3), 4 + each, strides) for each in range(count)]
    refused(tmp_path / "a.tflite", *joined(tensors, operators), "its layers would hold more than 67108864 numbers")


@pytest.mark.parametrize("code", [CONVOLUTION, DEPTHWISE])
@pytest.mark.parametrize("dilation", [2**12, 2**31 - 1])
def test_room_without_end_around_a_dilated_filter_is_refused(tmp_path, code, dilation):
    wide = {number: whole(dilation) for number in ((5, 6) if code == DEPTHWISE else (4, 5))}
    weight = constant(1, 3, 3, 3) if code == DEPTHWISE else constant(3, 3, 3, 3)
    settings = {0: byte(SAME), 1: whole(1), 2: whole(1), **wide}
    operator = Operator(code, (0, 2, 3), 1, settings)
    refused(tmp_path / "a.tflite", [PICTURE, ANSWER, weight, constant(3)], [operator], "so much room around")


@pytest.mark.parametrize(("code", "settings"), [(PAD, {}), (MEAN, {0: byte(1)})])
def test_lists_of_axes_are_short(tmp_path, code, settings):
    axes = Tensor((7, 2), np.zeros((7, 2), np.int32))
    message = "(PAD|MEAN) lists 14 numbers where at most 12 can be"
    refused(tmp_path / "a.tflite", [PICTURE, ANSWER, axes], [Operator(code, (0, 2), 1, settings)], message)


def test_tensors_are_let_go_after_their_last_use():
    """The picture is 0, what comes out is 4 and 1. The tensor 3 is taken by none."""
    routes = [((0,), 1), ((0, 1), 2), ((2, 2), 3), ((1, 2), 4)]
    assert [set(done) for done in _last_uses(routes, (4, 1))] == [set(), {0}, {3}, {2}]


def chained(count):
    """A picture that goes through so many operators, one behind the other."""
    between = [PICTURE] * (count - 1)
    numbers = [0, *range(2, count + 1), 1]
    return [PICTURE, ANSWER, *between], [Operator(LOGISTIC, (a,), b) for a, b in itertools.pairwise(numbers)]


@pytest.mark.parametrize("count", [2049, 19_000])
def test_more_operators_than_a_network_has_are_refused_at_once(tmp_path, count):
    """The largest of mediapipe's has 332. To make 19,000 and try them one by one took eight seconds."""
    (tmp_path / "a.tflite").write_bytes(tflite(*chained(count), [1]))
    began = time.process_time()
    with pytest.raises(VaceInputError, match=rf"\(it has {count} operators where at most 2048 can be\)"):
        load_tflite(tmp_path / "a.tflite", (8, 8), {"answer": (8, 8, 3)}, ("answer",))
    assert time.process_time() - began < 4


def test_as_many_operators_as_there_can_be_are_read(tmp_path):
    (tmp_path / "a.tflite").write_bytes(tflite(*chained(2048), [1]))
    network = load_tflite(tmp_path / "a.tflite", (8, 8), {"answer": (8, 8, 3)}, ("answer",))
    assert len(network.layers) == 2048 and network(torch.zeros(1, 3, 8, 8)).shape == (1, network.values)


def test_twenty_thousand_layers_are_followed_at_once():
    """One by one, each against all, they would take half a minute."""
    routes = [((step,), step + 1) for step in range(20_000)]
    began = time.process_time()
    assert _last_uses(routes, (20_000,)) == [(step,) for step in range(20_000)]
    assert time.process_time() - began < 2


@pytest.mark.parametrize(("code", "field"), [(MAX_POOL, 5), (AVERAGE_POOL, 5), (CONCATENATION, 1)])
def test_an_activation_that_is_not_known_is_refused(tmp_path, code, field):
    ones = {number: whole(1) for number in (1, 2, 3, 4)} if field == 5 else {0: whole(3)}
    operator = Operator(code, (0,), 1, {**ones, field: byte(4)})
    refused(tmp_path / "a.tflite", [PICTURE, ANSWER], [operator], "does not fit what it is given: 4")


@pytest.mark.parametrize(
    ("starts", "columns", "count", "message"),
    [
        ([0, 2, 4], [0, 1, 0, 1], 2**20, r"a tensor of shape \[2, 4\] has 1048576 numbers"),
        (range(2**20), [0, 1], 2, "places of its numbers do not fit"),
        ([0], [0, 1], 2, "places of its numbers do not fit"),
        ([0, 1, 2], [0] * 3, 2, "places of its numbers do not fit"),
        ([1, 1, 2], [0, 1], 2, "places of its numbers do not fit"),
        ([0, 1, 1], [0, 1], 2, "places of its numbers do not fit"),
        ([0, 2**31 - 1, 2], [0, 1], 2, "places of its numbers do not fit"),
        ([0, -1, 2], [0, 1], 2, "places of its numbers do not fit"),
        ([0, 2, 2], [1, 1], 2, "places of its numbers do not fit"),
        ([0, 2, 2], [2, 1], 2, "places of its numbers do not fit"),
        ([0, 0, 2], [2, 1], 2, "places of its numbers do not fit"),
        ([0, 2, 2], [0, 4], 2, "places of its numbers do not fit"),
    ],
)
def test_places_of_kept_numbers_that_do_not_fit_are_refused(tmp_path, starts, columns, count, message):
    kept = Tensor((2, 4), np.ones(count, np.float32), np.int32(starts), np.array(columns))
    refused(tmp_path / "a.tflite", [PICTURE, ANSWER, kept], [Operator(LOGISTIC, (0,), 1)], message)


def test_rows_may_begin_further_left_than_the_one_before_ended(tmp_path):
    """Also those that are empty, at the end too."""
    starts, columns = np.int32([0, 0, 2, 2, 3, 3]), np.array([1, 3, 0])
    kept = Tensor((5, 4), np.float32([1, 2, 3]), starts, columns)
    (tmp_path / "a.tflite").write_bytes(tflite([PICTURE, ANSWER, kept], [Operator(LOGISTIC, (0,), 1)], [1]))
    expected = np.zeros((5, 4))
    expected[1, [1, 3]], expected[3, 0] = (1, 2), 3
    np.testing.assert_array_equal(read_graph(tmp_path / "a.tflite").tensors[2].values, expected)


def test_the_order_of_axes_is_as_long_as_they_are(tmp_path):
    """A long one is not made into a list of Python's first."""
    kept = Tensor((2, 4), np.ones(1, np.float32), np.int32([0, 1, 1]), np.array([0]))
    data = tflite([PICTURE, ANSWER, kept], [Operator(LOGISTIC, (0,), 1)], [1])
    order = np.int32([2, 0, 1]).tobytes()  # two axes, in order
    assert data.count(order) == 1
    (tmp_path / "a.tflite").write_bytes(data.replace(order, np.int32([1, 0, 1]).tobytes()))
    with pytest.raises(VaceInputError, match="in an order that is not known"):
        load_tflite(tmp_path / "a.tflite", (8, 8), {"answer": (8, 8, 3)}, ("answer",))


def damaged(path, data, message):
    path.write_bytes(data)
    with pytest.raises(VaceInputError, match=rf"a\.tflite cannot be read \(.*{message}"):
        load_tflite(path, (8, 8), {"answer": (8, 8, 3)}, ("answer",))


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        ({2: Number("I", 9)}, "it leads beyond its own end"),
        ({1: byte(9)}, "it holds numbers of kind 9"),
        ({6: {}}, "it leaves out zeros in an order that is not known here"),
        ({6: {0: np.int32([0]), 2: [{0: byte(1)}]}}, "it does not say where its numbers belong"),
    ],
)
def test_a_tensor_whose_numbers_cannot_be_found_is_refused(tmp_path, tensor, message):
    held = {0: np.zeros(4, np.uint8)}
    graph = {0: [{0: np.int32([1]), **tensor}]}
    damaged(tmp_path / "a.tflite", flat({2: [graph], 4: [held]}), message)


def test_lists_of_more_than_a_file_can_have_are_refused(tmp_path):
    damaged(tmp_path / "a.tflite", flat({2: [{}], 4: [{}] * 20_001}), "it lists 20001 things where at most 20000 can")


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (Operator(CONVOLUTION, (0, 2, 3), 1, {1: whole(1), 2: whole(1)}), "it computes with whole numbers"),
        (Operator(MAX_POOL, (0,), 1, {k: whole(3) for k in (1, 2, 3, 4)}), "MAX_POOL_2D looks beyond the picture"),
        (
            Operator(CUSTOM, (0, 2, 3), 1, custom=("Convolution2DTransposeBias", np.int32([1, 2, 2]).tobytes())),
            "Convolution2DTransposeBias overlaps its steps",
        ),
    ],
)
def test_what_is_not_known_of_an_operator_is_named(tmp_path, operator, message):
    whole_numbers = [Tensor((3, 1, 1, 3), np.ones((3, 1, 1, 3), np.int32)), Tensor((3,), np.ones(3, np.int32))]
    refused(tmp_path / "a.tflite", [PICTURE, ANSWER, *whole_numbers], [operator], message)
