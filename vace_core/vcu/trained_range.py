"""What the model was trained with, and what is told of a VCU that leaves it.

Sources: the official processor's budgets, 81 frames of 480 x 832 or 720 x 1280 (`vace_core.video.TRAINED_SIZES`), of
which the 1.3B model knows the first alone (``SIZE_CONFIGS`` of Wan2.1); ``UserGuide.md`` of ali-vilab/VACE for the
references. Colour shifts and fading references beyond 81 frames are reported in ali-vilab/VACE#93 and #99. Smaller
videos are not told of: the official processor takes them at their own size.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from ..notes import Note, collect_notes, tell
from ..video import TRAINED_LENGTH
from .cost import ARCHITECTURES
from .references import MANY_REFERENCES, note_many_references
from .unit import Vcu

LONG, LARGE = "longer-than-trained", "larger-than-trained"  # codes
RANGE_CODES = (LARGE, MANY_REFERENCES)  # what the VCU's own node tells of it
# Sizes of the right area differ by a few rows; from here on an area is far from what was trained.
FAR = 1.25
SAMPLE_LONG = "use VACE Sample Long Video or VACE Set Context Windows"


def note_length(num_frames: int, remedy: str = SAMPLE_LONG) -> None:
    """Tell when more frames are sampled at once than the model was trained with.

    Args:
        num_frames: Frames in one pass of the model, references not counted.
        remedy: What to do about it.
    """
    if num_frames > TRAINED_LENGTH:
        tell(
            LONG,
            f"{num_frames} frames at once are more than the {TRAINED_LENGTH} that the model was trained with, so "
            f"colours may shift and references fade; {remedy}.",
        )


def note_area(height: int, width: int, models: Iterable[str]) -> None:
    """Tell of models that were trained with a much smaller area.

    Args:
        height: Rows of the video.
        width: Its columns.
        models: Names in `ARCHITECTURES`.
    """
    small = [name for name in models if height * width > FAR * _trained_area(name)]
    if not small:
        return
    first, *others = (f"with up to {columns} x {rows}" for rows, columns in map(_trained_size, small))
    trained = " and ".join([f"{small[0]} was trained {first}", *map(" ".join, zip(small[1:], others, strict=True))])
    larger = [name for name in ARCHITECTURES if height * width <= FAR * _trained_area(name)]
    remedy = " or ".join([*(f"use the {name} model" for name in larger), "choose a smaller size"])
    tell(LARGE, f"{trained}, far less than this {width} x {height}, so expect repetition or broken shapes; {remedy}.")


def range_notes(vcu: Vcu) -> list[Note]:
    """What leaves the trained range with every model and every sampler."""
    with collect_notes() as notes:
        if all(vcu.height * vcu.width > FAR * _trained_area(name) for name in ARCHITECTURES):
            note_area(vcu.height, vcu.width, ARCHITECTURES)
        note_many_references(len(vcu.references))
    return notes


def lasting_notes(vcu: Vcu) -> list[Note]:
    """Its notes but those on a trained range that it no longer leaves: a crop is smaller than what it was cut from."""
    found = range_notes(vcu)
    return [note for note in vcu.notes if note.code not in RANGE_CODES or note in found]


def with_range_notes(vcu: Vcu) -> Vcu:
    """The same unit with notes on what leaves the trained range, each once, and without those that no longer hold."""
    found, lasting = range_notes(vcu), lasting_notes(vcu)
    return replace(vcu, notes=(*lasting, *(note for note in found if note not in lasting)))


def _trained_size(name: str) -> tuple[int, int]:
    return ARCHITECTURES[name].trained_size


def _trained_area(name: str) -> int:
    return math.prod(_trained_size(name))
