"""Whether the layers of a LoRA are complete, and whether they fit a model, told from shapes alone."""

import math
from collections.abc import Container, Mapping, Sequence

from ..errors import VaceInputError
from .dora import dora_scale_shape
from .lora_cores import shapes_without_cores
from .lora_names import IMAGE_EMBEDDING, IMAGE_PARTS

LORA = ("lora_up.weight", "lora_down.weight")
LOHA = (("hada_w1_a", "hada_w1_b"), ("hada_w2_a", "hada_w2_b"))
LOKR = tuple((f"lokr_w{i}", f"lokr_w{i}_a", f"lokr_w{i}_b") for i in (1, 2))
GLORA = ("a1.weight", "a2.weight", "b1.weight", "b2.weight")
# What may stand together as one change; each factor of LoKr is whole, or a product.
FORMS = tuple(
    frozenset(parts)
    for parts in (
        *(LORA, (*LORA, "lora_mid.weight")),
        *((*LOHA[0], *LOHA[1]), (*LOHA[0], *LOHA[1], "hada_t1", "hada_t2")),
        *((*one, *two) for one in (LOKR[0][:1], LOKR[0][1:]) for two in (LOKR[1][:1], LOKR[1][1:])),
        *((*one, *LOKR[1][1:], "lokr_t2") for one in (LOKR[0][:1], LOKR[0][1:])),
        *(GLORA, (*GLORA, "bm.weight")),
        ("diff",),
    )
)
CHANGES = frozenset.union(*FORMS)
# Models by their width.
WIDTHS = {1536: "a 1.3B model", 3072: "Wan 2.2's 5B model", 5120: "a 14B model"}

Shape = Sequence[int]


