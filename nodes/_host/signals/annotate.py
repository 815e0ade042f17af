"""Running an annotator in the host: progress, interruption, and results kept by content."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import comfy.model_management
import comfy.utils
import folder_paths
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ....annotators.protocol import LEVELS, Annotator, Tick, on_threads, to_bytes
from ....vace_core.files import remove_abandoned, used_last
from ..files import read_tensors

FOLDER = "vace_annotations"
LIMIT_BYTES = 4 * 2**30  # what is oldest goes first
VERSION = 1  # raised when an annotator's pixels change


class Finder(Protocol):
    """What looks for something else than pixels in a clip; see `Annotator` for the rest."""

    @property
    def identity(self) -> tuple[object, ...]:
        """All that the result depends on beside the frames."""

    def __call__(self, frames: Tensor, tick: Tick) -> dict[str, Tensor]:
        """What it finds in frames [T, H, W, 3], on the CPU."""


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
        return annotator(frames, _report_progress(len(frames)))
    kept = _result_path(annotator, frames)
    found = _load(kept, ("control",))
    if found is not None and found["control"].shape[:3] == frames.shape[:3] and found["control"].dtype == torch.uint8:
        return found["control"].float().div_(LEVELS).to(comfy.model_management.intermediate_device())
    control = annotator(frames, _report_progress(len(frames)))
    _save(kept, {"control": to_bytes(control)})
    return control


def find_in_frames(finder: Finder, frames: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """What is found in a clip, kept as `annotate` keeps control frames.

    Args:
        finder: What looks for it, with its settings.
        frames: [T, H, W, 3], RGB in [0, 1].
        names: What it finds.
    """
    kept = _result_path(finder, frames)
    found = _load(kept, names)
    if found is None:
        found = finder(frames, _report_progress(len(frames)))
        _save(kept, found)
    return found


def _report_progress(total: int) -> Callable[[int, int], None]:
    bar = comfy.utils.ProgressBar(total)

    def tick(done: int, of: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(done, of)

    tick(0, total)
    return tick


def _folder() -> Path:
    # The host empties it when it starts, so nothing outlives what it was made for.
    return Path(folder_paths.get_temp_directory()) / FOLDER


def _result_path(annotator: Annotator | Finder, frames: Tensor) -> Path:
    return _folder() / f"{_content_hash(annotator, frames)}.safetensors"


def _content_hash(annotator: Annotator | Finder, frames: Tensor) -> str:
    digest = hashlib.blake2b(repr((VERSION, annotator.identity, tuple(frames.shape))).encode(), digest_size=16)
    for part in on_threads(_digest, list(frames)):
        digest.update(part)
    return digest.hexdigest()


def _digest(frame: Tensor) -> bytes:
    return hashlib.blake2b(frame.contiguous().cpu().numpy()).digest()


def _load(path: Path, names: Sequence[str]) -> dict[str, Tensor] | None:
    try:
        tensors, _ = read_tensors(path)
        found = {name: tensors[name] for name in names}
    except (OSError, SafetensorError, KeyError, ValueError):
        return None  # not there, or cut off: it is made again
    with contextlib.suppress(OSError):  # a folder that may only be read
        os.utime(path)  # used last
    return found


def _save(path: Path, tensors: dict[str, Tensor]) -> None:
    """Keep a result; a full disk costs the next run its time and nothing else."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, partial)
        partial.replace(path)
        _prune(path.parent)
    except (OSError, SafetensorError):
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    remove_abandoned(folder.glob("*.part"))
    files = sorted(folder.glob("*.safetensors"), key=used_last, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > LIMIT_BYTES:
            file.unlink(missing_ok=True)
