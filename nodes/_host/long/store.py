"""The finished segments of a long video on disk, in 8 bits: what is there, what is read again, what is added."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import folder_paths
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.files import shown
from ....vace_core.long import LongVcu, Run, Segment, from_8bit, needs_redo, to_8bit
from ....vace_core.notes import tell
from ....vace_core.video import DEFAULT_FPS
from ..files import is_below
from .generator import MadeSegment, Neighbours
from .planner import LongPlan

FOLDER = "vace_runs"
MOST_NAME, MOST_PATH = (
    255,
    3000,
)  # bytes of a name that disks take, and characters of a path inside of the output folder


class SegmentStore:
    """The run's folder while a plan is carried out.

    Attributes:
        run: What lies there.
        plan: What is to lie there.
    """

    def __init__(self, run: Run, plan: LongPlan) -> None:
        self.run, self.plan = run, plan

    def is_due(self, index: int) -> bool:
        """Whether a segment is not there yet, or is to be made again."""
        if not self.run.finished(index) or not self.run.up_to_date(index):
            return True
        return needs_redo(self.plan.redo, index, self.run.info(index)["seed"])

    def seed_made_with(self, index: int) -> int | None:
        """The seed of a segment that is there; None if it is not."""
        return self.run.info(index)["seed"] if self.run.finished(index) else None

    def read_neighbours(self, segment: Segment) -> Neighbours:
        """The end of the segment before, and the begin of the one after if that stays as it is."""
        segments, index = self.plan.segments, segment.index
        head = tail = None
        if index:
            before = segments[index - 1].num_frames
            head = from_8bit(self.run.read(index - 1, before - segment.overlap, before))
        if index + 1 < len(segments) and not self.is_due(index + 1):
            tail = from_8bit(self.run.read(index + 1, 0, segments[index + 1].overlap))
        return Neighbours(head, tail)

    def read_first_frame(self) -> Tensor:
        """[H, W, 3] in [0, 1], of the whole video."""
        return from_8bit(self.run.read(0, 0, 1))[0]

    def write(self, segment: Segment, made: MadeSegment, seconds: float) -> None:
        """Keep a segment that took so long to make."""
        info = {"seed": made.seed, "drift": made.drift, "left": made.left, "seconds": seconds}
        self.run.write(segment.index, to_8bit("frames", made.frames), info)

    def tell_segments(self) -> None:
        """Tell the seed, the colour and the time of each finished segment."""
        for segment in self.plan.segments:
            tell("segment", _segment_sentence(segment, self.run.info(segment.index)))


@contextmanager
def open_store(plan: LongPlan, source: LongVcu) -> Iterator[SegmentStore]:
    """The store of a plan, its folder held for the length of a ``with``.

    Raises:
        VaceInputError: If the run was begun with other inputs, another process works on it, its files are damaged, or
            its name leads out of the host's output folder.
    """
    own = [{"prompt": prompt} for prompt in plan.prompts]
    size, fps = (source.height, source.width), source.fps or DEFAULT_FPS
    folder = run_folder(plan.run)
    with Run.open(folder, plan.inputs, plan.segments, size, fps, segment_inputs=own, redo=plan.redo) as run:
        yield SegmentStore(run, plan)


def run_folder(name: str) -> Path:
    """The folder of a run.

    Args:
        name: As the user gives it.

    Raises:
        VaceInputError: If it leads out of the host's output folder, or is too long for the disk.
    """
    root = Path(folder_paths.get_output_directory()) / FOLDER
    if not is_below(root, name):
        raise VaceInputError(
            f'run is "{shown(name)}", it must name a folder inside output/{FOLDER}. Use a name such as my_video, '
            f"without .. and without a drive or leading slash."
        )
    if len(name) > MOST_PATH or any(len(part.encode(errors="replace")) > MOST_NAME for part in Path(name).parts):
        raise VaceInputError(f'run is "{shown(name)}", too long a name for a folder. Use a shorter one.')
    return root / name


def _segment_sentence(segment: Segment, info: dict) -> str:
    drift = info["drift"]
    colour = (
        "no colour to compare with" if drift is None else f"colour drift {drift:.1f} of 255, left {info['left']:.1f}"
    )
    return (
        f"Segment {segment.index + 1}, frames {segment.start} to {segment.stop - 1}: seed {info['seed']}, {colour}, "
        f"{info['seconds']:.0f} s."
    )
