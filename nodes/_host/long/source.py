"""VIDEO files made into the VCU of a long video, in the host's temp folder."""

import uuid
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import folder_paths
from torch import Tensor

from ....vace_core.files import write_error
from ....vace_core.long import LongVcu, build_long_vcu, paired
from ....vace_core.vcu import Connected
from ....vace_core.video import Target
from ..types import Video
from ..video import CHUNK, frame_count_hint, reading, sound_of, stream_frames

FOLDER = "vace_long"


def read_long_vcu(
    video: Video, mask: Video | Tensor | None, references: Connected, target: Target, settings: dict
) -> LongVcu:
    """A long VCU of a VIDEO; its file goes when nothing uses it any more.

    Args:
        video: The host's VIDEO.
        mask: Another VIDEO whose brightness is the mask, a MASK [T or 1, H, W], or None.
        references: Socket name and what is connected to it.
        target: The size and fit of what is to come out.
        settings: What `build_long_vcu` takes beside.

    Raises:
        VaceInputError: If an input cannot be used, or the disk is full or takes nothing.
    """
    folder = Path(folder_paths.get_temp_directory()) / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from error
    path = folder / f"{uuid.uuid4().hex}.vcu"
    count = frame_count_hint(video)
    vcu = build_long_vcu(path, _read_parts(video, mask), references, target, num_frames=count, **settings)
    weakref.finalize(vcu.pixels, path.unlink, missing_ok=True)
    with reading(video):
        return replace(vcu, fps=float(video.get_frame_rate()), audio=sound_of(video))


def _read_parts(video: Video, mask: Video | Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    frames = stream_frames(video)
    if mask is None:
        return ((part, None) for part in frames)
    if isinstance(mask, Tensor) and len(mask) == 1:
        return ((part, mask.expand(len(part), -1, -1)) for part in frames)
    masks = mask.split(CHUNK) if isinstance(mask, Tensor) else (part.mean(-1) for part in stream_frames(mask))
    return paired(frames, masks)
