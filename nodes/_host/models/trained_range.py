"""What a MODEL was not trained with, told as its sampling begins."""

from collections.abc import Sequence

from ....vace_core.strength import note_strengths
from ....vace_core.vcu import ARCHITECTURES, note_area, note_length
from ....vace_core.video import num_pixel_frames
from ..types import ModelPatcher
from .vace_model import strength_fields

# The host's key of context windows in a model's options.
CONTEXT_HANDLER = "context_handler"


def note_size(model: ModelPatcher, num_frames: int, height: int, width: int, *remedy: str) -> None:
    """Tell of more frames at once, and of a far larger area, than a MODEL of this size was trained with.

    Args:
        model: The MODEL; in context windows it is given no more frames at once than a window has.
        num_frames: Frames to sample.
        height: Their rows.
        width: Their columns.
        remedy: What to do about the frames where that is another than `note_length` says.
    """
    handler = model.model_options.get(CONTEXT_HANDLER)
    if handler is None:
        note_length(num_frames, *remedy)
    else:
        note_length(min(num_frames, num_pixel_frames(handler.context_length)), "make the context windows shorter")
    size = model_size(model)
    note_area(height, width, [] if size is None else [size])


def model_size(model: ModelPatcher) -> str | None:
    """Which of the published Wan2.1 sizes a MODEL has, a name in `ARCHITECTURES`; None if it has another."""
    width = getattr(model.get_model_object("diffusion_model"), "dim", None)
    return next((name for name, size in ARCHITECTURES.items() if size.dim == width), None)


def note_context_scales(model: ModelPatcher, strengths: Sequence[float]) -> None:
    """Tell of VCUs' strengths far from 1, unless the MODEL has strength fields, which multiply them.

    Args:
        model: The MODEL.
        strengths: Context scale of each VCU.
    """
    if strength_fields(model.model_options.get("transformer_options", {})) is None:
        note_strengths(strengths)
