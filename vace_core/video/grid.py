"""Numbers fixed by Wan2.1 and its VAE: sizes, lengths, the empty pixel; arithmetic between pixel and latent grids."""

from ..errors import VaceInputError

TEMPORAL_STRIDE = 4
SPATIAL_STRIDE = 8
PATCH_SIZE = 2
SIZE_MULTIPLE = SPATIAL_STRIDE * PATCH_SIZE
LATENT_CHANNELS = 16
MASK_CHANNELS = SPATIAL_STRIDE**2
DEFAULT_SIZE = (480, 832)
DEFAULT_LENGTH = 81
DEFAULT_FPS = 16.0
MID_GREY = 0.5  # a pixel that says nothing: 0 in the official code's [-1, 1]


def latent_length(num_frames: int) -> int:
    """Number of latent frames the VAE makes of ``num_frames`` pixel frames.

    The first frame is encoded alone, every further latent frame covers four pixel frames.

    Raises:
        VaceInputError: If ``num_frames`` is not 4n + 1.
    """
    if num_frames < 1 or (num_frames - 1) % TEMPORAL_STRIDE:
        raise VaceInputError(
            f"Frame count must be 4n + 1 (1, 5, 9, ... 81), got {num_frames}. "
            f"Set length to {nearest_length(num_frames)}."
        )
    return (num_frames - 1) // TEMPORAL_STRIDE + 1


def nearest_length(num_frames: int) -> int:
    """The largest 4n + 1 that does not exceed ``num_frames``, at least 1."""
    return max(num_frames - 1, 0) // TEMPORAL_STRIDE * TEMPORAL_STRIDE + 1


def padded_length(num_frames: int) -> int:
    """The smallest 4n + 1 that holds ``num_frames`` frames."""
    return -(-(num_frames - 1) // TEMPORAL_STRIDE) * TEMPORAL_STRIDE + 1


def num_pixel_frames(t: int) -> int:
    """Number of pixel frames the VAE decodes ``t`` latent frames to."""
    return max(t - 1, 0) * TEMPORAL_STRIDE + min(t, 1)


def snap_size(pixels: int) -> int:
    """The multiple of 16 nearest to ``pixels`` (a tie goes up), at least 16."""
    return max((pixels + SIZE_MULTIPLE // 2) // SIZE_MULTIPLE, 1) * SIZE_MULTIPLE


def num_tokens(t: int, height: int, width: int) -> int:
    """Length of the DiT's token sequence for ``t`` latent frames, references included, of a pixel size."""
    return t * (height // SIZE_MULTIPLE) * (width // SIZE_MULTIPLE)
