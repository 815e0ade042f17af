"""What the tests of batches share: recorded answers of a server, workflows of the miniature, tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from ..host.locations import pack_module
from ..workflows import miniature, published

batch = pack_module("cluster.batch")

RECORDED = Path(__file__).parent / "recorded"
INFO = json.loads((RECORDED / "object_info.json").read_text("utf-8"))  # by a test, part of what the host says today
KINDS = ("control_video", "inpaint_moving_box", "text_to_video", "first_frame", "outpaint")
PROMPT, SEED = "VACE Sample VCU.prompt", "VACE Sample VCU.seed"


def catalog() -> batch.Catalog:
    return batch.Catalog(INFO)


def workflow(name: str, **reductions: int) -> dict:
    """A published workflow as it runs on the miniature."""
    return miniature(published(name), name, **reductions)


def with_frames(prompt: dict) -> dict:
    """The same, which saves its frames without loss too: x264 does not give the same H.264 twice on every processor."""
    saver = next(node for node in prompt.values() if node["class_type"] == "SaveVideo")
    taken = {"class_type": "GetVideoComponents", "inputs": {"video": saver["inputs"]["video"]}}
    saved = {"images": ["frames", 0], "filename_prefix": "frames", "fps": 16.0, "compress_level": 1}
    return prompt | {"frames": taken, "save_frames": {"class_type": "SaveAnimatedPNG", "inputs": saved}}


def frames_in(files: Iterable[Path]) -> np.ndarray:
    """[T, H, W, 3], uint8, of the one file that `with_frames` saved."""
    (path,) = (path for path in files if path.suffix == ".png")
    with Image.open(path) as film:
        return np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)])


def write_workflow(folder: Path, name: str, *, frames: bool = False, **reductions: int) -> Path:
    path, prompt = folder / f"{name}.json", workflow(name, **reductions)
    path.write_text(json.dumps(with_frames(prompt) if frames else prompt), "utf-8")
    return path


def write_table(path: Path, rows: list[dict]) -> Path:
    headings = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, headings)
        writer.writeheader()
        writer.writerows(rows)
    return path


def planner(folder: Path, name: str = "control_video", *, store: bool = False, divide: bool = True) -> batch.Planner:
    """Of a workflow in a folder where its files lie too."""
    for file in ("miniature_yellow_figure.webm", "miniature_red_circle.webm", "other.webm"):
        (folder / file).write_bytes(file.encode())
    files = batch.Files((folder,), batch.Store(folder / "store") if store else None)
    return batch.Planner(write_workflow(folder, name), catalog(), files, divide=divide)


def jobs_of(folder: Path, *rows: dict, name: str = "control_video") -> list:
    planned = planner(folder, name, store=True)
    jobs = planned.plan([batch.Row(number, cells) for number, cells in enumerate(rows, 2)])
    assert not planned.findings, planned.findings
    return jobs
