"""VCU files in the host's folders, through safetensors only: nothing in them can run."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ....vace_core.errors import VaceInputError
from ....vace_core.vcu import Vcu, require_format, vcu_from_tensors, vcu_to_tensors
from ..files import OUTPUT_MARK, file_to_load, files_to_load, new_output_file

SUFFIX = ".vcu.safetensors"
SUBFOLDER = "vcu"


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
    partial = path.with_name(path.name + ".part")
    try:
        # Each tensor alone in memory: a picture used twice, or a view of a frame, is refused by the format.
        save_file({key: tensor.cpu().clone() for key, tensor in tensors.items()}, partial, metadata)
        partial.replace(path)  # whole, or not at all
    finally:
        partial.unlink(missing_ok=True)
    subfolder = Path(name).parent.as_posix().removeprefix(".")
    return name + OUTPUT_MARK, {"vcus": [{"filename": path.name, "subfolder": subfolder, "type": "output"}]}


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
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return vcu_from_tensors(name, tensors, file.metadata())
    except (SafetensorError, OSError) as error:
        raise VaceInputError(f"{name} cannot be read ({error}). It may be cut off: copy or save it again.") from error


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


def file_state(name: str) -> str:
    """A text that changes when the file does."""
    if file_problem(name):
        return ""
    state = file_to_load(name, SUFFIX).stat()
    return f"{state.st_mtime_ns} {state.st_size}"
