"""The clips and pictures of the example workflows, where the host's own Load Video and Load Image find them."""

import hashlib
import json
import logging
import os
from pathlib import Path

import folder_paths

from ....vace_core.files import remove_abandoned

SHIPPED = Path(__file__).resolve().parents[3] / "example_workflows" / "inputs"
LICENSE = "vace_LICENSE.txt"
# In the host's user folder: of each input folder, the files that were once put into it and their SHA-256.
MARKER = Path("wan_vace") / "examples.json"

PART = ".part"

logger = logging.getLogger("wan_vace")


def place_examples() -> list[str]:
    """Copy into the host's input folder, once, those that are not there, with their license.

    What is there, changed or not, is left alone. What was there and is deleted stays deleted, until a version of the
    pack brings another file of that name. A folder that cannot be written to is told in the log, and nothing else
    depends on it.

    Returns:
        Names of the files that were copied.
    """
    folder = Path(folder_paths.get_input_directory())
    for place, name in ((folder, "vace_*"), (_marker().parent, MARKER.name)):
        remove_abandoned(place.glob(f".{name}.*{PART}"))
    placed = _placed()
    contents = {file.name: file.read_bytes() for file in sorted(SHIPPED.glob("vace_*"))}
    contents[LICENSE] = (SHIPPED / "LICENSE").read_bytes()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    known = placed.get(str(folder), {})
    new = [name for name, digest in digests.items() if known.get(name) != digest]
    missing = [name for name in new if not (folder / name).exists()]
    try:
        for name in missing:
            _write(folder / name, contents[name])
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
    if new:
        _note(placed | {str(folder): known | digests})
    return missing


def _placed() -> dict[str, dict[str, str]]:
    """By input folder, the digests of what was put into it; empty where that is not known."""
    try:
        found = json.loads(_marker().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    entries = found.items() if isinstance(found, dict) else ()
    return {folder: names for folder, names in entries if isinstance(names, dict)}


def _note(placed: dict[str, dict[str, str]]) -> None:
    try:
        _write(_marker(), json.dumps(placed, indent=2).encode())
    except OSError as error:
        logger.info(
            "%s cannot be written (%s): clips of VACE's example workflows that you delete come back at the next start.",
            _marker(),
            error,
        )


def _marker() -> Path:
    return Path(folder_paths.get_user_directory()) / MARKER


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, for another host may read the same folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}{PART}")
    try:
        part.write_bytes(content)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
