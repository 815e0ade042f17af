"""Limits of the shipped weights, from scenes of their own: ``python dev.py quality --limits``."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from ...training.trainer import Tell
from .cases import CASES, FIRST_SEED
from .gates import AIMS, DOUBT, LIMITS, Gate, reachable
from .judges import Scores
from .studio import Studio

SCENES, APART = 16, 100_000  # how many scenes, and how far from those of the table
# Scores of one film of a task, by the number of its scene and of its noise.
Score = Callable[[Studio, str, int, int], Scores]


def set_limits(studio: Studio, score: Score, scenes: int, judged: int, out: Path, tell: Tell) -> int:
    """Measure every task with its condition, and write down what other scenes can be held to.

    Args:
        studio: What to sample with.
        score: See `Score`.
        scenes: How many are measured.
        judged: How many the limits are for.
        out: Folder for the table.
        tell: Receives lines of progress.

    Returns:
        The exit status, 0.
    """
    rows, limits = [], {}
    for task in CASES:
        scores = [score(studio, task, FIRST_SEED + APART + number, number) for number in range(scenes)]
        found = {gate.measure: [each[gate.measure] for each in scores] for gate in AIMS[task]}
        reached = {gate.measure: reachable(gate, found[gate.measure], judged) for gate in AIMS[task]}
        rows += [_row(task, gate, found[gate.measure], reached[gate.measure]) for gate in AIMS[task]]
        short = {measure: limit for measure, limit in reached.items() if limit is not None}
        limits |= {task: short} if short else {}
        LIMITS.write_text(json.dumps(limits, indent=1) + "\n", "utf-8")
        tell(f"{task}: {', '.join(f'{measure} {limit:g}' for measure, limit in short.items()) or 'as aimed'}")
    (out / "miniature_limits.md").write_text("\n".join([*_heading(scenes, judged), *rows, ""]), "utf-8")
    return 0


def _row(task: str, gate: Gate, values: Sequence[float], reached: float | None) -> str:
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1))
    numbers = f"{mean:.2f} | {spread:.2f} | {min(values):.2f} .. {max(values):.2f}"
    limit = gate.aim if reached is None else reached
    word = "at most" if gate.lower else "at least"
    return f"| {task} | {gate.measure} | {numbers} | {word} {gate.aim:g} | {word} {limit:g} |"


def _heading(scenes: int, judged: int) -> list[str]:
    return [
        "# What the miniature is held to",
        "",
        f"Written by `python dev.py quality --limits`, from {scenes} scenes of each task that are not those of",
        "[the table](miniature_quality.md). Where the shipped weights do not reach an aim safely, the limit for a mean",
        f"of {judged} other scenes is this mean less {DOUBT:g} standard errors of the difference between both means,",
        "rounded away from the aim, and not below 0: what chance alone misses once in 160 times.",
        "",
        "| task | measure | mean | standard deviation | range | aim | limit |",
        "| --- | --- | --: | --: | --: | --: | --: |",
    ]
