"""What a run of a long video was begun with, in a file beside its segments."""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import VaceInputError
from ..files import parse_json, read_small, write_error
from .frame_file import PART, commit
from .segments import Segment

VERSION = 1
MANIFEST = "manifest.json"
# Values of inputs that a message shows: short ones that are no hashes.
_LONGEST_SHOWN = 80
_LONGEST = 2**24  # bytes of a manifest
_HASH = re.compile(r"[0-9a-f]{32,}")


def write_manifest(folder: Path, inputs: Mapping[str, str], plan: Sequence[Segment], fps: float) -> None:
    """Remember what a run is begun with.

    Args:
        folder: The run's.
        inputs: Name and value, or a hash of it.
        plan: What `plan_segments` gave.
        fps: Frames per second.

    Raises:
        VaceInputError: If the disk is full, or takes nothing.
    """
    bounds = [[segment.start, segment.stop, segment.overlap] for segment in plan]
    manifest = {"version": VERSION, "inputs": dict(inputs), "fps": fps, "plan": bounds}
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1).encode())


def read_manifest(folder: Path) -> dict[str, str]:
    """The inputs of a run that has finished segments.

    Args:
        folder: The run's.

    Raises:
        VaceInputError: If it is missing, damaged or of a newer version.
    """
    advice = "Choose another run name, or delete that folder to begin again."
    try:
        manifest = parse_json(read_small(folder / MANIFEST, _LONGEST))
        version, inputs = int(manifest["version"]), dict(manifest["inputs"])
        if not all(isinstance(value, str) for value in inputs.values()):
            raise ValueError("inputs are no texts")
    except FileNotFoundError as error:
        raise VaceInputError(f"{folder} holds segments but no {MANIFEST}. {advice}") from error
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise VaceInputError(f"{MANIFEST} in {folder} is damaged. {advice}") from error
    if version > VERSION:
        raise VaceInputError(
            f"{folder} was written by a newer version of this pack ({version}, this one knows {VERSION}). "
            f"Update the pack, or choose another run name."
        )
    return inputs


def plan_text(plan: Sequence[Segment]) -> str:
    """A plan as a user knows it; equal for equal plans of `plan_segments` only."""
    overlap = plan[1].overlap if len(plan) > 1 else 0
    return f"{len(plan)} for {plan[-1].stop} frames, up to {plan[0].num_frames} long, overlap {overlap}"


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names of what differs, with both values where they can be read.

    Args:
        before: Inputs by name.
        now: The same, later.
    """
    found = []
    for name in sorted({*before, *now}):
        old, new = before.get(name, "nothing"), now.get(name, "nothing")
        if old != new:
            shown = all(len(value) <= _LONGEST_SHOWN and not _HASH.fullmatch(value) for value in (old, new))
            found.append(f"{name} (was {old}, now {new})" if shown else name)
    return found


def write_atomically(path: Path, data: bytes) -> None:
    """A small file that is there whole or not at all.

    Raises:
        VaceInputError: If the disk is full, or takes nothing.
    """
    part = path.with_name(path.name + PART)
    try:
        with part.open("wb") as file:
            file.write(data)
            commit(file, part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise write_error(error, path, len(data)) from error
