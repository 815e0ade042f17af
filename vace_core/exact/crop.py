"""A crop that follows the mask through the clip, so that only the region around it is sampled.

The crop has one size for the whole clip, because a changing one would look to the model like a zoom, and whole pixels
as its place in each frame: the mask's path is smoothed first and rounded last, so at scale 1 the crop is a pure slice
and nothing is resampled. Rounding moves the picture by at most half a pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log, sqrt

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import VaceInputError
from ..notes import Note, keep_notes, tell
from ..vcu import ARCHITECTURES, Vcu, adapter_flops, base_flops
from ..video import CUSTOM, SIZE_MULTIPLE, TRAINED_SIZES, latent_length, num_tokens, padded_length, resize
from .crop_path import crop_starts, mask_path, mask_spans, needed_length

ONE_TO_ONE = "1:1"
SCALES = (ONE_TO_ONE, *TRAINED_SIZES, CUSTOM)
# A crop of more than this part of the frame is not worth its seam.
WORTHWHILE = 0.9
# Pixels below which the model, trained at 480p and up, visibly loses detail: a quarter of 480p.
SMALL_AREA = 480 * 832 // 4


@dataclass(frozen=True)
class CropPlan:
    """Where a clip is cropped, and the size at which the crop is generated.

    Attributes:
        frame: (H, W) of the whole clip, in pixels.
        box: (rows, columns) of the crop in the clip, the same in every frame; multiples of 16 inside the frame.
        size: (rows, columns) that it is generated at, multiples of 16.
        corners: (top, left) of the crop in each of the T frames, in pixels of the clip.
        notes: What was decided and what it saves.
    """

    frame: tuple[int, int]
    box: tuple[int, int]
    size: tuple[int, int]
    corners: tuple[tuple[int, int], ...]
    notes: tuple[Note, ...] = ()

    @property
    def still(self) -> bool:
        """Whether the crop stays where it is."""
        return len(set(self.corners)) == 1

    @property
    def whole(self) -> bool:
        """Whether nothing is cropped and nothing scaled."""
        return self.frame == self.box == self.size

    def cut(self, pixels: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """The crop of frames, not scaled: a view of a still crop, so that what takes no memory still takes none.

        Args:
            pixels: [T, H, W, ...], of the whole clip.
            start: The first frame.
            stop: The frame before which it ends; None for all that follow.

        Returns:
            [T, rows, columns, ...], T those frames alone.
        """
        (rows, columns), frames = self.box, pixels[start:stop]
        if self.still or not any(pixels.stride()[:3]):
            top, left = self.corners[0]
            return frames[:, top : top + rows, left : left + columns]
        pairs = zip(frames, self.corners[start:stop], strict=True)
        return torch.stack([p[top : top + rows, left : left + columns] for p, (top, left) in pairs])


@keep_notes
def plan_crop(
    vcu: Vcu, margin: float = 25.0, scale: str = ONE_TO_ONE, megapixels: float = 0.4, smoothing: int = 8
) -> CropPlan:
    """Where to crop a VCU so that every generated pixel (mask above 0.5) and a margin around it are inside.

    At the frame's edges the crop is shifted inwards, not padded. Where a crop that stands still is no larger it
    stands still, in each direction by itself. There is no official code for this.

    Args:
        vcu: What is to be generated.
        margin: Space around the mask, in per cent of the longer side of its largest bounding box; the model sees it.
        scale: One of `SCALES`: ``1:1`` keeps the pixels as they are, the others bring the crop to as many pixels as
            ``480p``, ``720p`` or ``megapixels`` have, in its own shape to within a cell.
        megapixels: For ``custom``, in millions of pixels.
        smoothing: Frames to each side over which the path is averaged, 0 or more; a steady motion is followed
            without lag. 0 follows the mask exactly.

    Raises:
        VaceInputError: If the mask is black everywhere or a setting is out of range.
    """
    _check_settings(margin, scale, megapixels, smoothing)
    frame = vcu.height, vcu.width
    spans = mask_spans(vcu.mask)
    _refuse_empty(spans)
    space = round(margin / 100 * max((span[:, 1] - span[:, 0]).nan_to_num(0).max().item() for span in spans))
    paths = [mask_path(span, smoothing) for span in spans]
    lengths = [needed_length(*parts, space) for parts in zip(spans, paths, frame, strict=True)]
    needed = tuple(min(-(-n // SIZE_MULTIPLE) * SIZE_MULTIPLE, side) for n, side in zip(lengths, frame, strict=True))
    box = frame if _share(needed, frame) > WORTHWHILE else needed
    size = _generated_size(box, scale, megapixels)
    corners = [crop_starts(*parts, space) for parts in zip(spans, paths, frame, box, strict=True)]
    plan = CropPlan(frame, box, size, tuple(zip(*corners, strict=True)))
    _tell_plan(plan, vcu, needed, spans)
    return plan


def crop_vcu(vcu: Vcu, plan: CropPlan) -> Vcu:
    """The VCU of the crop: frames and mask cut and scaled alike, everything else as it was.

    What is generated stays so in a smaller crop, however thin it is.

    References stay whole: the encoder letterboxes each onto the VCU's size, so they follow the crop by themselves.

    Args:
        vcu: The VCU that was planned for.
        plan: From `plan_crop`.
    """
    if plan.whole:
        return vcu.with_notes(plan.notes)
    frames = _scaled(plan.cut(vcu.frames), plan.size)
    shrinks = plan.size[0] < plan.box[0] or plan.size[1] < plan.box[1]
    mask = _scaled(plan.cut(vcu.mask[..., None]), plan.size, _largest if shrinks else resize)[..., 0]
    return replace(vcu, frames=frames, mask=mask).with_notes(plan.notes)


def _scaled(pixels: Tensor, size: tuple[int, int], way: Callable[..., Tensor] = resize) -> Tensor:
    """[T, ...size, C] of [T, H, W, C]; one frame expanded to T is scaled once and stays expanded."""
    if pixels.stride(0):
        return way(pixels, *size)
    return way(pixels[:1], *size).expand(len(pixels), -1, -1, -1)


def _largest(mask: Tensor, height: int, width: int) -> Tensor:
    """A mask [T, H, W, 1] made smaller by the largest that a pixel covers; averaged, a thin line would be kept."""
    planes = F.adaptive_max_pool2d(rearrange(mask, "t h w c -> t c h w"), (height, width))
    return rearrange(planes, "t c h w -> t h w c")


def _check_settings(margin: float, scale: str, megapixels: float, smoothing: int) -> None:
    if scale not in SCALES:
        raise VaceInputError(f"scale must be one of {', '.join(SCALES)}, got {scale}.")
    for name, value in (("margin", margin), ("smoothing", smoothing)):
        if value < 0:
            raise VaceInputError(f"{name} must be 0 or more, got {value:g}.")
    if scale == CUSTOM and not 0.001 <= megapixels <= 100:
        raise VaceInputError(f"megapixels must be in [0.001, 100], got {megapixels:g}. 480p is 0.4, 720p is 0.92.")


def _refuse_empty(spans: tuple[Tensor, Tensor]) -> None:
    if spans[0].isnan().all():
        raise VaceInputError(
            f"vcu generates nothing: its mask is black in all {len(spans[0])} frames, so there is nothing to crop "
            f"to. White is generated; check the mask of the node that made the VCU, or use Invert Mask."
        )


def _generated_size(box: tuple[int, int], scale: str, megapixels: float) -> tuple[int, int]:
    if scale == ONE_TO_ONE:
        return box
    cells = num_tokens(1, *TRAINED_SIZES[scale]) if scale in TRAINED_SIZES else megapixels * 1e6 / SIZE_MULTIPLE**2
    rows, columns = _cells_like(box[0] / box[1], max(int(cells), 1))
    return rows * SIZE_MULTIPLE, columns * SIZE_MULTIPLE


def _cells_like(shape: float, cells: int) -> tuple[int, int]:
    """The rows and columns, about as many cells as given or up to a seventh fewer, that distort a shape least."""
    ideal = sqrt(cells * shape)

    def columns(rows: int) -> int:
        return min(max(round(rows / shape), 1), cells)

    rows = min(
        range(max(int(0.93 * ideal), 1), max(int(ideal), 1) + 1),
        key=lambda rows: (abs(log(rows / columns(rows) / shape)), -rows),
    )
    return rows, columns(rows)


def _share(box: tuple[int, int], frame: tuple[int, int]) -> float:
    return box[0] * box[1] / (frame[0] * frame[1])


def _tell_plan(plan: CropPlan, vcu: Vcu, needed: tuple[int, int], spans: tuple[Tensor, Tensor]) -> None:
    (H, W), (rows, columns) = plan.frame, plan.box
    height, width = plan.size
    if plan.box == plan.frame:
        tell("not-cropped", _whole_note(plan, spans, needed))
    else:
        motion = "standing still" if plan.still else "moving with the mask"
        tell("cropped", f"The crop is {columns} x {rows} of {W} x {H}, {motion}.")
    if plan.size != plan.box:
        tell("crop-scaled", f"It is generated at {width} x {height}, {width / columns:.3g} times as large.")
    unmasked = spans[0][:, 0].isnan().sum().item()
    if unmasked and not plan.still:
        tell("empty-frames", f"{unmasked} frames have an empty mask; there the crop moves on between its neighbours.")
    if height * width < min(SMALL_AREA, H * W):
        tell(
            "small-crop",
            f"{width} x {height} is far below the 480p the model was trained at. If the result lacks detail, set "
            f"scale to 480p, which costs more tokens.",
        )
    if not plan.whole:
        tell("saving", _saving(vcu, plan))


def _whole_note(plan: CropPlan, spans: tuple[Tensor, Tensor], needed: tuple[int, int]) -> str:
    rows, columns = ((span[:, 1] - span[:, 0]) == side for span, side in zip(spans, plan.frame, strict=True))
    filled = (rows & columns).nonzero()[:, 0].tolist()
    if filled:
        many = f"{len(filled)} of {len(spans[0])} frames" if len(filled) < len(spans[0]) else "every frame"
        why = f"The mask spans the whole frame in {many} (first in frame {filled[0]})"
    else:
        why = f"The mask with its margin needs {_share(needed, plan.frame):.0%} of the frame"
    return f"{why}, so cropping would save too little: the whole frame is used."


def _saving(vcu: Vcu, plan: CropPlan) -> str:
    length = latent_length(padded_length(vcu.num_frames)) + len(vcu.references)
    before, after = (num_tokens(length, *size) for size in (plan.frame, plan.size))
    model = ARCHITECTURES["14B"]
    old, new = (base_flops(tokens, model) + adapter_flops(tokens, model) for tokens in (before, after))
    return (
        f"{after:,} tokens instead of {before:,}: a step of the 14B model costs {new / old:.1%} of the whole frame's."
    )
