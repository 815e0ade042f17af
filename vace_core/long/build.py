"""The VCU of a long video from frames that come in parts, so that only one part is in memory."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from torch import Tensor

from ..errors import VaceInputError
from ..notes import Note, collect_notes, keep_notes, tell, tell_again
from ..vcu import CONTROL, REPAINT, Reference, as_references, control_amount
from ..video import MID_GREY, TEMPORAL_STRIDE, at_size, hold_last, legal_frames, matching_mask, target_size
from .vcu import LongVcu, OnDiskWriter


@keep_notes
def build_long_vcu(
    path: Path,
    parts: Iterable[tuple[Tensor, Tensor | None]],
    references: Sequence[tuple[str, Tensor | Reference]],
    *,
    width: int = 0,
    height: int = 0,
    fit: str = "cover",
    inside_mask: str = "empty",
    soft_mask: bool = False,
    num_frames: int = 0,
    fps: float | None = None,
    audio: object | None = None,
) -> LongVcu:
    """What `build_vcu` makes of a whole video, written to disk in 8 bits part by part.

    Args:
        path: File to write.
        parts: Frames [n, H, W, 3] in [0, 1] and their mask [n, H, W], in order; all with a mask, or none.
        references: Socket name and what is connected to it.
        width: Columns; 0 takes the video's.
        height: Rows; 0 likewise.
        fit: One of `vace_core.video.FITS`.
        inside_mask: One of `vace_core.vcu.INSIDE_MASK`.
        soft_mask: Whether a mostly grey mask is meant as one.
        num_frames: How many will come, as far as that is known.
        fps: Frames per second of the video.
        audio: Its sound.

    Raises:
        VaceInputError: If there is no frame, or an input cannot be used; the message says which and what to do.
    """
    pictures = as_references(references)
    fitted = _fitted(parts, width, height, fit, soft_mask)
    first = next(fitted, None)
    if first is None:
        raise VaceInputError("video holds no frame. Check the file, and the node that cuts it.")
    frames, _, masked = first
    generated = False
    with OnDiskWriter(path, *frames.shape[1:3], num_frames) as writer:
        for frames, mask, _ in chain([first], fitted):
            generated = generated or bool((mask > MID_GREY).any())
            writer.append(frames, mask)
        if not generated:
            tell(
                "black-mask",
                "mask is black everywhere: everything is kept and nothing is generated. White is generated.",
            )
        kind, amount = (REPAINT if masked else CONTROL), control_amount(masked, inside_mask)
        return writer.finish(references=pictures, kind=kind, control_amount=amount, fps=fps, audio=audio)


def _fitted(
    parts: Iterable[tuple[Tensor, Tensor | None]],
    width: int,
    height: int,
    fit: str,
    soft_mask: bool,
) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """Each part and its mask at the size of the VCU, and whether a mask was given; repairs are told once."""
    told: set[Note] = set()
    for frames, mask in parts:
        with collect_notes() as notes:
            frames = legal_frames("video", frames)
            given = matching_mask(mask, frames, soft_mask, "mask", "video")
            size = target_size(*frames.shape[1:3], height, width)
            frames, given = at_size(frames, given, size, fit, "video")
        tell_again(note for note in notes if note not in told)
        told.update(notes)
        yield frames, given, mask is not None


def paired(videos: Iterable[Tensor], masks: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Parts of a video with the same frames of its mask video.

    Args:
        videos: [n, H, W, 3] in order.
        masks: [n, h, w] in parts of the same lengths.

    Raises:
        VaceInputError: If the mask ends earlier.
    """
    masks, last, done = iter(masks), None, 0
    for frames in videos:
        mask = next(masks, None)
        have = 0 if mask is None else len(mask)
        missing = len(frames) - have
        if missing >= TEMPORAL_STRIDE or (mask is None and last is None):
            raise VaceInputError(
                f"mask has {done + have} frames but video has more. Give the mask as many frames as the video, or one "
                f"picture for all."
            )
        if missing > 0:
            tell(
                "mask-length",
                f"mask is {missing} frame{'s' * (missing > 1)} shorter than video; its last frame is held.",
            )
        mask = last if mask is None else mask
        yield frames, hold_last(mask, len(frames))
        last, done = mask[-1:], done + len(frames)
    if next(masks, None) is not None:
        tell("mask-length", "mask is longer than video; it is cut.")
