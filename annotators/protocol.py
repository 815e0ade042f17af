"""What every annotator is: a callable that turns frames into control frames, a chunk at a time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Protocol

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..vace_core.errors import VaceInputError
from ..vace_core.notes import Note, collect_notes, tell_again
from ..vace_core.optional import opencv

# Told (frames done, frames in all) between chunks; may raise to stop the work.
Tick = Callable[[int, int], None]
# Frames worked on at once: enough to keep threads busy, little beside the clip itself.
CHUNK = 16
BAND = 128 * 1024  # pixels at once on a CPU: what one step writes, the next finds in the cache
LEVELS = 255  # the official annotators write 8-bit video


class Annotator(Protocol):
    """A signal with its settings.

    A frozen dataclass; whatever model it runs is a field, with the device it runs on.
    """

    @property
    def identity(self) -> tuple[object, ...]:
        """All that the result depends on beside the frames: name, settings, weights. Same identity, same pixels."""

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """Control frames.

        Args:
            frames: [T, H, W, 3], RGB in [0, 1].
            tick: Called between chunks.

        Returns:
            [T, H, W, 3] in [0, 1], on the 8-bit levels k / 255.
        """


def silent(_done: int, _total: int) -> None:
    """A tick that does nothing."""


def chunks(total: int, size: int = CHUNK) -> Iterator[slice]:
    """Slices of at most ``size`` that cover ``total`` in order."""
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def by_chunks(frames: Tensor, work: Callable[[Tensor], Tensor], tick: Tick, size: int = CHUNK) -> Tensor:
    """Control frames of work that looks at each frame by itself.

    Args:
        frames: [T, H, W, 3], RGB in [0, 1].
        work: [t, H, W, 3] to [t, H, W, 3] or [t, H, W, 1], of any t; in [0, 1], or the levels themselves as uint8.
        tick: Called after each chunk.
        size: Frames at once.

    Returns:
        [T, H, W, 3], float32, rounded to 8-bit levels, on the frames' device.
    """
    total = len(frames)
    control = blank(frames.shape[:3], frames.device)
    for part in chunks(total, size):
        for drawn, values, shade in in_bands(control[part], work(frames[part]).to(frames.device)):
            room = shade if values.shape[-1] == 1 else drawn
            torch.div(values, LEVELS, out=room) if values.dtype == torch.uint8 else on_levels(values.float(), room)
            if room is shade:
                write_gray(drawn, shade)
        tick(part.stop, total)
    return control


def blank(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """[T, H, W, 3] for a shape [T, H, W], float32, to be written to."""
    if device.type == "cpu":  # numpy asks for huge pages, which the system hands out in half the time
        return torch.from_numpy(np.empty((*shape, 3), np.float32))
    return torch.empty((*shape, 3), device=device, dtype=torch.float32)


def in_bands(control: Tensor, values: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Rows of frames that stay in a processor's cache while they are worked on; all of them on another device.

    Args:
        control: [t, H, W, 3], to be written to.
        values: [t, H, W, C].

    Yields:
        Rows [n, W, 3] of control, the same of values [n, W, C], and room for one channel [n, W, 1], used again.
    """
    rows, values = (rearrange(frames, "t h w c -> (t h) w c") for frames in (control, values))
    size = min(max(BAND // rows.shape[1], 1), len(rows)) if rows.device.type == "cpu" else len(rows)
    room = rows.new_empty((size, rows.shape[1], 1))
    for band in chunks(len(rows), size):
        yield rows[band], values[band], room[: band.stop - band.start]


def write_gray(drawn: Tensor, shade: Tensor) -> None:
    """Write shade [n, W, 1] into the three channels of drawn [n, W, 3], both float32."""
    cv2 = _opencv() if drawn.device.type == "cpu" else None
    if cv2:
        cv2.cvtColor(shade.numpy(), cv2.COLOR_GRAY2RGB, dst=drawn.numpy())  # in a third of torch's time
    else:
        drawn.copy_(shade)


def _opencv() -> ModuleType | None:
    try:
        return opencv("A control video")
    except VaceInputError:  # gray and depth can do without
        return None


def on_levels(values: Tensor, out: Tensor | None = None) -> Tensor:
    """Values in [0, 1] on the 8-bit levels k / 255, as a video file holds them; in ``out`` if there is one."""
    return torch.clamp(values, 0, 1, out=out).mul_(LEVELS).round_().div_(LEVELS)


def on_threads(function: Callable, *items: list) -> list:
    """``map`` on threads, in order; OpenCV and numpy let go of the interpreter while they work.

    What is told on the threads is told again here, in the order of the items.
    """
    inference = torch.is_inference_mode_enabled()  # each thread has its own, and the host's tensors need it

    def run(*each: object) -> tuple[object, list[Note]]:
        with torch.inference_mode(inference), collect_notes() as notes:
            return function(*each), notes

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(run, *items))
    for _, notes in done:
        tell_again(notes)
    return [result for result, _ in done]


def to_bytes(frames: Tensor) -> Tensor:
    """[T, H, W, C] uint8 on the CPU of frames in [0, 1], rounded."""
    return frames.clamp(0, 1).mul_(LEVELS).round_().to("cpu", torch.uint8)


def require_frames(frames: Tensor, least: int, signal: str) -> None:
    """Refuse a clip too short for a signal.

    Raises:
        VaceInputError: If there are fewer than ``least`` frames.
    """
    if len(frames) < least:
        raise VaceInputError(
            f"frames has {len(frames)} frame{'s' * (len(frames) != 1)}, but {signal} needs at least {least}. "
            f"Connect a video."
        )
