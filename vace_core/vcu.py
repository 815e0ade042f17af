"""The Video Condition Unit: frames, masks and references of one generation, before encoding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .errors import VaceInputError, require_shape
from .grid import SIZE_MULTIPLE, TEMPORAL_STRIDE, padded_length, snap_size
from .inputs import legal_frames, legal_mask
from .masks import MID_GREY
from .references import ADVISED_REFERENCES, split_references
from .video import fit_video, hold_last, resize

DEFAULT_SIZE = (480, 832)
DEFAULT_LENGTH = 81
INSIDE_MASK = {"empty": 0.0, "control": 1.0}
# Two sizes show the same picture shape when their aspects differ by less than rounding to 16 pixels does.
ASPECT_TOLERANCE = 0.03


@dataclass(frozen=True, eq=False)
class Vcu:
    """Video Condition Unit (VACE, arXiv:2503.07598, "Video Condition Unit"), without its text.

    Immutable: whoever wants another VCU makes one. The tensors are shared and must not be written to.

    Attributes:
        frames: [T, H, W, 3], in [0, 1]; H and W are multiples of 16, T is any count above 0.
        mask: [T, H, W], in [0, 1]; 1 generates (or takes the frame as control), 0 keeps.
        references: Pictures on white, each [H, W, 3] in [0, 1] at its own size, in order.
        control_amount: How much of the generated pixels' content the model sees as control, in [0, 1]: 1 all of it,
            0 none (mid-grey, as the official inpainting fills the hole), between is a mix of both.
        notes: What was repaired on the way, a sentence each.
    """

    frames: Tensor
    mask: Tensor
    references: tuple[Tensor, ...] = ()
    control_amount: float = 1.0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_shape("frames", self.frames, "T H W C", (None, None, None, 3))
        require_shape("mask", self.mask, "T H W", self.frames.shape[:3])
        if 0 in self.frames.shape:
            raise VaceInputError(f"frames must hold at least one frame, got {list(self.frames.shape)}.")
        if self.height % SIZE_MULTIPLE or self.width % SIZE_MULTIPLE:
            raise VaceInputError(
                f"Width and height must be multiples of 16, got {self.width} x {self.height}. "
                f"Use {snap_size(self.width)} x {snap_size(self.height)}."
            )
        if not 0 <= self.control_amount <= 1:
            raise VaceInputError(f"control_amount must be in [0, 1], got {self.control_amount:g}.")
        for picture in self.references:
            require_shape("reference", picture, "H W C", (None, None, 3))

    @property
    def num_frames(self) -> int:
        """T, in frames; what the user asked for and gets back."""
        return self.frames.shape[0]

    @property
    def height(self) -> int:
        """H, in pixels."""
        return self.frames.shape[1]

    @property
    def width(self) -> int:
        """W, in pixels."""
        return self.frames.shape[2]


def empty_vcu(num_frames: int, height: int, width: int, references: Sequence[Tensor] = ()) -> Vcu:
    """The VCU of text to video: mid-grey frames that are all generated.

    Both tensors are expanded constants and take no memory.

    Args:
        num_frames: T.
        height: Rows, a multiple of 16.
        width: Columns, a multiple of 16.
        references: Pictures, each [H, W, 3] in [0, 1].
    """
    frames = torch.full((1, 1, 1, 1), MID_GREY).expand(num_frames, height, width, 3)
    mask = torch.ones(1, 1, 1).expand(num_frames, height, width)
    return Vcu(frames, mask, tuple(references))


def build_vcu(
    control_video: Tensor | None = None,
    control_masks: Tensor | None = None,
    references: Sequence[tuple[str, Tensor]] = (),
    *,
    width: int = 0,
    height: int = 0,
    length: int = 0,
    fit: str = "cover",
    inside_mask: str = "empty",
    soft_mask: bool = False,
) -> Vcu:
    """A VCU of what a user connected, repaired where one repair is right.

    Args:
        control_video: [T, H, W, 3], in [0, 1]; without it everything is generated.
        control_masks: [T, H, W] or one frame for all, in [0, 1]; without it every frame is control.
        references: Socket name and pictures [R, H, W, C] of each reference input, in order.
        width: Columns; 0 takes the video's, or what keeps its shape when only ``height`` is given.
        height: Rows; 0 likewise.
        length: Frames; 0 takes the video's count.
        fit: One of `vace_core.video.FITS`.
        inside_mask: What the model sees of the pixels that ``control_masks`` gives it to generate: ``empty`` for
            nothing, ``control`` for their content. Without a mask the video is control.
        soft_mask: Whether a mostly grey mask is meant as one.

    Raises:
        VaceInputError: If an input cannot be used; the message says which and what to do.
    """
    notes: list[str] = []
    pictures = [p for name, images in references for p in split_references(name, images, notes)]
    if len(pictures) > ADVISED_REFERENCES:
        notes.append(f"{len(pictures)} references: the authors advise at most {ADVISED_REFERENCES}.")
    if control_video is None:
        if control_masks is not None:
            raise VaceInputError(
                "control_masks is connected but control_video is not: without a video there is nothing "
                "to keep. Connect the video, or remove the mask to generate everything."
            )
        H, W = target_size(*DEFAULT_SIZE, height, width, notes)
        vcu = empty_vcu(length or DEFAULT_LENGTH, H, W, pictures)
    else:
        frames = legal_frames("control_video", control_video, notes)
        mask = _matching_mask(control_masks, frames, soft_mask, notes)
        frames, mask = _at_size(frames, mask, target_size(*frames.shape[1:3], height, width, notes), fit, notes)
        frames, mask = _at_length(frames, mask, length or len(frames), notes)
        vcu = Vcu(frames, mask, tuple(pictures), _control_amount(control_masks, inside_mask))
        _warn_of_mask(vcu, control_masks, notes)
    note_padding(vcu.num_frames, notes)
    return replace(vcu, notes=tuple(notes))


def _control_amount(given_mask: Tensor | None, inside_mask: str) -> float:
    if inside_mask not in INSIDE_MASK:
        raise VaceInputError(f"inside_mask must be one of {', '.join(INSIDE_MASK)}, got {inside_mask}.")
    return 1.0 if given_mask is None else INSIDE_MASK[inside_mask]


def target_size(source_height: int, source_width: int, height: int, width: int, notes: list[str]) -> tuple[int, int]:
    """``(height, width)`` to generate at: what is asked, else the source's shape, in multiples of 16.

    Args:
        source_height: Rows of the video.
        source_width: Columns of the video.
        height: Rows asked for, 0 for any.
        width: Columns asked for, 0 for any.
        notes: Receives a sentence when the size had to be changed.
    """
    wanted_h = height or (source_height if not width else round(source_height * width / source_width))
    wanted_w = width or (source_width if not height else round(source_width * height / source_height))
    snapped = snap_size(wanted_h), snap_size(wanted_w)
    if snapped != (wanted_h, wanted_w):
        notes.append(
            f"Size {wanted_w} x {wanted_h} becomes {snapped[1]} x {snapped[0]}: "
            f"the model needs multiples of {SIZE_MULTIPLE}."
        )
    return snapped


def note_padding(num_frames: int, notes: list[str]) -> None:
    """Tell that ``num_frames`` is encoded as the next 4n + 1 and trimmed back after decoding."""
    padded = padded_length(num_frames)
    if padded != num_frames:
        notes.append(
            f"{num_frames} frames are generated as {padded} (the model needs 4n + 1); "
            f"VACE Decode Latent gives {num_frames} back."
        )


def _matching_mask(mask: Tensor | None, frames: Tensor, soft: bool, notes: list[str]) -> Tensor:
    """The mask brought to the frames' count and size, or refused."""
    T, H, W, _ = frames.shape
    if mask is None:
        return frames.new_ones(1, 1, 1).expand(T, H, W)
    mask = legal_mask("control_masks", mask, notes, soft).to(frames)
    mask = _with_frame_count(mask, T, notes)
    mask_h, mask_w = mask.shape[1:]
    if (mask_h, mask_w) == (H, W):
        return mask
    if abs(mask_w / mask_h / (W / H) - 1) > ASPECT_TOLERANCE:
        raise VaceInputError(
            f"control_masks is {mask_w} x {mask_h} but control_video is {W} x {H}: a mask of another shape "
            f"would land beside its subject. Crop or pad the mask the way the video was."
        )
    notes.append(f"control_masks is resized from {mask_w} x {mask_h} to the video's {W} x {H}.")
    return resize(mask[..., None], H, W)[..., 0]


