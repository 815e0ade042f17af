"""A long video segment by segment: planned, made one after the other, kept on disk.

`planner` says which segments there are, `generator` makes the frames of one, `store` keeps and finds them again.
"""

import gc
import time
from collections.abc import Callable

from ....vace_core.long import Segment, segment_seed
from ....vace_core.notes import Note, tell
from ..conditioning import require_wan_vae
from ..models import require_vace_models
from .generator import SegmentGenerator
from .job import LongJob
from .planner import plan_long_video
from .store import FOLDER, SegmentStore, open_store
from .stored_video import StoredVideo
from .trained_range import tell_source, tell_untrained_segments


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
    tell_source(job)
    plan = plan_long_video(job)
    tell_untrained_segments(job, plan.segments)
    tell("run", f"Run {plan.run}, in output/{FOLDER}.")
    with open_store(plan, job.source) as store:
        generator = SegmentGenerator(job)
        for segment in plan.segments:
            if store.is_due(segment.index):
                announce(_begin_note(segment, len(plan.segments)))
                _make_segment(segment, store, generator)
                gc.collect()  # the host's sampling leaves cycles that hold tensors; memory stays that of one segment
        store.tell_segments()
    return StoredVideo(store.run, job.source.fps, job.source.audio)


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
