"""What is sampled beyond what the model was trained with, told once: as a context is applied, or as sampling begins."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ....vace_core.conditioning import VaceContext
from ....vace_core.notes import collect_notes, tell_again
from ....vace_core.strength import note_strengths
from ....vace_core.vcu import ARCHITECTURES, note_area, note_length, note_many_references
from ....vace_core.video import num_pixel_frames
from ..types import ModelPatcher
from .vace_model import strength_fields

# The host's key of context windows in a model's options.
CONTEXT_HANDLER = "context_handler"
# What to do about frames, and when a strength does no harm, as long as nobody says which model will sample.
ANY_MODEL = "use VACE Sample Long Video, or context windows if the model has none"
UNLESS_SHAPED = "unless VACE Set Strength shapes it"


@dataclass(frozen=True)
class SampledVideo:
    """What is sampled at once.

    Attributes:
        num_frames: Frames, references not counted.
        height: Their rows.
        width: Their columns.
        references: Reference pictures.
        strengths: Context scale of each VCU.
    """

    num_frames: int
    height: int
    width: int
    references: int
    strengths: Sequence[float]


def tell_untrained(video: SampledVideo, model: ModelPatcher | None, told: Collection[str] = (), *remedy: str) -> None:
    """Tell of length, area, references and strengths far from what the model was trained with.

    Args:
        video: What is sampled.
        model: Its MODEL; of an area nothing is told without one.
        told: Codes of what was told before.
        remedy: What to do about the frames where that is another than `note_length` says.
    """
    with collect_notes() as notes:
        if model is None:
            note_length(video.num_frames, *(remedy or (ANY_MODEL,)))
        else:
            _note_size(model, video, *remedy)
        note_many_references(video.references)
        if model is None:
            note_strengths(video.strengths, UNLESS_SHAPED)
        elif not _is_shaped(model):
            note_strengths(video.strengths)
    tell_again(note for note in notes if note.code not in told)


def tell_of_context(context: VaceContext, strength: float, model: ModelPatcher | None) -> VaceContext:
    """`tell_untrained` of one VCU, for whatever sampler follows.

    Args:
        context: The VCU, encoded.
        strength: Its context scale.
        model: The MODEL that will sample; None if that is not known yet.

    Returns:
        The context with the codes of what was told, so that VACE Sample Context does not tell it again.
    """
    frames = num_pixel_frames(context.video_length)
    with collect_notes() as notes:
        tell_untrained(SampledVideo(frames, *context.size, context.num_references, [strength]), model, context.told)
    tell_again(notes)
    return replace(context, told=(*context.told, *(note.code for note in notes)))


def model_size(model: ModelPatcher) -> str | None:
    """Which of the published Wan2.1 sizes a MODEL has, a name in `ARCHITECTURES`; None if it has another."""
    width = getattr(model.get_model_object("diffusion_model"), "dim", None)
    return next((name for name, size in ARCHITECTURES.items() if size.dim == width), None)


def _is_shaped(model: ModelPatcher) -> bool:
    """Whether some strength field multiplies strengths; context windows alone put empty fields on a merged model."""
    fields = strength_fields(model.model_options.get("transformer_options", {}))
    return fields is not None and bool(fields.by_vcu)


def _note_size(model: ModelPatcher, video: SampledVideo, *remedy: str) -> None:
    """Frames and area; in context windows the model is given no more frames at once than a window has."""
    handler = model.model_options.get(CONTEXT_HANDLER)
    if handler is None:
        note_length(video.num_frames, *remedy)
    else:
        window = num_pixel_frames(handler.context_length)
        note_length(min(video.num_frames, window), "make the context windows shorter")
    size = model_size(model)
    note_area(video.height, video.width, [] if size is None else [size])
