"""Three tasks of VACE in a real ComfyUI, with the miniature: an mp4 of each, and one contact sheet of all."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

from ..host.client import HostDiedError, Progress, PromptFailedError, PromptRefusedError
from ..host.locations import SetupError, pack_module
from ..host.server import ComfyServer
from ..workflows import miniature, published
from .tasks import PREFIX

sheets = pack_module("miniature.contact_sheet")

SHEET = "miniature/demo.png"
BAR = 24


def _by_pose(prompt: dict) -> None:
    """Let the skeletons themselves be the control, in the place of what the workflow draws from its clip."""
    loader, builder = node_of(prompt, "LoadVideo"), node_of(prompt, "VaceBuildVcu")
    prompt[loader]["inputs"]["file"] = f"{PREFIX}yellow_figure_pose.webm"
    prompt[builder]["inputs"]["control_video"] = [loader, 0]
    del prompt[node_of(prompt, "VaceAnnotateGray")]


@dataclass(frozen=True)
class Show:
    """One task of the demo.

    Attributes:
        name: Of its film.
        title: What is done.
        workflow: The published one that does it.
        source: The clip that is its input.
        change: What is different from the workflow.
    """

    name: str
    title: str
    workflow: str
    source: str
    change: Callable[[dict], None] | None = None


SHOWS = (
    Show("inpaint", "Exchange: a blue square instead of the red circle", "inpaint_exact_pixels", "red_circle.webm"),
    Show("outpaint", "Outpaint: both sides of a narrow clip", "outpaint", "narrow.webm"),
    Show("pose", "Follow a pose: another figure, another place", "control_video", "yellow_figure.webm", _by_pose),
)


class Display:
    """Shows the node at work: a bar that fills on a terminal, else one line for each node."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self.last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        """Show one step."""
        begins = self.last is None or progress.node_id != self.last.node_id
        if begins:
            self.close()
        if self.live:
            self._draw(progress, progress.value / max(progress.maximum, 1))
        elif begins:
            print(f"  {progress.title}", flush=True)
        self.last = progress

    def close(self) -> None:
        """Fill the bar of the last node, since it is done."""
        if self.live and self.last:
            self._draw(self.last, 1)
            print()

    @staticmethod
    def _draw(progress: Progress, part: float) -> None:
        done = round(BAR * part)
        steps = f"{progress.value}/{progress.maximum}" if progress.maximum else ""
        sys.stdout.write(f"\r\033[K  {progress.title:28.28} {'#' * done}{'.' * (BAR - done)} {steps}")
        sys.stdout.flush()


def read_film(film: Path) -> np.ndarray:
    """[T, H, W, 3], uint8, the frames of a film."""
    with av.open(str(film)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def read_pictures(pictures: list[Path]) -> np.ndarray:
    """[T, H, W, 3], uint8, a frame of each picture."""
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in pictures])


def node_of(prompt: dict, class_type: str) -> str:
    """The id of a workflow's first node of a class."""
    return next(node_id for node_id, node in prompt.items() if node["class_type"] == class_type)


def prompt_of(show: Show, **reductions: int) -> dict:
    """A task's workflow, its film enlarged, and what the model looks at and makes shown as pictures."""
    prompt = miniature(published(show.workflow), show.workflow, **reductions)
    if show.change:
        show.change(prompt)
    sampler = prompt[node_of(prompt, "VaceSampleVcu")]
    frames = ["parts", 0]
    save = prompt[node_of(prompt, "SaveVideo")]["inputs"]
    side = sheets.SIDE * sheets.SCALE
    large = {"image": frames, "upscale_method": "nearest-exact", "width": side, "height": side, "crop": "disabled"}
    save.update(video=["film", 0], filename_prefix=f"miniature/demo_{show.name}")
    return prompt | {
        "parts": {"class_type": "GetVideoComponents", "inputs": {"video": [node_of(prompt, "VaceSampleVcu"), 0]}},
        "large": {"class_type": "ImageScale", "inputs": large},
        "film": {"class_type": "CreateVideo", "inputs": {"images": ["large", 0], "fps": 16.0}},
        "vcu": {"class_type": "DevShowVcu", "inputs": {"vcu": sampler["inputs"]["vcu"]}},
        "VCU": {"class_type": "PreviewImage", "inputs": {"images": ["vcu", 0]}},
        "result": {"class_type": "PreviewImage", "inputs": {"images": frames}},
    }


def run(server: ComfyServer, show: Show, display: Display, **reductions: int) -> tuple[Path, tuple]:
    """Run one task.

    Returns:
        Its film, and its part of the contact sheet.
    """
    prompt = prompt_of(show, **reductions)
    entry = server.run(prompt, timeout=300, on_progress=display)
    display.close()
    pictures = {node: _files(server, entry, node) for node in ("VCU", "result")}
    rows = {"input": read_film(server.folders["input"] / (PREFIX + show.source))}
    rows |= {node: read_pictures(files) for node, files in pictures.items()}
    text = prompt[node_of(prompt, "VaceSampleVcu")]["inputs"]["prompt"]
    (film,) = _files(server, entry, node_of(prompt, "SaveVideo"))
    return film, (f"{show.title}  ({text})", rows)


def _files(server: ComfyServer, entry: dict, node: str) -> list[Path]:
    return server.outputs({"outputs": {node: entry["outputs"][node]}})


def make_all(start: float, display: Display, **reductions: int) -> None:
    """Run every task in one host, and say where its results are."""
    parts = []
    with ComfyServer() as server:
        print(f"ComfyUI is up after {time.perf_counter() - start:.1f} s", flush=True)
        for show in SHOWS:
            print(show.title, flush=True)
            begun = time.perf_counter()
            film, part = run(server, show, display, **reductions)
            parts.append(part)
            print(f"clip: {film} ({time.perf_counter() - begun:.1f} s)", flush=True)
        sheet = server.folders["output"] / SHEET
        sheets.contact_sheet(parts).save(sheet)
    print(f"contact sheet: {sheet}")


def main(arguments: list[str]) -> int:
    """Run the demo.

    Args:
        arguments: The command line after ``demo``.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="dev.py demo")
    parser.add_argument("--steps", type=int, help="of each sampling; 20 otherwise")
    chosen = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value}
    start, display = time.perf_counter(), Display()
    try:
        make_all(start, display, **chosen)
    except (HostDiedError, SetupError, PromptFailedError, PromptRefusedError, TimeoutError) as error:
        print(f"\nerror: {error}" if display.live else f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; ComfyUI is stopped.", file=sys.stderr)
        return 130
    print(f"done in {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
