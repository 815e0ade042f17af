"""Frames of a VIDEO read a few at a time, so that a long file never lies in memory."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from itertools import pairwise

import av
import numpy as np
import torch
from comfy_api.latest import Types
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ..types import Audio, InputContainer, Video, VideoFrame, VideoStream

logger = logging.getLogger("wan_vace")
CHUNK = 16
CHUNK_BYTES = 256 * 2**20  # 16 frames of 1920 x 1080 are more
# Formats of which the host takes the bytes as they are; of all others it takes floats, but for older hosts.
BYTES = ("yuvj420p", "yuvj422p", "yuvj444p", "rgb24", "rgba", "pal8")
ALIGNMENT = 32  # the float conversion of FFmpeg reads beyond the edge of other widths


def stream_frames(video: Video, chunk: int = CHUNK) -> Iterator[Tensor]:
    """A video's frames in parts, as ``get_components`` of the host gives them all at once, without transparency.

    Args:
        video: The host's VIDEO; a trim that was set on it counts.
        chunk: Frames at a time; fewer where they are large.

    Yields:
        [n, H, W, 3] in [0, 1].

    Raises:
        VaceInputError: If the file has no picture in it, or cannot be read.
    """
    held: list[Tensor] = []
    for frame in _frames(video):
        held.append(frame)
        is_full = len(held) == min(chunk, max(1, CHUNK_BYTES // frame.nbytes))
        del frame  # a large one is two hundred megabytes, and nothing of it is kept here while the next one is read
        if is_full:
            yield _stacked(held)
    if held:
        yield _stacked(held)


def _stacked(held: list[Tensor]) -> Tensor:
    """Frames as one tensor, which are let go of; one alone is not copied."""
    part = held[0][None] if len(held) == 1 else torch.stack(held)
    held.clear()
    return part


def frame_count_hint(video: Video) -> int:
    """About how many frames will come; 0 when the file does not say."""
    with _open_container(video) as container:
        return container.streams.video[0].frames


@contextmanager
def reading(video: Video) -> Iterator[None]:
    """Within, what the host cannot read of a file is said in a sentence.

    Raises:
        VaceInputError: If the file is gone, is cut off, or has no picture in it.
    """
    with _open_container(video):
        pass  # closed again, for a file in memory has one place at which it is read
    try:
        yield
    except VaceInputError:
        raise
    except (av.error.FFmpegError, ValueError) as error:
        raise _unreadable(error) from error


def sound_of(video: Video) -> Audio | None:
    """The sound of a video in the host's form, of its trimmed part; None without any."""
    start, duration = _trim_window(video)
    with _open_container(video) as container:
        # The last one that there is a decoder for, as the host takes: to decode another may end the process.
        stream = next((each for each in reversed(container.streams.audio) if each.codec_context is not None), None)
        if stream is None:
            return None
        resampler, parts, begins = av.AudioResampler(format="fltp"), [], None
        for frame in _decoded(container, stream):
            begins = frame.time if begins is None else begins
            parts += [part.to_ndarray() for part in resampler.resample(frame)]
    if not parts:
        return None
    rate = stream.sample_rate
    wave = np.concatenate(parts, axis=1)[:, max(0, round((start - begins) * rate)) :]
    wave = wave[:, : round(duration * rate)] if duration else wave
    return {"waveform": torch.from_numpy(np.ascontiguousarray(wave))[None], "sample_rate": rate}


def _frames(video: Video) -> Iterator[Tensor]:
    start, duration = _trim_window(video)
    with _open_container(video) as container:
        stream = container.streams.video[0]
        first, end = int(start / stream.time_base), int((start + duration) / stream.time_base)
        if first:
            container.seek(first, stream=stream)
        picture = None
        for frame in _decoded(container, stream):
            if frame.pts is not None and frame.pts < first:
                continue
            if duration and frame.pts is not None and frame.pts >= end:
                return
            picture = picture or _frame_reader(frame, stream)
            yield _upright(picture(frame), frame)


def _upright(pixels: np.ndarray, frame: VideoFrame) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.rot90(pixels, k=round(getattr(frame, "rotation", 0) // 90))))


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames of a stream of pictures or sound; a packet that is damaged is passed over, as the host does."""
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            logger.info("A damaged packet of a video was passed over.")
            continue
        yield from frames


def _frame_reader(frame: VideoFrame, stream: VideoStream) -> Callable[[VideoFrame], np.ndarray]:
    """What turns frames of this file into [H, W, 3] float32 in [0, 1]."""
    if frame.format.name in BYTES or not _host_takes_floats():
        return lambda f: f.to_ndarray(format="rgb24").astype(np.float32) / np.float32(255)
    if frame.width % ALIGNMENT == 0:
        return lambda f: f.to_ndarray(format="gbrpf32le")
    padded = _edge_padder(frame, stream)
    return lambda f: padded(f).to_ndarray(format="gbrpf32le")[: f.height, : f.width]


def _host_takes_floats() -> bool:
    """Whether the host takes floats of any file: since 0.20, with which it came to know transparency."""
    return "alpha" in {field.name for field in fields(Types.VideoComponents)}


def _edge_padder(frame: VideoFrame, stream: VideoStream) -> Callable[[VideoFrame], VideoFrame]:
    """Frames with their right and lower edge repeated up to whole alignments."""
    width, height = (-(-side // ALIGNMENT) * ALIGNMENT for side in (frame.width, frame.height))
    graph = av.filter.Graph()
    steps = [
        graph.add_buffer(width=frame.width, height=frame.height, format=frame.format.name, time_base=stream.time_base),
        graph.add("pad", f"{width}:{height}:0:0"),
        graph.add(
            "fillborders",
            f"left=0:right={width - frame.width}:top=0:bottom={height - frame.height}:mode=smear",
        ),
        graph.add("buffersink"),
    ]
    for before, after in pairwise(steps):
        before.link_to(after)
    graph.configure()

    def pad(unpadded: VideoFrame) -> VideoFrame:
        graph.push(unpadded)
        return graph.pull()

    return pad


def _trim_window(video: Video) -> tuple[float, float]:
    """Start and duration in seconds, 0 for to the end."""
    window = getattr(video, "get_active_trim_window", None)
    if window:
        return window()
    start, duration = (getattr(video, f"_VideoFromFile__{name}", 0.0) for name in ("start_time", "duration"))
    if start < 0:  # older hosts have it and do not say it
        start = max(video._get_raw_duration() + start, 0.0)
    return start, duration


@contextmanager
def _open_container(video: Video) -> Iterator[InputContainer]:
    try:
        source = video.get_stream_source()
    except VaceInputError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError) as error:  # one in memory is encoded only now
        raise VaceInputError(
            f"video cannot be read ({error}). The node that made it was given something that it cannot use: "
            f"look at its inputs."
        ) from error
    if hasattr(source, "seek"):
        source.seek(0)
    try:
        with av.open(source, mode="r") as container:
            if not container.streams.video:
                raise VaceInputError("video has no picture in it, only sound. Connect a video.")
            yield container
    except av.error.FFmpegError as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> VaceInputError:
    return VaceInputError(f"video cannot be read ({error}). It may be cut off: save or download it again.")
