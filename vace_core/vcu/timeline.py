"""A clip laid out in time: pieces that are kept, and between them frames that are generated."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from ..masks import seen_frames
from ..notes import tell
from ..video import MID_GREY, Target, at_length, at_size, padded_length

# A sentence lists this many runs of frames, then counts the rest.
MOST_RUNS = 8
UNSEEN = "unseen-frames"  # the code of the note about kept frames that the mask channels do not see


@dataclass(frozen=True, eq=False)
class Piece:
    """Frames that stay where they are put.

    Attributes:
        start: Its first frame in the clip.
        frames: [n, H, W, 3], in [0, 1].
        mask: [n, H, W], in [0, 1]; 0 is kept, 1 are bars that ``contain`` added.
    """

    start: int
    frames: Tensor
    mask: Tensor

    @property
    def stop(self) -> int:
        """The frame after its last."""
        return self.start + len(self.frames)


def kept_piece(name: str, start: int, frames: Tensor, target: Target) -> Piece:
    """Frames as a piece of a clip, brought to its size.

    Args:
        name: What the user calls the frames: their socket.
        start: Where they begin in the clip.
        frames: [n, H, W, 3], in [0, 1].
        target: The clip's, resolved.
    """
    mask = frames.new_zeros(1, 1, 1).expand(frames.shape[:3])
    return Piece(start, *at_size(frames, mask, target, name))


def control_frames(control: Tensor, count: int, target: Target) -> Tensor:
    """A control video as [count, H, W, 3]: cut, or mid-grey after its end; told either way.

    Args:
        control: [T, H, W, 3], in [0, 1].
        count: Frames wanted.
        target: The clip's, resolved.
    """
    ones = control.new_ones(1, 1, 1).expand(control.shape[:3])
    return at_length(*at_size(control, ones, target), count)[0]


def assemble(pieces: Sequence[Piece], length: int, filler: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Frames and mask of a clip with these pieces in it.

    As the official ``frameref`` and ``clipref`` do (VACE, ``annotators/frameref.py``): what is generated is mid-grey
    with mask 1, what is given has mask 0. Mid-grey is 0.5 here, 127 of 255 there.

    Args:
        pieces: In the order of time, apart, all of one size; at least one.
        length: T, frames of the clip.
        filler: Frames to show where the pieces are not, in order: control, with mask 1. Mid-grey without it.

    Returns:
        ``(frames, mask)``, [T, H, W, 3] and [T, H, W].
    """
    like = pieces[0].frames
    _, H, W, _ = like.shape
    if filler is None:
        free = length - sum(len(piece.frames) for piece in pieces)
        filler = like.new_full((1, 1, 1, 1), MID_GREY).expand(free, H, W, 3)
    filler = filler.to(like)
    ones = like.new_ones(1, 1, 1).expand(len(filler), H, W)
    frames, mask, here, used = [], [], 0, 0
    for piece in pieces:
        gap = piece.start - here
        frames += [filler[used : used + gap], piece.frames.to(like)]
        mask += [ones[used : used + gap], piece.mask.to(like)]
        here, used = piece.stop, used + gap
    return torch.cat([*frames, filler[used:]]), torch.cat([*mask, ones[used:]])


def visible_frames(num_frames: int) -> list[int]:
    """Frames of a clip whose mask the model reads, one for each latent frame.

    `seen_frames` for any count: a clip that is not 4n + 1 is encoded with its last frame and mask held.

    Args:
        num_frames: T, any count above 0.
    """
    return [min(frame, num_frames - 1) for frame in seen_frames(padded_length(num_frames))]


def unseen_keyframes(mask: Tensor) -> list[int]:
    """Kept frames that the mask channels do not tell the model of, whole runs only.

    A run is frames in a row that keep at least one pixel. Official behaviour: a single first or last frame is never
    seen (`seen_frames`); it reaches the model in the inactive latent alone.

    Args:
        mask: [T, H, W], in [0, 1]; 0 keeps, T is any count above 0.

    Returns:
        Every frame of every run without a seen frame, ascending.
    """
    keeps = (mask.amin(dim=(1, 2)) <= MID_GREY).tolist()
    seen = set(visible_frames(len(keeps)))
    runs = [list(run) for keep, run in groupby(range(len(keeps)), key=keeps.__getitem__) if keep]
    return [frame for run in runs if not seen.intersection(run) for frame in run]


def unseen_sentence(unseen: Sequence[int]) -> str:
    """What to tell of kept frames that the mask channels do not see.

    Args:
        unseen: At least one, see `unseen_keyframes`.
    """
    return (
        f"The mask channels do not see that {frame_ranges(unseen)} {'is' if len(unseen) == 1 else 'are'} kept; the "
        f"model gets the picture alone, as with the official code."
    )


def note_unseen(mask: Tensor, advice: str) -> None:
    """Tell which kept frames the mask channels do not see.

    Args:
        mask: [T, H, W], in [0, 1].
        advice: What to do for having them seen.
    """
    unseen = unseen_keyframes(mask)
    if unseen:
        tell(UNSEEN, f"{unseen_sentence(unseen)} {advice}", unseen)


def frame_ranges(frames: Sequence[int]) -> str:
    """Frame numbers as a reader wants them: ``frame 0``, ``frames 0 to 4, 8``; long lists end in a count.

    Args:
        frames: Ascending.
    """
    runs = [[frame for _, frame in run] for _, run in groupby(enumerate(frames), key=lambda pair: pair[1] - pair[0])]
    texts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    if len(texts) > MOST_RUNS:
        rest = sum(len(run) for run in runs[MOST_RUNS:])
        texts = [*texts[:MOST_RUNS], f"and {rest} more"]
    return f"frame{'s' if len(frames) > 1 else ''} {', '.join(texts)}"
