"""A VIDEO in which what a VCU keeps is put back frame by frame, as the video is saved or read."""

import logging
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.exact import Crop, paste_parts, require_crop, require_same_shape, stitch_parts
from ....vace_core.notes import Note, sentences
from ....vace_core.vcu import Vcu
from ..types import Video
from ..video import ChangedVideo, StreamedVideo

logger = logging.getLogger("wan_vace")


def paste_later(video: Video, vcu: Vcu, feather: float) -> Video:
    """A VIDEO with everything that a VCU keeps; see `paste_back`, whose frames it has.

    Args:
        video: Decoded from what was generated from that VCU, uncut.
        vcu: Of as many frames, of the same size.
        feather: Pixels over which the join fades, 0 for a hard one.

    Raises:
        VaceInputError: If the frames are not as many or not as large, or come from a batch.
    """
    video = _require_streamed(video, "vcu")
    require_same_shape(video.shape, vcu)
    return _changed(video, vcu, lambda parts: paste_parts(parts, vcu, feather, measured=_log))


def stitch_later(video: Video, crop: Crop, feather: float) -> Video:
    """A VIDEO of the whole clip with what was generated in a crop; see `stitch_crop`, whose frames it has.

    Args:
        video: Decoded from what was generated from the cropped VCU, uncut.
        crop: Of as many frames, in the same shape.
        feather: Pixels of the whole clip over which the crop fades out.

    Raises:
        VaceInputError: If the frames are not as many or of another shape, or come from a batch.
    """
    video = _require_streamed(video, "crop")
    require_crop(video.shape, crop)
    shape = video.shape
    return _changed(video, crop.vcu, lambda parts: stitch_parts(parts, shape, crop, feather, measured=_log))


def _changed(video: StreamedVideo, vcu: Vcu, change: Callable[[Iterator[Tensor]], Iterator[Tensor]]) -> Video:
    """As large as the VCU, with its frame rate and sound where the video has none."""
    audio = vcu.audio if video.audio is None else video.audio
    return ChangedVideo(video=video, change=change, size=(vcu.height, vcu.width), fps=video.fps or vcu.fps, audio=audio)


def _require_streamed(video: Video, socket: str) -> StreamedVideo:
    if not isinstance(video, StreamedVideo):
        raise VaceInputError(
            f"{socket} is connected, but samples holds a batch of several videos, and it belongs to one. Sample with "
            f"batch_size 1, or take the videos apart with Latent From Batch."
        )
    return video


def _log(notes: Sequence[Note]) -> None:
    """The node that saves a video is the host's and shows nothing."""
    for sentence in sentences(notes):
        logger.info(sentence)
