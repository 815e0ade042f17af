"""How far each solver is from the converged solution at the same number of model calls, on the trained miniature.

The error is the root mean square of the difference of the latents, over the converged latent's standard deviation. All
solvers begin with the same noise, at the official shift and guidance. Converged is the official solver with many steps;
how far euler with as many steps is from it says how well that is known.
"""

import statistics
import sys

import torch

from harness.host.inprocess import load_host
from harness.host.locations import ROOT, pack_module

SCENES, CONVERGED = 16, 400
STEPS = (4, 8, 12, 16, 25, 50)
SHIFT, CFG = 16.0, 5.0
SOLVERS = (
    ("official unipc", "official"),
    ("official unipc", "simple"),
    ("euler", "simple"),
    ("dpmpp_2m", "simple"),
    ("res_multistep", "simple"),
    ("uni_pc", "simple"),
    ("uni_pc_bh2", "simple"),
    ("euler", "beta"),
    ("official unipc", "beta"),
)
TASKS = ("t2v", "depth", "inpaint", "reference")
RESULT = ROOT / "benchmarks" / "results" / "solver_error.md"


def main(arguments):
    scenes = int(arguments[0]) if arguments else SCENES
    with torch.inference_mode():
        call = load_host()
        from harness.nodes.wan_vace_dev.miniature import load_clip

        studio = pack_module("miniature.quality.studio").open_studio(call, load_clip())
        cases = pack_module("miniature.quality.cases")
        found = {}
        for number in range(scenes):
            run = sampler_of(studio, cases, TASKS[number % len(TASKS)], cases.FIRST_SEED + 500 + number)
            exact = run(CONVERGED, *SOLVERS[0])
            error = lambda latent, exact=exact: ((latent - exact).square().mean().sqrt() / exact.std()).item()  # noqa: E731
            found.setdefault(("euler", "simple", CONVERGED), []).append(error(run(CONVERGED, "euler", "simple")))
            for solver in SOLVERS:
                for steps in STEPS:
                    found.setdefault((*solver, steps), []).append(error(run(steps, *solver)))
            print(f"scene {number + 1} of {scenes}", flush=True)
    text = report(found, scenes)
    print(text)
    if scenes == SCENES:
        RESULT.write_text(text + "\n", "utf-8")


def sampler_of(studio, cases, task, seed):
    """What samples one scene of a task by a solver."""
    case = cases.CASES[task](studio.call, seed)
    texts = [studio.call("CLIPTextEncode", clip=studio.clip, text=text)[0] for text in (case.caption, "")]
    positive, negative, latent, _ = studio.call(
        "VaceApplyContext", positive=texts[0], negative=texts[1], context=studio.encode(case.vcu)
    )

    def run(steps, sampler, scheduler):
        numbers = {"steps": steps, "cfg": CFG, "shift": SHIFT, "sampler": sampler, "scheduler": scheduler}
        sampled, _ = studio.call(
            "VaceSampleContext",
            model=studio.model,
            positive=positive,
            negative=negative,
            latent=latent,
            seed=seed,
            settings={"settings": "custom", **numbers},
        )
        return sampled["samples"].double()

    return run


def report(found, scenes):
    known = found["euler", "simple", CONVERGED]
    lines = [
        "# How far solvers are from the converged solution",
        "",
        f"`python dev.py bench solver_error`: the trained miniature, {scenes} scenes of {', '.join(TASKS)}, shift "
        f"{SHIFT:g}, CFG {CFG:g}. Root mean square of the difference of the latents over the deviation of the "
        f"converged one: median (min to max). A step is one model call for each prompt. Converged is official unipc "
        f"with {CONVERGED} steps; euler with {CONVERGED} steps differs from it by {statistics.median(known):.4f} "
        f"({min(known):.4f} to {max(known):.4f}).",
        "",
        f"| sampler | scheduler | {' | '.join(f'{steps} steps' for steps in STEPS)} |",
        f"|---|---|{'---|' * len(STEPS)}",
    ]
    for sampler, scheduler in SOLVERS:
        cells = [found[sampler, scheduler, steps] for steps in STEPS]
        told = [f"{statistics.median(c):.3f} ({min(c):.3f} to {max(c):.3f})" for c in cells]
        lines.append(f"| {sampler} | {scheduler} | {' | '.join(told)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
