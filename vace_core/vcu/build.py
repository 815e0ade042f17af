"""A VCU of what a user connected: text to video, control, references and masks, alone or together."""

from torch import Tensor

from ..errors import VaceInputError
from ..notes import keep_notes, tell
from ..video import (
    AS_CONNECTED,
    DEFAULT_LENGTH,
    DEFAULT_SIZE,
    MID_GREY,
    Target,
    at_length,
    at_size,
    legal_frames,
    mask_for_sized,
    matching_mask,
    note_padding,
    without_repeats,
)
from .references import Connected, as_references
from .unit import CONTROL, REPAINT, Vcu, empty_vcu

INSIDE_MASK = {"empty": 0.0, "control": 1.0}


@keep_notes
def build_vcu(
    control_video: Tensor | None = None,
    control_masks: Tensor | None = None,
    references: Connected = (),
    target: Target = AS_CONNECTED,
    *,
    inside_mask: str = "empty",
    soft_mask: bool = False,
    source_size: tuple[int, int] | None = None,
) -> Vcu:
    """A VCU of what a user connected, repaired where one repair is right.

    Args:
        control_video: [T, H, W, 3], in [0, 1]; without it everything is generated.
        control_masks: [T, H, W] or one frame for all, in [0, 1]; without it every frame is control.
        references: Socket name and what is connected to it, pictures [R, H, W, C] or a reference, in order.
        target: What is to come out; 0 follows the video, or what keeps its shape when only one side is given.
        inside_mask: What the model sees of the pixels that ``control_masks`` gives it to generate: ``empty`` for
            nothing, ``control`` for their content. Without a mask the video is control.
        soft_mask: Whether a mostly grey mask is meant as one.
        source_size: Rows and columns that ``control_video`` had before it was brought to the target's size as it was
            read; the mask belongs to these. None where it is as it was connected.

    Raises:
        VaceInputError: If an input cannot be used; the message says which and what to do.
    """
    pictures = as_references(references)
    if control_video is None:
        if control_masks is not None:
            raise VaceInputError(
                "control_masks is connected but control_video is not: without a video there is nothing "
                "to keep. Connect the video, or remove the mask to generate everything."
            )
        target = target.resolve_size(*DEFAULT_SIZE)
        vcu = empty_vcu(target.length or DEFAULT_LENGTH, *target.size, pictures)
    else:
        frames, control_masks = _first(target.length, legal_frames("control_video", control_video), control_masks)
        if source_size is None:
            mask = matching_mask(control_masks, frames, soft_mask)
            frames, mask = at_size(frames, mask, target.resolve_size(*frames.shape[1:3]))
        else:
            mask = mask_for_sized(control_masks, frames, source_size, target.fit, soft_mask)
        frames, mask = at_length(frames, mask, target.length or len(frames))
        kind = CONTROL if control_masks is None else REPAINT
        vcu = Vcu(frames, mask, pictures, kind, control_amount(control_masks is not None, inside_mask))
        _warn_of_mask(vcu)
    note_padding(vcu.num_frames)
    return vcu


def control_amount(masked: bool, inside_mask: str) -> float:
    """A VCU's ``control_amount`` for what a user chose.

    Args:
        masked: Whether there is a mask; without one the video is control.
        inside_mask: One of `INSIDE_MASK`.

    Raises:
        VaceInputError: If it is none of them.
    """
    if inside_mask not in INSIDE_MASK:
        raise VaceInputError(f"inside_mask must be one of {', '.join(INSIDE_MASK)}, got {inside_mask}.")
    return INSIDE_MASK[inside_mask] if masked else 1.0


def _first(length: int, frames: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Video and mask without what lies behind ``length`` frames, each cut by itself, so that one may be longer."""
    if not length:
        return frames, mask
    count = len(frames)
    if count > length:
        tell("cut", f"control_video has {count} frames; the first {length} are used.")
    return frames[:length], mask[:length] if mask is not None and mask.ndim == 3 else mask


def _warn_of_mask(vcu: Vcu) -> None:
    if without_repeats(vcu.mask).max() <= MID_GREY:
        tell(
            "black-mask",
            "control_masks is black everywhere: everything is kept and nothing is generated. "
            "White is generated; use Invert Mask if it is the wrong way round.",
        )
