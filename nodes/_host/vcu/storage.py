"""VCU files in the host's folders, through safetensors only: nothing in them can run."""

import contextlib
import os
import re
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ....vace_core.errors import VaceInputError
from ....vace_core.files import remove_abandoned, write_error
from ....vace_core.vcu import Vcu, require_format, vcu_from_tensors, vcu_to_tensors
from ..files import OUTPUT_MARK, file_to_load, files_to_load, new_output_file, path_state, read_tensors

SUFFIX = ".vcu.safetensors"
SUBFOLDER = "vcu"
PART = ".part"


def save_vcu(vcu: Vcu, prefix: str, precision: str) -> tuple[str, dict]:
    """Write a VCU to the output folder.

    Args:
        vcu: Any VCU.
        prefix: Begin of the file's name, with subfolders if wanted.
        precision: One of `vace_core.vcu.PRECISIONS`.

    Returns:
        The name that `load_vcu` takes, and what the host shows of an output node.

    Raises:
        VaceInputError: If the prefix leads out of the output folder.
    """
    tensors, metadata = vcu_to_tensors(vcu, precision)
    path, name = new_output_file(prefix, SUFFIX)
    remove_abandoned(path.parent.glob(f"*{SUFFIX}.*{PART}"))
    partial = path.with_name(f"{path.name}.{os.getpid()}{PART}")  # another ComfyUI may write into the same folder
    # Each tensor alone in memory: a picture used twice, or a view of a frame, is refused by the format.
    alone = {key: tensor.cpu().clone() for key, tensor in tensors.items()}
    try:
        save_file(alone, partial, metadata)
        path, name = _put(partial, path, name, prefix)  # whole, or not at all
    except (OSError, SafetensorError) as error:
        size = sum(tensor.nbytes for tensor in alone.values())
        raise write_error(_of_the_system(error), path, size) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    subfolder = Path(name).parent.as_posix().removeprefix(".")
    return name + OUTPUT_MARK, {"vcus": [{"filename": path.name, "subfolder": subfolder, "type": "output"}]}


def _put(partial: Path, path: Path, name: str, prefix: str) -> tuple[Path, str]:
    """Give a file its name, and the next number if another process has taken that meanwhile."""
    while True:
        try:
            os.link(partial, path)
        except FileExistsError:
            taken, (path, name) = path, new_output_file(prefix, SUFFIX)
            if path == taken:
                raise
        except OSError:  # a disk without links
            partial.replace(path)
            return path, name
        else:
            return path, name


def load_vcu(name: str) -> Vcu:
    """Read a VCU from the input or output folder.

    Args:
        name: As `vcu_files` lists it.

    Raises:
        VaceInputError: If there is no such file inside, or it holds no VCU, is cut off or damaged.
    """
    path = file_to_load(name, SUFFIX)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            require_format(name, file.metadata())
        return vcu_from_tensors(name, *read_tensors(path))
    except (SafetensorError, OSError, KeyError) as error:
        raise VaceInputError(f"{name} cannot be read ({error}). It may be cut off: copy or save it again.") from error


def _of_the_system(error: Exception) -> OSError:
    """What the system said; safetensors puts it into words, with its number behind them."""
    if isinstance(error, OSError):
        return error
    number = re.search(r"os error (\d+)", str(error))
    if number is None:
        return OSError(str(error))
    if os.name == "nt":  # Windows has numbers of its own, which Python turns into the others
        return OSError(0, str(error), None, int(number[1]))
    return OSError(int(number[1]), os.strerror(int(number[1])))


def vcu_files() -> list[str]:
    """Names that `load_vcu` takes."""
    return files_to_load(SUFFIX, SUBFOLDER)


def file_problem(name: str) -> str | None:
    """What is wrong with a file's name; None when it can be loaded."""
    try:
        file_to_load(name, SUFFIX)
    except VaceInputError as error:
        return str(error)
    return None


def file_state(name: str | None) -> str:
    """A text that changes when the file does; empty for a name that comes by wire."""
    return "" if name is None or file_problem(name) else path_state(file_to_load(name, SUFFIX))
