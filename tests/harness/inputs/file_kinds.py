"""The tables of kinds of files and of LoRAs: which load, and how near they are to what their numbers mean."""

from __future__ import annotations

from collections.abc import Iterable

from layouts.kinds import KINDS

from ..host.locations import ROOT

FILE = ROOT / "benchmarks" / "results" / "file_kinds.md"
COLUMNS = ("VACE Load Adapter", "VACE Load Models")
INTRODUCTION = """# Kinds of files

Every kind of file that VACE is published in, written small with its true names, types and text (`tests/layouts`),
loaded by {host} on the CPU and sampled. What its numbers mean is worked out apart from what reads it, as a float32
model of ComfyUI's own. A number is the largest difference of the two results, relative to the largest value: 0 is
equality to the bit. *VACE Load Adapter* takes the adapter out of the file, *VACE Load Models* a whole model of that
kind.

- *refused by name*: a sentence says what the file is and what to choose instead. VACE Load Models refuses what
  ComfyUI's own loader, which it uses, would read wrongly; the tests hold that it would.
- Int8 of LightX2V and of ComfyUI is computed in int8, inputs rounded to 255 steps for each token, as its own tools do
  it: that is its difference.
- Fp8 with a scale for each row (LightX2V), quanto and GGUF are dequantised when they are loaded, into the 16-bit type
  that ComfyUI chooses for the device. Mxfp8 and nvfp4 are written and dequantised by ComfyUI's own kernels.
- A dash: ComfyUI's loader does not list files of this kind.

`python dev.py file-kinds` writes this page.
"""


# Kind, column, and the difference or a word.
Rows = Iterable[tuple[str, str, float | str]]
LORAS = """## LoRAs

The same for LoRA files of every naming scheme and form, at strength 0.7, by *VACE Load LoRA* on a merged VACE model
and on a plain one with VACE Apply Adapter: against weights that were changed by hand after the published formulas, in
float32.
"""


def write(host: str, rows: Rows, loras: Rows) -> None:
    """Write the page.

    Args:
        host: Name and version.
        rows: Of the kinds of files.
        loras: Of LoRAs.
    """
    values = _values(rows)
    lines = ["| kind | names and types after | " + " | ".join(COLUMNS) + " |", "| --- | --- | --- | --- |"]
    for kind in KINDS:
        cells = (values.get((kind.name, column), "-") for column in COLUMNS)
        lines.append(f"| {kind.name} | {kind.source} | {' | '.join(cells)} |")
    loras = _values(loras)
    lines += ["", LORAS, "| kind | merged | attached |", "| --- | --- | --- |"]
    lines += [
        f"| {kind} | {loras.get((kind, 'merged'), '-')} | {loras.get((kind, 'attached'), '-')} |"
        for kind in sorted({kind for kind, _ in loras})
    ]
    FILE.write_text("\n".join([INTRODUCTION.format(host=host), *lines, ""]), "utf-8")


def _values(rows: Rows) -> dict[tuple[str, str], str]:
    return {(kind, column): value if isinstance(value, str) else f"{value:.2g}" for kind, column, value in rows}
