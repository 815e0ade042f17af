"""The plan of a long video, before anything is sampled: its segments, their prompts, and the run they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass

from ....vace_core.long import (
    Segment,
    combined,
    fingerprint,
    parse_redo,
    plan_segments,
    plan_sentence,
    segment_prompts,
)
from ....vace_core.notes import tell
from ..conditioning import latent_space
from ..models import model_identity
from .job import LongJob

NAME_DIGITS = 12


@dataclass(frozen=True)
class LongPlan:
    """What is to be made.

    Attributes:
        segments: In their order.
        prompts: One for each.
        redo: Finished segments to make again, and the seed of each; None for another than it had.
        inputs: What decides about every frame, by the names of the sockets, so that a run is not mixed of two.
        run: Name of the run's folder.
    """

    segments: tuple[Segment, ...]
    prompts: tuple[str, ...]
    redo: Mapping[int, int | None]
    inputs: Mapping[str, str]
    run: str


def plan_long_video(job: LongJob) -> LongPlan:
    """Divide a long video, and find the run that it belongs to. The plan is told in words, after what was repaired.

    Args:
        job: What is asked for.

    Raises:
        VaceInputError: If there is no such plan, or prompts or redo do not fit it.
    """
    segments = plan_segments(job.source.num_frames, job.segment_length, job.overlap)
    tell("plan", plan_sentence(segments))
    redo, prompts = parse_redo(job.redo, len(segments)), segment_prompts(job.prompts, len(segments))
    inputs = _deciding_inputs(job)
    run = job.run.strip() or _name_run([*inputs.values(), plan_sentence(segments), *prompts])
    return LongPlan(segments, prompts, redo, inputs, run)


def _deciding_inputs(job: LongJob) -> dict[str, str]:
    """What decides about every frame; models and pictures as hashes."""
    space = latent_space(job.vae)
    plain = ("negative_prompt", "settings", "boundary", "strength", "anchor", "match_colour", "keep_pixels", "seed")
    return {
        **{name: model_identity(model) for name, model in job.models.items()},
        "clip": model_identity(job.clip.patcher),
        "vae": "" if space is None else fingerprint(space),
        "vcu": job.source.fingerprint(),
        **{name: str(getattr(job, name)) for name in plain},
    }


def _name_run(inputs: list[str]) -> str:
    """A name for a run that has none: the same for the same inputs, so that they find it again."""
    return f"run_{combined(inputs)[:NAME_DIGITS]}"
