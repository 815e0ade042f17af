"""Videos as numbers: the grid of Wan2.1, sizes, boxes, and what users connect.

Pixels come in through `inputs`, are fitted in space by `fit` and brought to one size and length by `repair`.
Every other concept may use this one; it imports nothing but the errors and notes.
"""

from .boxes import EASINGS, EXAMPLE, Box, BoxTrack, bounding_box, bounding_spans, boxes_at, parse_tracks
from .fit import FITS, Clip, fit_video, hold_last, resize, without_repeats
from .grid import (
    DEFAULT_FPS,
    DEFAULT_LENGTH,
    DEFAULT_SIZE,
    LATENT_CHANNELS,
    MASK_CHANNELS,
    MID_GREY,
    PATCH_SIZE,
    SIZE_MULTIPLE,
    SPATIAL_STRIDE,
    TEMPORAL_STRIDE,
    latent_length,
    nearest_length,
    num_pixel_frames,
    num_tokens,
    padded_length,
    snap_size,
)
from .inputs import OVERSHOOT, legal_frames, legal_mask, refuse_empty_mask
from .repair import (
    ASPECT_TOLERANCE,
    PADDED,
    at_length,
    at_size,
    mask_for_sized,
    matching_mask,
    note_padding,
    sized_parts,
)
from .sizes import BUDGETS, CUSTOM, PICKS, TRAINED_LENGTH, TRAINED_SIZES, fit_clip
from .target import AS_CONNECTED, Target

__all__ = [
    "ASPECT_TOLERANCE",
    "AS_CONNECTED",
    "BUDGETS",
    "CUSTOM",
    "DEFAULT_FPS",
    "DEFAULT_LENGTH",
    "DEFAULT_SIZE",
    "EASINGS",
    "EXAMPLE",
    "FITS",
    "LATENT_CHANNELS",
    "MASK_CHANNELS",
    "MID_GREY",
    "OVERSHOOT",
    "PADDED",
    "PATCH_SIZE",
    "PICKS",
    "SIZE_MULTIPLE",
    "SPATIAL_STRIDE",
    "TEMPORAL_STRIDE",
    "TRAINED_LENGTH",
    "TRAINED_SIZES",
    "Box",
    "BoxTrack",
    "Clip",
    "Target",
    "at_length",
    "at_size",
    "bounding_box",
    "bounding_spans",
    "boxes_at",
    "fit_clip",
    "fit_video",
    "hold_last",
    "latent_length",
    "legal_frames",
    "legal_mask",
    "mask_for_sized",
    "matching_mask",
    "nearest_length",
    "note_padding",
    "num_pixel_frames",
    "num_tokens",
    "padded_length",
    "parse_tracks",
    "refuse_empty_mask",
    "resize",
    "sized_parts",
    "snap_size",
    "without_repeats",
]
