"""Colour drift over ten segments, with and without the closed loop of `vace_core.long`, on a synthetic drift.

No model is run: a plain function makes the true clip in colours that go on from the kept frames and shift a little more
in every segment (harness/inputs/drift.py). So this shows what measuring and correcting can do, not what a model drifts.
Writes results/colour_drift.md and results/colour_drift.png.
"""

from unittest.mock import patch

import torch
from PIL import Image, ImageDraw, ImageFont

from harness.host.locations import ROOT, pack_module

RESULTS = ROOT / "benchmarks" / "results"
SEGMENTS, LENGTH, OVERLAP = 10, 33, 9


def load():
    """The drift model, the pack's colour correction, and a plan of segments."""
    colour, segments = pack_module("vace_core.long.colour"), pack_module("vace_core.long.segments")
    from harness.inputs import drift  # it needs the pack by its name

    plan = segments.plan_segments(SEGMENTS * (LENGTH - OVERLAP) + OVERLAP, LENGTH, OVERLAP)
    return drift, colour, plan


def main():
    drift, colour, plan = load()
    clip = drift.textured_clip(plan[-1].stop)
    known = torch.zeros(clip.shape[:3], dtype=torch.bool)
    known[:, :, : clip.shape[2] // 3] = True
    everything = drift.turned(hue=0.02, gain=(1.01, 1.0, 0.99), offset=(0.006, 0.0, -0.004), contrast=1.01)

    def run(change, loop=True, known=None, fit=None, **more):
        sampler = drift.DriftingSampler(clip, change, first_too=known is not None, **more)
        return drift.long_run(sampler, plan, loop, known, fit or colour.fit_colour_map)

    def last(*arguments, **more):
        return run(*arguments, **more)[-1][0]

    runs = {
        "new, no loop": run(everything, False),
        "new, loop": run(everything),
        "inpainting, no loop": run(everything, False, known),
        "inpainting, loop": run(everything, True, known),
    }
    changes = {
        "hue, gain, offset and contrast": {"change": everything},
        "gain of the channels": {"change": drift.turned(gain=(1.02, 1.0, 0.985))},
        "offset": {"change": drift.turned(offset=(0.01, 0.004, -0.006))},
        "hue": {"change": drift.turned(hue=0.03)},
        "contrast": {"change": drift.turned(contrast=1.03)},
        "gamma (no map of low order)": {"change": drift.turned(), "gamma": 1.03},
        "all four, growing along the segment by half": {"change": everything, "growth": 0.5},
        "all four, each frame flickering by 0.5": {"change": everything, "flicker": 0.5 / 255},
        "none": {"change": drift.turned()},
    }
    kinds = {
        name: (last(loop=False, **more), last(**more), last(loop=False, known=known, **more), last(known=known, **more))
        for name, more in changes.items()
    }
    choices = {name: worth(colour, last, everything, known, name) for name in CHOICES}
    text = report(runs, kinds, choices)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "colour_drift.md").write_text(text, encoding="utf-8")
    plot({name: [error for error, _ in results] for name, results in runs.items()}).save(
        RESULTS / "colour_drift.png", optimize=True
    )


def ones(residual, _):
    return torch.ones_like(residual[:, 0])


CHOICES = {
    "as it is": {},
    "a gain and an offset for each channel": {"fit": "channels"},
    "truth explained by decoded colours": {"fit": "reversed"},
    "single pixels instead of blocks": {"BLOCK": 1},
    "blocks of 16": {"BLOCK": 16},
    "all blocks count the same": {"_tukey": ones, "_absolute": ones},
    "no change over time": {"at_both_ends": lambda self, _: False},
    "change over time from the overlap too": {"at_both_ends": lambda self, _: True},
}


def worth(colour, last, change, known, name):
    """The error after ten segments with one choice made otherwise: new video, growing new video, inpainting."""
    other = dict(CHOICES[name])
    fit = {"channels": channels, "reversed": swapped}.get(other.pop("fit", None), lambda c: c.fit_colour_map)(colour)
    ends = other.pop("at_both_ends", colour._Known.at_both_ends)
    other = other or {"BLOCK": colour.BLOCK}
    with patch.multiple(colour, **other), patch.object(colour._Known, "at_both_ends", ends):
        new, growing = last(change, fit=fit), last(change, fit=fit, growth=0.5)
        return new, growing, last(change, fit=fit, known=known, growth=0.5)


