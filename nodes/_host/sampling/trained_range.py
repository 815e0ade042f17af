"""What leaves the range that the model was trained with, told as sampling begins unless it was told of the VCU."""

from ....vace_core.notes import collect_notes, tell_again
from ....vace_core.sampling import note_guidance
from ....vace_core.vcu import note_many_references
from ....vace_core.video import num_pixel_frames
from ..conditioning import ContextShape
from ..models import note_context_scales, note_size
from .inputs import SamplingInputs


def tell_untrained(inputs: SamplingInputs, shape: ContextShape) -> None:
    """Tell of length, area, references, strength and guidance far from what the model was trained with.

    Args:
        inputs: What is sampled.
        shape: Of its VCUs, with what was told of them.
    """
    width, height = shape.size
    with collect_notes() as notes:
        note_size(inputs.patcher, num_pixel_frames(shape.length - shape.references), height, width)
        note_many_references(shape.references)
        note_context_scales(inputs.patcher, shape.strengths)
        cfg = inputs.settings.cfg if inputs.guider is None else getattr(inputs.guider, "cfg", 1.0)
        note_guidance(inputs.settings, cfg, all_steps=inputs.sigmas is None and inputs.denoise == 1)
    tell_again(note for note in notes if note.code not in shape.told)
