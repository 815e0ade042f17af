"""Whole files: those that mediapipe carries, against OpenCV; those that are damaged, or made to do harm."""

import os
import subprocess
import sys
from math import prod

import numpy as np
import pytest
import torch

from harness.inputs.tflite_files import (
    ADD,
    CONCATENATION,
    CONVOLUTION,
    DEQUANTIZE,
    LOGISTIC,
    PAD,
    RESHAPE,
    RESIZE,
    Number,
    Operator,
    Tensor,
    byte,
    flat,
    tflite,
    whole,
)
from wan_vace.annotators.pose import BLAZE_FILES
from wan_vace.annotators.subject import SELFIE_FILE
from wan_vace.annotators.tflite import load_tflite
from wan_vace.annotators.tflite.graph import read_graph
from wan_vace.annotators.tflite.network import TfliteNetwork
from wan_vace.vace_core.errors import VaceInputError

OPENCV = """
import sys, cv2, numpy as np
network = cv2.dnn.readNetFromTFLite(np.fromfile(sys.argv[1], np.uint8))
network.setInput(np.load(sys.argv[2]))
names = network.getUnconnectedOutLayersNames()
np.savez(sys.argv[3], **dict(zip(names, network.forward(names))))
"""
SMALL = ((8, 8), {"answer": (8, 8, 3)}, ("answer",))
PICTURE = Tensor((1, 8, 8, 3))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("pose_landmark_full.tflite", BLAZE_FILES[1]), ("selfie_segmentation.tflite", SELFIE_FILE)],
)
def test_published_files_compute_what_opencv_does(mediapipe_networks, tmp_path, name, expected):
    """By OpenCV's older engine: the newer one of 5.0 gives the last operator's answer alone."""
    (height, width), answers, _ = expected
    pixels = torch.rand(1, 3, height, width)
    np.save(tmp_path / "pixels.npy", pixels.numpy())
    path = mediapipe_networks / name
    argv = [sys.executable, "-c", OPENCV, path, tmp_path / "pixels.npy", tmp_path / "answers.npz"]
    subprocess.run(argv, env={**os.environ, "OPENCV_FORCE_DNN_ENGINE": "1"}, check=True)
    with np.load(tmp_path / "answers.npz") as found:
        theirs = {array.size: array.transpose(0, 2, 3, 1) if array.ndim == 4 else array for array in found.values()}
    assert set(theirs) == {prod(shape) for shape in answers.values()}
    for answer, shape in answers.items():
        ours = load_tflite(path, *expected[:2], (answer,))(pixels)[0].numpy()
        other = theirs[prod(shape)].ravel()
        np.testing.assert_allclose(ours, other, atol=1e-3 * max(abs(other).max(), 1e-3), err_msg=answer)


def test_what_leaves_out_zeros_is_read_whole(mediapipe_networks):
    """OpenCV cannot read this file. Its numbers say the same at half the size, away from the rim."""
    network = load_tflite(mediapipe_networks / "pose_detection.tflite", *BLAZE_FILES[0])
    graph = read_graph(mediapipe_networks / "pose_detection.tflite")
    whole_ones = [t.values for t in graph.tensors if t.values is not None and t.values.ndim == 4]
    shares = [float((values != 0).mean()) for values in whole_ones]
    assert len(network.layers) < len(graph.operators) and 0.1 < min(shares) < 0.5 and max(shares) > 0.99


def file(path, tensors=None, operators=None, answers=(1,), **changes):
    tensors = tensors or [PICTURE, Tensor((1, 8, 8, 3))]
    path.write_bytes(tflite(tensors, operators or [Operator(LOGISTIC, (0,), 1)], answers, **changes))
    return path


def test_a_small_file_is_read(tmp_path):
    network, pixels = load_tflite(file(tmp_path / "a.tflite"), *SMALL), torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(network(pixels), pixels.sigmoid().permute(0, 2, 3, 1).flatten(1))
    assert network.values == 192


@pytest.mark.parametrize("share", [0, 0.001, 0.02, 0.3, 0.7, 0.999])
@pytest.mark.parametrize("name", ["pose_detection.tflite", "selfie_segmentation.tflite"])
def test_a_file_that_is_cut_off_is_refused(mediapipe_networks, tmp_path, name, share):
    data, path = (mediapipe_networks / name).read_bytes(), tmp_path / name
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(
        VaceInputError, match=rf"^{name} cannot be read \(.*\)\. It may be cut off or no model: download"
    ):
        load_tflite(path, *SELFIE_FILE)


