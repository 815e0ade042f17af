"""Files that the pack writes itself, as somebody else may hand them on: VCUs, runs, frames, annotations."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file

from ..host.locations import pack_module
from . import forms
from .case import READ, SENTENCE, Case
from .weights import HEADERS_CUT

VCU = "a.vcu.safetensors"
SIZE, INPUTS = (16, 16), {"vcu": "0" * 32}
MANIFEST, SEGMENT = "manifest.json", "segment_001.rgb"
DIGITS = "9" * 5000


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, change in DESCRIPTIONS.items():
        yield Case("VCU", kind, _vcu(change), _load_vcu)
    for kind, text in DESCRIPTION_TEXTS.items():
        yield Case("VCU", kind, _vcu(lambda described, text=text: text), _load_vcu)
    for kind, spoil in HEADERS_CUT.items():
        yield Case("VCU", kind, _spoiled_vcu(spoil), _load_vcu)
    yield Case("VCU", "a link to a device", _linked_vcu, _load_vcu)
    yield Case("VCU", "nothing wrong", _vcu(lambda described: described), _load_vcu, READ)
    for kind, text in MANIFESTS.items():
        yield Case("run, manifest", kind, _run(lambda folder, text=text: _text(folder, text)), _open_run)
    for kind, spoil in RUNS.items():
        yield Case("run, manifest", kind, _run(spoil), _open_run)
    for kind, change in FRAMES.items():
        yield Case("run, frames", kind, _run(_frames(change)), _open_run)
    for kind, spoil in SEGMENTS.items():
        expected = READ if kind == "a link to nowhere" else SENTENCE  # a segment that is not there yet
        yield Case("run, frames", kind, _run(spoil), _open_run, expected)
    yield Case("run, frames", "nothing wrong", _run(lambda folder: None), _open_run, READ)
    for kind, spoil in KEPT.items():
        yield Case("annotation that was kept", kind, spoil, _annotate, READ)


def _load_vcu(folder: Path) -> str:
    import folder_paths

    folder_paths.set_input_directory(str(folder))
    vcu = pack_module("nodes._host.vcu").load_vcu(VCU)
    return str(tuple(vcu.frames.shape))


def _vcu(change: Callable[[dict], object]) -> Callable[[Path], Path]:
    """A VCU file whose description was changed: to another object, or to a text."""

    def write(folder: Path) -> Path:
        tensors, metadata = _honest_vcu()
        changed = change(json.loads(metadata["vcu"]))
        metadata["vcu"] = changed if isinstance(changed, str) else json.dumps(changed)
        save_file(tensors, folder / VCU, metadata)
        return folder

    return write


def _honest_vcu() -> tuple[dict, dict]:
    core = pack_module("vace_core.vcu")
    frames, mask = torch.rand(5, 16, 16, 3), torch.ones(5, 16, 16)
    tensors, metadata = core.vcu_to_tensors(core.Vcu(frames, mask, (core.Reference(torch.rand(16, 16, 3)),)))
    return tensors, dict(metadata)


def _spoiled_vcu(spoil: Callable) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        tensors, metadata = _honest_vcu()
        save_file(tensors, folder / VCU, metadata)
        data = (folder / VCU).read_bytes()
        length = int.from_bytes(data[:8], "little")
        text, numbers = json.loads(data[8 : 8 + length]), data[8 + length :]
        (folder / VCU).write_bytes(spoil(text, numbers))
        return folder

    return write


def _linked_vcu(folder: Path) -> Path:
    (folder / VCU).symlink_to("/dev/zero")
    return folder


def _with(key: str, value: object) -> Callable[[dict], dict]:
    return lambda described: described | {key: value}


def _shape(name: str, shape: object) -> Callable[[dict], dict]:
    return lambda described: described | {"shapes": described["shapes"] | {name: shape}}


def _both(*shape: int) -> Callable[[dict], dict]:
    """A shape of frames and mask that one number stands for."""
    return lambda described: (
        described
        | {
            "shapes": described["shapes"] | {"mask": list(shape), "frames": [*shape, 3]},
        }
    )


DESCRIPTIONS: dict[str, Callable[[dict], object]] = {
    "a mask of terabytes": _shape("mask", [forms.HUGE, 16, 16]),
    "a mask of a negative size": _shape("mask", [-1, -1, -1]),
    "a mask whose size overflows": _shape("mask", [2**62, 2**62, 16]),
    "a mask of numbers with 40 digits": _shape("mask", [10**40, 16, 16]),
    "a shape that is a text": _shape("mask", "5"),
    "a shape of lists": _shape("mask", [[5], [16], [16]]),
    "a reference of terabytes": _shape("reference_0", [forms.HUGE, forms.HUGE, 3]),
    "a type of numbers that is none": lambda described: described | {"dtypes": {"frames": "jit", "mask": "load"}},
    "a strength of 400 digits": _with("strengths", [10**400]),
    "a strength that is infinite": _with("strengths", [float("inf")]),
    "ten million references": _with("strengths", [1.0] * 10**6),
    "a rate of 400 digits": _with("sample_rate", 10**400),
    "a rate that is infinite": _with("sample_rate", float("inf")),
    "frames per second of 400 digits": _with("fps", 10**400),
    "frames per second that are infinite": _with("fps", float("inf")),
    "frames per second that are negative": _with("fps", -1),
    "notes that are no notes": _with("notes", [7]),
    "a note at an infinite frame": _with("notes", [{"code": "a", "text": "b", "frames": [float("inf")]}]),
    "a kind that is none": _with("kind", {"a": 1}),
    "a description that is a number": lambda described: 7,
}
DESCRIPTION_TEXTS = {
    "a description of lists in lists": forms.nested(100_000),
    "a description with a number of 5,000 digits": f'{{"fps": {DIGITS}}}',
    "a description that is no JSON": "{",
}


def _open_run(folder: Path) -> str:
    core = pack_module("vace_core.long")
    plan = core.plan_segments(9, 5, 1)
    with core.Run.open(folder / "run", INPUTS, plan, SIZE, 16.0) as run:
        return str([tuple(run.read(segment.index, 0, 1).shape) for segment in plan if run.finished(segment.index)])


def _run(spoil: Callable[[Path], object]) -> Callable[[Path], Path]:
    """A run with one finished segment, spoilt."""

    def write(folder: Path) -> Path:
        core = pack_module("vace_core.long")
        plan = core.plan_segments(9, 5, 1)
        with core.Run.open(folder / "run", INPUTS, plan, SIZE, 16.0) as run:
            run.write(0, torch.zeros(5, *SIZE, 3, dtype=torch.uint8), {"seed": 1})
        spoil(folder / "run")
        return folder

    return write


def _text(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)


def _replaced(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return spoil


MANIFESTS = {
    "lists in lists": forms.nested(100_000),
    "a version that is infinite": '{"version": 1e999, "inputs": {}}',
    "a version of 5,000 digits": f'{{"version": {DIGITS}, "inputs": {{}}}}',
    "a version of 400 digits": f'{{"version": {10**400}, "inputs": {{}}}}',
    "inputs that are no texts": '{"version": 1, "inputs": {"vcu": [1], "seed": null}}',
    "inputs that are a number": '{"version": 1, "inputs": 7}',
    "a list": "[]",
    "half of it": '{"version": 1,',
}
RUNS = {
    "no text": lambda folder: (folder / MANIFEST).write_bytes(b"\xff\xfe" * 50),
    "NUL": lambda folder: (folder / MANIFEST).write_bytes(bytes(100)),
    "a gigabyte of spaces": lambda folder: forms.sparse(folder / MANIFEST, b" ", 2**30),
    "a terabyte of nothing": lambda folder: forms.sparse(folder / MANIFEST, b" ", forms.HUGE),
    "a link to a device": _replaced(MANIFEST, lambda path: path.symlink_to("/dev/zero")),
    "a pipe": _replaced(MANIFEST, os.mkfifo),
    "a folder": _replaced(MANIFEST, Path.mkdir),
    "nothing at all": lambda folder: (folder / MANIFEST).write_bytes(b""),
}


def _frames(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """A frame file with another description, the checksum of which is right."""

    def spoil(folder: Path) -> None:
        module = pack_module("vace_core.long.frame_file")
        path = folder / SEGMENT
        data = path.read_bytes()
        size = 5 * SIZE[0] * SIZE[1] * 3
        found = json.loads(data[size : -len(module.MAGIC) - 16])
        changed = change(found)
        text = (changed if isinstance(changed, str) else json.dumps(changed)).encode()
        trailer = module.MAGIC + len(text).to_bytes(8, "little") + bytes.fromhex(module.checksum(text))
        path.write_bytes(data[:size] + text + trailer)

    return spoil


FRAMES: dict[str, Callable[[dict], object]] = {
    "a shape of terabytes": _with("shape", [forms.HUGE, 16, 16, 3]),
    "a shape that is negative twice": _with("shape", [5, -16, -16, 3]),
    "a shape of three numbers": _with("shape", [5, 16, 16]),
    "a shape of fractions": _with("shape", [5.0, 16.0, 16.0, 3.0]),
    "a shape of texts": _with("shape", ["5", "16", "16", "3"]),
    "a shape that is nothing": _with("shape", None),
    "too few checksums": _with("digests", ["0"]),
    "checksums that are a number": _with("digests", 7),
    "no inputs": _with("info", {}),
    "inputs that are a list": _with("info", {"inputs": [], "info": []}),
    "a description that is a list": lambda found: [],
    "a description of lists in lists": lambda found: forms.nested(100_000),
    "a description with a number of 5,000 digits": lambda found: f'{{"shape": {DIGITS}}}',
    "a description that is no JSON": lambda found: "{",
}
SEGMENTS = {
    "a length of terabytes": lambda folder: _trailer(folder, forms.HUGE),
    "a terabyte of nothing": lambda folder: forms.sparse(folder / SEGMENT, b"", forms.HUGE),
    "a description of a terabyte": lambda folder: _wide(folder),
    "cut off": lambda folder: os.truncate(folder / SEGMENT, 100),
    "nothing at all": lambda folder: os.truncate(folder / SEGMENT, 0),
    "a link to a device": _replaced(SEGMENT, lambda path: path.symlink_to("/dev/zero")),
    "a link to nowhere": _replaced(SEGMENT, lambda path: path.symlink_to(path)),
    "a pipe": _replaced(SEGMENT, os.mkfifo),
    "a folder": _replaced(SEGMENT, Path.mkdir),
}


def _trailer(folder: Path, length: int) -> None:
    module = pack_module("vace_core.long.frame_file")
    (folder / SEGMENT).write_bytes(bytes(1000) + module.MAGIC + length.to_bytes(8, "little") + bytes(8))


def _wide(folder: Path) -> None:
    """A file that says it is a terabyte, nearly all of it description."""
    module, size = pack_module("vace_core.long.frame_file"), forms.HUGE
    path = forms.sparse(folder / SEGMENT, b"", size)
    trailer = module.MAGIC + (size - 100).to_bytes(8, "little") + bytes(8)
    with path.open("r+b") as file:
        file.seek(size - len(trailer))
        file.write(trailer)


def _annotate(folder: Path) -> str:
    """The same clip, annotated with what lies in the folder and with an empty one."""
    import folder_paths

    host, gray = pack_module("nodes._host.signals.annotate"), pack_module("annotators.lines").Gray()
    frames = torch.linspace(0, 1, 5 * 16 * 16 * 3).reshape(5, 16, 16, 3)
    folder_paths.temp_directory = str(folder / "another")
    wanted = host.annotate(gray, frames)
    folder_paths.temp_directory = str(folder)
    found = host.annotate(gray, frames)
    if not torch.equal(found, wanted):
        raise AssertionError(f"{tuple(found.shape)} and other values")
    (folder / "another" / host.FOLDER / host._result_path(gray, frames).name).unlink()
    return str(tuple(found.shape))


def _kept(make: Callable[[Path], object]) -> Callable[[Path], Path]:
    """What is kept of that clip, spoilt."""

    def write(folder: Path) -> Path:
        import folder_paths

        host, gray = pack_module("nodes._host.signals.annotate"), pack_module("annotators.lines").Gray()
        frames = torch.linspace(0, 1, 5 * 16 * 16 * 3).reshape(5, 16, 16, 3)
        folder_paths.temp_directory = str(folder)
        path = host._result_path(gray, frames)
        path.parent.mkdir(parents=True)
        (folder / "another" / host.FOLDER).mkdir(parents=True)
        make(path)
        return folder

    return write


KEPT = {
    "of another size": _kept(lambda path: save_file({"control": torch.zeros(1, 1, dtype=torch.uint8)}, path)),
    "of another type": _kept(lambda path: save_file({"control": torch.full((5, 16, 16, 3), float("nan"))}, path)),
    "of terabytes": _kept(
        lambda path: path.write_bytes(
            forms.safetensors({"control": {"dtype": "U8", "shape": [forms.HUGE], "data_offsets": [0, forms.HUGE]}})
        )
    ),
    "cut off": _kept(lambda path: path.write_bytes(b"\0")),
    "a folder": _kept(Path.mkdir),
    "a link to a device": _kept(lambda path: path.symlink_to("/dev/zero")),
    "a link to nowhere": _kept(lambda path: path.symlink_to(path)),
}
