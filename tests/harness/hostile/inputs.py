"""What a workflow brings: poses as text, names of files and runs, videos."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from ..host.locations import base_dir, pack_module
from . import forms
from .case import READ, SENTENCE, Case

VIDEO = "a.mp4"
DIGITS = "9" * 5000


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, text in POSES.items():
        yield Case("poses, JSON", kind, lambda folder, text=text: text, _poses)
    for kind, name in NAMES.items():
        for reader, read in NAMED.items():
            yield Case(reader, kind, lambda folder, name=name: _place(folder, name), read)
    for kind, (write, expected) in VIDEOS.items():
        yield Case("videos", kind, write, _video, expected, megapixels=MEGAPIXELS.get(kind, 0.0))
        yield Case("videos, their sound", kind, write, _sound, expected)


def _poses(text: object) -> str:
    text = text() if callable(text) else text
    pose = pack_module("annotators.pose")
    return str(tuple(pose.draw_people(pose.parse_people("pose_json", text), 64, 64).shape))


def _person(**parts: object) -> dict:
    return {"canvas_width": 64, "canvas_height": 64, "people": [{"pose_keypoints_2d": [1.0, 2.0, 1.0] * 18, **parts}]}


def _frame(**changes: object) -> str:
    return json.dumps([_person() | changes])


# What is large is made where it is read.
POSES: dict[str, object] = {
    "lists in lists": forms.nested(100_000),
    "a number of 5,000 digits": f'[{{"people": [], "canvas_width": {DIGITS}}}]',
    "a canvas of 400 digits": _frame(canvas_width=10**400),
    "a canvas that is infinite": _frame(canvas_width=float("inf")),
    "a canvas that is no number": _frame(canvas_height=float("nan")),
    "a canvas of terabytes": _frame(canvas_width=forms.HUGE, canvas_height=forms.HUGE),
    "a canvas that is negative": _frame(canvas_width=-64),
    "points of 400 digits": json.dumps([_person(pose_keypoints_2d=[10**400] * 54)]),
    "points that are texts": json.dumps([_person(pose_keypoints_2d=["1"] * 53 + ["x"])]),
    "points in lists of many lengths": json.dumps([_person(pose_keypoints_2d=[[1], [2, 3]])]),
    "points that are objects": json.dumps([_person(pose_keypoints_2d=[{}] * 54)]),
    "points that are one object": json.dumps([_person(pose_keypoints_2d={"a": 1})]),
    "a part with a million points": json.dumps([_person(face_keypoints_2d=[1.0] * 3_000_000)]),
    "many frames, and in one many people": lambda: json.dumps(
        [_person(), _person() | {"people": [{}] * 50_000}, *[_person() | {"people": []}] * 50_000]
    ),
    "people that are a text": _frame(people="abc"),
    "people that are nothing": _frame(people=[None]),
    "NUL": "\0",
    "a surrogate": '"\ud800"',
    "a text of a hundred megabytes": lambda: '"' + "x" * 100_000_000 + '"',
}


def _place(folder: Path, name: str) -> tuple[Path, str]:
    """A base folder of the host, and a name in it."""
    for place in ("input", "output", "vace_runs"):
        (folder / place).mkdir()
    return folder, name


def _load_vcu(given: tuple[Path, str]) -> str:
    import folder_paths

    folder, name = given
    folder_paths.set_input_directory(str(folder / "input"))
    folder_paths.set_output_directory(str(folder / "output"))
    host = pack_module("nodes._host.vcu")
    if problem := host.file_problem(f"{name}.vcu.safetensors"):
        host.file_state(f"{name}.vcu.safetensors")
        raise pack_module("vace_core.errors").VaceInputError(problem)
    return str(host.load_vcu(f"{name}.vcu.safetensors"))


def _save_vcu(given: tuple[Path, str]) -> str:
    import folder_paths

    folder, name = given
    folder_paths.set_output_directory(str(folder / "output"))
    vcu = pack_module("vace_core.vcu").empty_vcu(5, 16, 16)
    return str(pack_module("nodes._host.vcu").save_vcu(vcu, name, "exact"))


def _load_adapter(given: tuple[Path, str]) -> str:
    return str(pack_module("nodes._host.adapter.files").adapter_path(given[1]))


def _load_lora(given: tuple[Path, str]) -> str:
    return str(pack_module("nodes._host.adapter.lora").with_lora(None, given[1], 1.0))


def _run_folder(given: tuple[Path, str]) -> str:
    import folder_paths

    folder, name = given
    folder_paths.set_output_directory(str(folder))
    core = pack_module("vace_core.long")
    run = pack_module("nodes._host.long.store").run_folder(name)
    with core.Run.open(run, {}, core.plan_segments(9, 5, 1), (16, 16), 16.0):
        return str(run)


NAMED: dict[str, Callable] = {
    "name of a VCU to load": _load_vcu,
    "name of a VCU to save": _save_vcu,
    "name of an adapter": _load_adapter,
    "name of a LoRA": _load_lora,
    "name of a run": _run_folder,
}
NAMES = {
    "the folder above": "../x",
    "the folder above, farther in": "a/../../x",
    "an absolute path": "/etc/passwd",
    "a path of Windows": "C:\\Windows\\x",
    "a drive alone": "C:x",
    "a share of Windows": "\\\\host\\share\\x",
    "the folder above, of Windows": "..\\x",
    "NUL": "a\0b",
    "4,000 characters": "x" * 4000,
    "300 characters": "x" * 300,
    "4,000 folders": "x/" * 4000 + "x",
    "half a character": "a\ud800",
}


def _video(path: Path) -> str:
    from comfy_api.latest import InputImpl

    host = pack_module("nodes._host.video")
    frames = 0
    for part in host.stream_frames(InputImpl.VideoFromFile(str(path))):
        frames += len(part)
        del part  # as the pack's own readers do
    if not frames:
        host.read_clip(InputImpl.VideoFromFile(str(path)), 5)
    return f"{frames} frames"


def _sound(path: Path) -> str:
    from comfy_api.latest import InputImpl

    sound = pack_module("nodes._host.video").sound_of(InputImpl.VideoFromFile(str(path)))
    return "no sound" if sound is None else str(tuple(sound["waveform"].shape))


def _encoded(path: Path, width: int, height: int, frames: int, rate: Fraction = Fraction(16)) -> Path:
    """A video of black frames, which takes hardly any room."""
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        black = av.VideoFrame.from_ndarray(np.zeros((height * 3 // 2, width), np.uint8), "yuv420p")
        for k in range(frames):
            black.pts = k
            container.mux(stream.encode(black))
        container.mux(stream.encode())
    return path


def _changed(old: bytes, place: int, new: bytes) -> Callable[[Path], Path]:
    """A video that is right, with other bytes at some place behind a box's name."""

    def write(folder: Path) -> Path:
        path = _encoded(folder / VIDEO, 64, 64, 9)
        data = bytearray(path.read_bytes())
        at = data.find(old) + place
        data[at : at + len(new)] = new
        path.write_bytes(data)
        return path

    return write


