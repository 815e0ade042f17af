"""Clips that show nothing but their length."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

SIDE = 64
FPS = 16


def blank_clip(path: Path, frames: int, side: int = SIDE) -> None:
    """Write a square clip that goes from black to white.

    Args:
        path: Of the file, whose ending says the container.
        frames: How many.
        side: Pixels.
    """
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        for index in range(frames):
            grey = np.full((side, side, 3), 255 * index // max(frames - 1, 1), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
        file.mux(stream.encode())
