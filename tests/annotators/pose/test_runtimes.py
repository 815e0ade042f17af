"""ONNX and TorchScript files with known answers, by everything that can run them; files that are refused."""

import builtins
import sys
import zipfile

import pytest
import torch

from harness.hostile.networks import SCRIPTS
from harness.inputs.pose_networks import PERSON, Writer, detector, poser, write_onnx, write_script
from wan_vace.annotators.pose import runtimes
from wan_vace.annotators.pose.detect import DETECTOR_ANSWER, POSE_ANSWER
from wan_vace.annotators.pose.runtimes import CPU_PROVIDER, OnnxEngine, Runtime, Scripted, load_script, onnx_engine
from wan_vace.vace_core.errors import VaceInputError

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")

ONNXRUNTIME, OPENCV = OnnxEngine((CPU_PROVIDER,)), OnnxEngine(())


@pytest.fixture(scope="module")
def pose():
    """A pose network, of which nothing is alike for two crops."""
    torch.manual_seed(5)
    places = torch.stack([torch.randint(576, (133,)), torch.randint(768, (133,))], 1)
    return poser(places, torch.rand(133), [0.3, -0.2, 0.1])


def by_script(path, answer, batch):
    return Runtime(path.name, Scripted(load_script(path)), answer, batch, True)


@pytest.mark.parametrize("count", [1, 5, 7])
@pytest.mark.parametrize("way", ["TorchScript of 5", "onnxruntime", "onnxruntime of 1", "OpenCV"])
def test_all_ways_answer_alike(pose, tmp_path, way, count):
    if way == "TorchScript of 5":
        runtime = by_script(write_script(tmp_path / "a.pt", pose, 5, 384, 288), POSE_ANSWER, 5)
    else:
        path = write_onnx(tmp_path / "a.onnx", pose, "batch" if way == "onnxruntime" else 1, 384, 288)
        runtime = (OPENCV if way == "OpenCV" else ONNXRUNTIME).open(path, POSE_ANSWER)
        assert (runtime.batch, runtime.fixed) == ((8, False) if way == "onnxruntime" else (1, True))
    pixels = torch.randn(count, 3, 384, 288) + torch.randn(count, 3, 1, 1)
    expected = torch.cat(pose(pixels), -1)
    torch.testing.assert_close(runtime(pixels), expected, rtol=0, atol=1e-5)


def test_the_detector_s_answer_is_one_tensor(tmp_path):
    network = detector([(8, 10, 20, 60, 130, 0.9, PERSON, 2)])
    pixels = torch.rand(2, 3, 640, 640) * 255
    expected = network(pixels)
    for engine in (ONNXRUNTIME, OPENCV):
        runtime = engine.open(write_onnx(tmp_path / "a.onnx", network, 1, 640, 640), DETECTOR_ANSWER)
        torch.testing.assert_close(runtime(pixels), expected, rtol=0, atol=1e-4)
    runtime = by_script(write_script(tmp_path / "a.pt", network, 1, 640, 640), DETECTOR_ANSWER, 1)
    torch.testing.assert_close(runtime(pixels), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["onnxruntime", "OpenCV", "TorchScript"])
def test_another_network_s_file_is_refused(pose, tmp_path, kind):
    if kind == "TorchScript":
        runtime = by_script(write_script(tmp_path / "yolox.pt", pose, 1, 640, 640), DETECTOR_ANSWER, 1)
    else:
        path = write_onnx(tmp_path / "yolox.onnx", pose, 1, 640, 640)
        runtime = (ONNXRUNTIME if kind == "onnxruntime" else OPENCV).open(path, DETECTOR_ANSWER)
    with pytest.raises(VaceInputError, match=r"yolox\.\w+ is another network than its name says: it answers \[1, 133"):
        runtime(torch.zeros(1, 3, 640, 640))


def test_a_network_for_pictures_of_another_size_is_refused(pose, tmp_path):
    runtime = ONNXRUNTIME.open(write_onnx(tmp_path / "dw.onnx", pose, 1, 256, 192), POSE_ANSWER)
    with pytest.raises(
        VaceInputError, match=r"dw\.onnx does not work on pictures of \[1, 3, 384, 288\] .*It is another"
    ):
        runtime(torch.zeros(1, 3, 384, 288))


def test_answers_that_are_no_numbers_are_refused():
    runtime = Runtime("dw.onnx", lambda pixels: torch.full((len(pixels), 2, 2), torch.nan), (2, 2))
    with pytest.raises(VaceInputError, match=r"dw\.onnx answers values that are no numbers; it is damaged"):
        runtime(torch.zeros(1, 3, 4, 4))