def test_bytes_that_changed_end_in_a_sentence_or_in_a_network(mediapipe_networks, tmp_path):
    """Of the parts that say how the network is built; a changed weight cannot be told."""
    data = (mediapipe_networks / "selfie_segmentation.tflite").read_bytes()
    generator, path = np.random.default_rng(1), tmp_path / "a.tflite"
    refused = 0
    for _ in range(60):
        changed = bytearray(data)
        for place in generator.integers(0, 60_000, 40):
            changed[-int(place)] = generator.integers(256)
        path.write_bytes(changed)
        try:
            load_tflite(path, *SELFIE_FILE)
        except VaceInputError:
            refused += 1
    assert refused > 30


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no TensorFlow Lite file"),
        (b"<html>not found</html>", "it is no TensorFlow Lite file"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(64), "it leads beyond its own end"),
        (flat({2: [], 4: []}), "it holds 0 graphs, it must hold one"),
        (flat({2: [{}], 4: []}), "it takes 0 tensors and gives 0"),
    ],
)
def test_what_is_no_file_of_the_kind_is_refused(tmp_path, content, message):
    (tmp_path / "a.tflite").write_bytes(content)
    with pytest.raises(VaceInputError, match=rf"a\.tflite cannot be read \({message}\)"):
        load_tflite(tmp_path / "a.tflite", *SMALL)


HUGE, ANSWER = Tensor((1, 2**14, 2**14, 3)), Tensor((1, 8, 8, 3))
WEIGHT, BIAS = Tensor((3, 3, 3, 3), np.zeros((3, 3, 3, 3), np.float32)), Tensor((3,), np.zeros(3, np.float32))
STRIDES = {1: whole(1), 2: whole(1)}


