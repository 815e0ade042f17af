"""What the miniature's workflows load: clips, masks, control videos and pictures of its world."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from torch import Tensor

from ..host.locations import pack_module
from ..inputs.footage import save_clip, save_film, save_picture
from .tasks import PREFIX

world = pack_module("miniature.world")
Thing = pack_module("miniature.world.scenes").Thing

LONG = 25  # frames of the scene that `before` and `after` are the ends of
ENDS = 9
MIDDLE = slice(16, 48)  # columns of the clip to outpaint
GROWN = 3  # pixels around the circle that its mask has too

SCENES = {
    "red_circle": world.Scene("sand", 3, (Thing("red", "circle", "right", 10.0, (17.0, 34.0), 30.0, 2.0),)),
    "yellow_figure": world.Scene("stone", 5, (Thing("yellow", "figure", "right", 20.0, (18.0, 33.0), 28.0),)),
    "cyan_triangle": world.Scene("night", 8, (Thing("cyan", "triangle", "left", 11.0, (48.0, 30.0), 32.0, -2.0),)),
    "two": world.Scene(
        "snow",
        13,
        (
            Thing("pink", "circle", "up", 10.0, (30.0, 44.0), 24.0),
            Thing("blue", "square", "stays", 10.0, (42.0, 30.0), 0),
        ),
    ),
}
SUBJECTS = {
    "blue_square": Thing("blue", "square", "right", 10.0, (32.0, 32.0), 0.0),
    "pink_circle": SCENES["two"].things[0],
    "pink_figure": Thing("pink", "figure", "right", 20.0, (32.0, 32.0), 0.0),
}


def write_all(folder: Path) -> list[Path]:
    """Write every input into ComfyUI's input folder.

    Returns:
        The files: films are lossless, clips for Load Image too.
    """
    circle, figure, triangle, two = (world.draw_scene(SCENES[name]) for name in SCENES)
    long = world.draw_scene(SCENES["cyan_triangle"], LONG)
    films = {
        "red_circle": circle.frames,
        "yellow_figure": figure.frames,
        "yellow_figure_pose": world.draw_pose(figure),
        "yellow_figure_depth": world.draw_depth(figure),
        "yellow_figure_lineart": world.draw_lineart(figure),
        "narrow": two.frames[:, :, MIDDLE],
        "cyan_triangle": triangle.frames,
        "before": long.frames[:ENDS],
        "after": long.frames[-ENDS:],
        "every_second": triangle.frames[::2],
    }
    clips = {"red_circle": circle.frames, "red_circle_mask": world.thing_box_mask(circle, GROWN)}
    pictures = {
        "red_circle_first": circle.frames[0],
        "yellow_figure_first": figure.frames[0],
        "narrow_first": two.frames[0][:, MIDDLE],
        "cyan_triangle_first": triangle.frames[0],
        "cyan_triangle_middle": triangle.frames[len(triangle.frames) // 2],
        "cyan_triangle_last": triangle.frames[-1],
        **{name: world.draw_reference(thing)[0] for name, thing in SUBJECTS.items()},
    }
    return [
        # Thin coloured limbs would not survive H.264.
        *(save_film(_bytes(frames), folder / f"{PREFIX}{name}.webm", lossless=True) for name, frames in films.items()),
        *(save_clip(_bytes(frames), folder / f"{PREFIX}{name}.webp") for name, frames in clips.items()),
        *(save_picture(_bytes(frame), folder / f"{PREFIX}{name}.png") for name, frame in pictures.items()),
    ]


def _bytes(values: Tensor) -> np.ndarray:
    return np.ascontiguousarray((values * 255).round().byte().numpy())


if __name__ == "__main__":
    for written in write_all(Path(sys.argv[1])):
        print(written)
