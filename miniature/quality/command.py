"""The quality of the trained miniature in every task: ``python dev.py quality``.

Every clip goes through a real ComfyUI and this pack's nodes. A task passes if what is true of the clip it asks for is
found in the result, and more of it than without the condition.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...training.trainer import Tell
from ..locations import RESULTS, WEIGHTS
from ..world import LENGTH, draw_scene, psnr, random_scene
from .cases import CASES, FIRST_SEED, Case
from .gates import VAE_GATE, Gate, gates_of, raised
from .judges import Scores
from .limits import SCENES, set_limits
from .sheets import write_sheet
from .studies import run_studies
from .studio import CFG, Call, Studio, open_studio

SEEDS, STUDIED = 10, 5


@dataclass(frozen=True, eq=False)
class Attempt:
    """A request with and without its condition.

    Attributes:
        case: What was asked for.
        film: What came, [T, H, W, 3].
        film_without: What came of the same noise and prompt without the VCU.
        scores: Of the film.
        scores_without: Of the other.
    """

    case: Case
    film: Tensor
    film_without: Tensor
    scores: Scores
    scores_without: Scores


@dataclass(frozen=True)
class MeasureRow:
    """One line of the table.

    Attributes:
        task: Its name.
        measure: Its name.
        values: One for each seed.
        without: The same without the condition; empty where there is no such measure.
        gate: What it must reach; None if it is only told.
    """

    task: str
    measure: str
    values: tuple[float, ...]
    without: tuple[float, ...]
    gate: Gate | None

    def passed(self, slack: float = 0.0) -> bool:
        """Whether the gate is passed; it is where there is none."""
        without = _mean(self.without) if self.without else None
        return self.gate is None or self.gate.passed(_mean(self.values), without, slack)

    @property
    def cells(self) -> list[str]:
        """What stands in the table."""
        limit = verdict = "-"
        if self.gate:
            limit = f"{'at most' if self.gate.lower else 'at least'} {self.gate.limit:g}"
            verdict = "yes" if self.passed() else "NO"
            if self.gate.reached is not None:
                limit += f", aim {self.gate.aim:g}"
        return [self.task, self.measure, _told(self.values), _told(self.without), limit, verdict]


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line says.

    Returns:
        ``seeds``, ``tasks``, ``out`` (None writes nothing), ``weights``, ``studies`` and ``limits``.
    """
    parser = argparse.ArgumentParser(prog="dev.py quality")
    most = f"{STUDIED} for --studies, {SCENES} for --limits"
    parser.add_argument("--seeds", type=int, help=f"scenes for each task: {SEEDS}, {most}")
    parser.add_argument("--tasks", default="", help=f"names with commas between, of {', '.join(CASES)}; all without")
    parser.add_argument("--out", type=Path, help="folder for the table and pictures; benchmarks/results for all tasks")
    parser.add_argument("--studies", action="store_true", help="compare choices of the method instead")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of other weights, held to the aims")
    parser.add_argument("--limits", action="store_true", help="set the limits anew instead, from other scenes")
    options = parser.parse_args(arguments)
    options.tasks = [name for name in options.tasks.split(",") if name]
    if unknown := [name for name in options.tasks if name not in CASES]:
        parser.error(f"there is no task {', '.join(unknown)}; there are: {', '.join(CASES)}")
    if options.tasks and (options.studies or options.limits):
        parser.error("--studies and --limits choose their own tasks; leave --tasks out")
    if options.studies and options.limits:
        parser.error("--studies and --limits are runs of their own; leave one out")
    if options.weights != WEIGHTS and (options.studies or options.limits):
        parser.error("--studies and --limits are of the weights in the repository; leave --weights out")
    if options.seeds is None:
        options.seeds = STUDIED if options.studies else SCENES if options.limits else SEEDS
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}, it must be at least 1")
    options.out = options.out or (None if options.tasks or options.weights != WEIGHTS else RESULTS)
    return options


def measure_quality(options: argparse.Namespace, call: Call, clip: object, tell: Tell) -> int:
    """Measure, and write the results down.

    Args:
        options: Of `read_options`.
        call: Runs a node by its id.
        clip: The world's words as the host's text encoder.
        tell: Receives lines of progress, and the table.

    Returns:
        The exit status: 1 if a gate is not passed.
    """
    studio = open_studio(call, clip, weights=options.weights)
    held_to = None if options.weights == WEIGHTS else studio.profile
    if options.studies:
        return run_studies(studio, options.seeds, options.out, tell)
    if options.limits:
        return set_limits(studio, scored, options.seeds, SEEDS, options.out, tell)
    rows = []
    for task in options.tasks or CASES:
        begin = time.perf_counter()
        attempts = [attempt(studio, task, seed) for seed in range(options.seeds)]
        found = rows_of(task, attempts, held_to)
        rows += found
        if options.out:
            write_sheet(options.out / "miniature" / f"{task}.jpg", task, attempts)
        seconds = (time.perf_counter() - begin) / len(attempts)
        failed = [row.measure for row in found if not row.passed()]
        tell(f"{task}: {'not passed: ' + ', '.join(failed) if failed else 'passed'}  ({seconds:.1f} s a scene)")
    if not options.tasks:
        rows.append(vae_row(studio, options.seeds))
    lines = quality_table(rows)
    tell("\n".join(lines))
    if options.out:
        text = "\n".join([*_heading(studio, options.seeds, options.weights), *lines, ""])
        (options.out / "miniature_quality.md").write_text(text, "utf-8")
    return 0 if all(row.passed() for row in rows) else 1


