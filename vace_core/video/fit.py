"""Videos fitted in space and time."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import VaceInputError
from ..notes import Note
from .grid import MID_GREY

FITS = ("cover", "contain", "stretch")


@dataclass(frozen=True, eq=False)
class Clip:
    """A video with what belongs to it.

    Attributes:
        frames: [T, H, W, C] as given, not yet checked.
        fps: Frames per second, None when unknown.
        audio: Its sound in the host's form, carried through untouched.
        notes: What was told as it was read.
        source_size: (rows, columns) of a video whose frames were brought to another size as they were read; None where
            they were not.
    """

    frames: Tensor
    fps: float | None = None
    audio: object | None = None
    notes: tuple[Note, ...] = ()
    source_size: tuple[int, int] | None = None


def resize(pixels: Tensor, height: int, width: int) -> Tensor:
    """Pixels at another size, by the official loader's filter (bicubic with antialiasing, clamped).

    Source: ``VaceVideoProcessor.resize_crop`` in Wan2.1's ``wan/utils/vace_processor.py``.

    Args:
        pixels: [T, H, W, C], in [0, 1].
        height: Rows wanted.
        width: Columns wanted.

    Returns:
        [T, height, width, C], in [0, 1]; the input itself when the size is the same.
    """
    if pixels.shape[1:3] == (height, width):
        return pixels
    planes = rearrange(pixels, "t h w c -> t c h w")
    planes = F.interpolate(planes, (height, width), mode="bicubic", antialias=True)
    return rearrange(planes.clamp(0, 1), "t c h w -> t h w c")


def fit_video(frames: Tensor, mask: Tensor, height: int, width: int, fit: str) -> tuple[Tensor, Tensor]:
    """Frames and their mask at another size, as one picture, so they stay aligned.

    Source: ``VaceVideoProcessor.resize_crop`` in Wan2.1's ``wan/utils/vace_processor.py`` for ``cover``: of an odd
    overhang the smaller half is cut off at the top and at the left.

    Args:
        frames: [T, H, W, 3], in [0, 1].
        mask: [T, H, W], in [0, 1].
        height: Rows wanted.
        width: Columns wanted.
        fit: ``cover`` crops what overhangs, ``contain`` adds bars that the model generates
            (mid-grey, mask 1), ``stretch`` changes the aspect.

    Returns:
        ``(frames, mask)``, [T, height, width, 3] and [T, height, width].

    Raises:
        VaceInputError: If ``fit`` is not one of `FITS`.
    """
    return _fitted(frames, height, width, fit, MID_GREY), fit_mask(mask, height, width, fit)


def fit_mask(mask: Tensor, height: int, width: int, fit: str) -> Tensor:
    """A mask alone, [T, height, width], see `fit_video`; one picture that is expanded to all frames stays one."""
    if mask.shape[1:] == (height, width):
        return mask
    once = mask[:1] if mask.stride(0) == 0 else mask
    return _fitted(once[..., None], height, width, fit, 1.0)[..., 0].expand(len(mask), -1, -1)


def _fitted(pixels: Tensor, height: int, width: int, fit: str, fill: float) -> Tensor:
    if fit not in FITS:
        raise VaceInputError(f"fit must be one of {', '.join(FITS)}, got {fit}.")
    H, W = pixels.shape[1:3]
    if (H, W) == (height, width):
        return pixels
    if fit == "stretch":
        return resize(pixels, height, width)
    scale = (max if fit == "cover" else min)(height / H, width / W)
    size = max(round(H * scale), 1), max(round(W * scale), 1)
    return _center(resize(pixels, *size), height, width, fill)


def _center(pixels: Tensor, height: int, width: int, fill: float) -> Tensor:
    """Crop or pad [T, H, W, C] about its centre; the odd row or column is cut off, or added, at the bottom or right."""
    H, W = pixels.shape[1:3]
    down, across = max(H - height, 0) // 2, max(W - width, 0) // 2
    pixels = pixels[:, down : down + height, across : across + width]
    H, W = pixels.shape[1:3]
    top, left = (height - H) // 2, (width - W) // 2
    return F.pad(pixels, (0, 0, left, width - W - left, top, height - H - top), value=fill)


def hold_last(pixels: Tensor, num_frames: int) -> Tensor:
    """Pixels cut or, by holding the last frame, extended to ``num_frames`` frames.

    Args:
        pixels: [T, ...], at least one frame.
        num_frames: Frames wanted.
    """
    index = torch.arange(num_frames, device=pixels.device).clamp(max=pixels.shape[0] - 1)
    return pixels if num_frames == pixels.shape[0] else pixels[index]


def without_repeats(pixels: Tensor) -> Tensor:
    """The same values without what only repeats in memory, as a still mask does that was expanded to all frames.

    Looking through it finds the same least and largest value, and copies nothing.
    """
    return pixels[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in pixels.stride())]
