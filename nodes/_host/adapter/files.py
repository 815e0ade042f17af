"""VACE context adapters in the host's model folders, read out of whole models without loading the rest."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import folder_paths
from torch import Tensor

from ....vace_core.adapter import (
    adapter_metadata,
    adapter_names,
    adapter_shape,
    refuse_checkpoint,
    refuse_foreign,
    values_shapes,
)
from ....vace_core.errors import VaceInputError
from ....vace_core.files import is_file, shown
from ..files import (
    INDEX_END,
    PICKLES,
    SAFETENSORS,
    WeightFile,
    find_index,
    open_gguf,
    open_parts,
    open_pickle,
    open_safetensors,
    path_state,
    stays_inside,
)

OPENERS: dict[str, Callable[[Path], WeightFile]] = {
    **dict.fromkeys(SAFETENSORS, open_safetensors),
    **dict.fromkeys(PICKLES, open_pickle),
    ".gguf": open_gguf,
}
# The adapter's own folder, which the host does not have, and that of whole models.
FOLDER, WHOLE_MODELS = "vace", "diffusion_models"
# End of the name of one part of a divided model.
PART = re.compile(r"-\d{5}-of-\d{5}\.safetensors$")


@dataclass(frozen=True)
class AdapterWeights:
    """A whole adapter.

    Attributes:
        tensors: Its weights by official name: ``vace_patch_embedding.*``, ``vace_blocks.N.*``, what a quantised weight
            has beside it, and the file's ``scaled_fp8`` mark.
        metadata: The file's text, its list of quantised layers cut down to these; None if it has none.
        layers: The base block each adapter block belongs to, if a ``config.json`` says so.
        name: What the user calls it.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str] | None
    layers: tuple[int, ...] | None
    name: str


def read_adapter(path: Path) -> AdapterWeights:
    """The adapter in a file or in a folder of parts, official, ComfyUI's, diffusers' or GGUF; nothing else is read.

    Args:
        path: As `adapter_path` gives it.

    Returns:
        Weights on the CPU. Those of safetensors stay on disk until they are used.

    Raises:
        VaceInputError: If the file holds no adapter, only a part of one, or cannot be read.
    """
    name = f"{path.name}/" if path.is_dir() else path.name
    file = _open(path, name)
    names = adapter_names(file.keys)
    if not names:
        refuse_checkpoint(name, file.keys, file.shape_of)
    refuse_foreign(names, name)
    shape = adapter_shape(values_shapes({own: file.shape_of(key) for key, own in names.items()}), name)
    layers = _layers(file, name, shape.num_layers)
    tensors = {own: file.tensor(key) for key, own in names.items()}
    return AdapterWeights(tensors, adapter_metadata(file.metadata), layers, name)


def adapter_files() -> list[str]:
    """Names that `adapter_path` takes, those in the adapter's own folder first; a folder of parts ends in a slash."""
    listed = {}
    for root in _roots():
        paths = [Path(name) for name in folder_paths.recursive_search(str(root), [".git"])[0]]
        divided = {path.parent for path in paths if path.name.endswith(INDEX_END)} - {Path()}
        files = [path for path in paths if path.suffix.lower() in OPENERS]
        names = [path.as_posix() for path in files if not (PART.search(path.name) and path.parent in divided)]
        listed |= dict.fromkeys(sorted([*names, *(f"{folder.as_posix()}/" for folder in divided)]))
    return list(listed)


def adapter_path(name: str) -> Path:
    """A file or folder of parts in the folders for adapters and for whole models; links in them are followed.

    Args:
        name: As `adapter_files` lists it.

    Raises:
        VaceInputError: If it leads elsewhere by itself, or is not there.
    """
    places = [root / name for root in _roots()] if stays_inside(name) else []
    for found in places:
        if found.is_dir() if name.endswith("/") else is_file(found):
            return found
    if any(os.path.islink(place) and not is_file(place) for place in places):  # noqa: PTH114  (no error for odd names)
        raise VaceInputError(
            f'"{shown(name)}" is a link to a file that is not there. Make the link anew, or copy the file.'
        )
    raise VaceInputError(
        f'"{shown(name)}" is not in the models folders {FOLDER} or {WHOLE_MODELS}. '
        f"Put it there, or press R to refresh the list."
    )


def adapter_state(name: str | None) -> str:
    """A text that changes when the file does, so that the next prompt reads it anew."""
    try:
        return "" if name is None else path_state(adapter_path(name))
    except VaceInputError:  # said when it is loaded
        return ""


def _open(path: Path, name: str) -> WeightFile:
    index = find_index(path if path.is_dir() else path.parent)
    if path.is_dir() and index is None:
        raise VaceInputError(f"{name} is no divided model: it has no index. Choose a file in it.")
    if index and (path.is_dir() or PART.search(path.name)):
        return open_parts(index)
    opener = OPENERS.get(path.suffix.lower())
    if opener is None:
        raise VaceInputError(f"{name} is no weight file; it must end in {', '.join(OPENERS)}.")
    return opener(path)


def _layers(file: WeightFile, name: str, num_layers: int) -> tuple[int, ...] | None:
    layers = file.config.get("vace_layers")
    if layers is None:
        return None
    if not isinstance(layers, list) or not all(type(layer) is int for layer in layers):
        raise VaceInputError(f"{name}: vace_layers of its config.json is {layers!r}, it must be a list of numbers.")
    if len(layers) != num_layers:
        raise VaceInputError(
            f"{name} is incomplete: its config.json lists {len(layers)} VACE layers, but it holds {num_layers} blocks. "
            f"Download it again."
        )
    return tuple(layers)


def _roots() -> list[Path]:
    """Folders to look into: the adapter's own as the user has set it up, else the usual place, then whole models."""
    own, _ = folder_paths.folder_names_and_paths.get(FOLDER, ([], None))
    places = [*own, Path(folder_paths.models_dir) / FOLDER, *folder_paths.get_folder_paths(WHOLE_MODELS)]
    return list(dict.fromkeys(Path(place) for place in places))
