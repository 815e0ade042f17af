"""The clips and pictures of the example workflows, where the host's own Load Video and Load Image find them."""

import logging
import os
import shutil
from pathlib import Path

import folder_paths

SHIPPED = Path(__file__).resolve().parents[3] / "example_workflows" / "inputs"

logger = logging.getLogger("wan_vace")


def place_examples() -> list[str]:
    """Copy into the host's input folder those that are not there; what is there, changed or not, is left alone.

    A folder that cannot be written to is told in the log, and nothing else depends on it.

    Returns:
        Names of the files that were copied.
    """
    folder = Path(folder_paths.get_input_directory())
    missing = [file for file in sorted(SHIPPED.glob("vace_*")) if not (folder / file.name).exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in missing:
            _copy(file, folder)
    except OSError as error:
        logger.warning(
            "The clips of VACE's example workflows cannot be put into %s (%s). Copy them there from %s.",
            folder,
            error,
            SHIPPED,
        )
        return []
    if missing:
        logger.info("The clips of VACE's example workflows are in %s: %d files named vace_*.", folder, len(missing))
    return [file.name for file in missing]


def _copy(file: Path, folder: Path) -> None:
    """Whole or not at all, for another host may read the same folder."""
    part = folder / f".{file.name}.{os.getpid()}.part"
    try:
        shutil.copyfile(file, part)
        part.replace(folder / file.name)
    finally:
        part.unlink(missing_ok=True)
