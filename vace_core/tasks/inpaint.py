"""Inpainting: a region of a video made anew, the rest kept."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..masks import (
    AS_GIVEN,
    LARGE_REGION,
    WHOLE,
    WHOLE_REGION,
    RegionShape,
    large_region_sentence,
    rasterize_boxes,
)
from ..notes import keep_notes, tell
from ..vcu import REPAINT, Connected, Vcu, as_references
from ..video import (
    AS_CONNECTED,
    Target,
    at_length,
    at_size,
    fit_video,
    legal_frames,
    matching_mask,
    note_padding,
    parse_tracks,
)


@dataclass(frozen=True, eq=False)
class Region:
    """What is generated of a video: a mask, boxes, or both together.

    Attributes:
        mask: [T, H, W] or one frame for all, in [0, 1]; 1 is generated. None when there are only boxes.
        boxes: Boxes or paths of boxes in pixels of the video, see `vace_core.video.parse_tracks`.
        easing: How boxes move, one of `vace_core.video.EASINGS`.
        soft_mask: Whether a mostly grey mask is meant as one.
        shape: What is done to it, at the size that is generated.
    """

    mask: Tensor | None = None
    boxes: str = ""
    easing: str = "linear"
    soft_mask: bool = False
    shape: RegionShape = AS_GIVEN


@keep_notes
def inpaint_vcu(
    frames: Tensor,
    region: Region,
    references: Connected = (),
    target: Target = AS_CONNECTED,
    *,
    keep_amount: float = 0.0,
    control: Tensor | None = None,
) -> Vcu:
    """A VCU that generates a region of a video: a mask, boxes, or both together.

    Source: the ``inpainting`` tasks of VACE's ``vace/annotators/inpainting.py``. They fill the region with grey 128;
    here it becomes exactly mid-grey when it is encoded (0.0039 less), which is what the model reads as empty.

    Args:
        frames: [T, H, W, 3], the video, in [0, 1].
        region: What is generated. Bars that ``contain`` adds and frames after the video's end are generated too, and
            take no part in its shape.
        references: Socket name and what is connected to it, in order.
        target: What is to come out; 0 follows the video, or what keeps its shape when only one side is given.
        keep_amount: How much of the region's content the model still sees, in [0, 1]; 0 is the official inpainting.
        control: [T, H, W, 3], what the region shows as control instead, such as a pose.

    Raises:
        VaceInputError: If an input cannot be used; the message says which and what to do.
    """
    pictures = as_references(references)
    frames = legal_frames("video", frames)
    mask = _given_mask(region, frames)
    control = _matching_control(control, frames, keep_amount)
    if 0 < target.length < len(frames):
        frames, mask = at_length(frames, mask, target.length, "video")
    mask = _with_boxes(mask, region, frames)
    frames, mask = _fitted(frames, mask, control, target.resolve_size(*frames.shape[1:3]), region.shape)
    frames, mask = at_length(frames, mask, target.length or len(frames), "video")
    note_padding(len(frames))
    return Vcu(frames, mask, pictures, REPAINT, keep_amount if control is None else 1.0)


def _given_mask(region: Region, frames: Tensor) -> Tensor:
    """The mask that is connected, at the video's count and size; black when there are only boxes."""
    if region.mask is not None:
        return matching_mask(region.mask, frames, region.soft_mask, "mask", "video")
    if not region.boxes.strip(" \t\r\n;"):
        raise VaceInputError(
            "There is no mask and boxes is empty: nothing says what is to be generated. Connect a mask that is "
            'white there, or write a box, such as "120,40,400,300" (left,top,right,bottom).'
        )
    return frames.new_zeros(1, 1, 1).expand(frames.shape[:3])


def _with_boxes(given: Tensor, region: Region, frames: Tensor) -> Tensor:
    """The mask united with the boxes; refused when both are empty."""
    T, H, W, _ = frames.shape
    drawn = rasterize_boxes(parse_tracks("boxes", region.boxes, H, W, T), T, H, W, region.easing).to(given)
    still = given.stride(0) == 0 and drawn.stride(0) == 0
    united = torch.maximum(given[:1], drawn[:1]).expand(T, -1, -1) if still else torch.maximum(given, drawn)
    if not (united > 0.5).any():
        what = "mask with boxes" if region.boxes.strip() else "mask"
        raise VaceInputError(
            f"{what} is black in all {T} frames: nothing would be generated. White is what is generated; "
            f"use Invert Mask if it is the wrong way round, or check the node that finds the object."
        )
    return united


def _fitted(
    frames: Tensor,
    region: Tensor,
    control: Tensor | None,
    target: Target,
    shape: RegionShape,
) -> tuple[Tensor, Tensor]:
    """Frames and region at the target's size, the region shaped, the control shown in it."""
    T = len(frames)
    nothing = region.new_zeros(region[:1].shape)
    shown, bars = fit_video(frames[:1] if control is None else control[:T], nothing, *target.size, target.fit)
    frames, region = at_size(frames, region[:1] if region.stride(0) == 0 else region, target, "video")
    if bars.any():
        region = region * (1 - bars)
    region = shape.apply(region.expand(T, -1, -1))
    _judge(region, shape)
    if bars.any():
        region = torch.maximum(region, bars)
    if control is not None:
        frames = torch.where((region > 0.5)[..., None], shown.to(frames), frames)
    return frames, region


def _matching_control(control: Tensor | None, frames: Tensor, keep_amount: float) -> Tensor | None:
    if not 0 <= keep_amount <= 1:
        raise VaceInputError(f"keep_amount must be in [0, 1], got {keep_amount:g}: 0 shows nothing of the region.")
    if control is None:
        return None
    control = legal_frames("control", control)
    (T, H, W, _), (count, control_h, control_w, _) = frames.shape, control.shape
    if count != T:
        raise VaceInputError(
            f"control has {count} frames but video has {T}: every frame of the video needs the control that belongs "
            f"to it. Make the control from this video, or cut both alike."
        )
    if (control_h, control_w) != (H, W):
        raise VaceInputError(
            f"control is {control_w} x {control_h} but video is {W} x {H}: it would land beside the region. "
            f"Make the control from this video, or resize it to {W} x {H}."
        )
    if keep_amount:
        tell("keep-amount-unused", "keep_amount is not used: the region shows control.")
    return control


def _judge(region: Tensor, shape: RegionShape) -> None:
    """Refuse an empty region, tell of one that is suspiciously large."""
    share = (region > 0.5).sum().item() / region.numel()
    if share == 0:
        raise VaceInputError(
            f"Nothing is left of the region at the size that is generated (grow is {shape.grow:g} {shape.unit}). "
            f"Shrink it less, or make the mask or boxes larger."
        )
    if share == 1:
        tell(WHOLE_REGION, WHOLE)
    elif sentence := large_region_sentence(share):
        tell(LARGE_REGION, sentence)
