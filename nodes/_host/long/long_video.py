"""A long video segment by segment: sampled by the host, anchored in colour to the original, kept on disk."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import comfy.model_management
import folder_paths
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.exact import paste_back
from ....vace_core.long import (
    LongVcu,
    Run,
    Segment,
    apply_colour_map,
    combined,
    fingerprint,
    fit_colour_map,
    from_8bit,
    known_weight,
    needs_redo,
    parse_redo,
    plan_segments,
    plan_sentence,
    segment_prompts,
    segment_seed,
    segment_vcu,
    to_8bit,
)
from ....vace_core.sampling import SamplerSettings
from ....vace_core.vcu import Reference, Vcu
from ....vace_core.video import DEFAULT_FPS, MID_GREY
from ..conditioning import apply_context, decode_video, empty_video_latent, encode_vcu, latent_space, require_wan_vae
from ..files import is_below
from ..models import model_identity, require_vace_models
from ..sampling import SamplingInputs, sample_context
from .stored_video import StoredVideo

FOLDER = "vace_runs"
NAME_DIGITS = 12
STEPS = 255  # colour changes are told in steps of an 8-bit picture


@dataclass(frozen=True)
class LongJob:
    """The sockets of VACE Sample Long Video.

    Attributes:
        models: ``model``, and ``low_noise_model`` if there are two experts.
        clip: Text encoder.
        vae: The Wan 2.1 VAE.
        source: What the whole video is made from.
        prompts: One for each segment, a line of dashes between them.
        negative_prompt: What to avoid.
        seed: Of the first segment.
        settings: Steps, guidance, shift, sampler and scheduler.
        boundary: Noise level at which the second expert takes over.
        strength: Context scale.
        segment_length: Most frames of a segment.
        overlap: Frames that a segment keeps of the one before.
        anchor: Whether later segments look at the first frame as a further reference.
        match_colour: Whether each segment is brought back to the original colours.
        drift_limit: Largest colour change accepted, in steps of 1/255; 0 for any.
        keep_pixels: Whether kept pixels of the source are put back exactly.
        run: Name of the folder that finished segments are kept in; empty for one of these inputs' own.
        redo: Segments to make again.
    """

    models: Mapping[str, object]
    clip: object
    vae: object
    source: LongVcu
    prompts: str
    negative_prompt: str
    seed: int
    settings: SamplerSettings
    boundary: float
    strength: float
    segment_length: int
    overlap: int
    anchor: bool
    match_colour: bool
    drift_limit: float
    keep_pixels: bool
    run: str
    redo: str


def sample_long(job: LongJob, tell: Callable[[str], None]) -> tuple[StoredVideo, list[str]]:
    """Make every segment that is not there yet.

    Args:
        job: What and how.
        tell: Receives a sentence as each segment begins.

    Returns:
        The video, and a sentence for each repair and each segment.

    Raises:
        VaceInputError: If an input cannot be used, a run was begun with others, a segment drifted too far, or the disk
            is full. Finished segments are kept.
    """
    require_vace_models(job.models["model"], job.models.get("low_noise_model"), job.boundary)
    require_wan_vae(job.vae)
    notes = list(job.source.notes)
    plan = plan_segments(job.source.num_frames, job.segment_length, job.overlap, notes)
    notes.append(plan_sentence(plan))
    redo, prompts = parse_redo(job.redo, len(plan)), segment_prompts(job.prompts, len(plan))
    own = [{"prompt": prompt} for prompt in prompts]
    size, fps = (job.source.height, job.source.width), job.source.fps or DEFAULT_FPS
    inputs = _inputs(job)
    name = job.run.strip() or _name([*inputs.values(), plan_sentence(plan), *prompts])
    notes.append(f"Run {name}, in output/{FOLDER}.")
    with Run.open(_folder(name), inputs, plan, size, fps, segment_inputs=own, redo=redo) as run:
        maker = _Maker(job, run, redo, prompts)
        for segment in plan:
            if maker.is_due(segment.index):
                tell(f"Segment {segment.index + 1} of {len(plan)}: frames {segment.start} to {segment.stop - 1}.")
                maker.make(segment)
                gc.collect()  # the host's sampling leaves cycles that hold tensors; memory stays that of one segment
        notes += [_sentence(segment, run.info(segment.index)) for segment in plan]
    return StoredVideo(run, job.source.fps, job.source.audio), notes


def _name(inputs: list[str]) -> str:
    """A name for a run that has none: the same for the same inputs, so that they find it again."""
    return f"run_{combined(inputs)[:NAME_DIGITS]}"


def _folder(name: str) -> Path:
    root = Path(folder_paths.get_output_directory()) / FOLDER
    if not is_below(root, name):
        raise VaceInputError(
            f'run is "{name}", it must name a folder inside output/{FOLDER}. Use a name such as my_video, without .. '
            f"and without a drive or leading slash."
        )
    return root / name


def _inputs(job: LongJob) -> dict[str, str]:
    """What decides about every frame, by the names of the sockets."""
    space = latent_space(job.vae)
    named = {name: model_identity(model) for name, model in job.models.items()}
    plain = ("negative_prompt", "settings", "boundary", "strength", "anchor", "match_colour", "keep_pixels", "seed")
    return {
        **named,
        "clip": model_identity(job.clip.patcher),
        "vae": "" if space is None else fingerprint(space),
        "vcu": job.source.fingerprint(),
        **{name: str(getattr(job, name)) for name in plain},
    }


def _sentence(segment: Segment, info: dict) -> str:
    drift = info["drift"]
    colour = (
        "no colour to compare with" if drift is None else f"colour drift {drift:.1f} of 255, left {info['left']:.1f}"
    )
    return (
        f"Segment {segment.index + 1}, frames {segment.start} to {segment.stop - 1}: seed {info['seed']}, {colour}, "
        f"{info['seconds']:.0f} s."
    )


class _Maker:
    """Makes the segments of one run."""

    def __init__(self, job: LongJob, run: Run, redo: Mapping[int, int | None], prompts: tuple[str, ...]) -> None:
        self.job, self.run, self.redo, self.prompts = job, run, redo, prompts
        self._encoded = cache(lambda text: job.clip.encode_from_tokens_scheduled(job.clip.tokenize(text)))

    def is_due(self, index: int) -> bool:
        """Whether a segment is not there yet, or is to be made again."""
        if not self.run.finished(index) or not self.run.up_to_date(index):
            return True
        return needs_redo(self.redo, index, self.run.info(index)["seed"])

    def make(self, segment: Segment) -> None:
        """Sample, anchor and store one segment."""
        begun, index = time.monotonic(), segment.index
        made_with = self.run.info(index)["seed"] if self.run.finished(index) else None
        seed = segment_seed(self.job.seed, index, self.redo, made_with)
        source = self.job.source.segment(segment.start, segment.stop)
        vcu = segment_vcu(source, *self._neighbours(segment))
        frames = self._generate(self._anchored(vcu, index), self.prompts[index], seed)
        frames, drift, left = self._in_colour(frames, vcu, source, index)
        if self.job.keep_pixels and (source.mask <= MID_GREY).any():
            frames = paste_back(frames, source)[0]
        info = {"seed": seed, "drift": drift, "left": left, "seconds": time.monotonic() - begun}
        self.run.write(index, to_8bit("frames", frames), info)

    def _neighbours(self, segment: Segment) -> tuple[Tensor | None, Tensor | None]:
        """The end of the segment before, and the begin of the one after if that stays as it is."""
        plan, index = self.run.plan, segment.index
        head = tail = None
        if index:
            before = plan[index - 1].num_frames
            head = from_8bit(self.run.read(index - 1, before - segment.overlap, before))
        if index + 1 < len(plan) and not self.is_due(index + 1):
            tail = from_8bit(self.run.read(index + 1, 0, plan[index + 1].overlap))
        return head, tail

    def _anchored(self, vcu: Vcu, index: int) -> Vcu:
        if not self.job.anchor or not index:
            return vcu
        first = Reference(from_8bit(self.run.read(0, 0, 1))[0])
        return replace(vcu, references=(*vcu.references, first))

    def _generate(self, vcu: Vcu, prompt: str, seed: int) -> Tensor:
        """Decoded frames [T, H, W, 3]."""
        job = self.job
        context = encode_vcu(job.vae, vcu)
        texts = [self._encoded(text) for text in (prompt, job.negative_prompt)]
        (positive, negative), count = apply_context(texts, context, job.strength)
        latent = empty_video_latent(context, count, 1)
        inputs = SamplingInputs(
            latent,
            seed,
            job.settings,
            positive=positive,
            negative=negative,
            boundary=job.boundary,
            model=job.models["model"],
            low_noise_model=job.models.get("low_noise_model"),
        )
        sampled, _ = sample_context(inputs)
        comfy.model_management.throw_exception_if_processing_interrupted()
        return decode_video(job.vae, sampled, None, None)

    def _in_colour(
        self, frames: Tensor, vcu: Vcu, source: Vcu, index: int
    ) -> tuple[Tensor, float | None, float | None]:
        """The frames in the original's colours, how far they had moved, and what is left of that."""
        weight = known_weight(vcu, source)
        if not (weight > 0).any():
            return frames, None, None
        found = fit_colour_map(frames, vcu.frames, weight)
        drift = STEPS * found.drift
        if self.job.drift_limit and drift > self.job.drift_limit:
            raise VaceInputError(
                f"Segment {index + 1} changed its colours by {drift:.1f} of 255, more than drift_limit "
                f"{self.job.drift_limit:g}, and is not kept; the segments before it are. Put {index + 1}: and another "
                f"seed into redo, or raise drift_limit."
            )
        if not self.job.match_colour:
            return frames, drift, STEPS * found.before
        return apply_colour_map(frames, found), drift, STEPS * found.after
