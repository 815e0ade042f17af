"""Reference images: looked at by the model, never part of the output."""

import torch.nn.functional as F
from torch import Tensor

from .errors import VaceInputError, require_shape
from .inputs import legal_frames

WHITE = 1.0
# More are allowed; the authors advise at most three (official UserGuide).
ADVISED_REFERENCES = 3


def split_references(name: str, images: Tensor, notes: list[str]) -> list[Tensor]:
    """The pictures of a batch, each on white.

    The official code drops alpha, which uncovers colours nobody sees in the file; here a transparent
    background becomes the white that the model was trained with.

    Args:
        name: The socket's name.
        images: [R, H, W, C]; C is 3, or 4 with alpha.
        notes: Receives a sentence for each repair.

    Returns:
        R pictures, each [H, W, 3] in [0, 1].

    Raises:
        VaceInputError: If the batch is no picture, or one is wholly transparent.
    """
    require_shape(name, images, "R H W C", (None,) * 4)
    if images.shape[-1] != 4:
        return list(legal_frames(name, images, notes))
    rgb = legal_frames(name, images[..., :3], notes)
    alpha = legal_frames(name, images[..., 3:].expand(-1, -1, -1, 3), notes)
    for index, picture in enumerate(alpha):
        if not picture.any():
            raise VaceInputError(
                f"{name}: picture {index} is wholly transparent. Use one whose alpha shows the subject."
            )
    if (alpha < 1).any():
        notes.append(f"{name}: the transparent part is laid on white.")
    return list(rgb * alpha + (1 - alpha) * WHITE)


def letterbox(image: Tensor, height: int, width: int, antialias: bool = False) -> Tensor:
    """A reference as the model gets it: the whole picture, centred on a white canvas.

    Source: ``prepare_source`` in Wan2.1's ``wan/vace.py``, which scales up as well as down, rounds
    sizes and offsets down, and does not antialias. A picture of the right size is left as it is.

    Args:
        image: [H, W, 3], in [0, 1].
        height: Rows of the video.
        width: Columns of the video.
        antialias: Whether shrinking averages pixels; off is the official behaviour.

    Returns:
        [height, width, 3], in [0, 1].
    """
    H, W, _ = image.shape
    if (H, W) == (height, width):
        return image
    scale = min(height / H, width / W)
    new_h, new_w = max(int(H * scale), 1), max(int(W * scale), 1)
    planes = image.movedim(-1, 0)[None]  # [1, 3, H, W]
    planes = F.interpolate(planes, (new_h, new_w), mode="bilinear", align_corners=False, antialias=antialias)
    top, left = (height - new_h) // 2, (width - new_w) // 2
    canvas = image.new_full((height, width, 3), WHITE)
    canvas[top : top + new_h, left : left + new_w] = planes[0].movedim(0, -1)
    return canvas
