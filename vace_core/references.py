"""Reference images: looked at by the model, never part of the output."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from .errors import VaceInputError, require_shape
from .inputs import legal_frames

WHITE = 1.0
# More are allowed; the authors advise at most three (official UserGuide).
ADVISED_REFERENCES = 3


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture to look at.

    Attributes:
        image: [H, W, 3], in [0, 1], at its own size; what is not the subject is white.
        strength: How strongly it acts beside the VCU's own strength, 0 or more.
    """

    image: Tensor
    strength: float = 1.0

    def __post_init__(self) -> None:
        require_shape("reference", self.image, "H W C", (None, None, 3))
        if not 0 <= self.strength <= 1000:
            raise VaceInputError(f"A reference's strength must be in [0, 1000], got {self.strength:g}.")


def as_references(inputs: Sequence[tuple[str, Tensor | Reference]], notes: list[str]) -> tuple[Reference, ...]:
    """The references of several sockets, in order.

    Args:
        inputs: Socket name and what is connected to it: pictures [R, H, W, C] or a prepared reference.
        notes: Receives a sentence for each repair, and when there are more than the authors advise.

    Raises:
        VaceInputError: If an input is no picture, or wholly transparent.
    """
    references: list[Reference] = []
    for name, given in inputs:
        if isinstance(given, Reference):
            references.append(given)
        else:
            references += [Reference(picture) for picture in split_references(name, given, notes)]
    if len(references) > ADVISED_REFERENCES:
        notes.append(f"{len(references)} references: the authors advise at most {ADVISED_REFERENCES}.")
    return tuple(references)


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
