"""The layers of a TensorFlow Lite file, in torch."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.func import functional_call

from ...vace_core.errors import VaceInputError
from .graph import MOST_VALUES, TfliteGraph, TfliteOperator, read_graph
from .layers import CONSTANT, LAYERS, Constants, Layer

MOST_WORK = 2**32  # multiplications for a picture; the largest known does 1.9 billion


class TfliteNetwork(nn.Module):
    """A file's network. It takes pictures [n, 3, h, w] and gives [n, values].

    Attributes:
        values: Numbers that it gives for a picture.

    Args:
        graph: The file's graph.
        answers: Numbers of the tensors that are wanted; what they do not need is not computed.

    Raises:
        ValueError: If it holds what is not known here, does not fit together, or would compute without end.
    """

    def __init__(self, graph: TfliteGraph, answers: Sequence[int]) -> None:
        super().__init__()
        self.entrance, self.answers = graph.entrance, tuple(answers)
        self.layers, self.routes = nn.ModuleList(), []
        constants: Constants = {
            number: tensor.values for number, tensor in enumerate(graph.tensors) if tensor.values is not None
        }
        work, held, known = 0, 0, {graph.entrance}
        for operator in _needed(graph.operators, answers):
            if operator.name in CONSTANT and constants.keys() & operator.sources[:1]:
                constants[operator.target] = constants[operator.sources[0]]
                continue
            held += sum(constants[number].size for number in operator.sources if number in constants)
            if held > MOST_VALUES:  # layers may share what the file holds once; each copies its own
                raise ValueError(f"its layers would hold more than {MOST_VALUES} numbers")
            layer, sources = _made(operator, graph, constants)
            if not known.issuperset(sources) or operator.target in known:
                raise ValueError(f"{operator.name} takes or gives a number that is not its own")
            known.add(operator.target)
            shapes = [graph.tensors[number].shape for number in sources]
            work += layer.work(shapes, graph.tensors[operator.target].shape)
            if work > MOST_WORK:
                raise ValueError("it would compute without end")
            self.layers.append(layer)
            self.routes.append((sources, operator.target))
        if not known.issuperset(self.answers):
            raise ValueError("it answers what it does not compute")
        self.values = sum(math.prod(graph.tensors[number].shape[1:]) for number in self.answers)
        self._last_uses = _last_uses(self.routes, self.answers)

    def forward(self, pixels: Tensor) -> Tensor:
        """The answers that are wanted, one behind the other.

        Args:
            pixels: [n, channels, h, w], of the size and range that the network was trained with.
        """
        values = {self.entrance: rearrange(pixels, "n c h w -> n h w c")}
        for (sources, target), layer, done in zip(self.routes, self.layers, self._last_uses, strict=True):
            values[target] = layer(*(values[source] for source in sources))
            for number in done:
                values.pop(number, None)
        return torch.cat([values[number].flatten(1) for number in self.answers], 1)


def load_tflite(
    path: Path, picture: tuple[int, int], answers: Mapping[str, tuple[int, ...]], wanted: Sequence[str]
) -> TfliteNetwork:
    """A file's network, on the CPU, in float32.

    Args:
        path: The file.
        picture: Height and width of the picture that it must take.
        answers: Shapes of all that it must answer for one, by names of our own, in the file's order.
        wanted: Names of those that are computed.

    Raises:
        VaceInputError: If it cannot be read, is damaged, or is another network.
    """
    try:
        graph = read_graph(path)
        found, takes = [graph.tensors[number].shape[1:] for number in graph.answers], _picture_shape(graph)[1:3]
        if found != [*answers.values()] or takes != picture:
            raise VaceInputError(
                f"{path.name} is another network than its name says: it takes pictures of {_sides(takes)} and answers "
                f"{', '.join(map(_sides, found))}; it must take {_sides(picture)} and answer "
                f"{', '.join(map(_sides, answers.values()))}. Download it again."
            )
        numbers = dict(zip(answers, graph.answers, strict=True))
        return TfliteNetwork(graph, [numbers[name] for name in wanted])
    except (OSError, ValueError) as error:
        if isinstance(error, VaceInputError):
            raise
        raise VaceInputError(
            f"{path.name} cannot be read ({error}). It may be cut off or no model: download it again."
        ) from error


def _sides(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _picture_shape(graph: TfliteGraph) -> tuple[int, ...]:
    shape = graph.tensors[graph.entrance].shape
    if len(shape) != 4 or shape[0] != 1:
        raise ValueError(f"it takes {list(shape)} and no picture")
    return shape


def _needed(operators: Sequence[TfliteOperator], answers: Sequence[int]) -> list[TfliteOperator]:
    """The operators that lead to the answers, in their order."""
    needed, kept = set(answers), []
    for operator in reversed(operators):
        if operator.target in needed:
            kept.append(operator)
            needed.update(operator.sources)
    return kept[::-1]


def _made(operator: TfliteOperator, graph: TfliteGraph, constants: Constants) -> tuple[Layer, tuple[int, ...]]:
    """A layer and the tensors it takes, tried with shapes alone."""
    if operator.name not in LAYERS:
        named = operator.name[:40] if operator.name.isidentifier() else "what has no name"
        raise ValueError(f"it computes {named}, which is not known here")
    sources = tuple(number for number in operator.sources if number not in constants)
    if not sources:
        raise ValueError(f"{operator.name} takes nothing that is computed")
    try:
        layer = LAYERS[operator.name](operator, graph, constants)
        given = [torch.empty(graph.tensors[number].shape, device="meta") for number in sources]
        state = {name: value.to("meta") for name, value in layer.state_dict().items()}
        shape = tuple(functional_call(layer, state, tuple(given)).shape)
    except (ArithmeticError, IndexError, KeyError, RuntimeError, TypeError) as error:
        detail = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{operator.name} does not fit what it is given: {detail[:200]}") from error
    said = graph.tensors[operator.target].shape
    if shape != said:
        raise ValueError(f"{operator.name} gives {_sides(shape)} numbers where it says {_sides(said)}")
    return layer, sources


def _last_uses(routes: Sequence[tuple[tuple[int, ...], int]], answers: Sequence[int]) -> list[tuple[int, ...]]:
    """For each layer, the tensors that none after it takes and that do not come out."""
    last: dict[int, int] = {}
    for step, (sources, target) in enumerate(routes):
        last |= dict.fromkeys((*sources, target), step)
    done: list[tuple[int, ...]] = [()] * len(routes)
    for number in last.keys() - {*answers}:
        done[last[number]] += (number,)
    return done
