"""Where a new node can stand: as near as possible to another, and on top of none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Box = tuple[float, float, float, float]  # left, top, width, height

GRID, REACH, GAP, TITLE = 40, 2000, 30, 30  # pixels; a node's title stands above its place
WIDTH, ROW, FRAME = 300, 24, 16


def size_for(rows: int) -> list[int]:
    """Width and height of a node.

    Args:
        rows: Lines of sockets and widgets.
    """
    return [WIDTH, ROW * rows + FRAME]


def box_of(node: dict) -> Box:
    """Where a node of the browser's format stands."""
    return (*_pair(node.get("pos", (0, 0))), *_pair(node.get("size", size_for(4))))


def free_place(size: list[int], beside: Box, taken: Iterable[Box]) -> list[int]:
    """The nearest free place to the left of a node, else around it.

    Args:
        size: Width and height wanted.
        beside: The node that it belongs to.
        taken: What stands there.

    Returns:
        Left and top.
    """
    left, top = round(beside[0] - size[0] - GAP), round(beside[1])
    steps = range(-REACH, REACH + 1, GRID)
    offsets = sorted(((x, y) for x in steps for y in steps), key=lambda at: at[0] ** 2 + at[1] ** 2)
    boxes = list(taken)
    for x, y in offsets:
        box = left + x, top + y, *size
        if not any(_overlap(box, other) for other in boxes):
            return [left + x, top + y]
    return [left, top - REACH - size[1]]


def _overlap(one: Box, other: Box) -> bool:
    across = one[0] < other[0] + other[2] + GAP and other[0] < one[0] + one[2] + GAP
    down = one[1] - TITLE < other[1] + other[3] + GAP and other[1] - TITLE < one[1] + one[3] + GAP
    return across and down


def _pair(value: object) -> Iterator[float]:
    """Two numbers, which older files have as a dictionary."""
    return iter((value["0"], value["1"]) if isinstance(value, dict) else (value[0], value[1]))
