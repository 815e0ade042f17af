"""Masks of a subject: found in one frame, and followed through the clip.

Hints or a network say where the subject is; `grab_cut` finds its outline, `track` carries it on by motion.
It imports `protocol`, `optional`, `flow`, and the masks and boxes of the core.
"""

from .hints import masks_of, parse_frames
from .masks import Hints, Salient, grab_cut, subject_notes
from .person import SELFIE_FILE, PersonMask
from .track import ByFlow, ByPoints, Follower, MaskTrack, track_notes
from .u2net import U2Net

__all__ = [
    "SELFIE_FILE",
    "ByFlow",
    "ByPoints",
    "Follower",
    "Hints",
    "MaskTrack",
    "PersonMask",
    "Salient",
    "U2Net",
    "grab_cut",
    "masks_of",
    "parse_frames",
    "subject_notes",
    "track_notes",
]
