"""The combinations of tasks that VACE is known for, each made in one step."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import Tensor

from ..errors import VaceInputError
from ..masks import RegionShape
from ..notes import keep_notes, tell
from ..vcu import (
    EXTENSION,
    Connected,
    Piece,
    Reference,
    Vcu,
    as_references,
    assemble,
    build_vcu,
    control_frames,
    kept_piece,
)
from ..video import AS_CONNECTED, DEFAULT_LENGTH, Clip, Target, legal_frames, note_padding, parse_tracks
from .canvas import Aspect, Ratio
from .inpaint import Region, inpaint_vcu
from .layout import BoxMotion, layout_frames
from .outpaint import place_on_canvas


def make_anything(
    chosen: Mapping[str, object] | None, references: Connected = (), target: Target = AS_CONNECTED
) -> Vcu:
    """The VCU of a combination that a user chose.

    Args:
        chosen: ``combination`` is one of `COMBINATIONS`, the other keys are what it takes.
        references: Socket name and what is connected to it, in order.
        target: What is to come out.

    Raises:
        VaceInputError: If there is no such combination, or as the combination.
    """
    inputs = dict(chosen or {})
    name = inputs.pop("combination", None)
    if name not in COMBINATIONS:
        raise VaceInputError(f"combination must be one of {', '.join(COMBINATIONS)}, got {name}.")
    return COMBINATIONS[name](references, target, **inputs)


def reference_anything(references: Connected, target: Target = AS_CONNECTED) -> Vcu:
    """A new video with the subjects or background of the references: the official ``reference_anything``.

    Args:
        references: At least one; the authors advise at most three.
        target: What is to come out.

    Raises:
        VaceInputError: If there is no reference.
    """
    if not references:
        raise VaceInputError(
            "references is empty: there is nothing to make a video of. Connect a picture to reference_image_0."
        )
    return build_vcu(references=references, target=target)


def animate_anything(references: Connected, target: Target = AS_CONNECTED, *, control_video: Clip) -> Vcu:
    """The references, moved by a control video: the official ``animate_anything``, which draws the pose itself.

    Args:
        references: Who or what is moved.
        target: What is to come out.
        control_video: Pose, depth or another control signal.
    """
    vcu = build_vcu(control_video.frames, references=references, target=target)
    return replace(vcu, fps=control_video.fps, audio=control_video.audio)


def swap_anything(
    references: Connected, target: Target = AS_CONNECTED, *, video: Clip, mask: Tensor, grow: float = 0.0
) -> Vcu:
    """Something in a video exchanged for the references: the official ``swap_anything``.

    Args:
        references: What appears instead.
        target: What is to come out.
        video: The video to change.
        mask: [T, H, W] or one frame for all, in [0, 1]; 1 is exchanged.
        grow: Pixels that the mask grows all around, so that what appears may have another outline.
    """
    vcu = inpaint_vcu(video.frames, Region(mask, shape=RegionShape(grow=grow)), references, target)
    return replace(vcu, fps=video.fps, audio=video.audio)


@keep_notes
def expand_anything(
    references: Connected,
    target: Target = AS_CONNECTED,
    *,
    picture: Tensor,
    aspect: str = "",
    left: float = 0.25,
    right: float = 0.25,
    top: float = 0.0,
    bottom: float = 0.0,
) -> Vcu:
    """A picture with more around it that comes alive: the official ``expand_anything``.

    The picture is frame 0, its surroundings and all other frames are generated. With a wide size or aspect an upright
    picture becomes a horizontal video.

    Args:
        references: What else is in the video.
        target: What is to come out; with a size the grown picture is fitted into it, whole.
        picture: [1, H, W, 3], in [0, 1].
        aspect: The shape it grows to, such as ``16:9``; empty grows it by the four sides.
        left: Growth as a part of the picture's width.
        right: Likewise.
        top: Growth as a part of its height.
        bottom: Likewise.

    Raises:
        VaceInputError: If the picture cannot be used, or grows by less than nothing.
    """
    pictures = as_references(references)
    first = _one_picture(picture)
    size = first.shape[1:3]
    if aspect.strip():
        margins = Aspect(aspect).margins(*size, "picture", "Leave aspect empty and set the four sides.")
    else:
        margins = Ratio(left, right, top, bottom).margins(*size)
    placement = place_on_canvas(size, margins, target, "picture")
    mask = placement.mask().to(first)
    if not mask.any():
        tell("nothing-added", "Nothing is added around the picture: it is the whole first frame.")
    length = _length(target.length or DEFAULT_LENGTH)
    return _vcu(Piece(0, placement.place(first), mask), length, None, pictures)


@keep_notes
def move_anything(
    references: Connected,
    target: Target = AS_CONNECTED,
    *,
    picture: Tensor,
    boxes: str,
    easing: str = "linear",
) -> Vcu:
    """Something in a picture moved along boxes: the official ``move_anything``.

    The picture is frame 0; the frames after it are layout control.

    Args:
        references: What else is in the video.
        target: What is to come out.
        picture: [1, H, W, 3], in [0, 1].
        boxes: Paths of boxes in pixels of the result, see `vace_core.video.parse_tracks`. Frames count from the one
            after the picture.
        easing: One of `vace_core.video.EASINGS`.

    Raises:
        VaceInputError: If the picture or a box cannot be used.
    """
    pictures = as_references(references)
    first = _one_picture(picture)
    target = target.resolve_size(*first.shape[1:3])
    length = _length(target.length or DEFAULT_LENGTH)
    tracks = parse_tracks("boxes", boxes, *target.size, length - 1)
    layout = layout_frames(tracks, length - 1, *target.size, BoxMotion(easing))
    return _vcu(kept_piece("picture", 0, first, target), length, layout, pictures)


@keep_notes
def first_frame_motion(
    references: Connected, target: Target = AS_CONNECTED, *, picture: Tensor, control_video: Clip
) -> Vcu:
    """A picture set in motion by a control video: the official Gradio tool ``concat_ff_clip``.

    The picture is frame 0, kept; the control video comes after it.

    Args:
        references: What else is in the video.
        target: What is to come out; the control video gives the shape, and the length with one frame more.
        picture: [1, H, W, 3], in [0, 1].
        control_video: Pose, depth or another control signal.

    Raises:
        VaceInputError: If an input cannot be used.
    """
    pictures = as_references(references)
    first = _one_picture(picture)
    control = legal_frames("control_video", control_video.frames)
    target = target.resolve_size(*control.shape[1:3])
    length = _length(target.length or 1 + len(control))
    filler = control_frames(control, length - 1, target)
    vcu = _vcu(kept_piece("picture", 0, first, target), length, filler, pictures)
    return replace(vcu, fps=control_video.fps, audio=control_video.audio)


COMBINATIONS: dict[str, Callable[..., Vcu]] = {
    "reference": reference_anything,
    "animate": animate_anything,
    "swap": swap_anything,
    "expand": expand_anything,
    "move": move_anything,
    "first frame + motion": first_frame_motion,
}


def _one_picture(picture: Tensor) -> Tensor:
    """[1, H, W, 3], the first of a batch."""
    frames = legal_frames("picture", picture)
    if len(frames) > 1:
        tell("extra-pictures", f"picture holds {len(frames)} pictures; the first is used.")
    return frames[:1]


def _length(length: int) -> int:
    if length < 2:
        raise VaceInputError("length is 1, which is the picture itself: nothing would follow it. Use 2 or more.")
    return length


def _vcu(first: Piece, length: int, control: Tensor | None, references: tuple[Reference, ...]) -> Vcu:
    """A first frame, then control or frames that are generated freely."""
    note_padding(length)
    return Vcu(*assemble([first], length, control), references, EXTENSION)
