"""How strongly a context acts: over steps, blocks, frames, area and references.

A curve is typed, listed or drawn in `curves`; a `field` combines curves and is asked for its value at a noise level.
It imports `video`.

A factor of 0 is a number and not a tensor of zeros, so that the work it stands for is not done at all.
"""

from .curves import chosen_curve
from .field import (
    ALL_VCUS,
    StrengthField,
    StrengthFields,
    applies_to,
    num_active_blocks,
    parse_blocks,
    parse_vcus,
    require_vcu,
    share_of_schedule,
)
from .trained_range import note_strengths

__all__ = [
    "ALL_VCUS",
    "StrengthField",
    "StrengthFields",
    "applies_to",
    "chosen_curve",
    "note_strengths",
    "num_active_blocks",
    "parse_blocks",
    "parse_vcus",
    "require_vcu",
    "share_of_schedule",
]
