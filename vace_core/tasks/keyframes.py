"""Pictures at any frame of a clip that is otherwise generated: first frame, last frame, both, or many."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from torch import Tensor

from ..errors import VaceInputError
from ..notes import keep_notes, tell
from ..vcu import (
    EXTENSION,
    Connected,
    Piece,
    Vcu,
    as_references,
    assemble,
    control_frames,
    frame_ranges,
    kept_piece,
    note_unseen,
)
from ..video import AS_CONNECTED, DEFAULT_LENGTH, Clip, Target, legal_frames, note_padding
from .positions import EVENLY, Keyframe, Places, snap_keyframes


@keep_notes
def place_keyframes(
    images: Sequence[tuple[str, Tensor]],
    places: Places = EVENLY,
    *,
    snap: str = "off",
    control: Clip | None = None,
    references: Connected = (),
    target: Target = AS_CONNECTED,
) -> Vcu:
    """A VCU that keeps pictures at chosen frames and generates all others.

    The extension task of VACE (arXiv:2503.07598; the official ``frameref``, there only for first, last and
    both). Its second picture gets white bars when the shapes differ, which the model then keeps; here ``fit`` decides.

    Args:
        images: Socket name and its pictures [N, H, W, C], in order; the first gives the shape.
        places: Where they go.
        snap: One of `vace_core.tasks.SNAPS`.
        control: A control video of the whole clip, shown where no picture is.
        references: Socket name and what is connected to it.
        target: What is to come out; 0 takes the first picture's size, and the control video's length or 81.

    Raises:
        VaceInputError: If a place is not one, pictures overlap, or their count differs from the places'.
    """
    pictures, target = _pictures(images, target)
    length = target.length or (len(control.frames) if control else DEFAULT_LENGTH)
    names = [name for name, _ in pictures]
    keyframes = snap_keyframes(_assign(names, places.resolve(len(names), length), length), length, snap)
    tell("kept-frames", "Kept: " + ", ".join(f"{k.name} at {frame_ranges(k.frames)}" for k in keyframes) + ".")
    vcu = _lay_out(pictures, keyframes, length, control, target)
    note_unseen(vcu.mask, _advice(snap))
    fps = places.fps
    if control is not None and control.fps not in (None, fps):
        tell("fps-differs", f"control_video runs at {control.fps:g} fps, but fps is {fps:g}; {fps:g} is used.")
    note_padding(length)
    return replace(vcu, references=as_references(references), fps=fps, audio=control and control.audio)


@keep_notes
def interpolate_frames(
    clip: Clip,
    between: int = 3,
    *,
    snap: str = "off",
    references: Connected = (),
    target: Target = AS_CONNECTED,
) -> Vcu:
    """A VCU that keeps every frame of a clip and generates others between each two: (N - 1) * (between + 1) + 1.

    Args:
        clip: At least two frames; its frame rate is multiplied, so that it keeps its speed and its sound.
        between: Frames to generate between each two, at least 1; 3 makes the count 4n + 1.
        snap: One of `vace_core.tasks.SNAPS`.
        references: Socket name and what is connected to it.
        target: The size and fit of what is to come out; 0 follows the clip, and the length follows from the counts.

    Raises:
        VaceInputError: If the clip has one frame, or there is nothing to generate.
    """
    pictures, target = _pictures([("video", clip.frames)], target)
    if len(pictures) < 2 or between < 1:
        raise VaceInputError(
            f"video has {len(pictures)} frames and between is {between}: nothing lies between. "
            f"Give at least 2 frames and set between to at least 1."
        )
    step = between + 1
    length = (len(pictures) - 1) * step + 1
    placed = [Keyframe(name, k * step) for k, (name, _) in enumerate(pictures)]
    vcu = _lay_out(pictures, snap_keyframes(placed, length, snap), length, None, target)
    fps = clip.fps and clip.fps * step
    speed = f"{fps:g} fps" if fps else f"{step} times the frame rate"
    tell(
        "interpolated",
        f"{len(pictures)} frames become {length}, {between} generated between each two; at {speed} the speed stays.",
    )
    note_unseen(vcu.mask, _advice(snap))
    note_padding(length)
    return replace(vcu, references=as_references(references), fps=fps, audio=clip.audio)


def _advice(snap: str) -> str:
    return "Set snap to hold or move to change that." if snap == "off" else "Another keyframe is in the way of snap."


def _pictures(images: Sequence[tuple[str, Tensor]], target: Target) -> tuple[list[tuple[str, Piece]], Target]:
    """Every picture of every socket by name, in order and at the size of the target, which is resolved by the first."""
    if not images:
        raise VaceInputError("images holds no picture. Connect at least one to image_0.")
    batches = [(name, legal_frames(name, batch)) for name, batch in images]
    target = target.resolve_size(*batches[0][1].shape[1:3])
    pieces = [(name, kept_piece(name, 0, batch, target)) for name, batch in batches]
    pictures = [
        (name if len(piece.frames) == 1 else f"{name}[{k}]", Piece(0, piece.frames[k : k + 1], piece.mask[k : k + 1]))
        for name, piece in pieces
        for k in range(len(piece.frames))
    ]
    return pictures, target


def _assign(names: list[str], places: list[tuple[int, int]], length: int) -> list[Keyframe]:
    """The keyframes, inside the clip and apart."""
    if len(names) != len(places):
        raise VaceInputError(
            f"positions has {len(places)} places but there are {len(names)} pictures ({', '.join(names)}). "
            f"Write one place for each, or none to spread them evenly."
        )
    keyframes = []
    for name, (start, hold) in zip(names, places, strict=True):
        if hold > length:
            raise VaceInputError(
                f"{name} is held for {hold} frames but the clip has {length}. Lower hold, or raise length."
            )
        keyframe = Keyframe(name, min(start, length - hold), hold)
        if keyframe.start < start < length - 1:
            tell(
                "keyframe-moved",
                f"{name} is moved from frame {start} to {keyframe.start}, so that it ends with the clip.",
            )
        keyframes.append(keyframe)
    for one, other in pairwise(sorted(keyframes, key=lambda k: k.start)):
        if one.meets(other):
            raise VaceInputError(
                f"{one.name} ({frame_ranges(one.frames)}) and {other.name} ({frame_ranges(other.frames)}) overlap. "
                f"Put them apart in positions, lower hold, or raise length."
            )
    return keyframes


def _lay_out(
    pictures: Sequence[tuple[str, Piece]],
    keyframes: Sequence[Keyframe],
    length: int,
    control: Clip | None,
    target: Target,
) -> Vcu:
    """The clip with each picture held over its keyframe."""
    held = [
        Piece(k.start, piece.frames.expand(k.hold, -1, -1, -1), piece.mask.expand(k.hold, -1, -1))
        for k, (_, piece) in zip(keyframes, pictures, strict=True)
    ]
    filler = None
    if control is not None:
        whole = control_frames(legal_frames("control_video", control.frames), length, target)
        taken = {frame for k in keyframes for frame in k.frames}
        filler = whole[[frame for frame in range(length) if frame not in taken]]
    if sum(k.hold for k in keyframes) == length:
        tell("nothing-generated", "Every frame is kept and nothing is generated. Raise length, or lower hold.")
    frames, mask = assemble(sorted(held, key=lambda piece: piece.start), length, filler)
    return Vcu(frames, mask, kind=EXTENSION)
