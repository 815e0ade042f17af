"""What leaves the range that the model was trained with, told once for all segments."""

from collections.abc import Sequence

from ....vace_core.long import Segment
from ....vace_core.notes import collect_notes, tell_again
from ....vace_core.sampling import note_guidance
from ....vace_core.vcu import RANGE_CODES, note_many_references
from ....vace_core.video import TRAINED_LENGTH
from ..models import note_context_scales, note_size
from .job import LongJob


def tell_source(job: LongJob) -> None:
    """Tell again what was repaired on the way to the video, but not what its own node has said of its range."""
    tell_again(note for note in job.source.notes if note.code not in RANGE_CODES)


def tell_untrained_segments(job: LongJob, segments: Sequence[Segment]) -> None:
    """Tell of segment length, area, references, strength and guidance far from what the model was trained with.

    Args:
        job: What is asked for.
        segments: In their order.
    """
    source, model, told = job.source, job.models["model"], {note.code for note in job.source.notes}
    longest = max(segment.stop - segment.start for segment in segments)
    with collect_notes() as notes:
        note_size(model, longest, source.height, source.width, f"set segment_length to {TRAINED_LENGTH}")
        note_many_references(len(source.references) + (job.anchor and len(segments) > 1))
        note_context_scales(model, [job.strength])
        note_guidance(job.settings, job.settings.cfg, all_steps=True)
    tell_again(note for note in notes if note.code not in told)
