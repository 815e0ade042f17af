"""Nodes and wires of a workflow as the front end draws them: boxes, and curves between their slots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TITLE = 30  # above a node's pos
SLOT = 20
FOOT = 40  # that Nodes 2.0 adds below a node
SAMPLES = np.linspace(0.0, 1.0, 33)
CLEAR = 6  # between a wire and a node that it passes


@dataclass(frozen=True)
class Plane:
    """A workflow's nodes in the order of its file, and its wires.

    Attributes:
        ids: Of the nodes, [N].
        sizes: Width and height without the title, [N, 2], in pixels.
        wires: Node and height of the output, node and height of the input, [M, 4]; heights below the node's pos.
    """

    ids: list[int]
    sizes: np.ndarray
    wires: np.ndarray

    @classmethod
    def of(cls, graph: dict) -> Plane:
        """The plane of a workflow in the browser's form, or of a subgraph's inside.

        Args:
            graph: With ``nodes`` and ``links`` [id, node, slot, node, slot, type].
        """
        nodes = graph["nodes"]
        place = {node["id"]: i for i, node in enumerate(nodes)}
        wires = [
            (place[source], _slot(output), place[target], _slot(_row(nodes[place[target]], socket)))
            for _, source, output, target, socket, _ in graph["links"]
        ]
        sizes = np.array([node["size"] for node in nodes], float)
        return cls([node["id"] for node in nodes], sizes, np.array(wires, float).reshape(-1, 4))

    def overlaps(self, places: np.ndarray, apart: float = 0.0) -> int:
        """How many pairs of nodes lie over each other.

        Args:
            places: Of the nodes, [N, 2].
            apart: Pixels that they should lie apart.
        """
        first, last = self._boxes(places)
        meet = (first[:, None] < last[None] + apart) & (first[None] < last[:, None] + apart)
        return int(np.triu(meet.all(-1), 1).sum())

    def curves(self, places: np.ndarray) -> np.ndarray:
        """The wires, [M, samples, 2]: curves that leave and arrive horizontally.

        Args:
            places: Of the nodes, [N, 2].
        """
        source, target = self.wires[:, 0].astype(int), self.wires[:, 2].astype(int)
        start = places[source] + np.stack([self.sizes[source, 0], self.wires[:, 1]], -1)
        end = places[target] + np.stack([np.zeros(len(target)), self.wires[:, 3]], -1)
        reach = np.stack([np.linalg.norm(end - start, axis=-1) / 4, np.zeros(len(start))], -1)
        t = SAMPLES[None, :, None]
        points = [point[:, None] for point in (start, start + reach, end - reach, end)]
        weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
        return sum(weight * point for weight, point in zip(weights, points, strict=True))

    def hidden(self, places: np.ndarray) -> np.ndarray:
        """How many samples of each wire lie behind each node that is not one of its ends, [M, N].

        Args:
            places: Of the nodes, [N, 2].
        """
        first, last = self._boxes(places)
        points = self.curves(places)[:, :, None]
        behind = ((points > first - CLEAR) & (points < last + CLEAR)).all(-1).sum(1)
        rows = np.arange(len(self.wires))
        for end in (0, 2):
            behind[rows, self.wires[:, end].astype(int)] = 0
        return behind

    def _boxes(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return places - [0, TITLE], places + self.sizes + [0, FOOT]


def _slot(row: int) -> float:
    return (row + 0.7) * SLOT


def _row(node: dict, socket: int) -> int:
    """The row of a socket: sockets without a widget come first."""
    return sum("widget" not in one for one in node["inputs"][:socket])
