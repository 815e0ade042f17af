"""Weight files of annotators, wherever users have them already; nothing is fetched."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import folder_paths
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ..files import SAFETENSORS, open_pickle, open_safetensors

OWN = "vace_annotators"
# Below the models folder: ours, the official tree, and where other packs put the same files.
PLACES = (OWN, "VACE-Annotators", "optical_flow", "depthanything", "detection", "sam2", "background_removal")
# Weights of comfyui_controlnet_aux, in its own layout <repository>/<file>.
AUX_VARIABLE, AUX_FOLDER = "AUX_ANNOTATOR_CKPTS_PATH", "comfyui_controlnet_aux/ckpts"
MEDIAPIPE = "https://pypi.org/project/mediapipe/0.10.14/#files (it is in any of the wheels, which are zip files)"


@dataclass(frozen=True)
class Weights:
    """A published weight file.

    Attributes:
        names: Its file name, and the other names it goes by.
        published: Where it is published, as a user can open it; on Hugging Face with the folder there in brackets.
        licence: What its licence allows, when that is less than free use; empty otherwise.
        installed: The package of Python that carries it, and its place in there; empty if none does. A package is
            looked into, never imported.
    """

    names: tuple[str, ...]
    published: str
    licence: str = ""
    installed: tuple[str, str] = ("", "")

    @property
    def url(self) -> str:
        """Where the file itself is, under its own name, if no package carries it."""
        place, _, folder = self.published.removesuffix(")").partition(" (")
        if place.endswith(f"/{self.names[0]}"):
            return place
        return "/".join([place, "resolve/main", *([folder] if folder else []), self.names[0]])


def mediapipe_file(folder: str, name: str) -> Weights:
    """A network that mediapipe 0.10.14 carries, as versions near it do; 0.10.30 and later have none."""
    return Weights((name,), MEDIAPIPE, installed=("mediapipe", f"mediapipe/modules/{folder}/{name}"))


def find_weights(wanted: Weights, signal: str) -> Path:
    """The file on this machine.

    Args:
        wanted: Which one.
        signal: What it is for, at the start of the message.

    Raises:
        VaceInputError: If it is nowhere; the message names file, folder and where it is published.
    """
    found = _find(wanted)
    if found is None:
        own = Path(folder_paths.models_dir) / OWN
        raise VaceInputError(
            f"{signal} needs {wanted.names[0]}, which is not on this machine. Download it from {wanted.published} "
            f"and put it into {own}."
        )
    return found


def available_weights(wanted: Sequence[Weights]) -> list[Weights]:
    """The weights, of several, whose file is on this machine."""
    return [weights for weights in wanted if _find(weights)]


def names_here() -> frozenset[str]:
    """Names of all files in the folders where weights are looked for."""
    listed = (folder_paths.recursive_search(str(folder))[0] for folder in _folders())
    return frozenset(Path(file).name for files in listed for file in files)


def read_weights(path: Path) -> dict[str, Tensor]:
    """A file's tensors; nothing in it can run.

    Raises:
        VaceInputError: If it is damaged or holds more than tensors.
    """
    file = open_safetensors(path) if path.suffix in SAFETENSORS else open_pickle(path)
    return {key: file.tensor(key) for key in file.keys}


def weights_state(path: Path) -> tuple[str, int, int]:
    """Name, size and time of a file, for an annotator's identity."""
    state = path.stat()
    return path.name, state.st_size, state.st_mtime_ns


def _find(wanted: Weights) -> Path | None:
    """The file in the folders, in their order, or else in an installed package."""
    found = next((path for folder in _folders() for path in _matches(folder, wanted.names)), None)
    return found or _in_package(*wanted.installed)


def _in_package(package: str, place: str) -> Path | None:
    if not package:
        return None
    try:
        path = Path(str(distribution(package).locate_file(place)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _folders() -> list[Path]:
    """Where to look, in order; of each place first what extra_model_paths.yaml adds."""
    models = Path(folder_paths.models_dir)
    folders = [Path(folder) for place in PLACES for folder in [*_registered(place), models / place]]
    folders += [Path(os.environ[AUX_VARIABLE])] if os.environ.get(AUX_VARIABLE) else []
    folders += [Path(folder) / AUX_FOLDER for folder in folder_paths.get_folder_paths("custom_nodes")]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _registered(place: str) -> list[str]:
    return folder_paths.get_folder_paths(place) if place in folder_paths.folder_names_and_paths else []


def _matches(folder: Path, names: Sequence[str]) -> list[Path]:
    """Files of these names in a folder or below it, links followed as the host follows them; shallow ones first."""
    files = [folder / file for file in folder_paths.recursive_search(str(folder))[0]]
    files.sort(key=lambda file: (len(file.parts), file))
    return [file for name in names for file in files if file.name == name and file.is_file()]
