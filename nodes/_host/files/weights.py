"""Weight files opened without reading them: all names at once, a shape or a tensor when asked for."""

import errno
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
from ....vace_core.files import is_file, open_plain, parse_json, read_small, shown

CONFIG, WHOLE = "config.json", "diffusion_pytorch_model.safetensors"
INDEX_END = ".safetensors.index.json"
SAFETENSORS, PICKLES = (".safetensors", ".sft"), (".pth", ".pt")
# A training state around the weights, under one of these names.
STATES = ("state_dict", "model", "module")
LONGEST_JSON = 2**26  # bytes
_LENGTH = 8  # bytes that say how long the header of a safetensors file is
# torch packs nothing but the program of a TorchScript file, and few tensors share their numbers.
PACKED, SHARED, PROGRAM = 2, 8, 2**26
# What the readers of these formats raise for a file that is none; those of torch also run out of memory so.
UNREADABLE = (
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    MemoryError,
)


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


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All of a safetensors file in memory of its own, and its text.

    A tensor of `open_safetensors` is the file itself: whoever writes into that file changes it, and whoever cuts it
    ends this process.

    Raises:
        SafetensorError: If it is damaged.
        OSError: If it cannot be read, or is cut off while it is read.
    """
    with open_plain(path) as source, safe_open(path, framework="pt", device="cpu") as mapped:
        begin = _LENGTH + int.from_bytes(source.read(_LENGTH), "little")
        header, tensors = parse_json(source.read(begin - _LENGTH)), {}
        for key in mapped.keys():  # noqa: SIM118
            tensors[key] = torch.empty_like(mapped.get_tensor(key), memory_format=torch.contiguous_format)
            data = memoryview(tensors[key].view(-1).view(torch.uint8).numpy())
            source.seek(begin + header[key]["data_offsets"][0])
            if source.readinto(data) != len(data):
                raise OSError(errno.EIO, "it was cut off while it was read")
        return tensors, mapped.metadata() or {}


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
        raise VaceInputError(
            f'{folder.name}/{index.name} names "{shown(outside)}", it must name files in its own folder.'
        )

    @cache
    def part(name: str) -> WeightFile:
        if not is_file(folder / name):
            raise VaceInputError(f"{folder.name}/{shown(name)} is missing, {index.name} names it. Download it too.")
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
        refuse_packed(path)
        # Only the newer format, a zip file, can stay on disk until it is used.
        data = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise VaceInputError(
            f"{path.name} is refused: it holds more than tensors (code, which is never run here), or is damaged. "
            f"Choose a safetensors file."
        ) from error
    except UNREADABLE as error:
        raise unreadable_error(path.name, error) from error
    data = data if isinstance(data, dict) else {}
    data = next((data[state] for state in STATES if isinstance(data.get(state), dict)), data)
    tensors = {key: value for key, value in data.items() if isinstance(value, Tensor) and isinstance(key, str)}
    _refuse_claims(path, tensors)
    return WeightFile(
        keys=tuple(tensors), shape_of=lambda key: tuple(tensors[key].shape), tensor=lambda key: tensors[key].detach()
    )


def refuse_packed(path: Path) -> None:
    """Refuse a file of torch that unpacks to much more than it is long, and what is no file at all.

    Raises:
        OSError: If it is a device, a pipe or a folder.
        ValueError: If it holds more.
        zipfile.BadZipFile: If it is a damaged zip file.
    """
    with open_plain(path) as file:
        if not zipfile.is_zipfile(file):
            return
        with zipfile.ZipFile(file) as archive:
            claimed = sum(member.file_size for member in archive.infolist())
    if claimed > PACKED * path.stat().st_size + PROGRAM:
        raise ValueError(f"it unpacks to {claimed} bytes")


def _refuse_claims(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are larger than the numbers that they stand on, and what is no plain tensor."""
    for key, value in tensors.items():
        if value.layout != torch.strided or value.is_meta or value.is_quantized:
            raise unreadable_error(path.name, ValueError(f"{key} is no plain tensor"))
    claimed = sum(value.nbytes for value in tensors.values())
    if claimed > SHARED * path.stat().st_size:
        raise unreadable_error(path.name, ValueError(f"its tensors claim {claimed} bytes"))


def unreadable_error(name: str, error: Exception) -> VaceInputError:
    """What to say of a file that its own format's reader does not take."""
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    return VaceInputError(f"{name} cannot be read ({detail}). It may be cut off or no model: download it again.")


def _json(path: Path) -> dict:
    """A JSON object; empty if there is no such file."""
    try:
        data = parse_json(read_small(path, LONGEST_JSON)) if path.is_file() else {}
    except (ValueError, OSError) as error:
        raise unreadable_error(f"{path.parent.name}/{path.name}", error) from error
    return data if isinstance(data, dict) else {}
