"""Pose detectors with users' files, under the host's model management; ONNX beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import comfy.model_management
from torch import Tensor

from ....annotators.pose import (
    BLAZE_FILES,
    DETECTOR_ANSWER,
    POSE_ANSWER,
    BlazePose,
    DwPose,
    Found,
    KeypointRcnn,
    RcnnPeople,
    Runtime,
    Scripted,
    load_script,
    onnx_engine,
    rcnn_network,
)
from ....annotators.tflite import load_tflite
from ....vace_core.errors import VaceInputError
from ....vace_core.notes import tell
from .annotate import find_in_frames
from .files import Weights, available_weights, find_weights, mediapipe_file, read_weights, weights_state
from .networks import Network, load_weights, manage_network

SCRIPT, ONNX, RCNN, BLAZE = "dwpose", "dwpose onnx", "keypoint rcnn", "blazepose"
ONNX_PLACE = "https://huggingface.co/yzd-v/DWPose"
# A detector's file first, then that of the points, where they are two.
POSE_FILES = {
    SCRIPT: (
        Weights(("yolox_l.torchscript.pt",), "https://huggingface.co/hr16/yolox-onnx"),
        Weights(("dw-ll_ucoco_384_bs5.torchscript.pt",), "https://huggingface.co/hr16/DWPose-TorchScript-BatchSize5"),
    ),
    ONNX: (Weights(("yolox_l.onnx",), ONNX_PLACE), Weights(("dw-ll_ucoco_384.onnx",), ONNX_PLACE)),
    RCNN: (
        Weights(
            ("keypointrcnn_resnet50_fpn_coco-fc266e95.pth",),
            "https://download.pytorch.org/models/keypointrcnn_resnet50_fpn_coco-fc266e95.pth",
        ),
    ),
    BLAZE: (
        mediapipe_file("pose_detection", "pose_detection.tflite"),
        mediapipe_file("pose_landmark", "pose_landmark_full.tflite"),
    ),
}
Detector: TypeAlias = BlazePose | DwPose | KeypointRcnn
SCRIPT_BATCHES = (1, 5)  # the files take exactly so many pictures
RCNN_MEMORY = 1000  # bytes for each number of the frames: it enlarges a 480p frame to 800 rows


@dataclass(frozen=True)
class PoseFiles:
    """A method's files on this machine.

    Attributes:
        method: One of `POSE_FILES`.
        paths: Its files, in that order.
    """

    method: str
    paths: tuple[Path, ...]

    @property
    def source(self) -> tuple[object, ...]:
        """What tells them from others."""
        return self.method, *(weights_state(path) for path in self.paths)


def pose_detector(method: str, settings: dict[str, object]) -> Detector:
    """A method's detector with the files of this machine; they are read when it looks at frames.

    Args:
        method: One of `POSE_FILES`.
        settings: Fields of the detector.

    Raises:
        VaceInputError: If a file is not on this machine; the message names all that are missing.
    """
    files = _files(method)
    tell("file-used", f"People are found by {' and '.join(path.name for path in files.paths)}.")
    if method == RCNN:
        return KeypointRcnn(lambda: _load_rcnn(files.paths[0]), files.source, **settings)
    if method == BLAZE:
        return BlazePose(lambda: _load_blaze(files.paths), files.source, **settings)
    if method == SCRIPT:
        return DwPose(lambda: _load_scripts(files.paths), files.source, **settings)
    engine = onnx_engine(_has_gpu())
    slow = f" It uses no GPU here; the method {SCRIPT} does." if _has_gpu() and not engine.on_gpu else ""
    tell("engine", f"{engine} runs them.{slow}")
    answers = (DETECTOR_ANSWER, POSE_ANSWER)

    def load() -> tuple[Runtime, ...]:
        return tuple(engine.open(path, answer) for path, answer in zip(files.paths, answers, strict=True))

    return DwPose(load, (str(engine), *files.source), **settings)


def find_people(detector: Detector, frames: Tensor) -> Found:
    """What a detector finds in frames [T, H, W, 3]; kept, so that another drawing of it costs nothing."""
    return Found(**find_in_frames(detector, frames, Found.NAMES))


def _files(method: str) -> PoseFiles:
    if method not in POSE_FILES:
        raise VaceInputError(f"method is not one of {', '.join(POSE_FILES)}. Choose one.")
    paths, missing = [], []
    for weights in POSE_FILES[method]:
        try:
            paths.append(find_weights(weights, f"The pose method {method}"))
        except VaceInputError as error:
            missing.append(str(error))
    if missing:
        raise VaceInputError(" ".join([*missing, *_suggest_methods()]))
    return PoseFiles(method, tuple(paths))


def _suggest_methods() -> list[str]:
    """What could be chosen with the files that are here."""
    here = [method for method, files in POSE_FILES.items() if len(available_weights(files)) == len(files)]
    return [f"Or choose {' or '.join(here)}, whose files are here."] if here else []


def _has_gpu() -> bool:
    return comfy.model_management.get_torch_device().type != "cpu"


def _load_scripts(paths: tuple[Path, ...]) -> tuple[Runtime, ...]:
    return tuple(
        Runtime(path.name, manage_network(Scripted(load_script(path))), answer, batch, fixed=True)
        for path, answer, batch in zip(paths, (DETECTOR_ANSWER, POSE_ANSWER), SCRIPT_BATCHES, strict=True)
    )


def _load_blaze(paths: tuple[Path, ...]) -> tuple[Runtime, ...]:
    networks = [load_tflite(path, *what) for path, what in zip(paths, BLAZE_FILES, strict=True)]
    return tuple(
        Runtime(path.name, manage_network(network), (network.values,), 1, fixed=True)
        for path, network in zip(paths, networks, strict=True)
    )


def _load_rcnn(path: Path) -> Network:
    return manage_network(RcnnPeople(load_weights(rcnn_network, read_weights(path), path.name)), RCNN_MEMORY)
