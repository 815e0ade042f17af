"""Places for the nodes of a workflow, so that it reads from left to right and no wire runs behind a node.

Columns follow from the wires. Orders and heights in the columns are tried out, the same way each time.
"""

from __future__ import annotations

import numpy as np

from .plane import TITLE, Plane

LEFT, TOP = 40, 60
GAP_X, GAP_Y = 90, 110
STEP = 30  # of heights that are tried
TRIES, STARTS, MOST = 1000, 3, 30  # starts: so many, and more while a wire is behind a node
HIDDEN, OVERLAP = 400.0, 5000.0  # what a sample of a wire behind a node costs, and two nodes on each other


def arrange(graph: dict, note: dict | None = None) -> None:
    """Give every node of a workflow its ``pos``.

    Args:
        graph: In the browser's form; changed.
        note: A node of it that has no wires and stands before all.
    """
    rest = {**graph, "nodes": [node for node in graph["nodes"] if node is not note]}
    plane = Plane.of(rest)
    columns = columns_of(plane)
    found: list[np.ndarray] = []
    for seed in range(MOST):
        found.append(_search(plane, columns, seed))
        places = min(found, key=lambda one: _cost(plane, one))
        if len(found) >= STARTS and not _covers(plane, places):
            break
    for node, place in zip(rest["nodes"], places, strict=True):
        node["pos"] = [round(value) for value in place]
    if note:
        note["pos"] = [LEFT - GAP_X - note["size"][0], TOP]


def columns_of(plane: Plane) -> np.ndarray:
    """The column of each node, [N]: behind all that it needs; what needs nothing stands right before its first reader.

    Args:
        plane: Of the workflow.
    """
    source, target = plane.wires[:, 0].astype(int), plane.wires[:, 2].astype(int)
    columns = np.zeros(len(plane.ids), int)
    for _ in plane.ids:
        for one, other in zip(source, target, strict=True):
            columns[other] = max(columns[other], columns[one] + 1)
    readers = {one: columns[target[source == one]] for one in set(source) - set(target)}
    for one, found in readers.items():
        columns[one] = found.min() - 1
    return columns


def _search(plane: Plane, columns: np.ndarray, seed: int) -> np.ndarray:
    """Places [N, 2] after small changes of which those are kept that make it better."""
    random = np.random.default_rng(seed)
    order, gaps = np.arange(len(columns), dtype=float), np.zeros(len(columns))
    best = _cost(plane, _places(plane, columns, order, gaps))
    for _ in range(TRIES):
        new_order, new_gaps = order.copy(), gaps.copy()
        one, other = random.integers(len(columns), size=2)
        if random.random() < 0.3:
            new_order[[one, other]] = new_order[[other, one]]
        else:
            new_gaps[one] = max(0.0, new_gaps[one] + STEP * random.integers(-6, 7))
        cost = _cost(plane, _places(plane, columns, new_order, new_gaps))
        if cost <= best:
            order, gaps, best = new_order, new_gaps, cost
    return _places(plane, columns, order, gaps)


def _places(plane: Plane, columns: np.ndarray, order: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    places = np.zeros((len(columns), 2))
    x = float(LEFT)
    for column in range(columns.max() + 1):
        members = np.flatnonzero(columns == column)
        members = members[np.argsort(order[members], kind="stable")]
        heights = np.concatenate([[0.0], np.cumsum(plane.sizes[members, 1] + GAP_Y)])[:-1]
        places[members] = np.stack([np.full(len(members), x), TOP + heights + np.cumsum(gaps[members])], -1)
        x += plane.sizes[members, 0].max(initial=0) + GAP_X
    return places


def _covers(plane: Plane, places: np.ndarray) -> bool:
    return bool(plane.hidden(places).sum() or plane.overlaps(places))


def _cost(plane: Plane, places: np.ndarray) -> float:
    """Wires behind nodes, then wires that climb, then the height of it all."""
    curves = plane.curves(places)
    climbs = np.abs(curves[:, 0, 1] - curves[:, -1, 1]).sum()
    height = (places[:, 1] + plane.sizes[:, 1] + TITLE).max()
    hidden = plane.hidden(places).sum() + 2 * _crossings(curves)
    return HIDDEN * hidden + OVERLAP * plane.overlaps(places) + climbs + 0.5 * height + 0.1 * places[:, 1].sum()


def _crossings(curves: np.ndarray) -> float:
    """Pairs of wires between the same columns that change sides, in tenths."""
    start, end = curves[:, 0], curves[:, -1]
    same = (start[:, None, 0] == start[None, :, 0]) & (end[:, None, 0] == end[None, :, 0])
    sides = (start[:, None, 1] - start[None, :, 1]) * (end[:, None, 1] - end[None, :, 1])
    return float((same & (sides < 0)).sum()) / 20
