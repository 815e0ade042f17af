"""Clips that go on: extended at either end, bridged to another, or closed to a loop."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from ..errors import VaceInputError
from ..notes import keep_notes, tell
from ..vcu import (
    EXTENSION,
    Connected,
    Vcu,
    as_references,
    assemble,
    control_frames,
    frame_ranges,
    kept_piece,
    note_unseen,
)
from ..video import AS_CONNECTED, Clip, Target, legal_frames, note_padding


@keep_notes
def extend_vcu(
    clip: Clip,
    *,
    before: int = 0,
    after: int = 80,
    overlap: int = 0,
    control: Tensor | None = None,
    references: Connected = (),
    target: Target = AS_CONNECTED,
) -> Vcu:
    """A VCU that keeps a clip and generates frames before it, after it, or both.

    The official ``clipref`` (``firstclip``, ``lastclip``), which always keeps the whole clip and adds 80 frames.

    Args:
        clip: The clip; it gives the shape.
        before: Frames to generate before it.
        after: Frames to generate after it.
        overlap: Frames of the clip that the model sees, the ones next to what it generates; 0 for all of them.
        control: [n, H, W, 3], a control video of the generated frames alone: those before the clip, then those after.
        references: Socket name and what is connected to it.
        target: The size and fit of what is to come out; 0 follows the clip, and the length follows from the counts.

    Raises:
        VaceInputError: If nothing is to be generated, or an overlap is to leave out the middle of the clip.
    """
    if before < 0 or after < 0 or not before + after:
        raise VaceInputError(
            f"before is {before} and after is {after}: nothing would be generated. Set after (or before) to 4 or more."
        )
    count = len(clip.frames)
    seen = overlap_of("video", "overlap", overlap, count)
    if before and after and seen < count:
        raise VaceInputError(
            f"overlap is {overlap} with frames both before and after the clip, whose middle cannot be left out. "
            f"Set overlap to 0, or extend one end at a time."
        )
    start = 0 if before else count - seen  # the first frame of the clip that the model sees
    ends = [("video", clip.frames[start : start + seen], before)]
    vcu = _lay_out(ends, before + seen + after, control, references, target)
    if before and after:
        tell("how-to-join", _join_note("the clip to first", f"before {before}"))
    else:
        side = "second" if before else "first"
        tell("how-to-join", _join_note(f"the clip to {side}", f"overlap_{side} {seen}"))
    return _in_step(vcu, clip, start - before)


@keep_notes
def bridge_vcu(
    first: Clip,
    second: Clip,
    *,
    gap: int = 48,
    overlaps: tuple[int, int] = (17, 16),
    control: Tensor | None = None,
    references: Connected = (),
    target: Target = AS_CONNECTED,
) -> Vcu:
    """A VCU that keeps the end of one clip and the start of another, and generates what lies between.

    The official ``clipref`` with ``firstlastclip``. There a second clip of another shape gets white bars, which the
    model then keeps; here ``fit`` decides, and bars are generated.

    Args:
        first: The clip before the gap; it gives the shape.
        second: The clip after it.
        gap: Frames to generate, at least 1.
        overlaps: Frames of the end of ``first`` and of the start of ``second`` that the model sees; 0 for all.
        control: [n, H, W, 3], a control video of the gap alone.
        references: Socket name and what is connected to it.
        target: The size and fit of what is to come out; 0 follows the first clip. Its length follows from
            the counts.

    Raises:
        VaceInputError: If there is no gap.
    """
    _require_gap(gap, "a bridge with no gap")
    head = overlap_of("first", "overlap_first", overlaps[0], len(first.frames))
    tail = overlap_of("second", "overlap_second", overlaps[1], len(second.frames))
    note_rates(first, second)
    start = len(first.frames) - head
    ends = [("first", first.frames[start:], 0), ("second", second.frames[:tail], head + gap)]
    vcu = _lay_out(ends, head + gap + tail, control, references, target)
    tell("how-to-join", _join_note("first and second", f"overlap_first {head}, overlap_second {tail}"))
    return _in_step(vcu, replace(first, fps=first.fps or second.fps), start)


@keep_notes
def loop_vcu(
    clip: Clip,
    *,
    gap: int = 49,
    overlap: int = 16,
    control: Tensor | None = None,
    references: Connected = (),
    target: Target = AS_CONNECTED,
) -> Vcu:
    """A VCU that leads from the end of a clip back to its start, so that it can play in a circle.

    The clip bridged to itself, see `bridge_vcu`; the official code has no such task.

    Args:
        clip: The clip; it gives the shape.
        gap: Frames to generate, at least 1.
        overlap: Frames of either end that the model sees; 0 for the whole clip, twice.
        control: [n, H, W, 3], a control video of the gap alone.
        references: Socket name and what is connected to it.
        target: The size and fit of what is to come out; 0 follows the clip, and the length follows from the counts.

    Raises:
        VaceInputError: If there is no gap.
    """
    _require_gap(gap, "a loop with no gap")
    count = len(clip.frames)
    seen = overlap_of("video", "overlap", overlap, count)
    ends = [("video", clip.frames[count - seen :], 0), ("video", clip.frames[:seen], seen + gap)]
    vcu = _lay_out(ends, 2 * seen + gap, control, references, target)
    tell(
        "how-to-join",
        _join_note("the clip to first and nothing to second", f"overlap_first {seen}, overlap_second {seen}"),
    )
    return _in_step(vcu, clip, count - seen)


def overlap_of(name: str, socket: str, overlap: int, count: int) -> int:
    """Frames of a clip that the model sees: no more than there are, and 0 is all.

    Args:
        name: The clip's socket.
        socket: The overlap's.
        overlap: What the user set.
        count: Frames of the clip.
    """
    if overlap > count:
        tell("overlap-shortened", f"{socket} is {overlap} but {name} has {count} frames; all {count} are used.")
    return min(overlap or count, count)


def note_rates(first: Clip, second: Clip) -> None:
    """Tell that two clips run at different frame rates and so at different speeds in one video."""
    if first.fps and second.fps and first.fps != second.fps:
        tell(
            "frame-rates",
            f"first runs at {first.fps:g} fps, second at {second.fps:g}: frames are taken as they are, so second "
            f"changes its speed. VACE Fit Video brings both to one frame rate.",
        )


def _require_gap(gap: int, what: str) -> None:
    if gap < 1:
        raise VaceInputError(f"gap is {gap}: {what} generates nothing. Set gap to at least 4.")


def _lay_out(
    ends: Sequence[tuple[str, Tensor, int]],
    length: int,
    control: Tensor | None,
    references: Connected,
    target: Target,
) -> Vcu:
    """The VCU of clips (name, frames, start), all brought to the size of the first."""
    checked = [(name, start, legal_frames(name, frames)) for name, frames, start in ends]
    target = target.resolve_size(*checked[0][2].shape[1:3])
    pieces = [kept_piece(name, start, frames, target) for name, start, frames in checked]
    taken = [frame for piece in pieces for frame in range(piece.start, piece.stop)]
    free = sorted(set(range(length)) - set(taken))
    filler = None
    if control is not None:
        filler = control_frames(legal_frames("control_video", control), len(free), target)
    vcu = Vcu(*assemble(pieces, length, filler), as_references(references), EXTENSION)
    tell("kept-frames", f"{length} frames: {frame_ranges(taken)} kept, {frame_ranges(free)} generated.")
    note_unseen(vcu.mask, "More kept frames in a row change that.")
    note_padding(length)
    return vcu


def _join_note(sockets: str, counts: str) -> str:
    return f"VACE Join Videos puts the given frames back: connect {sockets}, set {counts}."


def _in_step(vcu: Vcu, clip: Clip, start: int) -> Vcu:
    """The VCU with the clip's frame rate, and with its sound if both begin together."""
    if clip.audio is not None and start:
        back = "; VACE Join Videos puts it back" if start > 0 else ""
        tell("sound-left-out", f"The sound is left out, because it begins at another frame than this VCU{back}.")
    audio = None if start else clip.audio
    return replace(vcu, fps=clip.fps, audio=audio)
