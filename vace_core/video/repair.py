"""Bringing videos and masks to one size and length. Every repair is told."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..notes import each_told_once, tell
from .fit import fit_mask, fit_video, hold_last, resize
from .grid import MID_GREY, TEMPORAL_STRIDE, padded_length
from .inputs import legal_frames, legal_mask, refuse_empty_mask
from .target import Target

# Two sizes show the same picture shape when their aspects differ by less than rounding to 16 pixels does.
ASPECT_TOLERANCE = 0.03
PADDED = "padded"  # the code of the note about a length that is encoded as another


def note_padding(num_frames: int) -> None:
    """Tell that ``num_frames`` is encoded as the next 4n + 1 and trimmed back after decoding."""
    padded = padded_length(num_frames)
    if padded != num_frames:
        tell(
            PADDED,
            f"{num_frames} frames are generated as {padded} (the model needs 4n + 1); "
            f"VACE Decode Latent gives {num_frames} back.",
        )


def matching_mask(
    mask: Tensor | None,
    frames: Tensor,
    soft: bool = False,
    name: str = "control_masks",
    video: str = "control_video",
) -> Tensor:
    """A mask brought to the count and size of its frames.

    Args:
        mask: What the user connected, [T, H, W], or one frame for all; None generates everything.
        frames: [T, H, W, 3].
        soft: Whether a mostly grey mask is meant as one.
        name: The mask's socket.
        video: The socket of the frames.

    Returns:
        [T, H, W], in [0, 1].

    Raises:
        VaceInputError: If it is no mask, or of another length or shape.
    """
    T, H, W, _ = frames.shape
    if mask is None:
        return frames.new_ones(1, 1, 1).expand(T, H, W)
    mask = legal_mask(name, mask, soft).to(frames)
    if mask.shape[1:] != (H, W):
        refuse_empty_mask(name, mask)
    mask = _with_frame_count(name, mask, T, video)
    mask_h, mask_w = mask.shape[1:]
    if (mask_h, mask_w) == (H, W):
        return mask
    if abs(mask_w / mask_h / (W / H) - 1) > ASPECT_TOLERANCE:
        raise VaceInputError(
            f"{name} is {mask_w} x {mask_h} but {video} is {W} x {H}: a mask of another shape "
            f"would land beside its subject. Crop or pad the mask the way the video was."
        )
    tell("resized", f"{name} is resized from {mask_w} x {mask_h} to the video's {W} x {H}.")
    return resize(mask[..., None], H, W)[..., 0]


def _with_frame_count(name: str, mask: Tensor, num_frames: int, video: str) -> Tensor:
    count = len(mask)
    if count == num_frames:
        return mask
    if count == 1:
        tell("still-mask", f"{name} has one frame; it is used for all {num_frames}.")
        return mask.expand(num_frames, -1, -1)
    if abs(count - num_frames) >= TEMPORAL_STRIDE:
        raise VaceInputError(
            f"{name} has {count} frames but {video} has {num_frames}. "
            f"Give it {num_frames} frames, or one frame for all."
        )
    repair = "cut" if count > num_frames else "extended by holding its last frame"
    tell("mask-length", f"{name} has {count} frames, {video} {num_frames}; the mask is {repair}.")
    return hold_last(mask, num_frames)


def at_size(frames: Tensor, mask: Tensor, target: Target, name: str = "control_video") -> tuple[Tensor, Tensor]:
    """Frames and mask at the size of a resolved target, see `fit_video`; told when that changes them."""
    _tell_size(frames, target, name)
    return fit_video(frames, mask, *target.size, target.fit)


def sized_parts(parts: Iterable[Tensor], target: Target, name: str = "control_video") -> Iterator[Tensor]:
    """Frames that come a few at a time, checked and brought to the size of a target; told once for all.

    Args:
        parts: [n, H, W, C] in order.
        target: The size and fit of what is to come out; 0 follows the frames.
        name: Their socket.

    Yields:
        [n, height, width, 3], in [0, 1].
    """

    def sized(part: Tensor) -> Tensor:
        frames = legal_frames(name, part)
        resolved = target.resolve_size(*frames.shape[1:3])
        _tell_size(frames, resolved, name)
        return fit_video(frames, frames.new_zeros(1, 1, 1), *resolved.size, resolved.fit)[0]

    return each_told_once(sized, parts)


def mask_for_sized(mask: Tensor | None, frames: Tensor, source_size: tuple[int, int], fit: str, soft: bool) -> Tensor:
    """A mask for frames of `sized_parts`, checked against the size that they had; see `matching_mask`."""
    before = frames.new_empty(1, 1, 1, 1).expand(len(frames), *source_size, 3)  # of that size, and without memory
    return fit_mask(matching_mask(mask, before, soft), *frames.shape[1:3], fit)


def _tell_size(frames: Tensor, target: Target, name: str) -> None:
    H, W = frames.shape[1:3]
    if (H, W) != target.size:
        tell("resized", f"{name} is resized from {W} x {H} to {target.width} x {target.height} ({target.fit}).")


def at_length(frames: Tensor, mask: Tensor, length: int, name: str = "control_video") -> tuple[Tensor, Tensor]:
    """Cut to ``length`` frames, or go on with frames that are generated freely; told either way."""
    missing = length - len(frames)
    if missing < 0:
        tell("cut", f"{name} has {len(frames)} frames; the first {length} are used.")
        return frames[:length], mask[:length]
    if missing > 0:
        tell("lengthened", f"{name} has {len(frames)} frames; the {missing} after it are generated freely.")
        grey = frames.new_full((1, 1, 1, 1), MID_GREY).expand(missing, *frames.shape[1:])
        ones = mask.new_ones(1, 1, 1).expand(missing, *mask.shape[1:])
        return torch.cat([frames, grey]), torch.cat([mask, ones])
    return frames, mask