@pytest.mark.parametrize(
    ("tensors", "operators", "message"),
    [
        ([PICTURE, ANSWER, HUGE], None, "its tensors would hold 8"),
        ([PICTURE, Tensor((1, -8, 8, 3))], None, "a shape that none can have"),
        ([PICTURE, Tensor((1,) * 99)], None, "a shape that none can have"),
        ([PICTURE, ANSWER], [Operator(LOGISTIC, (7,), 1)], "names a tensor that it does not hold"),
        ([PICTURE, ANSWER], [Operator(LOGISTIC, (0,), -1)], "an operator of no known kind"),
        ([PICTURE, ANSWER], [Operator(99, (0,), 1)], "computes operator_99, which is not known here"),
        ([PICTURE, ANSWER], [Operator(32, (0,), 1, custom=("Shell", b""))], "computes Shell, which is not known"),
        ([PICTURE, ANSWER], [Operator(DEQUANTIZE, (), 1)], "DEQUANTIZE, which is not known here"),
        ([PICTURE, ANSWER], [Operator(LOGISTIC, (), 1)], "LOGISTIC takes nothing that is computed"),
        ([PICTURE, ANSWER], [Operator(ADD, (1, 0), 1)], "ADD takes or gives a number that is not its own"),
        ([PICTURE, ANSWER], [Operator(LOGISTIC, (0,), 1)] * 2, "LOGISTIC takes or gives a number that is not its own"),
        ([PICTURE, ANSWER], [Operator(CONCATENATION, (0,) * 65, 1)], "names 65 tensors where at most 64 can be"),
        ([PICTURE, ANSWER, ANSWER], [Operator(LOGISTIC, (0,), 2)], "answers what it does not compute"),
        ([PICTURE, ANSWER], [Operator(ADD, (0,), 1)], "ADD does not fit what it is given"),
        ([PICTURE, ANSWER], [Operator(CONVOLUTION, (0,), 1, STRIDES)], "CONV_2D does not fit|not enough values"),
        ([PICTURE, ANSWER, WEIGHT, BIAS], [Operator(CONVOLUTION, (0, 2, 3), 1)], r"CONV_2D steps by \(0, 0\)"),
        ([PICTURE, ANSWER, BIAS, BIAS], [Operator(CONVOLUTION, (0, 2, 3), 1, STRIDES)], "CONV_2D does not fit|axes"),
        ([PICTURE, ANSWER], [Operator(RESIZE, (0, 0), 1)], "enlarges pictures in a way that is not known"),
        ([PICTURE, Tensor((1, 9, 9, 3))], [Operator(RESHAPE, (0,), 1)], "RESHAPE does not fit what it is given"),
        ([PICTURE, ANSWER], [Operator(CONCATENATION, (0, 0), 1)], "CONCATENATION gives 2 x 8 x 8 x 3 numbers"),
        (
            [PICTURE, ANSWER, Tensor((4, 2), np.full((4, 2), 2**20, np.int32))],
            [Operator(PAD, (0, 2), 1)],
            "PAD gives|takes away",
        ),
        ([PICTURE, ANSWER, Tensor((9, 9), np.zeros(3, np.float32))], None, "a tensor of shape .9, 9. has 3 numbers"),
        ([Tensor((8, 8)), ANSWER], None, r"it takes \[8, 8\] and no picture"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_it_is_computed(tmp_path, tensors, operators, message):
    path = file(tmp_path / "a.tflite", tensors, operators)
    answers = {"answer": tensors[1].shape[1:]}
    with pytest.raises(VaceInputError, match=rf"a\.tflite cannot be read \(.*({message})"):
        load_tflite(path, (8, 8), answers, ("answer",))


def test_work_without_end_is_refused(tmp_path):
    weight = Tensor((64, 31, 31, 64), np.zeros((64, 31, 31, 64), np.float16))
    tensors = [Tensor((1, 256, 256, 64)), weight, Tensor((64,), np.zeros(64, np.float32)), Tensor((1, 256, 256, 64))]
    path = file(tmp_path / "a.tflite", tensors, [Operator(CONVOLUTION, (0, 1, 2), 3, STRIDES)], (3,))
    with pytest.raises(VaceInputError, match="it would compute without end"):
        load_tflite(path, (256, 256), {"answer": (256, 256, 64)}, ("answer",))


@pytest.mark.parametrize("change", ["starts", "columns", "order"])
def test_places_that_do_not_fit_are_refused(tmp_path, change):
    starts = np.int32([0, 1, 1 if change == "starts" else 2, 9 if change == "starts" else 2])
    columns = np.array([1, 700 if change == "columns" else 0])
    kept = Tensor((3, 1, 1, 4), np.float32([1, 2]), starts, columns)
    data = tflite([PICTURE, ANSWER, kept], [Operator(LOGISTIC, (0,), 1)], [1])
    if change == "order":
        order = np.int32([0, 1, 2, 3]).tobytes()
        assert data.count(order) == 1
        data = data.replace(order, np.int32([3, 1, 2, 0]).tobytes())
    (tmp_path / "a.tflite").write_bytes(data)
    message = "in an order that is not known" if change == "order" else "places of its numbers do not fit"
    with pytest.raises(VaceInputError, match=message):
        load_tflite(tmp_path / "a.tflite", *SMALL)


def test_another_network_is_named_with_what_it_must_be(mediapipe_networks):
    message = (
        r"selfie_segmentation\.tflite is another network than its name says: it takes pictures of 256 x 256 and "
        r"answers 256 x 256 x 1; it must take 224 x 224 and answer 2254 x 12, 2254 x 1\. Download it again\."
    )
    with pytest.raises(VaceInputError, match=message):
        load_tflite(mediapipe_networks / "selfie_segmentation.tflite", *BLAZE_FILES[0])


def test_a_file_that_is_no_file_is_refused(tmp_path):
    (tmp_path / "a.tflite").mkdir()
    with pytest.raises(VaceInputError, match=r"a\.tflite cannot be read"):
        load_tflite(tmp_path / "a.tflite", *SMALL)
    with (tmp_path / "b.tflite").open("wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(VaceInputError, match="it is longer than 64 MiB"):
        load_tflite(tmp_path / "b.tflite", *SMALL)


def test_what_is_not_wanted_is_not_computed(tmp_path):
    tensors = [PICTURE, ANSWER, Tensor((1, 16, 8, 3))]
    operators = [Operator(CONCATENATION, (0, 0), 2, {0: whole(1)}), Operator(LOGISTIC, (0,), 1)]
    path = file(tmp_path / "a.tflite", tensors, operators, (1, 2))
    answers = {"one": (8, 8, 3), "other": (16, 8, 3)}
    assert len(load_tflite(path, (8, 8), answers, ("one",)).layers) == 1
    both = load_tflite(path, (8, 8), answers, ("other", "one"))
    assert len(both.layers) == 2 and both.values == 576
    pixels = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(both(pixels)[0, -192:], pixels.sigmoid().permute(0, 2, 3, 1).flatten())


def test_a_field_of_another_width_is_its_lowest_byte(tmp_path):
    """Defaults are left out of a file, and others may be wider than they need be."""
    path = file(tmp_path / "a.tflite", None, [Operator(ADD, (0, 0), 1, {0: Number("i", 1)})])
    assert torch.equal(TfliteNetwork(read_graph(path), [1])(-torch.ones(1, 3, 8, 8)), torch.zeros(1, 192))
    path = file(tmp_path / "a.tflite", None, [Operator(ADD, (0, 0), 1, {0: byte(2)})])
    with pytest.raises(ValueError, match="ADD does not fit what it is given"):
        TfliteNetwork(read_graph(path), [1])
