"""Line networks with weights from users' files."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ....annotators.lines import (
    AnimeLines,
    Generator,
    NeuralLines,
    Padded,
    PidiEdges,
    SideEdges,
    anime,
    hed,
    pidinet,
    teed,
    unwrapped,
)
from ....vace_core.notes import tell
from .files import Weights, find_weights, read_weights, weights_state
from .networks import Network, load_weights, manage_network

AUX_FILES = "https://huggingface.co/lllyasviel/Annotators"
RESEARCH = "research only, no commercial use"


@dataclass(frozen=True)
class LineNetwork:
    """A method of drawing lines that needs a file.

    Attributes:
        weights: The file.
        make: Makes the empty network under the file's names.
        wrap: Gives it the sizes, values and polarity that `NeuralLines` expects.
        cuts_levels: Whether its levels are cut as those of VACE's own annotator, which draws with the same network.
    """

    weights: Weights
    make: Callable[[], nn.Module]
    wrap: Callable[[nn.Module], nn.Module]
    cuts_levels: bool = False


def _scribble(name: str, published: str) -> LineNetwork:
    return LineNetwork(Weights((name,), published), Generator, lambda network: Padded(network, 4), cuts_levels=True)


LINE_NETWORKS = {
    "scribble": _scribble(
        "netG_A_latest.pth", "https://huggingface.co/ali-vilab/VACE-Annotators (scribble/anime_style)"
    ),
    "lineart": _scribble("sk_model.pth", AUX_FILES),
    "lineart coarse": _scribble("sk_model2.pth", AUX_FILES),
    "anime": LineNetwork(Weights(("netG.pth",), AUX_FILES), anime, AnimeLines),
    "hed": LineNetwork(Weights(("ControlNetHED.pth",), AUX_FILES), hed, SideEdges),
    "pidinet": LineNetwork(Weights(("table5_pidinet.pth",), AUX_FILES, RESEARCH), pidinet, PidiEdges),
    "teed": LineNetwork(
        Weights(("MTEED.pth", "7_model.pth"), "https://huggingface.co/TheMistoAI/MistoLine (Anyline)"),
        teed,
        lambda network: Padded(SideEdges(network), 8),
    ),
}


def neural_lines(method: str, strength: float, polarity: str) -> NeuralLines:
    """A method's annotator, with the file of this machine; it is read when frames are drawn.

    Args:
        method: One of `LINE_NETWORKS`.
        strength: Factor of the darkness of lines.
        polarity: One of `annotators.lines.POLARITIES`.

    Raises:
        VaceInputError: If the file is not on this machine.
    """
    chosen = LINE_NETWORKS[method]
    path = find_weights(chosen.weights, f"The lineart method {method}")
    licence = f", whose licence is: {chosen.weights.licence}" if chosen.weights.licence else ""
    tell("file-used", f"Lines are drawn by {path.name}{licence}.")

    def load() -> Network:
        network = load_weights(chosen.make, unwrapped(read_weights(path)), path.name)
        return manage_network(chosen.wrap(network))

    return NeuralLines(load, (method, *weights_state(path)), strength, polarity, chosen.cuts_levels)
