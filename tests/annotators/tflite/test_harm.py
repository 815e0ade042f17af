"""Files that would take memory or time without end, or end in another error than a sentence."""

import pytest

from harness.inputs.tflite_files import CUSTOM, MAX_POOL, SPREAD, Operator, Tensor, byte, tflite, whole
from wan_vace.annotators.tflite import load_tflite
from wan_vace.vace_core.errors import VaceInputError

SAME, VALID = 0, 1
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
