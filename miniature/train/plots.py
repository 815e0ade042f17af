"""Curves and tables of the training, from its log."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..locations import RESULTS
from ..networks import SMALL

SHARE = SMALL.vace_layers / SMALL.layers  # of the base's work that the adapter adds
# Work of a step in forward passes of the base: forward, back to the activations, and to the weights that are trained.
WORK = {"adapter": 2 * (1 + SHARE) + SHARE, "global": 3 * (1 + SHARE)}
COMPARED = {
    "adapter_short": "adapter, layers spread, concepts decoupled",
    "global": "global fine-tuning",
    "consecutive": "adapter, first layers in a row",
    "together": "adapter, concepts not decoupled",
}

Log = dict[str, list[dict[str, float]]]


def read_log(path: Path) -> Log:
    """The log's lines for each stage."""
    log: Log = {}
    for line in path.read_text("utf-8").splitlines():
        entry = json.loads(line)
        log.setdefault(entry.pop("stage"), []).append(entry)
    return log


def draw_all(path: Path) -> None:
    """Write the plots, and the table of the compared runs, into benchmarks/results.

    Args:
        path: The log, training.jsonl, beside record.json.
    """
    log = read_log(path)
    _draw_stages(log, RESULTS / "miniature_training.png")
    if all(name in log for name in COMPARED):
        _draw_comparison(log, RESULTS / "miniature_comparison.png")
        abilities = json.loads(path.with_name("record.json").read_text("utf-8"))["abilities"]
        text = comparison_table(log) + abilities_table(abilities)
        (RESULTS / "miniature_comparison.md").write_text(text, "utf-8")


def _draw_stages(log: Log, path: Path) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    for name in ("vae_frames", "vae_clips", "vae_decoder"):
        _curve(axes[0], log.get(name, []), "psnr", name)
    axes[0].set_title("VAE: unseen clips, dB")
    _curve(axes[1], log.get("base", []), "validation", "text to video")
    axes[1].set_title("base: validation loss")
    phases = log.get("adapter", [])
    last = phases[-1]["step"] if phases else 0
    tuned = [line | {"step": last + line["step"]} for line in log.get("tuned", [])]
    _curve(axes[2], phases, "validation", "all tasks, with context")
    _curve(axes[2], tuned, "validation", "the same, last phase")
    _curve(axes[2], [*phases, *tuned], "text_to_video", "text to video, without")
    axes[2].set_title("adapter: validation loss")
    _finish(figure, axes, path)


def _draw_comparison(log: Log, path: Path) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 3.9), layout="constrained")
    for name, label in COMPARED.items():
        _curve(axes[0], log[name], "validation", label)
        _curve(axes[1], log[name], "validation", label, _work(name))
        _curve(axes[2], log[name], "text_to_video", label)
    axes[0].set_title("validation loss of all tasks, by step")
    axes[1].set_title("the same, by computation")
    axes[1].set_xlabel("thousand forward passes of the base")
    axes[2].set_title("loss of plain text to video, context off")
    _finish(figure, axes, path)


def _work(name: str) -> float:
    return WORK["global" if name == "global" else "adapter"] / 1000


def _curve(axes: object, lines: Sequence[Mapping[str, float]], value: str, label: str, scale: float = 1.0) -> None:
    axes.plot([line["step"] * scale for line in lines], [line[value] for line in lines], marker=".", label=label)


def _finish(figure: object, axes: Sequence[object], path: Path) -> None:
    from matplotlib import pyplot

    for one in axes:
        one.grid(alpha=0.3)
        one.set_xlabel(one.get_xlabel() or "step")
        one.legend(fontsize=8)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def comparison_table(log: Log) -> str:
    """Markdown: the compared runs at each check, over steps, computation and time."""
    rows = [
        "# Adapter against global fine-tuning, in small",
        "",
        "The miniature's adapter and three runs that differ from it in one thing, with the same data, seed and number",
        "of steps (`python dev.py train comparison`). Computation is in forward passes of the base, reckoned from the",
        "layers; the time is of the machine it ran on, compiling included where it was due. One seed and one learning",
        "rate for all, so small differences may be chance. Evidence from a small model, not about the real one.",
        "",
        "![Curves](miniature_comparison.png)",
        "",
        "| run | steps | computation | minutes | validation, all tasks | text to video, context off |",
        "|---|---|---|---|---|---|",
    ]
    for name, label in COMPARED.items():
        for line in log[name]:
            work = line["step"] * _work(name) * 1000
            rows.append(
                f"| {label} | {line['step']} | {work:.0f} | {line['seconds'] / 60:.1f} "
                f"| {line['validation']:.4f} | {line['text_to_video']:.4f} |"
            )
    return "\n".join(rows) + "\n"


def abilities_table(abilities: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown: which share of captions comes true, by model and whether its context is on."""
    measures = list(abilities["base"])
    rows = [
        "",
        "## What became of text to video",
        "",
        "Share of the frames, over unseen captions, in which what the caption says comes true. With the context off a",
        "model is its base alone, with it on it reads an empty VCU.",
        "",
        f"| model | {' | '.join(measures)} |",
        f"|---|{'---|' * len(measures)}",
    ]
    for name, found in abilities.items():
        run, *context = name.split(", ")
        label = ", ".join([COMPARED.get(run, run), *context])
        rows.append(f"| {label} | {' | '.join(f'{found[measure]:.2f}' for measure in measures)} |")
    return "\n".join(rows) + "\n"