def _cut_video(size: int) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = _encoded(folder / "a.mkv", 64, 64, 33)
        os.truncate(path, size if size > 0 else path.stat().st_size + size)
        return path

    return write


def _of_bytes(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _list_of_files(text: str) -> Callable[[Path], Path]:
    """A play list, that names other files."""

    def write(folder: Path) -> Path:
        (folder / VIDEO).write_text(text)
        return folder / VIDEO

    return write


def _device(folder: Path) -> Path:
    (folder / VIDEO).symlink_to("/dev/zero")
    return folder / VIDEO


def _model(folder: Path) -> Path:
    return base_dir() / "models" / "vace" / "small_vace_adapter.safetensors"


LARGE = "33 frames of 4096 x 4096 in a few kilobytes"
MEGAPIXELS = {LARGE: 33 * 4096 * 4096 / 1e6}
VIDEOS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a frame count of thousands of millions": (_changed(b"stsz", 12, b"\xff\xff\xff\xff"), SENTENCE),
    "a duration of thousands of years": (_changed(b"mdhd", 16, b"\xff\xff\xff\xff"), READ),
    "a time base of nothing": (_changed(b"mdhd", 12, bytes(4)), READ),
    "a box longer than the file": (_changed(b"moov", -4, b"\x7f\xff\xff\xff"), READ),
    LARGE: (lambda folder: _encoded(folder / VIDEO, 4096, 4096, 33), READ),
    "cut off in the header": (_cut_video(200), SENTENCE),
    "cut off in a frame": (_cut_video(-300), READ),
    "a play list of files": (_list_of_files("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), SENTENCE),
    "a list of files to join": (_list_of_files("ffconcat version 1.0\nfile /etc/passwd\n"), SENTENCE),
    "a play list of an address": (_list_of_files("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"), SENTENCE),
    "weights": (_model, SENTENCE),
    "a link to a device": (_device, SENTENCE),
    "nothing at all": (_of_bytes(VIDEO, b""), SENTENCE),
}
