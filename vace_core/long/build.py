"""The VCU of a long video from frames that come in parts, so that only one part is in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..notes import each_told_once, keep_notes, tell
from ..vcu import CONTROL, REPAINT, Connected, as_references, control_amount
from ..video import AS_CONNECTED, MID_GREY, TEMPORAL_STRIDE, Target, at_size, hold_last, legal_frames, matching_mask
from .vcu import LongVcu, OnDiskWriter


@keep_notes
def build_long_vcu(
    path: Path,
    parts: Iterable[tuple[Tensor, Tensor | None]],
    references: Connected = (),
    target: Target = AS_CONNECTED,
    *,
    inside_mask: str = "empty",
    soft_mask: bool = False,
    num_frames: int = 0,
) -> LongVcu:
    """What `build_vcu` makes of a whole video, written to disk in 8 bits part by part.

    Args:
        path: File to write.
        parts: Frames [n, H, W, 3] in [0, 1] and their mask [n, H, W], in order; all with a mask, or none.
        references: Socket name and what is connected to it.
        target: The size and fit of what is to come out; 0 follows the video, and the length is the video's.
        inside_mask: One of `vace_core.vcu.INSIDE_MASK`.
        soft_mask: Whether a mostly grey mask is meant as one.
        num_frames: How many will come, as far as that is known.

    Raises:
        VaceInputError: If there is no frame, or an input cannot be used; the message says which and what to do.
    """
    pictures = as_references(references)
    fitted = _fitted(parts, target, soft_mask)
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
        return replace(writer.finish(), references=pictures, kind=kind, control_amount=amount)


def _fitted(
    parts: Iterable[tuple[Tensor, Tensor | None]], target: Target, soft_mask: bool
) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """Each part and its mask at the size of the VCU, and whether a mask was given; repairs are told once."""

    def fitted(part: tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor, bool]:
        frames, mask = part
        frames = legal_frames("video", frames)
        given = matching_mask(mask, frames, soft_mask, "mask", "video")
        return *at_size(frames, given, target.resolve_size(*frames.shape[1:3]), "video"), mask is not None

    return each_told_once(fitted, parts)


def paired(videos: Iterable[Tensor], masks: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Parts of a video with the same frames of its mask video.

    Args:
        videos: [n, H, W, 3] in order.
        masks: [n, h, w] in order, in parts of any lengths.

    Raises:
        VaceInputError: If the mask ends earlier by a latent frame or more.
    """
    masks, rest, last, done, short = iter(masks), None, None, 0, 0
    for frames in videos:
        mask, rest = _take(masks, rest, len(frames))
        have = 0 if mask is None else len(mask)
        done, short = done + have, short + len(frames) - have
        if short >= TEMPORAL_STRIDE or (mask is None and last is None):
            raise VaceInputError(
                f"mask has {done} frames but video has more. Give the mask as many frames as the video, or one picture "
                f"for all."
            )
        mask = last if mask is None else mask
        yield frames, hold_last(mask, len(frames))
        last = mask[-1:]
    if short:
        told = f"mask is {short} frame{'s' * (short > 1)} shorter than video; its last frame is held."
        tell("mask-length", told)
    elif rest is not None or next(masks, None) is not None:
        tell("mask-length", "mask is longer than video; it is cut.")


def _take(parts: Iterator[Tensor], rest: Tensor | None, count: int) -> tuple[Tensor | None, Tensor | None]:
    """Up to ``count`` frames of what is left of a part and of those after it, and what then is left; None if none."""
    have = [] if rest is None else [rest]
    while sum(map(len, have)) < count and (part := next(parts, None)) is not None:
        have.append(part)
    if not have:
        return None, None
    joined = have[0] if len(have) == 1 else torch.cat(have)
    return joined[:count], joined[count:] if len(joined) > count else None