def channels(colour):
    """A fit of a gain and an offset for each channel by itself."""

    def fit(decoded, truth, weight):
        maps = [colour.fit_colour_map(*grey(decoded, truth, channel), weight) for channel in range(3)]
        gains = torch.stack([m.gain.sum(1)[0] for m in maps]).diag()
        slopes = torch.stack([m.gain_slope.sum(1)[0] for m in maps]).diag()
        rest = (torch.stack([getattr(m, n)[0] for m in maps]) for n in ("offset", "offset_slope", "pivot"))
        offset, offset_slope, pivot = rest
        return colour.ColourMap(gains, offset, slopes, offset_slope, pivot, len(decoded))

    return fit


def grey(decoded, truth, channel):
    return tuple(frames[..., channel, None].expand(-1, -1, -1, 3) for frames in (decoded, truth))


def swapped(colour):
    """A fit of the true colours by the decoded ones, without time."""

    def fit(decoded, truth, weight):
        m = colour.fit_colour_map(torch.where(weight[..., None] > 0, truth, 0), decoded, weight)
        none = torch.zeros(3)
        return colour.ColourMap(torch.linalg.inv(m.gain), m.pivot, torch.zeros(3, 3), none, m.offset, len(decoded))

    return fit


def report(runs, kinds, choices):
    rows = [
        "# Colour drift over ten segments",
        "",
        f"Synthetic, no model is run: each of {SEGMENTS} segments ({LENGTH} frames, {OVERLAP} shared) goes on from",
        "the colours of the one before and adds hue 0.02 rad, gain +1 % / -1 % of red and blue, contrast +1 % and a",
        "small offset; pixels have noise of 3, and 6 % of every kept frame comes back as something else. Numbers are",
        "the mean error of the new pixels against the true clip, in steps of 1/255, as means over 8 x 8 pixels; noise",
        "alone is 0.3. In new video only the overlap is known and the first segment is the truth; in inpainting a",
        "third of every frame is known.",
        "",
        "![Error per segment](colour_drift.png)",
        "",
        "| | " + " | ".join(str(n + 1) for n in range(SEGMENTS)) + " |",
        "|---|" + "---|" * SEGMENTS,
    ]
    rows += [f"| {name} | " + " | ".join(f"{e:.2f}" for e, _ in results) + " |" for name, results in runs.items()]
    measured = [255 * colour_map.drift for _, colour_map in runs["new, loop"]]
    rows += ["| drift that the loop measures, new | " + " | ".join(f"{value:.2f}" for value in measured) + " |"]
    rows += ["", "After ten segments, by what each segment adds:", ""]
    rows += ["| | new, no loop | new, loop | inpainting, no loop | inpainting, loop |", "|---|---|---|---|---|"]
    rows += [f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |" for name, values in kinds.items()]
    rows += [
        "",
        "What grows along a segment beyond its overlap cannot be measured in new video: nothing there is known. The",
        "loop then only slows the drift, and the next segment takes the colours that it finds for the truth.",
        "",
        "After ten segments, with one choice made otherwise (`growing`: by half along each segment):",
        "",
        "| | new | new, growing | inpainting, growing |",
        "|---|---|---|---|",
    ]
    rows += [f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |" for name, values in choices.items()]
    return "\n".join([*rows, ""])


def plot(lines, size=(760, 420)):
    """Error by segment, a line each."""
    picture = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    left, top, right, bottom = 50, 40, size[0] - 160, size[1] - 50
    highest = 5 * (int(max(max(values) for values in lines.values()) / 5) + 1)

    def at(segment, error):
        return left + (right - left) * segment / (SEGMENTS - 1), bottom - (bottom - top) * error / highest

    draw.text((left, 10), "Colour error of new pixels against the true clip, in steps of 1/255", "black", font)
    for value in range(0, highest + 1, 5):
        y = at(0, value)[1]
        draw.line([(left, y), (right, y)], "#dddddd")
        draw.text((left - 8, y), str(value), "black", font, anchor="rm")
    for segment in range(SEGMENTS):
        draw.text((at(segment, 0)[0], bottom + 8), str(segment + 1), "black", font, anchor="mt")
    draw.text(((left + right) / 2, size[1] - 8), "segment", "black", font, anchor="mb")
    label = top - 20
    for (name, values), colour in zip(lines.items(), ("#d62728", "#1f77b4", "#ff9896", "#17becf"), strict=True):
        points = [at(segment, error) for segment, error in enumerate(values)]
        draw.line(points, colour, 3, joint="curve")
        for x, y in points:
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], colour)
        label = points[-1][1] if "no loop" in name else points[-1][1] - (16 if name.startswith("new") else 0)
        draw.text((right + 10, label), name, colour, font, anchor="lm")
    return picture


if __name__ == "__main__":
    with torch.inference_mode():
        main()