def attempt(studio: Studio, task: str, seed: int) -> Attempt:
    """One task on one scene, with its condition and without.

    Args:
        studio: What to sample with.
        task: One of `CASES`.
        seed: Of the noise, and added to `FIRST_SEED` of the scene.
    """
    case = CASES[task](studio.call, FIRST_SEED + seed, studio.pixels)
    film, without = film_of(studio, case, seed), film_without(studio, case, seed)
    scores_without = scores_of(studio, case, without)
    scores_without.pop("kept and pasted, dB", None)  # says nothing of the condition
    return Attempt(case, film, without, scores_of(studio, case, film), scores_without)


def scored(studio: Studio, task: str, scene: int, seed: int) -> Scores:
    """What one task scores on one scene, with its condition."""
    case = CASES[task](studio.call, scene, studio.pixels)
    return scores_of(studio, case, film_of(studio, case, seed))


def scores_of(studio: Studio, case: Case, film: Tensor) -> Scores:
    """All that is measured of a film of a case."""
    scores, kept = case.judge(film), case.vcu.mask <= 0.5
    if kept.any():
        pasted = studio.pasted(film, case.vcu)
        scores["kept, dB"] = psnr(film, case.vcu.frames, kept)
        scores["kept and pasted, dB"] = psnr(pasted, case.vcu.frames, kept)
    return scores | (case.joined(studio.pasted(film, case.vcu, feather=0.0)) if case.joined else {})


def film_of(studio: Studio, case: Case, seed: int) -> Tensor:
    """What comes with the VCU."""
    if not case.segments:
        return studio.film(case.vcu, case.caption, seed)
    return studio.long_film(case.vcu, case.caption, seed, *case.segments)


def film_without(studio: Studio, case: Case, seed: int) -> Tensor:
    """What comes of the same noise with an empty VCU; of a long video, each segment by itself."""
    length, height, width, _ = case.vcu.frames.shape
    most, overlap = case.segments or (length, 0)
    empty = studio.empty(most, height, width)
    parts = [studio.film(empty, case.told_without, seed)]
    while sum(map(len, parts)) < length:
        parts.append(studio.film(empty, case.told_without, seed + len(parts))[overlap:])
    return torch.cat(parts)[:length]


def rows_of(task: str, attempts: Sequence[Attempt], profile: str | None = None) -> list[MeasureRow]:
    """A line for each measure of a task; see `gates_of`."""
    gates = {gate.measure: gate for gate in gates_of(task, profile)}
    rows = []
    for measure in attempts[0].scores:
        values = tuple(each.scores[measure] for each in attempts)
        without = tuple(each.scores_without[measure] for each in attempts if measure in each.scores_without)
        rows.append(MeasureRow(task, measure, values, without, gates.pop(measure, None)))
    if gates:
        raise ValueError(f"{task} has gates on what is not measured: {', '.join(gates)}.")
    return rows


def vae_row(studio: Studio, seeds: int) -> MeasureRow:
    """How well the VAE alone gives back clips that it was not trained on."""
    size, task = (LENGTH, studio.pixels, studio.pixels), "the VAE alone"
    clips = [draw_scene(random_scene(FIRST_SEED + seed), *size).frames for seed in range(seeds)]
    values = tuple(psnr(studio.given_back(frames), frames) for frames in clips)
    return MeasureRow(task, VAE_GATE.measure, values, (), raised(VAE_GATE, task, studio.profile))


def quality_table(rows: Sequence[MeasureRow]) -> list[str]:
    """Lines of markdown."""
    heading = ["task", "measure", "with", "without", "must be", "passed"]
    lines = [heading, ["---", "---", "--:", "--:", "--:", "---"], *(row.cells for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _heading(studio: Studio, seeds: int, weights: Path) -> list[str]:
    return [
        "# The miniature in every task",
        "",
        "Written by `python dev.py quality`. A small VACE, trained in a world of moving shapes where everything is",
        "known, runs through a real ComfyUI and this pack's nodes, on scenes that it was not trained on:",
        f"{seeds} for each task, {studio.steps} steps, CFG {CFG:g}. *With* and *without* share model, prompt and",
        "noise; *without* has an empty VCU (text to video: no caption; long video: segments by themselves). Numbers",
        "are the mean over the scenes and, in brackets, least and most. Shares, IoU, seam and continuity are best at",
        "1. A row with a limit must reach it, and be better than without where the condition is what makes it. The",
        "continuity of an extension is measured with what is kept put back to the pixel. Where an aim is named, the",
        "shipped weights do not reach it safely, and the limit is [what other scenes gave](miniature_limits.md).",
        "",
        "These are numbers of a small model: they show whether each task works from the VCU to the pixels, not how",
        "good the real models are.",
        "",
        *_note(weights),
    ]


def _note(weights: Path) -> list[str]:
    """What the training's record says of the weights that are in place."""
    note = json.loads((weights / "record.json").read_text("utf-8")).get("note")
    return [f"**{note}**", ""] if note else []


def _told(values: Sequence[float]) -> str:
    return f"{_mean(values):.2f} ({min(values):.2f} .. {max(values):.2f})" if values else "-"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
