"""Context windows over a long video: their size in latent frames, and which references a window sees.

A window is a run of latent frames that the model denoises at once; neighbours overlap and are blended. References stand
in front of the video's latent frames, so here they stand in front of every window. The host's own windows slide over
references and video alike, and only those at the start see a reference.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import VaceInputError
from ..notes import tell
from ..video import TEMPORAL_STRIDE, latent_length, nearest_length, num_pixel_frames, padded_length

_PLACE = r"(?:\d{1,9}(?:\.\d+)?|\.\d+)"
_ENTRY = re.compile(
    r"(?P<number>\d{1,9})\s*:\s*(?:(?P<word>all|none)|"
    rf"(?P<start>{_PLACE})\s*(?P<start_sign>%?)\s*-\s*(?P<end>{_PLACE})\s*(?P<end_sign>%?))",
    re.IGNORECASE,
)
EXAMPLE = "'1: all, 2: 50%-100%', frames such as '2: 40-80', or '2: none'"
# Shares of a length are rounded to whole latent frames after this, so that 1/3 of 21 is 7.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Span:
    """A stretch of the video.

    Attributes:
        start: A frame from 0, or a share in [0, 1].
        end: Likewise; a frame is the last one of the span.
        share: Whether both are shares of the video's length.
    """

    start: float
    end: float
    share: bool

    def latent_frames(self, t: int) -> range:
        """The latent frames of t that hold any of it; empty when it begins behind the video."""
        if self.share:
            first, stop = math.floor(self.start * t + ROUNDING), math.ceil(self.end * t - ROUNDING)
            first = min(first, t - 1)
            return range(first, max(stop, first + 1))
        first, last = (-(-int(frame) // TEMPORAL_STRIDE) for frame in (self.start, self.end))
        return range(first, min(last + 1, t))


@dataclass(frozen=True)
class ReferencePlan:
    """Which references a window sees.

    Attributes:
        spans: The spans of each reference that the user named, by its number from 1; an empty tuple hides it. A
            reference that is not named is seen throughout.
    """

    spans: tuple[tuple[int, tuple[Span, ...]], ...] = ()

    def seen(self, references: int, t: int, window: Iterable[int]) -> list[int]:
        """Indices, from 0, of the references that a window sees.

        Args:
            references: R.
            t: Latent frames of the video.
            window: The window's latent frames, counted without the references.
        """
        spans, frames = dict(self.spans), set(window)
        return [
            index
            for index in range(references)
            if index + 1 not in spans or any(frames & set(span.latent_frames(t)) for span in spans[index + 1])
        ]

    @property
    def hides(self) -> bool:
        """Whether a reference is seen by no window at all."""
        return any(not spans for _, spans in self.spans)

    def require_fit(self, references: int, t: int) -> None:
        """Check the plan against what is sampled.

        Raises:
            VaceInputError: If it names a reference that does not exist, or a span behind the video's end.
        """
        for number, spans in self.spans:
            if number > references:
                there = f"there are {references}" if references else "there is none"
                raise VaceInputError(
                    f"references_per_window names reference {number}, but {there}. They are numbered from 1, in the "
                    f"order in which VACE Build VCU takes them."
                )
            for span in spans:
                if not span.latent_frames(t):
                    raise VaceInputError(
                        f"references_per_window gives reference {number} the frames {span.start:g}-{span.end:g}, but "
                        f"the video has {num_pixel_frames(t)}. Frames count from 0; or write per cent."
                    )


def parse_plan(name: str, text: str) -> ReferencePlan:
    """Which references a window sees, from what a user typed.

    Args:
        name: The socket's name.
        text: ``number: span``, apart by commas or lines; a span is ``all``, ``none``, per cent (``50%-100%`` or
            ``0-50%``) or frames from 0, the last one included (``0-40``). A number may come several times. Empty is
            all for all.

    Raises:
        VaceInputError: If an entry is none of these, or contradicts another.
    """
    spans: dict[int, list[Span]] = {}
    hidden: set[int] = set()
    for word in re.split(r"[,;\n]+", text):
        if not word.strip():
            continue
        number, span = _parse(name, word.strip())
        spans.setdefault(number, []).extend([span] if span else [])
        hidden.update([] if span else [number])
    for number in hidden:
        if spans[number]:
            raise VaceInputError(f"{name} hides reference {number} with 'none' and shows it as well. Keep one of them.")
    return ReferencePlan(tuple((number, tuple(each)) for number, each in sorted(spans.items())))


def _parse(name: str, word: str) -> tuple[int, Span | None]:
    match = _ENTRY.fullmatch(word)
    if not match:
        raise VaceInputError(f"{name}: '{word}' is no reference with a span. Write {EXAMPLE}.")
    number = int(match["number"])
    if number < 1:
        raise VaceInputError(f"{name}: '{word}' names reference 0; references are numbered from 1.")
    if match["word"]:
        return number, Span(0.0, 1.0, share=True) if match["word"].lower() == "all" else None
    return number, _span(name, word, match)


def _span(name: str, word: str, match: re.Match) -> Span:
    start, end = float(match["start"]), float(match["end"])
    share = bool(match["end_sign"])
    if match["start_sign"] and not share:
        raise VaceInputError(f"{name}: '{word}' mixes per cent and frames. Write 50%-100%, or 40-80 for frames.")
    if not share and not (start.is_integer() and end.is_integer()):
        raise VaceInputError(f"{name}: '{word}' has a part of a frame. Frames are whole numbers from 0.")
    if end < start:
        raise VaceInputError(f"{name}: '{word}' ends before it starts.")
    if share and end > 100:
        raise VaceInputError(f"{name}: '{word}' goes beyond 100 %, the end of the video.")
    return Span(start / 100, end / 100, share) if share else Span(start, end, share)


def window_size(length: int, overlap: int) -> tuple[int, int]:
    """Size of a window and of the overlap, in latent frames.

    Args:
        length: Frames in a window.
        overlap: Frames that neighbours share.

    Raises:
        VaceInputError: If a window holds nothing, or nothing but overlap.
    """
    if length < 1:
        raise VaceInputError(f"length is {length}; a window must hold at least 1 frame. The model was trained on 81.")
    whole, shared = padded_length(length), overlap // TEMPORAL_STRIDE * TEMPORAL_STRIDE
    if not 0 <= overlap < length:
        raise VaceInputError(
            f"overlap is {overlap} but a window holds {length} frames; windows must move on. "
            f"Set overlap between 0 and {nearest_length(length) - 1}, such as a third of length."
        )
    if whole != length:
        tell("window-length", f"Windows hold {whole} frames, not {length}: the model works in 4n + 1.")
    if shared != overlap:
        tell(
            "window-overlap",
            f"Windows overlap by {shared} frames, not {overlap}: they move in steps of {TEMPORAL_STRIDE}.",
        )
    return latent_length(whole), shared // TEMPORAL_STRIDE


@dataclass(frozen=True)
class WindowSettings:
    """How a long video is cut into windows, in latent frames.

    Attributes:
        length: Of a window, references not counted.
        overlap: That neighbours share, less than ``length``.
        schedule: The host's name of the order of windows.
        fuse_method: The host's name of the blending.
        closed_loop: Whether the last frames meet the first ones, in the looped schedule.
        freenoise: Whether windows start from shuffled copies of the first one's noise.
        split_prompts: Whether combined prompts take turns, one for each part of the video.
        plan: Which references a window sees.
        references: R where the user says it; None reads it from the conditioning.
    """

    length: int
    overlap: int
    schedule: str
    fuse_method: str
    closed_loop: bool = False
    freenoise: bool = True
    split_prompts: bool = False
    plan: ReferencePlan = ReferencePlan()
    references: int | None = None


def resolve_settings(settings: WindowSettings, looped: str, batched: str) -> WindowSettings:
    """The settings without what the schedule has no use for.

    Args:
        settings: As the user chose.
        looped: The host's name of the schedule that may be closed.
        batched: The host's name of the schedule without overlap.
    """
    if settings.closed_loop and settings.schedule != looped:
        tell("setting-unused", f"closed_loop has no effect: it is for schedule {looped}.")
    if settings.schedule != batched or not settings.overlap:
        return settings
    tell("setting-unused", f"overlap has no effect: schedule {batched} cuts the video without overlap.")
    return replace(settings, overlap=0)


def count_references(ours: Sequence[int], foreign: bool, given: int | None, length: int) -> int:
    """R, the latent frames in front of the video.

    Args:
        ours: The counts that the VCUs in the conditioning carry.
        foreign: Whether there is a VCU without a count, from a node of another pack.
        given: What the user says; None for what the conditioning says.
        length: R + t.

    Raises:
        VaceInputError: If nobody knows, if both say different things, or if no video is left.
    """
    if given is None and foreign:
        raise VaceInputError(
            "references is -1, but the conditioning holds a VCU that does not say how many references it has, as "
            "those of WanVaceToVideo. Connect that node's trim_latent to references, or set 0 without a reference."
        )
    said = max(ours, default=0)
    if given is not None and ours and given != said:
        raise VaceInputError(f"references is {given} but the conditioning has {said}. Set it to -1.")
    count = said if given is None else given
    if count >= length:
        raise VaceInputError(
            f"references is {count} but the latent that is sampled has {length} latent frames, so no video would be "
            f"left. Sample the latent that VACE Apply Context gives, or set references right."
        )
    return count
