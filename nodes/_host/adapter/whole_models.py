"""Files of whole models and text encoders, looked at before the host's own loaders take them."""

from pathlib import Path

import folder_paths

from ....vace_core.adapter import require_host_layout, require_text_encoder
from ..files import SAFETENSORS, open_safetensors
from .files import WHOLE_MODELS

TEXT_ENCODERS = "text_encoders"


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


def require_wan_text_encoder(name: str) -> None:
    """Refuse a safetensors file that is no umt5-xxl. Only the file's header is read.

    Args:
        name: In the folder of text encoders.

    Raises:
        VaceInputError: As `require_text_encoder` says, and if the file cannot be read; files that are not there, and
            those of other formats, are left to the host: a pickle would have to be read whole, and then once more.
    """
    path = folder_paths.get_full_path(TEXT_ENCODERS, name)
    if path is None or Path(path).suffix.lower() not in SAFETENSORS:
        return
    file = open_safetensors(Path(path))
    require_text_encoder(name, file.keys, file.shape_of)
