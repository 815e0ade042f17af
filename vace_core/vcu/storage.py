"""A VCU as named tensors and text, for a file that any safetensors reader opens."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..files import parse_json
from ..notes import Note, tell
from ..video import OVERSHOOT
from .references import Reference
from .unit import Vcu

FORMAT, DESCRIPTION = "wan_vace_vcu", "vcu"
VERSION = 1
EXACT, BYTES = PRECISIONS = ("exact", "8-bit")
# Black, mid-grey and white are exact in this many steps, as they are not in 255.
STEPS = 254
LARGEST = 16384  # frames, rows or columns, as nodes take them


def vcu_to_tensors(vcu: Vcu, precision: str = EXACT) -> tuple[dict, dict]:
    """What a file needs to give the VCU back.

    A tensor that repeats itself along an axis is stored once, so an empty VCU takes a few bytes.

    Args:
        vcu: Any VCU.
        precision: ``exact`` keeps every value; ``8-bit`` takes a quarter of the room and rounds to the nearest of
            254 steps, with black, mid-grey and white exact.

    Returns:
        ``(tensors, metadata)``: tensors by name, and text by name.

    Raises:
        VaceInputError: If ``precision`` is not one of `PRECISIONS`.
    """
    if precision not in PRECISIONS:
        raise VaceInputError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision}.")
    pixels = {"frames": vcu.frames, "mask": vcu.mask}
    pixels |= {f"reference_{i}": reference.image for i, reference in enumerate(vcu.references)}
    tensors = {name: _compact(tensor, precision) for name, tensor in pixels.items()}
    sound = _sound(vcu.audio)
    if sound:
        tensors["audio"] = sound[0].contiguous()
    description = {
        "kind": vcu.kind,
        "control_amount": vcu.control_amount,
        "fps": vcu.fps,
        "notes": [asdict(note) for note in vcu.notes],
        "strengths": [reference.strength for reference in vcu.references],
        "sample_rate": sound and sound[1],
        "shapes": {name: list(tensor.shape) for name, tensor in pixels.items()},
        "dtypes": {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in pixels.items()},
    }
    return tensors, {FORMAT: str(VERSION), DESCRIPTION: json.dumps(description)}


def vcu_from_tensors(name: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None) -> Vcu:
    """The VCU of `vcu_to_tensors`.

    Args:
        name: The file's name.
        tensors: Tensors by name.
        metadata: Text by name.

    Raises:
        VaceInputError: If the file holds something else, was written by a newer version, or is damaged.
    """
    require_format(name, metadata)
    try:
        return _vcu(tensors, parse_json(metadata[DESCRIPTION]))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise VaceInputError(f"{name} is damaged ({reason}). Save the VCU again with VACE Save VCU.") from error


def require_format(name: str, metadata: Mapping[str, str] | None) -> None:
    """Refuse a file that is no VCU, or one of a version that is not known yet.

    Args:
        name: The file's name.
        metadata: Its text by name.

    Raises:
        VaceInputError: If so.
    """
    version = (metadata or {}).get(FORMAT)
    if version is None:
        raise VaceInputError(f"{name} holds no VCU. Choose a file that VACE Save VCU wrote.")
    if not version.isdecimal() or not 1 <= int(version) <= VERSION:
        raise VaceInputError(
            f"{name} has version {version} of the VCU format, this pack reads up to {VERSION}. Update the pack."
        )


def _compact(tensor: Tensor, precision: str) -> Tensor:
    """Once what repeats along an axis, as bytes if asked."""
    repeats = [stride == 0 for stride in tensor.stride()]
    if tensor.amin() == tensor.amax():
        repeats = [True] * tensor.ndim
    once = tensor[tuple(slice(0, 1) if repeated else slice(None) for repeated in repeats)]
    once = (once * STEPS).round().to(torch.uint8) if precision == BYTES else once
    return once.contiguous()


def _sound(audio: object) -> tuple[Tensor, int] | None:
    """Samples and their rate, of the host's audio."""
    if audio is None:
        return None
    if isinstance(audio, Mapping) and isinstance(audio.get("waveform"), Tensor):
        return audio["waveform"], int(audio["sample_rate"])
    tell("sound-not-saved", f"The sound is of type {type(audio).__name__}, not the host's AUDIO; it is not saved.")
    return None


def _vcu(tensors: Mapping[str, Tensor], described: dict) -> Vcu:
    def pixels(name: str) -> Tensor:
        dtype = getattr(torch, described["dtypes"][name])
        return _restored(name, tensors[name], described["shapes"][name], dtype)

    references = [Reference(pixels(f"reference_{i}"), float(s)) for i, s in enumerate(described["strengths"])]
    rate = described["sample_rate"]
    return Vcu(
        pixels("frames"),
        pixels("mask"),
        tuple(references),
        described["kind"],
        float(described["control_amount"]),
        _rate(described["fps"]),
        None if rate is None else {"waveform": tensors["audio"], "sample_rate": int(rate)},
        tuple(_note(note) for note in described["notes"]),
    )


def _rate(stored: float | None) -> float | None:
    """Frames per second of a source that had them."""
    if stored is not None and not 0 < float(stored) < math.inf:
        raise ValueError(f"{stored} frames per second")
    return None if stored is None else float(stored)


def _note(stored: Mapping[str, object]) -> Note:
    """A note of any code: a file of a later pack may tell what this one never does."""
    return Note(str(stored["code"]), str(stored["text"]), tuple(int(frame) for frame in stored["frames"]))


def _restored(name: str, once: Tensor, shape: list[int], dtype: torch.dtype) -> Tensor:
    if max(shape) > LARGEST:
        raise ValueError(f"{name} is {shape}, at most {LARGEST} of each are read")
    tensor = once.to(dtype) / STEPS if once.dtype == torch.uint8 else once
    if not tensor.is_floating_point():
        raise ValueError(f"{name} holds {tensor.dtype}")
    low, high = (bound.item() for bound in tensor.aminmax())
    if not (math.isfinite(low) and math.isfinite(high) and low >= -OVERSHOOT and high <= 1 + OVERSHOOT):
        raise ValueError(f"{name} holds values from {low:.4g} to {high:.4g}, not in [0, 1]")
    return tensor.expand(shape)
