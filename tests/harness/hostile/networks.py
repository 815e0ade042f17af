"""Networks in TorchScript and ONNX."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from ..host.locations import pack_module
from ..inputs.pose_networks import Writer, detector, write_onnx, write_script
from . import forms
from .case import Case

SCRIPT, ONNX = "yolox_l.torchscript.pt", "yolox_l.onnx"
ANSWER = (8400, 85)
PACKED = 2**28


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, (write, says) in SCRIPTS.items():
        yield Case("TorchScript", kind, write, _script, says=says)
    for kind, write in ONNX_FILES.items():
        yield Case("ONNX, by onnxruntime", kind, write, _onnxruntime)
        yield Case("ONNX, by OpenCV", kind, write, _opencv)


def _script(path: Path) -> str:
    return str(pack_module("annotators.pose").load_script(path))


def _onnxruntime(path: Path) -> str:
    return _run(pack_module("annotators.pose").onnx_engine(False), path)


def _opencv(path: Path) -> str:
    return _run(pack_module("annotators.pose.runtimes").OnnxEngine(()), path)


def _run(engine: object, path: Path) -> str:
    return str(engine.open(path, ANSWER)(torch.zeros(1, 3, 64, 64)).sum())


def _writer(folder: Path) -> Path:
    script = torch.jit.script(Writer(str(folder / "written")))
    torch.jit.save(script, str(folder / SCRIPT))
    return folder / SCRIPT


def _with_members(change: Callable[[dict], dict]) -> Callable[[Path], Path]:
    """A script that is right, with other members."""

    def write(folder: Path) -> Path:
        path = write_script(folder / SCRIPT, torch.nn.Identity(), 1, 8, 8)
        with zipfile.ZipFile(path) as archive:
            members = {one.filename: archive.read(one) for one in archive.infolist()}
        return forms.zipped(path, change(members), zipfile.ZIP_DEFLATED)

    return write


def _source(text: bytes) -> Callable[[dict], dict]:
    return lambda members: {name: text if name.endswith(".py") else data for name, data in members.items()}


def _first_folder(members: dict) -> str:
    return next(iter(members)).partition("/")[0]


def _cut(share: float) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = write_script(folder / SCRIPT, torch.nn.Linear(8, 8), 1, 8, 8)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        return path

    return write


def _bytes(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _device(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).symlink_to("/dev/zero")
        return folder / name

    return write


def _pickle(folder: Path) -> Path:
    (folder / SCRIPT).write_bytes(forms.pickled_code(folder))
    return folder / SCRIPT


SCRIPTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a network that writes a file": (_writer, "is refused"),
    "a program that reads a file": (_with_members(_source(b"torch.from_file('/etc/passwd')")), "is refused"),
    "a name that is hidden": (_with_members(_source(b"getattr(ops, '\\x61')")), "is refused"),
    "a program of 256 MiB, packed": (_with_members(lambda members: _source(b"#" * PACKED)(members)), "unpacks to"),
    "numbers of 256 MiB, packed": (
        _with_members(lambda members: members | {f"{_first_folder(members)}/constants/0": bytes(PACKED)}),
        "unpacks to",
    ),
    "a program that is no program": (_with_members(_source(b"def forward(self" * 9)), "cannot be read"),
    "a program of brackets in brackets": (_with_members(_source(b"(" * 200_000)), "cannot be read"),
    "no program": (_with_members(lambda members: {k: v for k, v in members.items() if ".py" not in k}), "TorchScript"),
    "a pickle with code": (_pickle, "cannot be read"),
    "cut off in the middle": (_cut(0.5), "cannot be read"),
    "cut off at its end": (_cut(0.99), "cannot be read"),
    "a link to a device": (_device(SCRIPT), "cannot be read"),
    "nothing at all": (_bytes(SCRIPT, b""), "cannot be read"),
}


def _graph(make: Callable[[object], tuple[list, list]]) -> Callable[[Path], Path]:
    """An ONNX file of ``(nodes, constants)``."""

    def write(folder: Path) -> Path:
        import onnx
        from onnx import TensorProto, helper

        nodes, constants = make(onnx)
        entrance = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 64, 64])
        answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, None)
        graph = helper.make_graph(nodes, "g", [entrance], [answer], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        (folder / ONNX).write_bytes(model.SerializeToString())
        (folder.parent / f"{folder.name}.secret").unlink(missing_ok=True)
        return folder / ONNX

    return write


def _constant(onnx: object, dims: list[int], data: bytes = b"", outside: str = "") -> object:
    """A constant whose numbers stand in it, or in another file."""
    made = onnx.TensorProto(name="c", data_type=onnx.TensorProto.FLOAT, dims=dims, raw_data=data)
    if outside:
        made.ClearField("raw_data")
        made.data_location = onnx.TensorProto.EXTERNAL
        made.external_data.add(key="location", value=outside)
    return made


def _added(dims: list[int], data: bytes = b"", outside: str = "") -> Callable[[Path], Path]:
    """A network that adds a constant."""
    return _graph(
        lambda onnx: (
            [onnx.helper.make_node("Add", ["input", "c"], ["answer"])],
            [_constant(onnx, dims, data, outside)],
        )
    )


def _filled(onnx: object) -> tuple[list, list]:
    shape = onnx.numpy_helper.from_array(np.int64([forms.HUGE]), "shape")
    return [
        onnx.helper.make_node("ConstantOfShape", ["shape"], ["wide"]),
        onnx.helper.make_node("ReduceSum", ["wide"], ["one"]),
        onnx.helper.make_node("Add", ["input", "one"], ["answer"]),
    ], [shape]


def _onnx_cut(folder: Path) -> Path:
    path = write_onnx(folder / ONNX, detector([]), 1, 64, 64)
    path.write_bytes(path.read_bytes()[:-5000])
    return path


ONNX_FILES = {
    "a constant of terabytes": _added([forms.HUGE, 4], bytes(64)),
    "a constant of a negative size": _added([-4, -4], bytes(64)),
    "a constant whose size overflows": _added([2**32, 2**32], bytes(64)),
    "a constant of the file of passwords": _added([4], outside="/etc/passwd"),
    "a constant in the folder above": _added([4], outside="../../../../../../../../etc/passwd"),
    "a constant in a device": _added([4], outside="/dev/zero"),
    "a constant in a path of Windows": _added([4], outside="C:\\Windows\\win.ini"),
    "a constant in a file with a name of 4,000 characters": _added([4], outside="a" * 4000),
    "a network that makes terabytes": _graph(_filled),
    "an operator of an extension": _graph(
        lambda onnx: ([onnx.helper.make_node("Run", ["input"], ["answer"], domain="evil")], [])
    ),
    "cut off": _onnx_cut,
    "a length of gigabytes": _bytes(ONNX, b"\x3a\xff\xff\xff\xff\x07" + bytes(64)),
    "a pickle with code": lambda folder: _pickle(folder).rename(folder / ONNX),
    "a link to a device": _device(ONNX),
    "nothing at all": _bytes(ONNX, b""),
}
