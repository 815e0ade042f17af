"""Reference images: looked at by the model, never part of the output."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import VaceInputError, require_shape
from ..notes import tell
from ..video import bounding_box, legal_frames, legal_mask, refuse_empty_mask

WHITE = 1.0
# More are allowed; the authors advise at most three (official UserGuide).
ADVISED_REFERENCES = 3
MANY_REFERENCES = "many-references"  # code of the note about them
ROLES = ("subject", "background", "face")


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


# Socket names and what is connected to them.
Connected = Sequence[tuple[str, Tensor | Reference]]


def as_references(inputs: Connected) -> tuple[Reference, ...]:
    """The references of several sockets, in order.

    Args:
        inputs: Socket name and what is connected to it: pictures [R, H, W, C] or a prepared reference.

    Raises:
        VaceInputError: If an input is no picture, or wholly transparent.
    """
    references: list[Reference] = []
    for name, given in inputs:
        if isinstance(given, Reference):
            references.append(given)
        else:
            references += [Reference(picture) for picture in split_references(name, given)]
    note_many_references(len(references))
    return tuple(references)


def note_many_references(count: int) -> None:
    """Tell when there are more references than the authors advise."""
    if count > ADVISED_REFERENCES:
        tell(
            MANY_REFERENCES,
            f"{count} references: the authors advise at most {ADVISED_REFERENCES}; leave out those that matter least.",
        )


def split_references(name: str, images: Tensor) -> list[Tensor]:
    """The pictures of a batch, each on white.

    The official code drops alpha, which uncovers colours nobody sees in the file; here a transparent
    background becomes the white that the model was trained with.

    Args:
        name: The socket's name.
        images: [R, H, W, C]; C is 3, or 4 with alpha.

    Returns:
        R pictures, each [H, W, 3] in [0, 1].

    Raises:
        VaceInputError: If the batch is no picture, or one is wholly transparent.
    """
    require_shape(name, images, "R H W C", (None,) * 4)
    if images.shape[-1] != 4:
        return list(legal_frames(name, images))
    rgb = legal_frames(name, images[..., :3])
    alpha = legal_frames(name, images[..., 3:].expand(-1, -1, -1, 3))
    for index, picture in enumerate(alpha):
        if not picture.any():
            raise VaceInputError(
                f"{name}: picture {index} is wholly transparent. Use one whose alpha shows the subject."
            )
    if (alpha < 1).any():
        tell("transparent", f"{name}: the transparent part is laid on white.")
    return list(rgb * alpha + (1 - alpha) * WHITE)


def prepare_reference(
    image: Tensor,
    mask: Tensor | None = None,
    *,
    role: str = "subject",
    margin: float = 0.0,
    strength: float = 1.0,
) -> Reference:
    """One reference, cut out as its role wants.

    A subject stands on white, cut to its bounding box, as the official ``SubjectAnnotator`` leaves it (USE_CROP);
    a face is a plain crop of its box, background kept, as in ``image_face``; a background stays whole.

    Args:
        image: [1, H, W, C]; with alpha and no mask the alpha is the mask.
        mask: [1, H, W], in [0, 1]; 1 is the subject; the box goes around what is above 0.5.
        role: One of `ROLES`.
        margin: Space left around the box, as a share of its longer side.
        strength: How strongly it acts, 1 as trained.

    Raises:
        VaceInputError: If it is not one picture, or the mask does not fit it or selects nothing.
    """
    if role not in ROLES:
        raise VaceInputError(f"role must be one of {', '.join(ROLES)}, got {role}.")
    require_shape("image", image, "R H W C", (None,) * 4)
    if len(image) != 1:
        raise VaceInputError(
            f"image holds {len(image)} pictures, it must be one. Use one VACE Prepare Reference for each."
        )
    alpha = image[..., 3] if image.shape[-1] == 4 else None
    (picture,) = split_references("image", image)
    subject = _subject_mask(mask, alpha, picture)
    if subject is None:
        return Reference(picture, strength)
    if role == "subject" and mask is not None:  # alpha is already laid on white
        picture = picture * subject[..., None] + (1 - subject[..., None]) * WHITE
    if role != "background":
        # Half of its most: 0.5, or less for an alpha that shines through everywhere.
        picture = picture[_with_margin(subject > subject.max() / 2, margin)]
    return Reference(picture, strength)


def _subject_mask(mask: Tensor | None, alpha: Tensor | None, picture: Tensor) -> Tensor | None:
    """[H, W] in [0, 1], or None when nothing says where the subject is."""
    if mask is None:
        return None if alpha is None else alpha[0].clamp(0, 1)
    mask = legal_mask("mask", mask)
    if mask.shape != (1, *picture.shape[:2]):
        for given in (mask, 1 - mask):  # as Load Image gives it, or inverted as it should be
            refuse_empty_mask("mask", given)
        H, W, _ = picture.shape
        got = f"{len(mask)} of {mask.shape[2]} x {mask.shape[1]}"
        raise VaceInputError(f"mask must be one mask of {W} x {H}, as image is; got {got}. Resize it with the picture.")
    if not (mask > 0.5).any():
        raise VaceInputError("mask is black everywhere: there is no subject. White is the subject; use Invert Mask.")
    if mask.min() > 0.5:
        tell("whole-picture", "mask selects the whole picture, so no background is removed.")
    return mask[0].to(picture)


def _with_margin(inside: Tensor, margin: float) -> tuple[slice, slice]:
    """Rows and columns around ``inside`` [H, W], with a margin, within the picture."""
    left, top, right, bottom = bounding_box(inside)
    space = round(margin * max(bottom - top, right - left))
    return slice(max(top - space, 0), bottom + space), slice(max(left - space, 0), right + space)


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
    planes = rearrange(image, "h w c -> 1 c h w")
    planes = F.interpolate(planes, (new_h, new_w), mode="bilinear", align_corners=False, antialias=antialias)
    top, left = (height - new_h) // 2, (width - new_w) // 2
    canvas = image.new_full((height, width, 3), WHITE)
    canvas[top : top + new_h, left : left + new_w] = rearrange(planes, "1 c h w -> h w c")
    return canvas
