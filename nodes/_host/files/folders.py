"""The host's input and output folders, and never a file outside them."""

from pathlib import Path

import folder_paths

from ....vace_core.errors import VaceInputError
from ....vace_core.files import is_file, shown, write_error

# The host's own mark behind a file name that is not in the input folder.
OUTPUT_MARK = " [output]"


def new_output_file(prefix: str, suffix: str) -> tuple[Path, str]:
    """A file that does not exist yet in the output folder, numbered as the host numbers its own.

    Args:
        prefix: Begin of its name, with subfolders and the host's ``%date%`` words if wanted.
        suffix: End of its name, with the dot.

    Returns:
        Its path, and its name below the output folder with forward slashes.

    Raises:
        VaceInputError: If the prefix leads out of the output folder or names no file, or the folder cannot be made.
    """
    root = Path(folder_paths.get_output_directory())
    if not Path(prefix).name or not is_below(root, prefix):
        raise VaceInputError(
            f'filename_prefix is "{shown(prefix)}", it must name a file inside the output folder. '
            f"Use a name such as vcu/scene, without .. and without a drive or leading slash."
        )
    try:
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, str(root))
    except (OSError, ValueError) as error:
        reason = error if isinstance(error, OSError) else OSError(str(error))
        raise write_error(reason, root / shown(prefix)) from error
    file = f"{name}_{counter:05}_{suffix}"
    return Path(folder) / file, (Path(subfolder) / file).as_posix()


def files_to_load(suffix: str, subfolder: str) -> list[str]:
    """Names that `file_to_load` takes: of the input folder, then of the output folder with the host's mark.

    Args:
        suffix: End of the names, with the dot.
        subfolder: Looked into as well, in both.
    """
    listed = []
    for root, mark in _roots():
        found = [file for folder in (root, root / subfolder) for file in folder.glob(f"*{suffix}") if file.is_file()]
        listed += sorted(file.relative_to(root).as_posix() + mark for file in found)
    return listed


def file_to_load(name: str, suffix: str) -> Path:
    """A file of the input folder or, with the host's mark behind its name, of the output folder.

    Args:
        name: Below that folder, with subfolders if wanted.
        suffix: What it must end in.

    Raises:
        VaceInputError: If it leads elsewhere, through a link too, ends otherwise, or is not there.
    """
    marked = name.endswith(OUTPUT_MARK)
    bare = name.removesuffix(OUTPUT_MARK).removesuffix(" [input]")
    root = Path(folder_paths.get_output_directory() if marked else folder_paths.get_input_directory())
    where = "output" if marked else "input"
    if not is_below(root, bare):
        raise VaceInputError(f'"{shown(name)}" leads out of the {where} folder. Choose a file inside it.')
    if not bare.endswith(suffix):
        raise VaceInputError(f'"{shown(name)}" does not end in {suffix}. Choose a file that VACE Save VCU wrote.')
    if not is_file(root / bare):
        raise VaceInputError(
            f'"{shown(name)}" is not in the {where} folder. Put it there, or press R to refresh the list.'
        )
    return root / bare


def path_state(path: Path | None) -> str:
    """A text that changes when a file does, or one of those in a folder; empty for none."""
    if path is None or not path.exists():
        return ""
    states = [file.stat() for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return " ".join(f"{state.st_mtime_ns} {state.st_size}" for state in states)


def _roots() -> list[tuple[Path, str]]:
    return [
        (Path(folder_paths.get_input_directory()), ""),
        (Path(folder_paths.get_output_directory()), OUTPUT_MARK),
    ]


def is_below(root: Path, name: str) -> bool:
    """Whether a name stays in a folder, links followed, on every system whatever its slashes."""
    try:
        return stays_inside(name) and (root / name).resolve().is_relative_to(root.resolve())
    except (OSError, ValueError):  # no file can have such a name
        return False


def stays_inside(name: str) -> bool:
    """Whether a name by itself stays in the folder it is looked up in, on every system whatever its slashes.

    Links are not followed: in a folder of models, only the machine's owner can have made one.
    """
    parts = name.replace("\\", "/").split("/")
    return bool(parts[0]) and not ("\0" in name or ".." in parts or ":" in parts[0] or Path(name).is_absolute())
