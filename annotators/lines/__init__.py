"""Lines and light: gray, lineart and scribble, with and without networks.

Frames go in; dark lines on white paper, or brightness, come out.
It imports `protocol` and `optional`; weights are handed in.
"""

from .gray import BT601_LUMA, OFFICIAL_LUMA, Gray, gray
from .informative import Generator
from .lineart import DARK_ON_WHITE, POLARITIES, LocalContrastLines, NeuralLines
from .networks import AnimeLines, Padded, PidiEdges, SideEdges, anime, hed, pidinet, teed, unwrapped

__all__ = [
    "BT601_LUMA",
    "DARK_ON_WHITE",
    "OFFICIAL_LUMA",
    "POLARITIES",
    "AnimeLines",
    "Generator",
    "Gray",
    "LocalContrastLines",
    "NeuralLines",
    "Padded",
    "PidiEdges",
    "SideEdges",
    "anime",
    "gray",
    "hed",
    "pidinet",
    "teed",
    "unwrapped",
]