def require_whole_layers(name: str, layers: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse a LoRA with a part missing, and one for image to video, whose base VACE cannot use.

    Args:
        name: What the user calls it: the file.
        layers: For each layer the file's names by the host's endings, as in `LoraNames`.

    Raises:
        VaceInputError: If it is one of these.
    """
    image = [layer for layer in layers if layer.startswith(IMAGE_EMBEDDING) or layer.split(".")[-1] in IMAGE_PARTS]
    if image:
        raise VaceInputError(
            f"{name} is for image to video: it has layers such as {image[0]}, which text-to-video models and VACE do "
            f"not have. Use its text-to-video version."
        )
    broken = {layer: keys for layer, keys in layers.items() if not _is_whole(keys)}
    if broken:
        layer, keys = next(iter(broken.items()))
        raise VaceInputError(
            f"{name} is incomplete: {len(broken)} of its {len(layers)} layers lack a part or have two forms at once, "
            f"such as {layer} ({', '.join(keys.values())} and nothing else). Download it again, or export it anew."
        )


def require_fit(
    name: str, target: str, layers: Mapping[str, Mapping[str, Shape]], weights: Mapping[str, Shape]
) -> None:
    """Refuse a LoRA for a model of another size, which the host would only mention in its log.

    Args:
        name: What the user calls it: the file.
        target: What the user calls the model.
        layers: For each layer the shapes of its tensors by the host's endings; each layer is whole.
        weights: Shapes of the model's weights by official name, such as ``blocks.0.ffn.0.weight``.

    Raises:
        VaceInputError: If a layer is missing in the model, has another shape, or is damaged.
    """
    for layer, shapes in layers.items():
        whole = layer if layer in weights else f"{layer}.weight"
        if whole not in weights:
            raise VaceInputError(
                f"{name} changes {layer}, which {target} does not have: it is for a model of another size or kind. "
                f"1.3B has 30 base and 15 VACE blocks, 14B has 40 and 8."
            )
        wanted = tuple(weights[whole])
        found = _weight_shape(name, layer, shapes, wanted)
        if found != wanted:
            raise VaceInputError(
                f"{name} does not fit {target}: its {layer} is for a weight of {list(found)}, that of {target} is "
                f"{list(wanted)}.{_sizes(found, wanted)} Use a LoRA that was trained for this size."
            )
        bias = tuple(weights.get(f"{layer}.bias", ()))
        if tuple(shapes.get("diff_b", bias)) != bias:
            raise VaceInputError(
                f"{name} does not fit {target}: its {layer} has {list(shapes['diff_b'])} biases, {target} has "
                f"{list(bias)}. Use a LoRA that was trained for this size."
            )


def _is_whole(endings: Container[str]) -> bool:
    """Whether one form of change is there with all its parts, and no other."""
    change = frozenset(part for part in CHANGES if part in endings)
    if not change:  # a bias alone is whole; a scale alone belongs to nothing
        return "diff_b" in endings and "alpha" not in endings and "dora_scale" not in endings
    return change in FORMS and not (change & {"diff", GLORA[0]} and "dora_scale" in endings)


def _weight_shape(name: str, layer: str, shapes: Mapping[str, Shape], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the weight that a layer's tensors are for; as the model's, where only its rows and columns are known."""
    if "diff" in shapes or not any(part in shapes for part in CHANGES):
        return tuple(shapes.get("diff", wanted))
    plain = shapes_without_cores(shapes, wanted[2:]) if _has_values(shapes) else None
    if plain and GLORA[0] in plain and _glora_readings(plain, wanted).count(wanted) > 1:
        raise VaceInputError(
            f"{name} can be read in two ways: the parts of its {layer} fit both GLoRA as LyCORIS writes it now "
            f"(W + W a1 a2 + b1 b2) and as it once did (W + W a2 a1 + b2 b1), and the file does not say which. "
            f"Export it anew as a full difference (diff), or train it with a rank below {wanted[0]}."
        )
    size, kernel = plain and _size(plain, wanted), math.prod(wanted[2:])
    own = size and (size[0], size[1] // kernel, *wanted[2:])[: len(wanted)]
    scale = shapes.get("dora_scale")
    fits = own and (scale is None or dora_scale_shape(scale, own))
    if own and not fits and kernel > 1 and math.prod(scale) == size[1]:
        raise VaceInputError(
            f"{name} cannot be used: the DoRA scale of its {layer} is {list(scale)}, with a value for each place of "
            f"the kernel, and ComfyUI knows one for each row or input channel. Export it anew with one for each row."
        )
    if not fits:
        parts = ", ".join(f"{ending} {list(shape)}" for ending, shape in shapes.items())
        raise VaceInputError(
            f"{name} is damaged, or of a kind that ComfyUI does not know: the shapes of its {layer} do not go together "
            f"({parts}). Download it again."
        )
    return wanted if size == _matrix(wanted) else size


def _has_values(shapes: Mapping[str, Shape]) -> bool:
    """Whether the factors are matrices, none of them empty, and alpha is one number."""
    factors = all(len(shape) > 1 and 0 not in shape for part, shape in shapes.items() if part in CHANGES)
    return factors and math.prod(shapes.get("alpha", ())) == 1


def _size(shapes: Mapping[str, Shape], wanted: Shape) -> tuple[int, int] | None:
    """Rows and columns of the change; None if its parts do not go together."""
    if LORA[0] in shapes:
        return _product(shapes, *LORA)
    if LOHA[0][0] in shapes:
        first, second = (_product(shapes, *pair) for pair in LOHA)
        return first if first == second else None
    if GLORA[0] in shapes:
        return _glora_size(shapes, wanted)
    factors = [_matrix(shapes[whole]) if whole in shapes else _product(shapes, a, b) for whole, a, b in LOKR]
    # The host's kron takes matrices alone.
    flat = all(len(shapes[part]) == 2 for factor in LOKR for part in factor if part in shapes)
    if None in factors or not flat:
        return None
    (rows, columns), (more_rows, more_columns) = factors
    return rows * more_rows, columns * more_columns


def _glora_size(shapes: Mapping[str, Shape], wanted: Shape) -> tuple[int, int] | None:
    """Of the reading that fits the model, else of any."""
    sizes = _glora_readings(shapes, wanted)
    return _matrix(wanted) if _matrix(wanted) in sizes else max(sizes, default=None)


def _glora_readings(shapes: Mapping[str, Shape], wanted: Shape) -> list[tuple[int, int]]:
    """Of W + W a1 a2 + b1 b2, and of W + W a2 a1 + b2 b1 as early LyCORIS wrote it, for linear layers alone.

    Where both fit nobody knows which is meant: all parts are as large as the weight.
    """
    a1, a2, b1, b2 = GLORA
    newer = _sum_size(shapes, (a1, a2), (b1, b2), math.prod(wanted[2:]))
    older = _sum_size(shapes, (a2, a1), (b2, b1), 1) if len(wanted) == 2 else None
    return [size for size in (newer, older) if size]


def _sum_size(
    shapes: Mapping[str, Shape], on_weight: tuple[str, str], added: tuple[str, str], kernel: int
) -> tuple[int, int] | None:
    on_inputs, change = _product(shapes, *on_weight), _product(shapes, *added)
    one_rank = _matrix(shapes[on_weight[0]])[1] == _matrix(shapes[added[0]])[1]
    fits = on_inputs and change and one_rank and on_inputs == (change[1] // kernel,) * 2
    return change if fits else None


def _product(shapes: Mapping[str, Shape], left: str, right: str) -> tuple[int, int] | None:
    (rows, inner), (other, columns) = _matrix(shapes[left]), _matrix(shapes[right])
    return (rows, columns) if inner == other else None


def _matrix(shape: Shape) -> tuple[int, int]:
    return shape[0], math.prod(shape[1:])


def _sizes(found: Shape, wanted: Shape) -> str:
    """What two widths tell of the models."""
    theirs, own = (next((kind for width, kind in WIDTHS.items() if width in shape), None) for shape in (found, wanted))
    return f" It is for {theirs}, and this is {own}." if theirs and own and theirs != own else ""
