"""Several VCUs made one: the official composition of tasks, and a spatial mix of two control signals."""

import functools
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..masks import binarize
from ..notes import Note, collect_notes, keep_notes, tell
from ..video import PADDED, legal_frames, legal_mask, note_padding
from .references import note_many_references
from .unit import CONTROL, EMPTY, EXTENSION, KINDS, REPAINT, Vcu


@keep_notes
def compose(first: Vcu, second: Vcu, names: tuple[str, str] = ("first", "second")) -> Vcu:
    """Two VCUs as one, pixel by pixel.

    Source: ``CompositionAnnotator`` of the official code. It goes by what the VCUs were made for:

    - extension, then anything: what the first keeps is kept, the second fills the rest.
    - repaint and control in either order: control inside the repaint mask, nothing changes outside.
    - every other pair: what the second generates is laid over the first.

    The result's kind is the more restrictive of both, in the order control, repaint, extension. So a chain keeps
    what an extension at its head keeps. Apart from repaint with control, order matters, and so do the
    parentheses: see `compose_all`.

    Args:
        first: Any VCU. An empty one changes nothing on either side, but its references are added.
        second: Any VCU of the same size; the shorter one sets the length.
        names: What the user calls both.

    Returns:
        A VCU whose frames hold all its content (``control_amount`` 1) and whose mask is 0 or 1, unless one side
        was empty. References are those of the first, then of the second. Frame rate and sound are the first's,
        where it has them.

    Raises:
        VaceInputError: If the sizes differ; the official code refuses another frame rate too, here it is told.
    """
    shared = {
        "references": (*first.references, *second.references),
        "fps": _frame_rate(first, second, names),
        "audio": first.audio if first.audio is not None else second.audio,
        "notes": tuple(dict.fromkeys(_lasting_notes(first) + _lasting_notes(second))),
    }
    if EMPTY in (first.kind, second.kind):
        return replace(_filled(first, second, names), **shared)
    _require_same_size(names, first.frames, second.frames)
    T = _shorter(first, second, names)
    pair = [_hard(vcu, T, name) for vcu, name in zip((first, second), names, strict=True)]
    frames, mask = _mixed((first.kind, second.kind), *pair)
    kind = max(first.kind, second.kind, key=KINDS.index)
    return Vcu(frames, mask, kind=kind, **shared)


def compose_all(vcus: Sequence[tuple[str, Vcu]]) -> Vcu:
    """Named VCUs composed from left to right: ((first + second) + third) and so on.

    The official rules are for two. Of three, the parentheses change nothing in ten of the 27 orders of kinds: three
    of one kind, two extensions then anything, extension + repaint + control, extension or repaint + two controls,
    two repaints or two controls + extension. In the others they do, whatever kind a result is given.

    Args:
        vcus: Socket name and VCU, in order, at least one.

    Raises:
        VaceInputError: If there is none, or as `compose`.
    """
    if not vcus:
        raise VaceInputError("vcus is empty: connect at least one VCU.")
    start, *_ = (name for name, _ in vcus)

    def add(done: tuple[str, Vcu], new: tuple[str, Vcu]) -> tuple[str, Vcu]:
        before = start if done[0] == start else f"{start} to {done[0]}"
        return new[0], compose(done[1], new[1], (before, new[0]))

    _, vcu = functools.reduce(add, vcus)
    with collect_notes() as notes:
        note_many_references(len(vcu.references))
        note_padding(vcu.num_frames)
    return vcu.with_notes([note for note in notes if note not in vcu.notes])


def mix_controls(inside: Tensor, outside: Tensor, mask: Tensor) -> Tensor:
    """One control video of two: a pose on the person and depth around it, say.

    Controls that do not overlap were trained, so every pixel is of one or the other; the mask is cut at 0.5.

    Args:
        inside: [T, H, W, 3], in [0, 1], shown where the mask is 1.
        outside: [T, H, W, 3], in [0, 1], shown where it is 0.
        mask: [T, H, W], in [0, 1], or one frame for all.

    Returns:
        [T, H, W, 3], in [0, 1].

    Raises:
        VaceInputError: If the sizes or counts differ.
    """
    inside = legal_frames("inside", inside)
    outside = legal_frames("outside", outside).to(inside)
    mask = legal_mask("mask", mask).to(inside)
    _require_same_size(("inside", "outside"), inside, outside)
    _require_same_size(("inside", "mask"), inside, mask)
    if len(mask) == 1 < len(inside):
        tell("still-mask", f"mask has one frame; it is used for all {len(inside)}.")
        mask = mask.expand(len(inside), -1, -1)
    for name, other in (("outside", outside), ("mask", mask)):
        if len(other) != len(inside):
            raise VaceInputError(
                f"{name} has {len(other)} frames but inside has {len(inside)}. "
                f"Make both from the same video, or cut the longer one."
            )
    return torch.where((mask > 0.5)[..., None], inside, outside)


