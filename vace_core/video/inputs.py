"""What users connect, checked once and repaired where only one repair is right.

Every repair is told (`vace_core.notes`), and the node shows it; nothing is changed in silence.
"""

import math

from torch import Tensor

from ..errors import VaceInputError, require_shape
from ..notes import tell
from .fit import without_repeats

# Resizing with a cubic or Lanczos filter overshoots by a few per cent; more is another number range.
OVERSHOOT = 0.25
# A feathered mask has a grey edge around a white core, and black beyond. When most of it is grey and either is missing,
# it is a picture: of real footage that is mostly grey, less than 0.1 % is as white and as black.
MAX_GREY_SHARE = 0.5
MIN_CORE_SHARE = 0.002
EMPTY_SIZE = (64, 64)  # of the mask that the host's Load Image gives for a picture without transparency


def legal_frames(name: str, frames: Tensor) -> Tensor:
    """A video or picture as [T, H, W, 3] in [0, 1].

    A single channel is repeated to three and filter overshoot is clamped; both are told.

    Args:
        name: The socket's name.
        frames: What the user connected.

    Returns:
        [T, H, W, 3], float32, in [0, 1].

    Raises:
        VaceInputError: If it has no frame, the wrong axes, channels, dtype or number range, or NaN.
    """
    require_shape(name, frames, "T H W C", (None,) * 4)
    _require_content(name, frames)
    channels = frames.shape[-1]
    if channels == 4:
        raise VaceInputError(
            f"{name} has 4 channels (RGB with alpha), it must have 3. Use Split Image with Alpha and connect its "
            f"image; if the alpha marks what to change, its mask goes to the mask input."
        )
    if channels not in (1, 3):
        raise VaceInputError(
            f"{name} has {channels} channels, it must have 3 (RGB). Connect an ordinary IMAGE; "
            f"a MASK goes through Convert Mask to Image first."
        )
    if channels == 1:
        tell("one-channel", f"{name} has one channel; it is used as grey RGB.")
        frames = frames.expand(-1, -1, -1, 3)
    return _in_range(name, frames)


def legal_mask(name: str, mask: Tensor, soft: bool = False) -> Tensor:
    """A mask as [T, H, W] in [0, 1].

    Args:
        name: The socket's name.
        mask: What the user connected; [H, W] counts as one frame.
        soft: Whether a mostly grey mask is meant as one.

    Returns:
        [T, H, W], float32, in [0, 1].

    Raises:
        VaceInputError: If it has no frame, the wrong axes, dtype or number range, NaN, or is a picture.
    """
    if mask.ndim == 2:
        mask = mask[None]
    require_shape(name, mask, "T H W", (None,) * 3)
    _require_content(name, mask)
    mask = _in_range(name, mask)
    grey, white, black = _shares(mask)
    if grey > MAX_GREY_SHARE and not soft and min(white, black) < MIN_CORE_SHARE:
        raise VaceInputError(
            f"{name} looks like a picture, not a mask: {grey:.0%} of its pixels are neither black nor white. "
            f"White is generated and black is kept; use Threshold Mask to make it so, "
            f"or connect the picture as a video. If its grey is meant, VACE Build VCU and VACE Inpaint Video accept it "
            f"with soft_mask."
        )
    return mask


def refuse_empty_mask(name: str, mask: Tensor) -> None:
    """Refuse the mask that the host's Load Image gives for a picture without transparency, where it cannot be meant.

    Args:
        name: The socket's name.
        mask: [T, H, W], of another size than what it belongs to.

    Raises:
        VaceInputError: If it is black and 64 x 64.
    """
    if mask.shape[1:] == EMPTY_SIZE and not mask.any():
        raise VaceInputError(
            f"{name} is Load Image's empty mask: that picture has no transparency. Connect a real mask."
        )


def _shares(mask: Tensor) -> tuple[float, float, float]:
    """How much of a mask is grey, white and black; frame by frame, so that it takes no memory."""
    counts = [0, 0, 0]
    for frame in mask:
        for index, found in enumerate(((frame > 0.1) & (frame < 0.9), frame > 0.99, frame < 0.01)):
            counts[index] += int(found.count_nonzero())
    grey, white, black = (count / mask.numel() for count in counts)
    return grey, white, black


def _require_content(name: str, pixels: Tensor) -> None:
    if 0 in pixels.shape:
        empty = "frames" if pixels.shape[0] == 0 else "pixels"
        raise VaceInputError(
            f"{name} holds no {empty} (shape {list(pixels.shape)}). Check the node that loads or cuts it."
        )
    if not pixels.is_floating_point():
        kind = str(pixels.dtype).removeprefix("torch.")
        raise VaceInputError(
            f"{name} holds whole numbers ({kind}), it must hold floats in [0, 1]. "
            f"Divide it by {'1' if kind == 'bool' else '255'} as floats in the node that makes it."
        )


def _in_range(name: str, pixels: Tensor) -> Tensor:
    pixels = pixels.float()  # the host's --fp16-intermediates gives half, which resizing refuses and joining rounds to
    low, high = (bound.item() for bound in without_repeats(pixels).aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = (~pixels.isfinite()).flatten(1).any(1).nonzero()[0].item()
        raise VaceInputError(
            f"{name} holds NaN or infinite values, first in frame {bad}. The node that makes it failed; "
            f"if it is a VAE decode, run the VAE in float32."
        )
    if low < -OVERSHOOT or high > 1 + OVERSHOOT:
        raise VaceInputError(
            f"{name} holds values from {low:.4g} to {high:.4g}, they must be in [0, 1]. "
            f"{'Divide them by 255.' if low >= 0 else 'Scale them: (x + 1) / 2 when they are in [-1, 1].'}"
        )
    if low < 0 or high > 1:
        tell("clamped", f"{name} went from {low:.3f} to {high:.3f}; it is clamped to [0, 1].")
        pixels = pixels.clamp(0, 1)
    return pixels
