"""A generated crop put back into the clip that it was cut from."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..notes import Note, tell, tell_again
from ..vcu import Vcu
from ..video import legal_frames, resize
from .crop import CropPlan, crop_vcu, plan_crop
from .crop_path import mask_spans
from .paste import DEFAULT_FEATHER, OUTSIDE, PasteRegion, Pasting, single_frames


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
    stitched = torch.empty(crop.vcu.frames.shape, device=crop.vcu.frames.device)
    for place, part in zip(stitched, stitch_parts(iter([frames]), frames.shape, crop, feather), strict=True):
        place.copy_(part[0])
    return stitched


def stitch_parts(
    parts: Iterable[Tensor],
    shape: Sequence[int],
    crop: Crop,
    feather: float = DEFAULT_FEATHER,
    measured: Callable[[Sequence[Note]], None] = tell_again,
) -> Iterator[Tensor]:
    """`stitch_crop` of frames that come a few at a time.

    Args:
        parts: [n, h, w, 3] each, in [0, 1], T in all.
        shape: (T, h, w, 3) of all of them.
        crop: As there, as are the errors.
        feather: As there.
        measured: Is given the numbers in words, behind the last frame.

    Yields:
        [1, H, W, 3] float32, so that no more than a few frames lie in memory.
    """
    plan, vcu = crop.plan, crop.vcu
    require_crop(shape, crop)
    if tuple(shape[1:3]) != plan.size:
        tell(
            "crop-scaled",
            f"frames is {shape[2]} x {shape[1]} where {plan.size[1]} x {plan.size[0]} was generated; "
            f"it is scaled to the crop's {plan.box[1]} x {plan.box[0]}.",
        )
    room = _room(plan, vcu.mask)
    if feather > room:
        tell(
            "feather-shortened",
            f"feather is {room:g} instead of {feather:g}: the crop ends there. A larger margin allows more.",
        )
    still = not vcu.mask.stride(0) and (plan.still or not any(vcu.mask.stride()))
    pasting = Pasting(vcu, min(feather, room), OUTSIDE, PasteRegion(vcu, plan.cut, still))
    number = count()
    for part in pasting.over(map(partial(_scaled, plan), single_frames(parts))):
        yield _placed(part, plan, next(number), vcu.frames)[None]
        del part  # nobody holds it while the next is made
    notes = pasting.report().notes()
    if notes and plan.box != plan.frame:
        notes.insert(0, Note("measured-inside", "Outside the crop all is the source. Measured inside it:"))
    measured(notes)


def _scaled(plan: CropPlan, frame: Tensor) -> Tensor:
    """A generated frame [h, w, 3] as large as the crop was."""
    return resize(frame[None], *plan.box)[0]


def _placed(part: Tensor, plan: CropPlan, t: int, whole: Tensor) -> Tensor:
    """A copy of a frame of the clip [T, H, W, 3] with the crop [rows, columns, 3] in its place."""
    (rows, columns), (top, left) = plan.box, plan.corners[t]
    frame = torch.empty(whole.shape[1:], device=whole.device).copy_(whole[t])
    frame[top : top + rows, left : left + columns] = part
    return frame


def _room(plan: CropPlan, mask: Tensor) -> float:
    """Pixels between the mask and the nearest edge of the crop that is not the frame's own, in any frame."""
    room = torch.inf
    starts = torch.tensor(plan.corners).T.double()
    for span, start, size, length in zip(mask_spans(mask), starts, plan.box, plan.frame, strict=True):
        before = (span[:, 0] - start).masked_fill(start == 0, torch.inf)
        behind = (start + size - span[:, 1]).masked_fill(start + size == length, torch.inf)
        room = min(room, torch.minimum(before, behind).nan_to_num(torch.inf).min().item())
    return room


def require_crop(shape: Sequence[int], crop: Crop) -> None:
    """Refuse frames [T, h, w, 3] that are not as many as the crop has, or of another shape."""
    plan, vcu = crop.plan, crop.vcu
    T, rows, columns, _ = shape
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
