"""The frames of one segment of a long video: sampled, brought back to the original's colours, and pasted over."""

from dataclasses import dataclass, replace

from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.exact import paste_back
from ....vace_core.long import Segment, apply_colour_map, fit_colour_map, known_weight, segment_vcu
from ....vace_core.notes import collect_notes
from ....vace_core.vcu import Reference, Vcu
from ....vace_core.video import MID_GREY
from ..sampling import DirectSteps, encode_prompts_once, sample_vcu
from .job import LongJob

STEPS = 255  # colour changes are told in steps of an 8-bit picture


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Frames that the segments around one have made, in [0, 1], which it keeps.

    Attributes:
        head: [overlap, H, W, 3], the last of the segment before; None for the first segment.
        tail: [overlap, H, W, 3], the first of the segment after; None unless that one is there and stays.
    """

    head: Tensor | None = None
    tail: Tensor | None = None


@dataclass(frozen=True, eq=False)
class MadeSegment:
    """A segment before it is stored.

    Attributes:
        frames: [T, H, W, 3], in [0, 1].
        seed: What it was made with.
        drift: How far its colours had moved from those that are known, in steps of 1/255; None where none is known.
        left: The same after they were brought back.
    """

    frames: Tensor
    seed: int
    drift: float | None
    left: float | None


class SegmentGenerator:
    """Makes one segment after the other; a text that several share is encoded once."""

    def __init__(self, job: LongJob) -> None:
        self.job = job
        self._encode_prompt = encode_prompts_once(job.clip)

    def make(
        self, segment: Segment, prompt: str, seed: int, neighbours: Neighbours, anchor: Tensor | None = None
    ) -> MadeSegment:
        """Sample, colour and paste one segment.

        Args:
            segment: Which one.
            prompt: What is to be seen.
            seed: Of its noise.
            neighbours: What it keeps of the segments around it.
            anchor: [H, W, 3] in [0, 1], a picture to look at as a further reference.

        Raises:
            VaceInputError: If its colours moved too far.
        """
        source = self.job.source.segment(segment.start, segment.stop)
        vcu = segment_vcu(source, neighbours.head, neighbours.tail)
        frames = self.sample(_with_anchor(vcu, anchor), prompt, seed)
        frames, drift, left = self._match_colour(frames, vcu, source, segment)
        if self.job.keep_pixels and (source.mask <= MID_GREY).any():
            with collect_notes():  # what holds of every segment is not told for each
                frames, _ = paste_back(frames, source)
        return MadeSegment(frames, seed, drift, left)

    def sample(self, vcu: Vcu, prompt: str, seed: int) -> Tensor:
        """Decoded frames [T, H, W, 3] of a VCU, by the steps of VACE Sample VCU."""
        job = self.job
        steps = DirectSteps(
            vcu, seed, job.models, self._encode_prompt, job.vae, job.settings, job.boundary, job.strength
        )
        _, frames = sample_vcu(steps, prompt, job.negative_prompt)
        return frames

    def _match_colour(
        self, frames: Tensor, vcu: Vcu, source: Vcu, segment: Segment
    ) -> tuple[Tensor, float | None, float | None]:
        """The frames in the original's colours, how far they had moved, and what is left of that."""
        weight = known_weight(vcu, source)
        if not (weight > 0).any():
            return frames, None, None
        found = fit_colour_map(frames, vcu.frames, weight)
        drift = STEPS * found.drift
        self._require_small_drift(drift, segment)
        if not self.job.match_colour:
            return frames, drift, STEPS * found.before
        return apply_colour_map(frames, found), drift, STEPS * found.after

    def _require_small_drift(self, drift: float, segment: Segment) -> None:
        number, limit = segment.index + 1, self.job.drift_limit
        if limit and drift > limit:
            raise VaceInputError(
                f"Segment {number} changed its colours by {drift:.1f} of 255, more than drift_limit {limit:g}, and is "
                f"not kept; the segments before it are. Put {number}: and another seed into redo, or raise drift_limit."
            )


def _with_anchor(vcu: Vcu, anchor: Tensor | None) -> Vcu:
    return vcu if anchor is None else replace(vcu, references=(*vcu.references, Reference(anchor)))
