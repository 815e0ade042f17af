"""Weight files opened without reading them: all names at once, a shape or a tensor when asked for."""

import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ....vace_core.errors import VaceInputError

CONFIG, WHOLE = "config.json", "diffusion_pytorch_model.safetensors"
INDEX_END = ".safetensors.index.json"
SAFETENSORS, PICKLES = (".safetensors", ".sft"), (".pth", ".pt")
# A training state around the weights, under one of these names.
STATES = ("state_dict", "model", "module")


@dataclass(frozen=True)
class WeightFile:
    """What one checkpoint holds, whatever its format.

    Attributes:
        keys: Names of its tensors.
        shape_of: Shape of a tensor, from the file's header.
        tensor: A tensor; only now its values are read, and where the format allows it only when they are used.
        metadata: The file's text; None if it has none.
        config: Contents of the ``config.json`` that belongs to it.
    """

    keys: tuple[str, ...]
    shape_of: Callable[[str], tuple[int, ...]]
    tensor: Callable[[str], Tensor]
    metadata: dict[str, str] | None = None
    config: Mapping[str, object] = field(default_factory=dict)


def open_safetensors(path: Path) -> WeightFile:
    """A safetensors file; official names bring the ``config.json`` beside them along.

    Raises:
        VaceInputError: If it cannot be read or is cut off.
    """
    try:
        file = safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise unreadable_error(path.name, error) from error
    return WeightFile(
        keys=tuple(file.keys()),
        shape_of=lambda key: tuple(file.get_slice(key).get_shape()),
        tensor=file.get_tensor,
        metadata=file.metadata(),
        config=_json(path.with_name(CONFIG)) if path.name == WHOLE else {},
    )


def find_index(folder: Path) -> Path | None:
    """The file that says which part of a divided checkpoint holds which tensor."""
    official = folder / f"{WHOLE.removesuffix('.safetensors')}{INDEX_END}"
    return official if official.is_file() else next(iter(sorted(folder.glob(f"*{INDEX_END}"))), None)


def open_parts(index: Path) -> WeightFile:
    """A checkpoint divided into several safetensors files; only the parts that are asked for need be there.

    Raises:
        VaceInputError: If the index is not one, or names a file outside its folder.
    """
    folder, where = index.parent, _json(index).get("weight_map")
    if not isinstance(where, dict) or not all(isinstance(part, str) for part in where.values()):
        raise VaceInputError(f"{folder.name}/{index.name} has no weight_map. Download it again.")
    outside = next((part for part in where.values() if "\\" in part or Path(part).name != part), None)
    if outside is not None:
        raise VaceInputError(f'{folder.name}/{index.name} names "{outside}", it must name files in its own folder.')

    @cache
    def part(name: str) -> WeightFile:
        if not (folder / name).is_file():
            raise VaceInputError(f"{folder.name}/{name} is missing, {index.name} names it. Download it too.")
        return open_safetensors(folder / name)

    def of(key: str) -> WeightFile:
        found = part(where[key])
        if key not in found.keys:
            raise VaceInputError(f"{folder.name}/{where[key]} lacks {key}, which {index.name} says is in it.")
        return found

    return WeightFile(
        keys=tuple(where),
        shape_of=lambda key: of(key).shape_of(key),
        tensor=lambda key: of(key).tensor(key),
        config=_json(folder / CONFIG),
    )


def open_pickle(path: Path) -> WeightFile:
    """A file of ``torch.save``, of which only tensors and plain containers are accepted: nothing in it can run.

    Raises:
        VaceInputError: If it holds anything else, or is damaged.
    """
    try:
        # Only the newer format, a zip file, can stay on disk until it is used.
        data = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise VaceInputError(
            f"{path.name} is refused: it holds more than tensors (code, which is never run here), or is damaged. "
            f"Choose a safetensors file."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise unreadable_error(path.name, error) from error
    data = data if isinstance(data, dict) else {}
    data = next((data[state] for state in STATES if isinstance(data.get(state), dict)), data)
    tensors = {key: value for key, value in data.items() if isinstance(value, Tensor)}
    return WeightFile(
        keys=tuple(tensors), shape_of=lambda key: tuple(tensors[key].shape), tensor=lambda key: tensors[key].detach()
    )


def unreadable_error(name: str, error: Exception) -> VaceInputError:
    """What to say of a file that its own format's reader does not take."""
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    return VaceInputError(f"{name} cannot be read ({detail}). It may be cut off or no model: download it again.")


def _json(path: Path) -> dict:
    """A JSON object; empty if there is no such file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, OSError) as error:
        raise unreadable_error(f"{path.parent.name}/{path.name}", error) from error
    return data if isinstance(data, dict) else {}
