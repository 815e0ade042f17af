"""A long video in segments: where each begins, what it keeps of its neighbours, and its prompt and seed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from torch import Tensor

from ..errors import VaceInputError, require_shape
from ..masks import binarize
from ..notes import tell
from ..vcu import EMPTY, EXTENSION, Vcu
from ..video import MID_GREY, TEMPORAL_STRIDE, nearest_length, padded_length

MIN_LENGTH = 5
MAX_SEED = 2**64 - 1
# Seeds of segments made again without a seed of their own lie beyond those of any first run.
REDO_STEP = 1_000_003
# What an earlier segment's frames count beside the source's, which are the original.
NEIGHBOUR_WEIGHT = 0.25
_DASHES = re.compile(r"^[ \t]*-{3,}[ \t]*\r?$", re.MULTILINE)
_REDO = re.compile(r"\s*(\d{1,9})\s*(?::\s*(\d{1,20})\s*)?", re.ASCII)


@dataclass(frozen=True)
class Segment:
    """A stretch of a long video that is generated in one go.

    Attributes:
        index: Its place in the order, from 0.
        start: Its first frame, a multiple of 4.
        stop: The frame after its last.
        overlap: Its first frames that the segment before has made already; 0 for the first, else 4n + 1.
    """

    index: int
    start: int
    stop: int
    overlap: int

    @property
    def num_frames(self) -> int:
        """Frames in it, its overlap included."""
        return self.stop - self.start


def plan_segments(num_frames: int, length: int, overlap: int) -> tuple[Segment, ...]:
    """The fewest segments that make a video, as equal in length as whole latent frames allow.

    Every segment begins on a latent frame and keeps whole ones of the segment before. A short rest at the end is
    avoided by making all segments a little shorter, rather than by moving the last one back: that costs less, every
    segment adds about as much (so prompts share the time evenly), and the overlap is the same everywhere. Only the
    last segment can be of another length than 4n + 1, when the video is; it is then encoded with its last frame
    held, like any VCU.

    Args:
        num_frames: T, frames of the whole video, any count above 0.
        length: Most frames of a segment, the overlap included; cut to 4n + 1.
        overlap: Frames that a segment keeps of the one before; brought to the nearest 4n + 1.

    Returns:
        The segments in order. Together they hold every frame of ``range(num_frames)``.

    Raises:
        VaceInputError: If there is no frame, a segment is too short, or the overlap leaves it nothing to generate.
    """
    if num_frames < 1:
        raise VaceInputError(f"The video has {num_frames} frames, it must have at least 1. Set length to 1 or more.")
    most, shared = _steps(length, overlap)
    total = (padded_length(num_frames) - 1) // TEMPORAL_STRIDE
    if total <= most:
        return (Segment(0, 0, num_frames, 0),)
    fresh = total - shared  # steps of four frames to add, after those that the first segment shares with nobody
    count = -(-fresh // (most - shared))
    segments, start = [], 0
    for index in range(count):
        stop = start + shared + fresh // count + (index < fresh % count)
        kept = shared * TEMPORAL_STRIDE + 1 if index else 0
        segments.append(Segment(index, start * TEMPORAL_STRIDE, min(stop * TEMPORAL_STRIDE + 1, num_frames), kept))
        start = stop - shared
    return tuple(segments)


def _steps(length: int, overlap: int) -> tuple[int, int]:
    """Length and overlap, in steps of four frames beyond the first."""
    if length < MIN_LENGTH:
        raise VaceInputError(
            f"segment_length is {length}, it must be at least {MIN_LENGTH}. 81 is what the model was trained with."
        )
    if overlap < 1:
        raise VaceInputError(
            f"overlap is {overlap}: a segment would know nothing of the one before. Set it to 1 or more; 17 is usual."
        )
    if overlap >= length:
        raise VaceInputError(
            f"overlap is {overlap} but segment_length is {length}: a segment would generate nothing new. "
            f"Set overlap to at most {length // 2}, or make segment_length larger."
        )
    legal = nearest_length(length)
    if legal != length:
        tell("segment-length", f"segment_length is {length}; {legal} is used (the model needs 4n + 1).")
    most = legal // TEMPORAL_STRIDE
    shared = min((overlap + 1) // TEMPORAL_STRIDE, most - 1)
    if shared * TEMPORAL_STRIDE + 1 != overlap:
        tell(
            "segment-overlap",
            f"overlap is {overlap}; {shared * TEMPORAL_STRIDE + 1} is used (whole latent frames are 4n + 1).",
        )
    return most, shared


def plan_sentence(plan: Sequence[Segment]) -> str:
    """A plan in words."""
    frames = f"{plan[-1].stop} frames"
    if len(plan) == 1:
        return f"{frames} fit into one segment."
    lengths = [segment.num_frames for segment in plan]
    span = f"{min(lengths)} to {max(lengths)}" if min(lengths) < max(lengths) else str(lengths[0])
    return f"{frames} in {len(plan)} segments of {span} frames; each keeps {plan[1].overlap} of the one before."


def segment_prompts(text: str, count: int) -> tuple[str, ...]:
    """One prompt for each segment.

    Args:
        text: Prompts with a line of three dashes between them; the last one goes on to the end.
        count: Segments.

    Raises:
        VaceInputError: If there are more prompts than segments, or one is empty among several.
    """
    prompts = [part.strip() for part in _DASHES.split(text)]
    if len(prompts) > count:
        raise VaceInputError(
            f"prompts holds {len(prompts)} prompts but the video has {count} segment{'s' * (count > 1)}. Remove "
            f"{len(prompts) - count}, or make segment_length shorter."
        )
    if "" in prompts:
        place = f"prompt {prompts.index('') + 1} of {len(prompts)} is empty" if len(prompts) > 1 else "it is empty"
        raise VaceInputError(
            f"prompts: {place}. Write what is to be seen, or remove the line of dashes: the prompt before then goes on."
        )
    return (*prompts, *prompts[-1:] * (count - len(prompts)))


def parse_redo(text: str, count: int) -> dict[int, int | None]:
    """Which finished segments to make again.

    Args:
        text: Numbers of segments, from 1, each with a seed of its own if wanted: ``3, 5:77``. Empty for none.
        count: Segments.

    Returns:
        `Segment.index` and its seed, None where none is given.

    Raises:
        VaceInputError: If it is written otherwise, there is no such segment, or one is named twice.
    """
    redo: dict[int, int | None] = {}
    for part in re.split(r"[,;\n]", text):
        if not part.strip():
            continue
        match = _REDO.fullmatch(part)
        if not match:
            raise VaceInputError(
                f"redo holds {part.strip()!r}. Write numbers of segments, each with a seed if you like: 3, 5:77."
            )
        number, seed = int(match[1]), None if match[2] is None else int(match[2])
        if not 1 <= number <= count:
            raise VaceInputError(f"redo names segment {number}, the video has {count}. Use numbers from 1 to {count}.")
        if number - 1 in redo:
            raise VaceInputError(f"redo names segment {number} twice. Leave one of them.")
        if seed is not None and seed > MAX_SEED:
            raise VaceInputError(f"redo gives segment {number} the seed {seed}, it must be at most {MAX_SEED}.")
        redo[number - 1] = seed
    return redo


def needs_redo(redo: Mapping[int, int | None], index: int, made_with: int | None) -> bool:
    """Whether a finished segment is to be made again; one that has the seed asked for already is not.

    Args:
        redo: What `parse_redo` gave.
        index: The segment's.
        made_with: The seed it was made with.
    """
    return index in redo and (redo[index] is None or redo[index] != made_with)


def segment_seed(seed: int, index: int, redo: Mapping[int, int | None], made_with: int | None = None) -> int:
    """The seed of a segment: the run's plus its place, unless it is made again.

    Args:
        seed: The run's.
        index: The segment's.
        redo: What `parse_redo` gave.
        made_with: The seed that a finished segment was made with; made again without a seed of its own it gets
            another one, as the same would give the same frames.
    """
    given = redo.get(index)
    if given is not None:
        return given
    if index in redo and made_with is not None:
        return (made_with + REDO_STEP) & MAX_SEED
    return (seed + index) & MAX_SEED


def segment_vcu(source: Vcu, head: Tensor | None = None, tail: Tensor | None = None) -> Vcu:
    """The VCU of one segment: the source, with frames that its neighbours made kept at its ends.

    Where the source keeps a pixel (mask up to 0.5, as where the model's frames are split) that pixel stays.

    Args:
        source: The source's frames of this segment alone.
        head: [o, H, W, 3], in [0, 1], the last frames of the segment before; None for the first segment.
        tail: [o, H, W, 3], in [0, 1], the first frames of the segment after, when that is finished already.

    Returns:
        ``source`` itself without both, else an extension with everything else as the source has it.

    Raises:
        VaceInputError: If head and tail leave nothing to generate, or are of another size.
    """
    ends = [(name, end) for name, end in (("head", head), ("tail", tail)) if end is not None and len(end)]
    if not ends:
        return source
    for name, end in ends:
        require_shape(name, end, "T H W C", (None, source.height, source.width, 3))
    if sum(len(end) for _, end in ends) >= source.num_frames:
        raise VaceInputError(
            f"A segment of {source.num_frames} frames would keep "
            f"{' and '.join(f'{len(end)} at its {name}' for name, end in ends)}, and generate nothing. Set overlap to "
            f"less than half of segment_length; in a finished run, make the segments after this one again too."
        )
    frames, mask = source.frames.clone(), source.mask.clone()
    for name, end in ends:
        place = slice(0, len(end)) if name == "head" else slice(-len(end), None)
        made = binarize(source.mask[place])[..., None] == 1
        frames[place] = torch.where(made, end.to(frames), frames[place])
        mask[place] = 0
    # An empty source shows the model nothing; as an extension it says so with its control_amount.
    amount = 0.0 if source.kind == EMPTY else source.control_amount
    return replace(source, frames=frames, mask=mask, kind=EXTENSION, control_amount=amount)


def known_weight(vcu: Vcu, source: Vcu) -> Tensor:
    """How far the frames of a segment's VCU are the truth about what its decoded frames should look like.

    Args:
        vcu: What `segment_vcu` made of ``source``.
        source: The source's frames of this segment alone.

    Returns:
        [T, H, W]: 1 where the source is kept, `NEIGHBOUR_WEIGHT` where only a neighbour's frame is, 0 elsewhere.
    """
    neighbour = (vcu.mask <= MID_GREY).to(vcu.mask) * NEIGHBOUR_WEIGHT
    return torch.where(source.mask <= MID_GREY, 1.0, neighbour)


def crossfade(before: Tensor, after: Tensor, overlap: int, first: int = 0) -> Tensor:
    """Frames of one segment passing over into those of the next, by a straight ramp over their overlap.

    In whole numbers, so it is the same on every machine; and what is equal in both, as everything pasted from the
    source is, stays exactly so.

    Args:
        before: [n, H, W, 3] uint8, of the earlier segment.
        after: [n, H, W, 3] uint8, the same frames of the later one.
        overlap: Frames that both segments hold.
        first: Where in the overlap the n frames begin.

    Returns:
        [n, H, W, 3] uint8.
    """
    whole = overlap + 1
    share = torch.arange(first + 1, first + 1 + len(after), device=after.device)  # of ``after``
    share = rearrange(share, "n -> n 1 1 1")
    mixed = before.int() * (whole - share) + after.int() * share
    return ((2 * mixed + whole) // (2 * whole)).to(torch.uint8)