def _with_frame_count(mask: Tensor, num_frames: int, notes: list[str]) -> Tensor:
    count = len(mask)
    if count == num_frames:
        return mask
    if count == 1:
        notes.append(f"control_masks has one frame; it is used for all {num_frames}.")
        return mask.expand(num_frames, -1, -1)
    if abs(count - num_frames) >= TEMPORAL_STRIDE:
        raise VaceInputError(
            f"control_masks has {count} frames but control_video has {num_frames}. "
            f"Give it {num_frames} frames, or one frame for all."
        )
    repair = "cut" if count > num_frames else "extended by holding its last frame"
    notes.append(f"control_masks has {count} frames, control_video {num_frames}; the mask is {repair}.")
    return hold_last(mask, num_frames)


def _at_size(frames: Tensor, mask: Tensor, size: tuple[int, int], fit: str, notes: list[str]) -> tuple[Tensor, Tensor]:
    H, W = frames.shape[1:3]
    if (H, W) != size:
        notes.append(f"control_video is resized from {W} x {H} to {size[1]} x {size[0]} ({fit}).")
    return fit_video(frames, mask, *size, fit)


def _at_length(frames: Tensor, mask: Tensor, length: int, notes: list[str]) -> tuple[Tensor, Tensor]:
    """Cut to ``length`` frames, or go on with frames that are generated freely."""
    missing = length - len(frames)
    if missing < 0:
        notes.append(f"control_video has {len(frames)} frames; the first {length} are used.")
        return frames[:length], mask[:length]
    if missing > 0:
        notes.append(f"control_video has {len(frames)} frames; the {missing} after it are generated freely.")
        grey = frames.new_full((1, 1, 1, 1), MID_GREY).expand(missing, *frames.shape[1:])
        ones = mask.new_ones(1, 1, 1).expand(missing, *mask.shape[1:])
        return torch.cat([frames, grey]), torch.cat([mask, ones])
    return frames, mask


def _warn_of_mask(vcu: Vcu, given: Tensor | None, notes: list[str]) -> None:
    if given is not None and not (vcu.mask > MID_GREY).any():
        notes.append(
            "control_masks is black everywhere: everything is kept and nothing is generated. "
            "White is generated; use Invert Mask if it is the wrong way round."
        )
