"""Which tasks there are, in which order they run, and how the time is divided among them."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_SECONDS = 15.0  # less is not worth starting a process for


@dataclass(frozen=True)
class Task:
    """What one child process does.

    Attributes:
        name: As the user names it, a part or ``part:task``.
        group: What its rows have in common, in words; empty where its part has no other task.
        module: File of this folder whose ``run`` does it.
        share: Seconds that it wants on an H100, of which the whole takes 420.
        gib: Room for its files, GiB, at real shapes.
    """

    name: str
    group: str
    module: str
    share: float
    gib: float = 1.0

    @property
    def part(self) -> str:
        """Such as ``models``."""
        return self.name.partition(":")[0]


# In the order in which they run. What a task leaves over goes to those behind it, so the hungriest is the last.
TASKS = (
    Task("encode", "", "latents", 50),
    Task("annotators", "", "annotators", 20),
    Task("models:1.3B", "1.3B", "models", 85, 5),
    Task("models:kinds", "kinds of files", "kinds", 45, 8),
    Task("workflows:default", "as started by default", "served", 40),
    Task("workflows:classic", "--disable-dynamic-vram", "served", 40),
    Task("tests", "", "suite", 40),
    Task("models:14B", "14B", "models", 100, 34),
)
PARTS = ("tests", "workflows", "models", "encode", "annotators")  # in the order in which they are shown
NAMES = (*PARTS, *(task.name for task in TASKS if ":" in task.name))


def chosen(names: tuple[str, ...]) -> tuple[Task, ...]:
    """The tasks of some parts, or single ones.

    Args:
        names: Some of `NAMES`.
    """
    return tuple(task for task in TASKS if task.part in names or task.name in names)


def time_for(tasks: tuple[Task, ...], left: float) -> float:
    """Seconds for the first of the tasks that are still to run, in proportion to what each wants.

    Args:
        tasks: Those that are still to run.
        left: Seconds of the budget that are left.
    """
    return max(0.0, left) * tasks[0].share / sum(task.share for task in tasks)