def _mixed(
    kinds: tuple[str, str], first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """The official table, one row after the other; frames [T, H, W, 3] and masks [T, H, W] of 0 and 1."""
    (frames1, mask1), (frames2, mask2) = first, (part.to(first[0]) for part in second)
    if kinds[0] == EXTENSION:
        return _where(mask1, frames2, frames1), mask1 * mask2
    if kinds == (REPAINT, CONTROL):
        return _where(mask1, frames2, frames1), mask1
    if kinds == (CONTROL, REPAINT):
        return _where(mask2, frames1, frames2), mask2
    return _where(mask2, frames2, frames1), torch.maximum(mask1, mask2)


def _where(mask: Tensor, frames: Tensor, otherwise: Tensor) -> Tensor:
    return torch.where(mask.bool()[..., None], frames, otherwise)


def _hard(vcu: Vcu, num_frames: int, name: str) -> tuple[Tensor, Tensor]:
    """Frames with their content worked in, and a mask of 0 and 1, cut to a count."""
    cut = replace(vcu, frames=vcu.frames[:num_frames], mask=vcu.mask[:num_frames]).materialized()
    mask = binarize(cut.mask)
    if not torch.equal(mask, cut.mask):
        tell(
            "mask-hardened", f"{name}: the soft part of its mask is cut at 0.5, because each pixel comes from one VCU."
        )
    return cut.frames, mask


def _filled(first: Vcu, second: Vcu, names: tuple[str, str]) -> Vcu:
    """Of two VCUs, one of which is empty, the other; of two empty ones the first."""
    order = (1, 0) if first.kind == EMPTY and second.kind != EMPTY else (0, 1)
    (name, vcu), (empty_name, empty) = ((names[i], (first, second)[i]) for i in order)
    if empty.frames.shape != vcu.frames.shape:
        tell(
            "empty-size",
            f"{empty_name} has no video, so its {_extent(empty)} do not count: "
            f"the result has the {_extent(vcu)} of {name}.",
        )
    return vcu


def _extent(vcu: Vcu) -> str:
    return f"{vcu.width} x {vcu.height} pixels and {vcu.num_frames} frames"


def _lasting_notes(vcu: Vcu) -> list[Note]:
    """Its notes but the one about padding, which holds for its own length only."""
    return [note for note in vcu.notes if note.code != PADDED]


def _frame_rate(first: Vcu, second: Vcu, names: tuple[str, str]) -> float | None:
    if first.fps is None or second.fps is None:
        return second.fps if first.fps is None else first.fps
    if first.fps != second.fps:
        tell(
            "frame-rates",
            f"{names[0]} has {first.fps:g} frames per second, {names[1]} {second.fps:g}: they are put together "
            f"frame by frame and the result has {first.fps:g}. Bring both to one rate if the motion should match.",
        )
    return first.fps


def _shorter(first: Vcu, second: Vcu, names: tuple[str, str]) -> int:
    counts = first.num_frames, second.num_frames
    if counts[0] != counts[1]:
        tell("cut", f"{names[0]} has {counts[0]} frames, {names[1]} {counts[1]}; the first {min(counts)} are used.")
    return min(counts)


def _require_same_size(names: tuple[str, str], first: Tensor, second: Tensor) -> None:
    (H, W), (other_h, other_w) = first.shape[1:3], second.shape[1:3]
    if (H, W) != (other_h, other_w):
        raise VaceInputError(
            f"{names[1]} is {other_w} x {other_h} but {names[0]} is {W} x {H}: they are put together pixel by "
            f"pixel. Give both the same width and height."
        )
