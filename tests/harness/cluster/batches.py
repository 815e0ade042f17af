"""What the tests of batches share: recorded answers of a server, workflows of the miniature, tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path

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


def write_workflow(folder: Path, name: str, **reductions: int) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(workflow(name, **reductions)), "utf-8")
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
