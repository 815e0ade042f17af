"""A long video segment by segment: planned, made one after the other, kept on disk.

`planner` says which segments there are, `generator` makes the frames of one, `store` keeps and finds them again.
"""

import gc
import time
from collections.abc import Callable, Sequence

from ....vace_core.long import Segment, segment_seed
from ....vace_core.notes import Note, tell, tell_again
from ....vace_core.sampling import note_guidance
from ....vace_core.vcu import RANGE_CODES
from ....vace_core.video import TRAINED_LENGTH
from ..conditioning import require_wan_vae
from ..models import SampledVideo, require_vace_models, tell_untrained
from .generator import SegmentGenerator
from .job import LongJob
from .planner import plan_long_video
from .store import FOLDER, SegmentStore, open_store
from .stored_video import StoredVideo


def sample_long(job: LongJob, announce: Callable[[Note], None]) -> StoredVideo:
    """Make every segment that is not there yet.

    Args:
        job: What and how.
        announce: Receives a note as each segment begins.

    Returns:
        The video. Each repair, what leaves the trained range, and each segment is told.

    Raises:
        VaceInputError: If an input cannot be used, a run was begun with others, a segment drifted too far, or the disk
            is full. Finished segments are kept.
    """
    require_vace_models(job.models["model"], job.models.get("low_noise_model"), job.boundary)
    require_wan_vae(job.vae)
    # What was repaired on the way to the video, but not what its own node has said of its range.
    tell_again(note for note in job.source.notes if note.code not in RANGE_CODES)
    plan = plan_long_video(job)
    _tell_untrained_segments(job, plan.segments)
    tell("run", f"Run {plan.run}, in output/{FOLDER}.")
    with open_store(plan, job.source) as store:
        generator = SegmentGenerator(job)
        for segment in plan.segments:
            if store.is_due(segment.index):
                announce(_begin_note(segment, len(plan.segments)))
                _make_segment(segment, store, generator)
                gc.collect()  # the host's sampling leaves cycles that hold tensors; memory stays that of one segment
        store.tell_segments()
    return StoredVideo(run=store.run, fps=job.source.fps, audio=job.source.audio)


def _tell_untrained_segments(job: LongJob, segments: Sequence[Segment]) -> None:
    """What leaves the range that the model was trained with, once for all segments."""
    source, told = job.source, {note.code for note in job.source.notes}
    longest = max(segment.stop - segment.start for segment in segments)
    references = len(source.references) + (job.anchor and len(segments) > 1)
    video = SampledVideo(longest, source.height, source.width, references, [job.strength])
    tell_untrained(video, job.models["model"], told, f"set segment_length to {TRAINED_LENGTH}")
    note_guidance(job.settings, job.settings.cfg, all_steps=True)


def _make_segment(segment: Segment, store: SegmentStore, generator: SegmentGenerator) -> None:
    """Read what a segment keeps of its neighbours, make it, and store it."""
    begun, index, plan, job = time.monotonic(), segment.index, store.plan, generator.job
    seed = segment_seed(job.seed, index, plan.redo, store.seed_made_with(index))
    anchor = store.read_first_frame() if job.anchor and index else None
    made = generator.make(segment, plan.prompts[index], seed, store.read_neighbours(segment), anchor)
    store.write(segment, made, time.monotonic() - begun)


def _begin_note(segment: Segment, count: int) -> Note:
    text = f"Segment {segment.index + 1} of {count}: frames {segment.start} to {segment.stop - 1}."
    return Note("segment-begins", text)
