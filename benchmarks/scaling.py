"""How time and memory grow with frames, area and number of VCUs: the core graph beside ours, as a table and a plot.

Encoding, one step and the whole run are those of `whole_run`, with nothing remembered.
"""

import time
from functools import partial

import torch
from _memory import allocated
from _table import Table, keep
from matplotlib import pyplot
from whole_run import MINIATURE, both, clip, load_vae, miniature, prompt

from harness.host.inprocess import load_host
from harness.host.locations import ROOT

STEPS, ROUNDS = 2, 2
AREA = "area of a frame, pixels"
LENGTH, SIDE = 17, 64
# By what grows: frames, side and number of VCUs of each point.
GROWING = {
    "frames": [(length, SIDE, 1) for length in (5, 17, 33, 57, 81)],
    AREA: [(LENGTH, side, 1) for side in (32, 64, 96, 128)],
    "VCUs": [(LENGTH, SIDE, count) for count in (1, 2, 3, 4)],
}
PARTS = ("encoding", "one step", "whole run")
MEASURES = ("CPU s", "peak MiB")
WAYS = ("core", "wan-vace")
COLUMNS = ("frames, size, VCUs", *(f"{part}, {what}: {WAYS[0]} / {WAYS[1]}" for part in PARTS for what in MEASURES))
TEXT = (
    "`python dev.py bench scaling`: an inpaint of {steps} steps of euler at CFG 1 with the merged VACE model and the "
    "VAE of the miniature, on the CPU, one thread, nothing remembered. *Encoding* is from IMAGE to CONDITIONING, "
    "*whole run* from IMAGE to LATENT. Each VCU has a clip of its own; several are chained, as the core nodes are. CPU "
    "time is the lesser of {rounds} runs in turn. Memory is what PyTorch's tensors take at most above inputs and "
    "models; of a step, above what encoding left. All networks are small: the curves tell how it grows, not what a "
    "real model takes.\n\n![Time and memory by frames, area and number of VCUs](scaling.png)"
)
RESULT = ROOT / "benchmarks" / "results" / "scaling.md"


def measured(side, clips, positive):
    """By part: CPU seconds, and MiB at most."""
    side.forget()
    conditioned, encoding, left = allocated(partial(side.condition, clips, positive))
    _, step, _ = allocated(partial(side.sample, *conditioned))
    peaks = encoding, step, max(encoding, left + step)
    seconds = [min(column) for column in zip(*(_seconds(side, clips, positive) for _ in range(ROUNDS)), strict=True)]
    return dict(zip(PARTS, zip(seconds, peaks, strict=True), strict=True))


def _seconds(side, clips, positive):
    """Of encoding, of a step, and of the whole run."""
    side.forget()
    begun = time.process_time()
    conditioned = side.condition(clips, positive)
    encoded = time.process_time()
    side.sample(*conditioned)
    ended = time.process_time()
    return encoded - begun, (ended - encoded) / STEPS, ended - begun


def points(call):
    """By frames, side and number of VCUs, what was found of both."""
    model = miniature(call)
    sides, positive, known = both(call, model, load_vae(call, MINIATURE), STEPS), prompt(model, 1), {}
    for cell in dict.fromkeys(cell for cells in GROWING.values() for cell in cells):
        length, size, count = cell
        clips = [clip(length, size, size, seed) for seed in range(count)]
        known[cell] = [measured(side, clips, positive) for side in sides]
        print(cell, known[cell], flush=True)
    return known


def rows(known):
    for (length, size, count), found in known.items():
        cells = (" / ".join(f"{each[part][at]:.3g}" for each in found) for part in PARTS for at in range(len(MEASURES)))
        yield f"{length}, {size} x {size}, {count}", *cells


def place(growing, cell):
    """Of a point on the axis of what grows."""
    length, size, count = cell
    return {"frames": length, "VCUs": count}.get(growing, size * size)


def draw(known, path):
    figure, axes = pyplot.subplots(len(PARTS) * 2, len(GROWING), figsize=(11, 14), sharex="col", layout="constrained")
    for line, (part, at) in zip(axes, [(part, at) for at in range(len(MEASURES)) for part in PARTS], strict=True):
        for one, (growing, cells) in zip(line, GROWING.items(), strict=True):
            for number, (way, style) in enumerate(zip(WAYS, ("o--", "s-"), strict=True)):
                values = [known[cell][number][part][at] for cell in cells]
                one.plot([place(growing, cell) for cell in cells], values, style, label=way, markersize=5)
            names = [f"{cell[1]}²" if growing == AREA else place(growing, cell) for cell in cells]
            one.set_xticks([place(growing, cell) for cell in cells], names)
            one.set_ylim(bottom=0)
            one.grid(alpha=0.3)
        line[0].set_ylabel(f"{part}\n{MEASURES[at]}")
    fixed = f"{SIDE} x {SIDE}, 1 VCU", f"{LENGTH} frames, 1 VCU", f"{LENGTH} frames, {SIDE} x {SIDE}"
    for top, low, growing, others in zip(axes[0], axes[-1], GROWING, fixed, strict=True):
        top.set_title(others, fontsize=10)
        low.set_xlabel(growing)
    axes[0, 0].legend()
    figure.suptitle("VCUs encoded and sampled on the CPU: the core nodes and wan-vace")
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def main():
    torch.set_num_threads(1)
    call = load_host()
    with torch.inference_mode():
        known = points(call)
    text = TEXT.format(steps=STEPS, rounds=ROUNDS)
    keep(str(Table("How time and memory grow", text, COLUMNS, list(rows(known)))), RESULT)
    draw(known, RESULT.with_suffix(".png"))


if __name__ == "__main__":
    main()
