"""The Video Condition Unit: frames, mask and references of one generation.

A VCU is built of what a user connected, composed with others, judged before sampling, and kept in a file.
It imports `video` and `masks`; every task ends in the `Vcu` of `unit`.

A `Vcu` is immutable and keeps its T frames as the user asked for them: only encoding extends them to 4n + 1.
"""

from .build import INSIDE_MASK, build_vcu, control_amount
from .compose import compose_all, mix_controls
from .cost import ARCHITECTURES, adapter_flops, base_flops
from .preflight import Preflight, generated_share, preflight
from .references import (
    ROLES,
    WHITE,
    Connected,
    Reference,
    as_references,
    letterbox,
    note_many_references,
    prepare_reference,
)
from .storage import PRECISIONS, require_format, vcu_from_tensors, vcu_to_tensors
from .timeline import Piece, assemble, control_frames, frame_ranges, kept_piece, note_unseen, visible_frames
from .trained_range import RANGE_CODES, lasting_notes, note_area, note_length, with_range_notes
from .unit import CONTROL, EMPTY, EXTENSION, REPAINT, Vcu, empty_vcu

__all__ = [
    "ARCHITECTURES",
    "CONTROL",
    "EMPTY",
    "EXTENSION",
    "INSIDE_MASK",
    "PRECISIONS",
    "RANGE_CODES",
    "REPAINT",
    "ROLES",
    "WHITE",
    "Connected",
    "Piece",
    "Preflight",
    "Reference",
    "Vcu",
    "adapter_flops",
    "as_references",
    "assemble",
    "base_flops",
    "build_vcu",
    "compose_all",
    "control_amount",
    "control_frames",
    "empty_vcu",
    "frame_ranges",
    "generated_share",
    "kept_piece",
    "lasting_notes",
    "letterbox",
    "mix_controls",
    "note_area",
    "note_length",
    "note_many_references",
    "note_unseen",
    "preflight",
    "prepare_reference",
    "require_format",
    "vcu_from_tensors",
    "vcu_to_tensors",
    "visible_frames",
    "with_range_notes",
]
