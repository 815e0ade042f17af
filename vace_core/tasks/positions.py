"""Where pictures go in a clip: the user's words, an even spread, and what the mask channels see."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import VaceInputError
from ..vcu import visible_frames
from ..video import DEFAULT_FPS

SNAPS = ("off", "move", "hold")
_SHARE = r"(?:\d{1,9}(?:\.\d+)?|\.\d+)"
_PLACE = re.compile(
    r"(?:(?P<word>first|last)|(?P<frame>-?\d{1,9})|"
    rf"(?P<percent>{_SHARE})%|(?P<seconds>{_SHARE})s)(?:x(?P<hold>\d{{1,9}}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Keyframe:
    """Where a picture goes.

    Attributes:
        name: What the user calls it: its socket, with ``[k]`` in a batch.
        start: Its first frame.
        hold: Frames it stays, at least 1.
    """

    name: str
    start: int
    hold: int = 1

    @property
    def frames(self) -> range:
        """The frames it covers."""
        return range(self.start, self.start + self.hold)

    def meets(self, other: "Keyframe") -> bool:
        """Whether a frame belongs to both."""
        return self.start < other.frames.stop and other.start < self.frames.stop


@dataclass(frozen=True)
class Places:
    """Where pictures go, in a user's words.

    Attributes:
        text: A place for each picture, see `parse_positions`. Empty puts one picture first and spreads several evenly
            from the first frame to the last.
        fps: Frame rate that places in seconds are read with.
        hold: Frames a picture stays where its place does not say.
    """

    text: str = ""
    fps: float = DEFAULT_FPS
    hold: int = 1

    def resolve(self, count: int, length: int) -> list[tuple[int, int]]:
        """``(start, hold)`` of each place; of ``count`` pictures in a clip of ``length`` frames.

        Raises:
            VaceInputError: If a word is no place, or lies outside the clip.
        """
        if self.text.strip():
            return parse_positions(self.text, length, self.fps, self.hold)
        return spread_evenly(count, length, self.hold)


EVENLY = Places()


def parse_positions(text: str, length: int, fps: float, hold: int) -> list[tuple[int, int]]:
    """``(start, hold)`` of each place in a text, such as ``0, 25%x4 2.5s last``.

    Args:
        text: Places, apart by commas or spaces: a frame (from 0; negative from the end, -1 is the last), per cent of
            the way to the last frame, seconds, ``first`` or ``last``. ``xN`` after it holds the picture N frames.
        length: T.
        fps: Frames per second.
        hold: Frames to hold where no ``xN`` says.

    Raises:
        VaceInputError: If a word is none of these, or lies outside the clip.
    """
    words = re.split(r"[,;\s]+", text.strip(" \t\n,;"))
    return [_parse(word, length, fps, hold) for word in words]


def _parse(word: str, length: int, fps: float, hold: int) -> tuple[int, int]:
    match = _PLACE.fullmatch(word)
    if match is None or (match["hold"] and not int(match["hold"])):
        raise VaceInputError(
            f"positions: {word!r} is no place. Write a frame (12, -1), a share (50%), a time (1.5s), first or last, "
            f"each with xN to hold it N frames (0x5); commas between."
        )
    last = length - 1
    legal = f"Use 0 to {last}, or {-length} to -1 from the end."
    if match["percent"]:
        frame, legal = round(last * float(match["percent"]) / 100), "Use 0% to 100%."
    elif match["seconds"]:
        frame, legal = round(float(match["seconds"]) * fps), f"Use 0s to {last / fps:.4g}s, or raise length."
    elif match["frame"]:
        frame = int(match["frame"])
        frame += length if frame < 0 else 0
    else:
        frame = 0 if match["word"].lower() == "first" else last
    if not 0 <= frame <= last:
        raise VaceInputError(f"positions: {word!r} lies outside the clip, which has {length} frames. {legal}")
    return frame, int(match["hold"] or hold)


def spread_evenly(count: int, length: int, hold: int = 1) -> list[tuple[int, int]]:
    """``(start, hold)`` of pictures spread evenly, the first at the first frame and the last ending at the last.

    Args:
        count: Pictures.
        length: T.
        hold: Frames each stays.
    """
    room, steps = max(length - hold, 0), max(count - 1, 1)
    return [((2 * k * room + steps) // (2 * steps), hold) for k in range(count)]


def snap_keyframes(keyframes: Sequence[Keyframe], length: int, snap: str) -> list[Keyframe]:
    """Keyframes changed so that the mask channels see each, see `visible_frames`.

    A keyframe stays as it is when it is seen already, or when another one is in the way. Of two ways that are equally
    long the later one is taken.

    Args:
        keyframes: Apart from each other.
        length: T.
        snap: ``off`` changes nothing, as the official code; ``move`` goes to the nearest place that is seen;
            ``hold`` starts earlier or ends later, up to the nearest seen frame.

    Raises:
        VaceInputError: If ``snap`` is not one of `SNAPS`.
    """
    if snap not in SNAPS:
        raise VaceInputError(f"snap must be one of {', '.join(SNAPS)}, got {snap}.")
    placed = list(keyframes)
    seen = set(visible_frames(length))
    for index, keyframe in enumerate(placed):
        if snap == "off" or not seen.isdisjoint(keyframe.frames):
            continue
        others = [*placed[:index], *placed[index + 1 :]]
        held = [_held_to(keyframe, frame) for frame in seen]
        free = [k for k in held if not any(k.meets(other) for other in others)]
        nearest = min(free, key=lambda k: (k.hold, k.start < keyframe.start), default=keyframe)
        placed[index] = nearest if snap == "hold" else _moved(keyframe, nearest)
    return placed


def _held_to(keyframe: Keyframe, frame: int) -> Keyframe:
    """The keyframe held longer, just far enough to cover a frame."""
    start, stop = min(keyframe.start, frame), max(keyframe.frames.stop, frame + 1)
    return replace(keyframe, start=start, hold=stop - start)


def _moved(keyframe: Keyframe, held: Keyframe) -> Keyframe:
    """The keyframe at the end of ``held`` that it does not reach yet."""
    earlier = held.start < keyframe.start
    return replace(keyframe, start=held.start if earlier else held.frames.stop - keyframe.hold)
