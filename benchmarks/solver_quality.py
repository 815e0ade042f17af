"""Which solver shows what was asked for in how many steps, on the trained miniature.

Every film is judged as the miniature's tables of quality judge it: shape, place, motion and colour of text to video,
outlines of depth and inpainting, the colour of a reference. The score of a film is the mean of its measures, all of
them shares from 0 to 1. All solvers begin with the same noise, at the official shift and guidance.
"""

import statistics
import sys

import torch
from _solvers import CFG, SHIFT, TASKS, Scene

from harness.host.inprocess import load_host
from harness.host.locations import ROOT, pack_module

SCENES = 16
STEPS = (8, 12, 16, 25)
OFFICIAL = ("official unipc", "official")
SOLVERS = (
    OFFICIAL,
    ("official unipc", "beta"),
    ("euler", "simple"),
    ("euler", "beta"),
    ("res_multistep", "simple"),
)
YARDSTICK = (*OFFICIAL, 50)
RESULT = ROOT / "benchmarks" / "results" / "solver_quality.md"


def main(arguments):
    scenes = int(arguments[0]) if arguments else SCENES
    runs = [(*solver, steps) for solver in SOLVERS for steps in STEPS] + [YARDSTICK]
    with torch.inference_mode():
        call = load_host()
        from harness.nodes.wan_vace_dev.miniature import load_clip

        studio = pack_module("miniature.quality.studio").open_studio(call, load_clip())
        cases = pack_module("miniature.quality.cases")
        found = {run: [] for run in runs}
        for number in range(scenes):
            scene = Scene(studio, cases, number)
            for sampler, scheduler, steps in runs:
                found[sampler, scheduler, steps].append(scene.judge(scene.sample(steps, sampler, scheduler)))
            print(f"scene {number + 1} of {scenes}", flush=True)
    text = report(found, scenes)
    print(text)
    if scenes == SCENES:
        RESULT.write_text(text + "\n", "utf-8")


def report(found, scenes):
    yardstick = [score(film) for film in found[YARDSTICK]]
    lines = [
        "# Which solver shows what was asked for, in how many steps",
        "",
        f"`python dev.py bench solver_quality`: the trained miniature, {scenes} scenes of {', '.join(TASKS)}, shift "
        f"{SHIFT:g}, CFG {CFG:g}. Mean score of the films, from 0 to 1; in brackets the mean difference from the same "
        f"scene with {YARDSTICK[2]} official steps, and its standard error. {YARDSTICK[2]} official steps: "
        f"{statistics.mean(yardstick):.3f}.",
        "",
        f"| sampler | scheduler | {' | '.join(f'{steps} steps' for steps in STEPS)} |",
        f"|---|---|{'---|' * len(STEPS)}",
    ]
    for sampler, scheduler in SOLVERS:
        cells = [compare([score(f) for f in found[sampler, scheduler, steps]], yardstick) for steps in STEPS]
        lines.append(f"| {sampler} | {scheduler} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *by_measure(found)])


def score(film):
    """The mean of a film's measures."""
    return statistics.mean(film.values())


def compare(scores, yardstick):
    """A mean, how far it is from another's, and how sure that is."""
    apart = [own - other for own, other in zip(scores, yardstick, strict=True)]
    doubt = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else 0.0
    return f"{statistics.mean(scores):.3f} ({statistics.mean(apart):+.3f} ± {doubt:.3f})"


def by_measure(found):
    """The means of each task's measures, for all runs."""
    columns = [(task, name) for n, task in enumerate(TASKS) for name in found[YARDSTICK][n]]
    lines = [
        f"| sampler | scheduler | steps | {' | '.join(f'{task}: {name}' for task, name in columns)} |",
        f"|---|---|--:|{'--:|' * len(columns)}",
    ]
    for (sampler, scheduler, steps), films in found.items():
        means = [
            statistics.mean(film[name] for film in films[TASKS.index(task) :: len(TASKS)]) for task, name in columns
        ]
        lines.append(f"| {sampler} | {scheduler} | {steps} | {' | '.join(f'{mean:.2f}' for mean in means)} |")
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
