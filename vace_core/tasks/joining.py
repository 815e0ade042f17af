"""Generated frames put back between the clips that they were made for."""

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..notes import tell
from ..vcu import kept_piece
from ..video import DEFAULT_FPS, Clip, Target, legal_frames
from .extension import note_rates, overlap_of


def join_frames(
    first: Clip | None,
    generated: Tensor,
    second: Clip | None = None,
    *,
    before: int = 0,
    overlap_first: int = 0,
    overlap_second: int = 0,
    fit: str = "cover",
) -> Clip:
    """The whole video: what was generated, and the given frames as they were.

    The official code keeps what the VAE makes of the given frames; here they stay exact when the size is the same.

    Args:
        first: The clip that ``generated`` begins with.
        generated: [T, H, W, 3], the decoded VCU of `extend_vcu`, `bridge_vcu` or `loop_vcu`; it gives the size.
        second: The clip that it ends with.
        before: Generated frames before ``first``, when that was extended at both ends.
        overlap_first: Frames of ``generated`` that are the end of ``first``; 0 for all of ``first``. Without ``first``
            they are dropped, and noted.
        overlap_second: Frames of ``generated`` that are the start of ``second``; 0 for all of ``second``. Without
            ``second`` they are dropped, which closes a loop.
        fit: One of `vace_core.video.FITS`, for clips of another size.

    Returns:
        The video, with the sound of ``first`` if it begins with it.

    Raises:
        VaceInputError: If no clip is connected, or the counts leave no generated frame.
    """
    if first is None and second is None:
        raise VaceInputError(
            "Neither first nor second is connected: there is nothing to join. Connect the clip that was extended."
        )
    generated = legal_frames("generated", generated)
    head = _replaced("first", overlap_first, first)
    tail = _replaced("second", overlap_second, second)
    if first is None and head:
        tell(
            "overlap-unconnected",
            f"overlap_first is {head} but first is not connected: the first {head} frames of generated are left out. "
            f"Connect first, or set overlap_first to 0.",
        )
    if before and (first is None or head < len(first.frames)):
        raise VaceInputError(
            f"before is {before}: then all of first lies inside generated. "
            f"{'Connect first' if first is None else 'Set overlap_first to 0'}, or set before to 0."
        )
    if before + head + tail >= len(generated):
        raise VaceInputError(
            f"generated has {len(generated)} frames, but before {before}, overlap_first {head} and overlap_second "
            f"{tail} leave none of them. Use the counts in the report of the node that made the VCU."
        )
    middle = generated[before + head : len(generated) - tail]
    given = [_original(n, clip, generated, fit) for n, clip in (("first", first), ("second", second))]
    frames = torch.cat([generated[:before], given[0], middle, given[1]])
    tell("joined", f"{len(frames)} frames: {before + len(middle)} generated, {sum(map(len, given))} as given.")
    return _with_sound(frames, first, second, before)


def _replaced(name: str, overlap: int, clip: Clip | None) -> int:
    """Generated frames that a clip takes the place of."""
    return overlap if clip is None else overlap_of(name, f"overlap_{name}", overlap, len(clip.frames))


def _original(name: str, clip: Clip | None, like: Tensor, fit: str) -> Tensor:
    """The frames of a clip at the size of the generated ones; none without a clip."""
    if clip is None:
        return like[:0]
    _, rows, columns, _ = like.shape
    return kept_piece(name, 0, legal_frames(name, clip.frames), Target(columns, rows, fit=fit)).frames.to(like)


def _with_sound(frames: Tensor, first: Clip | None, second: Clip | None, before: int) -> Clip:
    if first is not None and second is not None:
        note_rates(first, second)
    clips = {name: clip for name, clip in (("first", first), ("second", second)) if clip is not None}
    fps = next((clip.fps for clip in clips.values() if clip.fps), DEFAULT_FPS)
    audio = first.audio if first is not None and not before else None
    lost = [name for name, clip in clips.items() if clip.audio is not None and clip.audio is not audio]
    if lost:
        tell("sound-left-out", f"The sound of {' and '.join(lost)} is left out: it does not begin with the video.")
    return Clip(frames, fps, audio)
