"""What the command line of ``dev.py train-adapter`` says."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...vace_core.errors import VaceInputError
from .base import SPREAD
from .clips import ClipFormat

WHAT = "A VACE adapter for a Wan base, from a folder of clips."


@dataclass(frozen=True)
class Options:
    """What the command line says; see `parse_options`."""

    base: Path
    vae: Path
    clips: Path
    out: Path
    text_encoder: Path | None = None
    captions: bool = False
    steps: int = 1000
    width: int = 0
    height: int = 0
    length: int = 0
    batch: int = 1
    rate: float = 1e-4
    layers: str = SPREAD
    fps: float = 16.0
    variants: int = 8
    seed: int = 0
    save_every: int = 50
    anyway: bool = False

    @property
    def state(self) -> Path:
        """The folder that holds what a later run goes on with."""
        return self.out.with_name(f"{self.out.stem}_training")

    @property
    def wanted(self) -> ClipFormat:
        """What clips are made to."""
        return ClipFormat(self.width, self.height, self.length, self.fps)


def parse_options(arguments: Sequence[str]) -> Options:
    """Options of a command line."""
    parser = argparse.ArgumentParser(prog="dev.py train-adapter", description=WHAT)
    for name, what in (("base", "Wan 2.1 text-to-video file"), ("vae", "its VAE"), ("clips", "folder of videos")):
        parser.add_argument(f"--{name}", type=Path, required=True, help=what)
    parser.add_argument("--out", type=Path, required=True, help="the adapter, .safetensors; its state lies beside it")
    parser.add_argument("--text-encoder", type=Path, help="umT5 file; the miniature needs none")
    parser.add_argument("--captions", action="store_true", help="each clip has its text beside it, in CLIP.txt")
    parser.add_argument("--size", default="", metavar="WxH", help="default: 832x480, the miniature 64x64")
    parser.add_argument("--length", type=int, default=0, help="frames, 4n + 1; default: 81, the miniature 17")
    for name, kind, what in (
        ("steps", int, "of training"),
        ("batch", int, "clips in a step"),
        ("rate", float, "largest learning rate"),
        ("layers", str, "base layers to copy: spread, or numbers such as 0,5,10"),
        ("fps", float, "frames per second that faster videos are thinned to; 0 takes every frame"),
        ("variants", int, "requests made of each clip"),
        ("seed", int, "of everything random"),
        ("save-every", int, "steps between two states on disk"),
    ):
        default = getattr(Options, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{what} (default {default})")
    parser.add_argument("--anyway", action="store_true", help="start although memory looks short")
    given = vars(parser.parse_args(arguments))
    width, height = _size(given.pop("size"))
    return Options(**given, width=width, height=height)


def _size(text: str) -> tuple[int, int]:
    if not text:
        return 0, 0
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) and int(part) % 16 == 0 for part in parts):
        raise VaceInputError(f"--size is {text}, it must be such as 832x480, both multiples of 16.")
    return int(parts[0]), int(parts[1])
