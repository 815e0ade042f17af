"""Running an annotator in the host: progress, interruption, and results kept by content."""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import comfy.model_management
import comfy.utils
import folder_paths
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...annotators.protocol import LEVELS, Annotator, on_threads, to_bytes

FOLDER = "vace_annotations"
LIMIT_BYTES = 4 * 2**30  # what is oldest goes first
VERSION = 1  # raised when an annotator's pixels change


def annotate(annotator: Annotator, frames: Tensor, keep: bool = True) -> Tensor:
    """Control frames, from the host's temp folder when the same clip was annotated in the same way before.

    Args:
        annotator: The signal with its settings.
        frames: [T, H, W, 3], RGB in [0, 1].
        keep: False for a signal that costs less than looking for it: then nothing is read or written.

    Returns:
        [T, H, W, 3] in [0, 1], on 8-bit levels.
    """
    if not keep:
        return annotator(frames, _ticker(len(frames)))
    kept = _folder() / f"{_content(annotator, frames)}.safetensors"
    found = _load(kept)
    if found is not None:
        return found
    control = annotator(frames, _ticker(len(frames)))
    _save(kept, control)
    return control


def _ticker(total: int) -> Callable[[int, int], None]:
    bar = comfy.utils.ProgressBar(total)

    def tick(done: int, of: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(done, of)

    tick(0, total)
    return tick


def _folder() -> Path:
    # The host empties it when it starts, so nothing outlives what it was made for.
    return Path(folder_paths.get_temp_directory()) / FOLDER


def _content(annotator: Annotator, frames: Tensor) -> str:
    digest = hashlib.blake2b(repr((VERSION, annotator.identity, tuple(frames.shape))).encode(), digest_size=16)
    for part in on_threads(_digest, list(frames)):
        digest.update(part)
    return digest.hexdigest()


def _digest(frame: Tensor) -> bytes:
    return hashlib.blake2b(frame.contiguous().cpu().numpy()).digest()


def _load(path: Path) -> Tensor | None:
    try:
        control = load_file(path)["control"].float().div_(LEVELS)
        os.utime(path)  # used last
    except (OSError, SafetensorError, KeyError):
        return None  # not there, or cut off: it is made again
    return control.to(comfy.model_management.intermediate_device())


def _save(path: Path, control: Tensor) -> None:
    """Keep a result; a full disk costs the next run its time and nothing else."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"control": to_bytes(control)}, partial)
        partial.replace(path)
        _prune(path.parent)
    except (OSError, SafetensorError):
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > LIMIT_BYTES:
            file.unlink(missing_ok=True)
