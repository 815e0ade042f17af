"""The finished segments of a long video on disk, so that a run can stop, go on, and have one of them made again."""

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor

from ..errors import VaceInputError
from ..files import write_error
from .frame_file import PART, FrameFile, FrameWriter
from .lock import RunLock
from .manifest import MANIFEST, changes, plan_text, read_manifest, write_manifest
from .segments import Segment, crossfade

CHANNELS = 3
_MEBI = 2**20


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """Within, what the disk refuses is said in a sentence."""
    try:
        yield
    except OSError as error:
        raise write_error(error, folder) from error


class Run:
    """A folder with the segments of one long video; used in a ``with``, which holds its lock.

    Each segment is stored as it was made, overlap included, and fades into the next one only when the video is read.
    So one can be made again without touching its neighbours.

    Attributes:
        folder: Where it lies.
        plan: The segments.
        size: (H, W) in pixels.
    """

    def __init__(self, folder: Path, plan: Sequence[Segment], size: tuple[int, int], lock: RunLock) -> None:
        self.folder, self.plan, self.size = folder, tuple(plan), size
        self._lock = lock
        self._inputs: tuple[dict[str, str], ...] = ()
        self._verified: set[int] = set()

    @classmethod
    def open(
        cls,
        folder: Path,
        inputs: Mapping[str, str],
        plan: Sequence[Segment],
        size: tuple[int, int],
        fps: float,
        *,
        segment_inputs: Sequence[Mapping[str, str]] = (),
        redo: Collection[int] = (),
    ) -> "Run":
        """Begin a run, or go on with the one that lies there.

        Args:
            folder: The run's own folder; made when missing.
            inputs: What decides about every frame: name and value, or a hash of it.
            plan: What `plan_segments` gave.
            size: (H, W) in pixels.
            fps: Frames per second; stored for whoever opens the folder, and free to change.
            segment_inputs: The same as ``inputs`` for each segment alone, its prompt for example: these may change
                as long as the segment is not finished, or is made again.
            redo: Segments that are made again.

        Raises:
            VaceInputError: If the run was begun with something else, another process works on it, its files are
                damaged, or the disk has no room for what is still to come, or takes nothing.
        """
        with _written(folder):
            folder.mkdir(parents=True, exist_ok=True)
            run = cls(folder, plan, size, RunLock(folder))
        run._inputs = tuple(dict(own) for own in segment_inputs) or ({},) * len(run.plan)
        try:
            with _written(folder):
                run._make_ready(inputs, fps, redo)
        except BaseException:
            run.close()
            raise
        return run

    def _make_ready(self, inputs: Mapping[str, str], fps: float, redo: Collection[int]) -> None:
        """Look at what is there, and let go of what cannot be used."""
        for name in (MANIFEST, *map(self._name, range(len(self.plan)))):
            (self.folder / (name + PART)).unlink(missing_ok=True)  # of a process that was killed while writing
        self._same_as_before(inputs, fps)
        for index in redo:
            if self._path(index).exists() and not self._is_whole(index):
                self.remove(index)
        for segment in self.plan:
            if segment.index not in redo and self.finished(segment.index):
                self._same_segment(segment.index)
        self._require_space(redo)

    def close(self) -> None:
        """Let another process work on it."""
        self._lock.release()

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def num_frames(self) -> int:
        """T of the whole video."""
        return self.plan[-1].stop

    def finished(self, index: int) -> bool:
        """Whether a segment is there; the first time, all of it is read and checked.

        Raises:
            VaceInputError: If its file is damaged.
        """
        if not self._path(index).exists():
            return False
        if index not in self._verified:
            self._file(index).verify()
            self._verified.add(index)
        return True

    def read(self, index: int, start: int, stop: int) -> Tensor:
        """Frames of a finished segment as they were made, before any fade.

        Args:
            index: The segment's.
            start: The first, counted from the segment's own.
            stop: The one after the last.

        Returns:
            [stop - start, H, W, 3], uint8.

        Raises:
            VaceInputError: If its file is damaged.
        """
        return self._file(index).read(start, stop)

    def info(self, index: int) -> dict[str, object]:
        """What was stored beside a finished segment's frames.

        Raises:
            VaceInputError: If its file is damaged.
        """
        return dict(self._file(index).info["info"])

    def up_to_date(self, index: int) -> bool:
        """Whether a finished segment was made with the inputs of its own that it has now.

        Raises:
            VaceInputError: If its file is damaged.
        """
        return self._file(index).info["inputs"] == self._inputs[index]

    def write(self, index: int, frames: Tensor | Iterable[Tensor], info: Mapping[str, object]) -> None:
        """Store a segment, over what was there; it counts as finished once all of it is on disk.

        Args:
            index: The segment's.
            frames: [T, H, W, 3] uint8, all frames of the segment, or several such parts in order.
            info: What to remember: its seed, its drift; what JSON can hold.

        Raises:
            VaceInputError: If the frames are not those of the segment, or the disk is full.
        """
        wanted = self.plan[index].num_frames
        kept = " Finished segments are kept and are not made again."
        with FrameWriter(self._path(index), (*self.size, CHANNELS), wanted, kept) as writer:
            for part in [frames] if isinstance(frames, Tensor) else frames:
                writer.append(part)
            if writer.num_frames != wanted:
                raise VaceInputError(f"Segment {index + 1} has {wanted} frames, got {writer.num_frames}.")
            writer.finish({"inputs": self._inputs[index], "info": dict(info)})
        self._verified.add(index)

    def remove(self, index: int) -> None:
        """Forget a segment."""
        self._path(index).unlink(missing_ok=True)
        self._verified.discard(index)

    def frames(self, start: int = 0, stop: int | None = None, chunk: int = 16) -> Iterator[Tensor]:
        """The video, each segment fading into the next over their overlap.

        Args:
            start: The first frame.
            stop: The one after the last; None for all.
            chunk: Frames at a time.

        Yields:
            [n, H, W, 3], uint8.

        Raises:
            VaceInputError: If a segment is missing or damaged.
        """
        stop = self.num_frames if stop is None else stop
        for first in range(start, stop, chunk):
            yield self._video(first, min(first + chunk, stop))

    def _video(self, start: int, stop: int) -> Tensor:
        frames = torch.zeros(stop - start, *self.size, CHANNELS, dtype=torch.uint8)
        for segment in self.plan:  # a later one lies over an earlier one
            first, last = max(start, segment.start), min(stop, segment.stop)
            if first >= last:
                continue
            own = self.read(segment.index, first - segment.start, last - segment.start)
            inside = first - segment.start
            faded = slice(0, max(segment.overlap - inside, 0))
            below = frames[first - start : last - start]
            own[faded] = crossfade(below[faded], own[faded], segment.overlap, inside)
            below.copy_(own)
        return frames

    def _name(self, index: int) -> str:
        return f"segment_{index + 1:03}.rgb"

    def _path(self, index: int) -> Path:
        return self.folder / self._name(index)

    def _file(self, index: int) -> FrameFile:
        path = self._path(index)
        if not path.exists():
            raise VaceInputError(f"Segment {index + 1} of the run {self.folder.name} is not finished yet.")
        remedy = f"Delete that file, or put {index + 1} into redo: only this segment is then made again."
        file = FrameFile.open(path, remedy)
        if file.shape != (self.plan[index].num_frames, *self.size, CHANNELS):
            raise VaceInputError(f"{path.name} in {self.folder} holds frames of another run. {remedy}")
        if not all(isinstance(file.info.get(name), dict) for name in ("inputs", "info")):
            raise VaceInputError(f"{path.name} in {self.folder} is damaged: its description was altered. {remedy}")
        return file

    def _is_whole(self, index: int) -> bool:
        try:
            return self.finished(index)
        except VaceInputError:
            return False

    def _same_as_before(self, inputs: Mapping[str, str], fps: float) -> None:
        """Refuse to mix what was made of different inputs, and remember these."""
        H, W = self.size
        now = dict(inputs) | {"size": f"{W} x {H}", "segments": plan_text(self.plan)}
        if any(self._path(segment.index).exists() for segment in self.plan):
            changed = changes(read_manifest(self.folder), now)
            if changed:
                raise VaceInputError(
                    f"The run {self.folder.name} was begun with something else: {', '.join(changed)}. Put that back, "
                    f"or choose another run name; what is finished stays where it is."
                )
        write_manifest(self.folder, now, self.plan, fps)

    def _same_segment(self, index: int) -> None:
        changed = changes(self._file(index).info["inputs"], self._inputs[index])
        if changed:
            raise VaceInputError(
                f"Segment {index + 1} of the run {self.folder.name} was made with something else: "
                f"{', '.join(changed)}. Put that back, or put {index + 1} into redo to make this segment again."
            )

    def _require_space(self, redo: Collection[int]) -> None:
        open_ones = [s for s in self.plan if s.index in redo or not self._path(s.index).exists()]
        H, W = self.size
        needed = sum(segment.num_frames for segment in open_ones) * H * W * CHANNELS
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise VaceInputError(
                f"The {len(open_ones)} segments still to come need {needed // _MEBI} MiB in {self.folder}, "
                f"{free // _MEBI} MiB are free. Free some space and queue again; finished segments are kept."
            )
