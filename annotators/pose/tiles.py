"""The official drawing canvas, cut into tiles that are brought to the video's size without the empty ones."""

from dataclasses import dataclass
from math import gcd

import numpy as np
from einops import rearrange

# Drawing is on a canvas of this short side, sides in multiples of 64, whatever the size of the video.
SHORT_SIDE, SIDE_MULTIPLE = 1024, 64
ROUNDING = 1  # of an outline to whole pixels
SPACING = 6  # of samples along a line
MIN_TILE = 24  # at least twice the largest margin: then the corners of its square touch every tile it is in


def canvas_size(height: int, width: int) -> tuple[int, int]:
    """``(rows, columns)`` that the official annotator draws on for a video of this size."""
    scale = SHORT_SIDE / min(height, width)
    rows, columns = (max(round(side * scale / SIDE_MULTIPLE), 1) * SIDE_MULTIPLE for side in (height, width))
    return rows, columns


@dataclass(frozen=True)
class Grid:
    """Tiles of the canvas that become whole tiles of the video, so that resizing one needs no other.

    Attributes:
        size: ``(rows, columns)`` of the video.
        canvas: Of the canvas.
        tiles: How many tiles there are down and across.
    """

    size: tuple[int, int]
    canvas: tuple[int, int]
    tiles: tuple[int, int]

    @classmethod
    def of(cls, height: int, width: int) -> "Grid":
        """The grid of smallest tiles that a size allows; sizes in multiples of 16 have at least 8 on each side.

        A video that is larger than the canvas is one tile, for enlarging mixes the pixels of neighbours.
        """
        size, canvas = (height, width), canvas_size(height, width)
        if height > canvas[0] or width > canvas[1]:
            return cls(size, canvas, (1, 1))
        rows, columns = (_count(*sides) for sides in zip(size, canvas, strict=True))
        return cls(size, canvas, (rows, columns))

    @property
    def drawn(self) -> tuple[int, int]:
        """Rows and columns of a tile on the canvas."""
        return self.canvas[0] // self.tiles[0], self.canvas[1] // self.tiles[1]

    @property
    def shown(self) -> tuple[int, int]:
        """Rows and columns of a tile in the video."""
        return self.size[0] // self.tiles[0], self.size[1] // self.tiles[1]

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """A view [tiles down, rows, tiles across, columns, 3] of a picture the size of the canvas or the video."""
        down, across = self.tiles
        return rearrange(picture, "(down h) (across w) c -> down h across w c", down=down, across=across)

    def mark(self, used: np.ndarray, frames: np.ndarray, points: np.ndarray, radius: float) -> None:
        """Mark the tiles [t, down, across] within ``radius`` of canvas points [..., n, 2] in frames [n]."""
        margin, (down, across), (height, width) = radius + ROUNDING, self.tiles, self.drawn
        x, y = points[..., 0], points[..., 1]
        above, below = (((y + side) // height).astype(int).clip(0, down - 1) for side in (-margin, margin))
        left, right = (((x + side) // width).astype(int).clip(0, across - 1) for side in (-margin, margin))
        for row in (above, below):
            for column in (left, right):
                used[frames, row, column] = True

    def mark_lines(
        self, used: np.ndarray, frames: np.ndarray, starts: np.ndarray, ends: np.ndarray, radius: float
    ) -> None:
        """Mark the tiles within ``radius`` of lines between canvas points [n, 2] in frames [n]."""
        longest = np.abs(ends - starts).max(initial=0)
        along = np.linspace(0, 1, int(longest * 1.5 / SPACING) + 2)[:, None, None]
        self.mark(used, frames, starts + along * (ends - starts), radius + SPACING / 2)


def _count(side: int, drawn: int) -> int:
    """The most tiles along a side whose ends meet whole pixels of both, none too small on the canvas."""
    common = gcd(side, drawn)
    return max(n for n in range(1, common + 1) if common % n == 0 and (drawn // n >= MIN_TILE or n == 1))
