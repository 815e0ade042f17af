"""The sizes and lengths that the model was trained at, and which frames of a video to take."""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor, sqrt

from torch import Tensor

from ..errors import VaceInputError
from ..notes import Note, keep_notes, tell
from .fit import Clip, hold_last
from .grid import DEFAULT_FPS, SIZE_MULTIPLE, latent_length, nearest_length, num_pixel_frames, num_tokens
from .inputs import legal_frames
from .repair import ASPECT_TOLERANCE, at_size, matching_mask
from .target import AS_CONNECTED, Target

# Tokens of 81 frames at the two trained sizes: 32760 and 75600 (seq_len of the official VaceVideoProcessor).
TRAINED_SIZES = {"480p": (480, 832), "720p": (720, 1280)}
TRAINED_LENGTH = 81
AS_IS, CUSTOM = "as is", "custom"
BUDGETS = (*TRAINED_SIZES, AS_IS, CUSTOM)
PICKS = ("keep", "resample", "spread")


def bucket_size(height: int, width: int, budget: str) -> tuple[int, int]:
    """``(height, width)`` that the official loader brings a video to.

    Source: ``VaceVideoProcessor`` in Wan2.1's ``wan/utils/vace_processor.py`` with ``keep_last``: as many 16 x 16 cells
    as the budget has, never more than the video, in the video's shape. It also divides the token budget by the frame
    count, but the count was chosen to fit before, so that this never changes the size. Videos thinner than a cell
    make it fail; here they get one.

    Args:
        height: Rows of the video.
        width: Columns of the video.
        budget: ``480p`` or ``720p``.
    """
    cells = _cells(height, width, budget)
    rows = max(round(sqrt(cells * height / width)), 1)
    return rows * SIZE_MULTIPLE, max(cells // rows, 1) * SIZE_MULTIPLE


def bucket_length(num_frames: int, height: int, width: int, budget: str) -> int:
    """Frames that the official loader takes of a video, 4n + 1: 81 at the full size, more when it is smaller.

    Args:
        num_frames: Frames of the video.
        height: Its rows.
        width: Its columns.
        budget: ``480p`` or ``720p``.
    """
    tokens = num_tokens(latent_length(TRAINED_LENGTH), *TRAINED_SIZES[budget])
    fitting = tokens // _cells(height, width, budget)
    return min(nearest_length(num_frames), num_pixel_frames(fitting))


def _cells(height: int, width: int, budget: str) -> int:
    own = max(height // SIZE_MULTIPLE, 1) * max(width // SIZE_MULTIPLE, 1)
    return min(num_tokens(1, *TRAINED_SIZES[budget]), own)


def select_frames(
    num_frames: int, fps: float, *, how: str, target_fps: float = DEFAULT_FPS, length: int = 0
) -> list[int]:
    """Which frames of a video to take, ascending; at most ``length`` of them.

    Args:
        num_frames: Frames of the video.
        fps: Its frame rate.
        how: ``keep`` takes the first ones, ``resample`` the nearest in time at ``target_fps``, ``spread`` distributes
            them over the whole video as the official loader does: at times from 0 to the middle of the last frame,
            each the first frame that contains it. Computed exactly; the official code rounds times to float32.
        target_fps: Frame rate that ``resample`` makes.
        length: Frames wanted; 0 for all.

    Raises:
        VaceInputError: If ``how`` is not one of `PICKS`.
    """
    if how not in PICKS:
        raise VaceInputError(f"pick must be one of {', '.join(PICKS)}, got {how}.")
    if how == "resample":
        step = Fraction(fps) / Fraction(target_fps)
        count = max(floor(num_frames / step + Fraction(1, 2)), 1)
        count = min(count, length or count)
        return [min(floor(k * step + Fraction(1, 2)), num_frames - 1) for k in range(count)]
    count = min(num_frames, length or num_frames)
    if how == "keep" or count == 1:
        return list(range(count))
    step = Fraction(2 * num_frames - 1, 2 * (count - 1))  # in frames: from 0 to num_frames - 1/2
    return [max(ceil(k * step) - 1, 0) for k in range(count)]


@dataclass(frozen=True, eq=False)
class FittedVideo:
    """A video at the size and length to generate at, with all that belongs to it.

    Attributes:
        frames: [T, H, W, 3], in [0, 1].
        mask: [T, H, W], in [0, 1]; 1 on bars that ``contain`` added. None without bars when there was none.
        control: [T, H, W, 3], in [0, 1]; None when there was none.
        fps: Frames per second at which it keeps its speed.
        audio: Its sound in the host's form, untouched.
        notes: What was changed.
    """

    frames: Tensor
    mask: Tensor | None
    control: Tensor | None
    fps: float
    audio: object | None
    notes: tuple[Note, ...] = ()


@keep_notes
def fit_clip(
    clip: Clip,
    mask: Tensor | None = None,
    control: Tensor | None = None,
    *,
    budget: str = "480p",
    target: Target = AS_CONNECTED,
    pick: str = "keep",
    fps: float = 0.0,
) -> FittedVideo:
    """A video, its mask and its control video brought to one size and length by one choice.

    Args:
        clip: The video.
        mask: [T, H, W] or one frame for all, in [0, 1].
        control: [T, H, W, 3], in [0, 1], of the video's shape.
        budget: One of `BUDGETS`: the official bucket, the video's own size, or that of ``target``.
        target: What is wanted: a size for ``custom``, and a length, where 0 is all, or all that the budget has when
            frames are spread.
        pick: One of `PICKS`.
        fps: The video's frame rate; 0 takes what it brought, else 16.

    Raises:
        VaceInputError: If an input cannot be used, or does not belong to the video.
    """
    frames = legal_frames("video", clip.frames)
    T, H, W, _ = frames.shape
    sized = _sized(target, H, W, budget)
    rate = fps or clip.fps or DEFAULT_FPS
    if pick == "resample" and not (fps or clip.fps):
        tell(
            "fps-unknown", f"video brings no frame rate; it is taken as {DEFAULT_FPS:g} already. Set fps to what it is."
        )
    limit = bucket_length(T, H, W, budget) if budget in TRAINED_SIZES else T
    index = select_frames(T, rate, how=pick, length=target.length or (limit if pick == "spread" else 0))
    out_fps = {"keep": rate, "resample": DEFAULT_FPS, "spread": rate * len(index) / T}[pick]
    _note_pick(T, index, pick, rate, out_fps, target.length)
    if budget in TRAINED_SIZES:
        _note_excess(len(index), bucket_length(len(index), H, W, budget), budget)
    chosen_mask = None if mask is None else matching_mask(mask, frames, name="mask", video="video")[index]
    chosen_control = None if control is None else _chosen_control(control, frames, index, sized)
    fitted, fitted_mask = at_size(
        frames[index], frames.new_zeros(1, H, W) if chosen_mask is None else chosen_mask, sized, "video"
    )
    if chosen_mask is None:
        fitted_mask = _bars_mask(fitted_mask, len(index))
    return FittedVideo(fitted, fitted_mask, chosen_control, out_fps, clip.audio)


def _bars_mask(bars: Tensor, num_frames: int) -> Tensor | None:
    """[T, H, W], 1 on the bars of a video without mask; None when it has none."""
    if not bars.any():
        return None
    tell("bars", "video has bars now and no mask: mask is white on the bars, so that they can be generated.")
    return bars.expand(num_frames, -1, -1)


def _sized(target: Target, H: int, W: int, budget: str) -> Target:
    """The target at the size that a budget gives a video of H x W."""
    if budget not in BUDGETS:
        raise VaceInputError(f"budget must be one of {', '.join(BUDGETS)}, got {budget}.")
    if budget == CUSTOM:
        return target.resolve_size(H, W)
    if target.height or target.width:
        tell(
            "setting-unused",
            f"width and height are not used, because budget is {budget}. Set it to {CUSTOM} to use them.",
        )
    rows, columns = (0, 0) if budget == AS_IS else bucket_size(H, W, budget)
    return replace(target, width=columns, height=rows).resolve_size(H, W)


def _note_pick(num_frames: int, index: list[int], pick: str, fps: float, out_fps: float, length: int) -> None:
    count = len(index)
    if count < length:
        tell("too-few-frames", f"length is {length} but video gives {count} frames; VACE Extend Video generates more.")
    if pick == "resample" and fps != out_fps:
        tell(
            "frames-picked",
            f"video runs at {fps:g} fps; {count} frames at {out_fps:g} fps are taken from its {num_frames}.",
        )
    elif pick == "spread" and count < num_frames:
        tell(
            "frames-picked",
            f"{count} frames are spread over all {num_frames} of video: at {out_fps:.4g} fps the speed stays, "
            f"at {DEFAULT_FPS:g} fps it is {DEFAULT_FPS / out_fps:.3g} times as fast.",
        )
    elif count < num_frames:
        tell("cut", f"video has {num_frames} frames; the first {count} are used.")


def _note_excess(count: int, limit: int, budget: str) -> None:
    if nearest_length(count) > limit:
        tell(
            "over-budget",
            f"{count} frames are more than the {limit} of the {budget} budget at this size, and than the model was "
            f"trained on. Set length to {limit}, or pick to spread.",
        )


def _chosen_control(control: Tensor, frames: Tensor, index: list[int], target: Target) -> Tensor:
    """The control video's frames for the video's, fitted the same way."""
    control = legal_frames("control_video", control)
    count, rows, columns, _ = control.shape
    T, H, W, _ = frames.shape
    if abs(count - T) >= 4:
        raise VaceInputError(
            f"control_video has {count} frames but video has {T}: the same ones are taken of both. "
            f"Make the control video of all frames of this video, or of what this node gives."
        )
    if abs(columns / rows / (W / H) - 1) > ASPECT_TOLERANCE:
        raise VaceInputError(
            f"control_video is {columns} x {rows} but video is {W} x {H}: another shape would land beside the "
            f"picture. Crop or pad it the way the video was."
        )
    if count != T:
        repair = "cut" if count > T else "extended by holding its last frame"
        tell("control-length", f"control_video has {count} frames, video {T}; it is {repair}.")
    chosen = hold_last(control, T)[index]
    unused = chosen[:1, ..., 0]
    return at_size(chosen, unused, target, "control_video")[0]
