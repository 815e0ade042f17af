"""Whole VACE files, looked at before the host's own loader takes them."""

from pathlib import Path

import folder_paths

from ....vace_core.adapter import require_host_layout
from ..files import SAFETENSORS, open_safetensors
from .files import WHOLE_MODELS


def require_loadable(name: str) -> None:
    """Refuse a file with VACE that the host's loader would read wrongly. Only the file's header is read.

    Args:
        name: In the folder of diffusion models.

    Raises:
        VaceInputError: As `require_host_layout` says; files that are not there are left to the host.
    """
    path = folder_paths.get_full_path(WHOLE_MODELS, name)
    if path is None or Path(path).suffix.lower() not in SAFETENSORS:
        return
    file = open_safetensors(Path(path))
    require_host_layout(name, file.keys, lambda key: file.tensor(key).dtype, file.metadata)