def test_running_out_of_memory_is_left_to_the_host():
    def run(_pixels):
        raise torch.cuda.OutOfMemoryError("no room")

    with pytest.raises(torch.cuda.OutOfMemoryError):
        Runtime("dw.onnx", run, (2, 2))(torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize("kind", ["a program of 256 MiB, packed", "numbers of 256 MiB, packed"])
def test_a_script_that_unpacks_to_much_more_than_it_is_long_is_refused(tmp_path, kind):
    write, _ = SCRIPTS[kind]
    with pytest.raises(VaceInputError, match=r"cannot be read \(it unpacks to 268\d+ bytes\)"):
        load_script(write(tmp_path))


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 cut off"])
@pytest.mark.parametrize("engine", [ONNXRUNTIME, OPENCV], ids=str)
def test_damaged_onnx_files_are_named(tmp_path, engine, content):
    path = tmp_path / "yolox_l.onnx"
    path.write_bytes(content)
    with pytest.raises(VaceInputError, match=r"yolox_l\.onnx cannot be read \(.*download it again"):
        engine.open(path, DETECTOR_ANSWER)


@pytest.mark.parametrize(
    ("available", "gpu", "providers"),
    [
        (["AzureExecutionProvider", CPU_PROVIDER], True, (CPU_PROVIDER,)),
        (["TensorrtExecutionProvider", "CUDAExecutionProvider", CPU_PROVIDER], True, ("CUDAExecutionProvider",)),
        (["CUDAExecutionProvider", CPU_PROVIDER], False, (CPU_PROVIDER,)),
    ],
)
def test_a_gpu_is_used_when_onnxruntime_lists_it(monkeypatch, available, gpu, providers):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    engine = onnx_engine(gpu)
    assert engine.providers == tuple(dict.fromkeys((*providers, CPU_PROVIDER)))
    assert engine.on_gpu == (providers[0] != CPU_PROVIDER) and str(engine) == f"onnxruntime ({providers[0]})"


def test_without_onnxruntime_opencv_runs_the_files(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert onnx_engine(True) == OPENCV and not OPENCV.on_gpu and str(OPENCV) == "OpenCV, on the CPU"
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(VaceInputError, match=r"Running ONNX files needs onnxruntime, .*pip install onnxruntime"):
        onnx_engine(True)


def rewritten(source, target, old, new):
    """A TorchScript file with other text in its source."""
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if not name.endswith(".debug_pkl"):
                after.writestr(name, content.replace(old, new) if name.endswith(".py") else content)
    return target


@pytest.mark.parametrize(
    ("spelling", "named"),
    [
        (None, "save"),
        (b'getattr(torch, "\\163ave")(pixels,', r"\\1"),
        (b"ops.c10d.save_all(pixels,", r"ops\."),
        (b"torch.from_file(", "from_file"),
    ],
)
def test_a_script_that_can_reach_files_is_refused_before_it_is_loaded(tmp_path, spelling, named):
    path, written = tmp_path / "yolox_l.torchscript.pt", tmp_path / "written"
    torch.jit.save(torch.jit.script(Writer(str(written))), str(path))
    if spelling is not None:
        path = rewritten(path, tmp_path / "hidden.pt", b"torch.save(pixels,", spelling)
    with pytest.raises(VaceInputError, match=rf'{path.name} is refused: its program holds "{named}", which no network'):
        load_script(path)
    assert not written.exists()


def test_such_a_script_would_write(tmp_path):
    written = tmp_path / "written"
    path = tmp_path / "a.pt"
    torch.jit.save(torch.jit.script(Writer(str(written))), str(path))
    hidden = rewritten(path, tmp_path / "b.pt", b"torch.save(pixels,", b'getattr(torch, "\\163ave")(pixels,')
    torch.jit.load(str(hidden))(torch.zeros(2))
    assert written.exists()  # or there would be nothing to refuse


class Code:
    """Says so when it is run."""

    def __reduce__(self):
        return builtins.print, ("run",)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, capsys):
    path = tmp_path / "yolox_l.torchscript.pt"
    torch.save({"model": Code()}, path)
    with pytest.raises(VaceInputError, match=r"yolox_l\.torchscript\.pt is no TorchScript file of today"):
        load_script(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/code/__torch__.py", "class A(Module):\n  __parameters__ = []\n")
    with pytest.raises(VaceInputError, match=r"yolox_l\.torchscript\.pt cannot be read"):
        load_script(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"<html>", "cut"])
def test_damaged_scripts_are_named(pose, tmp_path, content):
    path = write_script(tmp_path / "dw.pt", pose, 5, 384, 288)
    path.write_bytes(path.read_bytes()[:-99] if content == "cut" else content)
    with pytest.raises(VaceInputError, match=r"dw\.pt cannot be read \(.*download it again"):
        load_script(path)


@pytest.mark.parametrize("begin", [b"\x0a\x08", b"\x0a\x88\x00", b"\x8a\x80\x00\x88\x80\x00"])
@pytest.mark.parametrize("before", [0, runtimes.PART - 9])  # across two parts that are read
def test_numbers_in_another_file_are_refused_however_that_is_written(tmp_path, begin, before):
    path = tmp_path / "far.onnx"
    path.write_bytes(bytes(before) + begin + b"location" + b"\x12\x06secret")
    with pytest.raises(VaceInputError, match="keeps numbers in another file"):
        runtimes.refuse_outside(path)
    for engine in (ONNXRUNTIME, OPENCV):
        with pytest.raises(VaceInputError, match=r"far\.onnx is refused: it keeps numbers in another file"):
            engine.open(path, POSE_ANSWER)
