"""A generated crop put back into the clip that it was cut from."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..notes import tell, tell_again
from ..vcu import Vcu
from ..video import legal_frames, resize
from .crop import CropPlan, crop_vcu, plan_crop
from .crop_path import mask_spans
from .paste import DEFAULT_FEATHER, paste_back


@dataclass(frozen=True, eq=False)
class Crop:
    """What stitching needs: where the crop was, and the VCU it was cut from.

    Attributes:
        plan: Where it was.
        vcu: The unit of the whole clip.
    """

    plan: CropPlan
    vcu: Vcu


def make_crop(vcu: Vcu, **settings: float | str) -> tuple[Vcu, Crop]:
    """The VCU of the region around the mask, and what `stitch_crop` needs; see `plan_crop` for the settings."""
    plan = plan_crop(vcu, **settings)
    return crop_vcu(vcu, plan), Crop(plan, vcu)


def stitch_crop(frames: Tensor, crop: Crop, feather: float = DEFAULT_FEATHER) -> Tensor:
    """The whole clip with what was generated in the crop; every other pixel is the clip's own, bit for bit.

    Args:
        frames: [T, h, w, 3], the decoded crop, in [0, 1]; of any size in the crop's shape, so it may have been
            enlarged before.
        crop: From `make_crop`.
        feather: Pixels of the clip over which the crop fades out outside the mask; at most as far as the crop
            reaches, which is told.

    Returns:
        [T, H, W, 3] float32. What was repaired and measured is told.

    Raises:
        VaceInputError: If the frames are not as many as the crop had, or of another shape.
    """
    frames = legal_frames("frames", frames)
    plan, vcu = crop.plan, crop.vcu
    _require_matching(frames, plan, vcu)
    if frames.shape[1:3] != plan.size:
        tell(
            "crop-scaled",
            f"frames is {frames.shape[2]} x {frames.shape[1]} where {plan.size[1]} x {plan.size[0]} was generated; "
            f"it is scaled to the crop's {plan.box[1]} x {plan.box[0]}.",
        )
    room = _room(plan, vcu.mask)
    if feather > room:
        tell(
            "feather-shortened",
            f"feather is {room:g} instead of {feather:g}: the crop ends there. A larger margin allows more.",
        )
    part = replace(vcu, frames=plan.cut(vcu.frames), mask=plan.cut(vcu.mask))
    pasted, report = paste_back(resize(frames, *plan.box), part, min(feather, room))
    measured = report.notes()
    if measured and plan.box != plan.frame:
        tell("measured-inside", "Outside the crop all is the source. Measured inside it:")
    tell_again(measured)
    return _placed(pasted, plan, vcu.frames)


def _placed(part: Tensor, plan: CropPlan, whole: Tensor) -> Tensor:
    """A copy of the clip [T, H, W, 3] with the crop [T, rows, columns, 3] in its places."""
    rows, columns = plan.box
    result = torch.empty(whole.shape, device=whole.device).copy_(whole)
    for frame, picture, (top, left) in zip(result, part, plan.corners, strict=True):
        frame[top : top + rows, left : left + columns] = picture
    return result


def _room(plan: CropPlan, mask: Tensor) -> float:
    """Pixels between the mask and the nearest edge of the crop that is not the frame's own, in any frame."""
    room = torch.inf
    starts = torch.tensor(plan.corners).T.double()
    for span, start, size, length in zip(mask_spans(mask), starts, plan.box, plan.frame, strict=True):
        before = (span[:, 0] - start).masked_fill(start == 0, torch.inf)
        behind = (start + size - span[:, 1]).masked_fill(start + size == length, torch.inf)
        room = min(room, torch.minimum(before, behind).nan_to_num(torch.inf).min().item())
    return room


def _require_matching(frames: Tensor, plan: CropPlan, vcu: Vcu) -> None:
    T, rows, columns, _ = frames.shape
    if vcu.num_frames != T:
        raise VaceInputError(
            f"frames has {T} frames but crop has {vcu.num_frames}. Connect all frames that were generated from the "
            f"cropped VCU, uncut; of a batch, stitch each video by itself."
        )
    # One shape at another size, to within a pixel of rounding.
    height, width = plan.size
    if abs(columns * height - rows * width) > max(height, width):
        raise VaceInputError(
            f"frames is {columns} x {rows}, which has not the shape of the crop, {width} x {height}. Connect what was "
            f"generated from the vcu of the same VACE Crop VCU; enlarge it only in its own shape."
        )
