"""Names and shapes of a VACE context adapter's weights, in every layout that is in circulation."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..errors import VaceInputError
from ..files import parse_json

EMBEDDING, BLOCKS = "vace_patch_embedding", "vace_blocks"
# ComfyUI's older mark of a file with scaled fp8 weights, and where a newer one lists them.
SCALED_FP8, QUANTIZATION = "scaled_fp8", "_quantization_metadata"

# Parts of an attention layer: our name and diffusers'.
LINEAR_PARTS = {"q": "to_q", "k": "to_k", "v": "to_v", "o": "to_out.0"}
NORM_PARTS = {"norm_q": "norm_q", "norm_k": "norm_k"}
# Modules of a block in diffusers' WanVACETransformer3DModel, which also swaps the names of the second and third norm.
FROM_DIFFUSERS = {
    "proj_in": "before_proj",
    "proj_out": "after_proj",
    "norm2": "norm3",
    "ffn.net.0.proj": "ffn.0",
    "ffn.net.2": "ffn.2",
    "scale_shift_table": "modulation",
} | {
    f"{theirs}.{their_part}": f"{own}.{part}"
    for own, theirs in (("self_attn", "attn1"), ("cross_attn", "attn2"))
    for part, their_part in (LINEAR_PARTS | NORM_PARTS).items()
}


@dataclass(frozen=True)
class AdapterShape:
    """Sizes of an adapter.

    Attributes:
        dim: Width of its tokens, that of the base model.
        ffn_dim: Width inside a feed-forward layer.
        in_dim: Channels of the context: 96.
        num_layers: How many blocks it has.
    """

    dim: int
    ffn_dim: int
    in_dim: int
    num_layers: int


def adapter_names(keys: Iterable[str]) -> dict[str, str]:
    """Which tensors of a checkpoint belong to the adapter, and their official names.

    Companions of quantised weights, such as ``scale_weight`` and ``comfy_quant``, come along. Official names are those
    of Wan2.1's ``vace_model.py``; diffusers' are turned into them after its ``convert_wan_to_diffusers.py``.

    Args:
        keys: All names in the checkpoint.

    Returns:
        Official name by name in the checkpoint; empty if it holds no adapter.
    """
    keys = list(keys)
    prefix = name_prefix(keys, rf"{EMBEDDING}\.", rf"{BLOCKS}\.\d+\.")
    if prefix is None or (is_lora(keys) and f"{prefix}{EMBEDDING}.weight" not in keys):
        return {}
    own = [key for key in keys if _is_own(key, prefix)]
    diffusers = any(".attn1." in key for key in own)
    names = {key: _official(key.removeprefix(prefix), diffusers) for key in own}
    mark = next((key for key in (f"{prefix}{SCALED_FP8}", SCALED_FP8) if key in keys), None)
    return names if mark is None else names | {mark: SCALED_FP8}


def name_prefix(keys: Iterable[str], *patterns: str) -> str | None:
    """What a checkpoint puts before its names, such as ``model.diffusion_model.`` or ``transformer.``.

    Args:
        keys: All names in the checkpoint.
        patterns: How a name of the model begins, the surest first.

    Returns:
        Whole words, each with its dot; the shortest, if there are several, as in a file with averaged weights beside
        the trained ones. None if no name of the model is there.
    """
    for pattern in patterns:
        begin = re.compile(rf"((?:[^.]+\.)*?){pattern}")
        found = {match[1] for key in keys if (match := begin.match(key))}
        if found:
            return min(found, key=lambda prefix: (len(prefix), prefix))
    return None


def adapter_metadata(metadata: Mapping[str, str] | None) -> dict[str, str] | None:
    """A file's text, with its list of quantised layers cut down to the adapter's, by their official names.

    Raises:
        VaceInputError: If that list is not what ComfyUI writes.
    """
    if metadata is None or QUANTIZATION not in metadata:
        return None if metadata is None else dict(metadata)
    try:
        quantization = parse_json(metadata[QUANTIZATION])
        layers = quantization["layers"]
        names = adapter_names(layers)
        quantization["layers"] = {name: layers[key] for key, name in names.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise VaceInputError(f"The file's {QUANTIZATION} cannot be read. Download the file again.") from error
    return {**metadata, QUANTIZATION: json.dumps(quantization)}


def adapter_shape(shapes: Mapping[str, Sequence[int]], name: str = "The VACE adapter") -> AdapterShape:
    """Sizes of an adapter, after a check that it is whole.

    Args:
        shapes: Shape of every tensor by its official name. A weight that has a ``weight_scale`` may have half the
            columns, since some quantised formats pack two values into a byte.
        name: What the user calls it: the file.

    Raises:
        VaceInputError: If a block or tensor is missing or two widths do not agree.
    """
    embedding = f"{EMBEDDING}.weight"
    _require(embedding, shapes, name)
    if len(shapes[embedding]) != 5:
        raise VaceInputError(f"{name}: {embedding} must have 5 axes, it is {list(shapes[embedding])}.")
    dim, in_dim = shapes[embedding][:2]
    num_layers = _count_blocks(shapes, name)
    inner = f"{BLOCKS}.0.ffn.0.weight"
    _require(inner, shapes, name)
    shape = AdapterShape(dim=dim, ffn_dim=shapes[inner][0], in_dim=in_dim, num_layers=num_layers)
    for key, wanted in _layout(shape).items():
        _require(key, shapes, name)
        found, packed = list(shapes[key]), f"{key}_scale" in shapes
        if found != wanted and not (packed and found == [wanted[0], wanted[-1] // 2]):
            raise VaceInputError(
                f"{name} does not fit together: {key} is {found}, but with the width {dim} of {EMBEDDING} and "
                f"{shape.ffn_dim} of {inner} it must be {wanted}. Blocks of different models cannot be mixed; "
                f"choose an unchanged file."
            )
    return shape


def layer_mapping(num_base_layers: int, num_layers: int, explicit: Sequence[int] | None = None) -> tuple[int, ...]:
    """The base block whose output each adapter block corrects.

    Spread evenly from block 0 on, as in the released models (30 base blocks and 15 of VACE, 40 and 8) and as ComfyUI's
    own VACE model does it; where ComfyUI goes wrong, since the division leaves a rest, we refuse.

    Args:
        num_base_layers: Blocks of the base model.
        num_layers: Blocks of the adapter.
        explicit: The answer, if the adapter's file or the user says it (``vace_layers`` in the official config.json).

    Returns:
        One base block per adapter block, rising from 0.

    Raises:
        VaceInputError: If the division leaves a rest or ``explicit`` cannot be right.
    """
    if explicit is not None:
        return _checked(num_base_layers, num_layers, tuple(explicit))
    if num_layers < 1 or num_base_layers < num_layers or num_base_layers % num_layers:
        raise VaceInputError(
            f"The base model has {num_base_layers} blocks and the VACE adapter {num_layers}, which cannot be spread "
            f"evenly over them. Use an adapter of the base's size: 1.3B has 30 base and 15 VACE blocks, 14B 40 and 8."
        )
    return tuple(range(0, num_base_layers, num_base_layers // num_layers))


def is_lora(keys: Iterable[str]) -> bool:
    """Whether names are those of a LoRA, whatever it was trained with."""
    return any(re.search(r"(^|[._])lora_", key) for key in keys)


def _checked(num_base_layers: int, num_layers: int, layers: tuple[int, ...]) -> tuple[int, ...]:
    problem = None
    if len(layers) != num_layers:
        problem = f"has {len(layers)} entries, it must have one for each of the adapter's {num_layers} blocks"
    elif any(b <= a for a, b in pairwise(layers)):
        problem = "must rise from entry to entry"
    elif layers[0] != 0:  # the official model asserts this: its first block sees the tokens before any base block
        problem = "must begin with 0"
    elif layers[-1] >= num_base_layers:
        problem = f"names block {layers[-1]}, but the base model's {num_base_layers} end at {num_base_layers - 1}"
    if problem:
        raise VaceInputError(f"The list of VACE layers {list(layers)} {problem}. Use an adapter made for this base.")
    return layers


def _layout(shape: AdapterShape) -> dict[str, list[int]]:
    """Shape of every tensor an adapter of these sizes must have."""
    dim, ffn = shape.dim, shape.ffn_dim
    tensors = {f"{EMBEDDING}.weight": [dim, shape.in_dim, 1, 2, 2], f"{EMBEDDING}.bias": [dim]}
    for i in range(shape.num_layers):
        linear = {f"{kind}_attn.{part}": (dim, dim) for kind in ("self", "cross") for part in LINEAR_PARTS}
        linear |= {"after_proj": (dim, dim), "ffn.0": (ffn, dim), "ffn.2": (dim, ffn)}
        if i == 0:
            linear = {"before_proj": (dim, dim)} | linear
        block = {f"{module}.weight": list(size) for module, size in linear.items()}
        block |= {f"{module}.bias": [size[0]] for module, size in linear.items()}
        block |= {f"{kind}_attn.{norm}.weight": [dim] for kind in ("self", "cross") for norm in NORM_PARTS}
        block |= {"norm3.weight": [dim], "norm3.bias": [dim], "modulation": [1, 6, dim]}
        tensors |= {f"{BLOCKS}.{i}.{key}": size for key, size in block.items()}
    return tensors


def _count_blocks(shapes: Mapping[str, Sequence[int]], name: str) -> int:
    numbers = {found[1] for key in shapes if (found := re.match(rf"{BLOCKS}\.(\d+)\.", key))}
    missing = next((k for k in range(max(len(numbers), 1)) if str(k) not in numbers), None)  # however large one is
    if missing is not None:
        raise VaceInputError(_incomplete(name, f"{BLOCKS}.{missing}"))
    return len(numbers)


def _require(key: str, shapes: Mapping[str, Sequence[int]], name: str) -> None:
    if key not in shapes:
        raise VaceInputError(_incomplete(name, key))


def _incomplete(name: str, key: str) -> str:
    return f"{name} is incomplete: {key} is missing. Download it again, or choose another VACE adapter."


def _is_own(key: str, prefix: str) -> bool:
    return key.startswith((f"{prefix}{EMBEDDING}.", f"{prefix}{BLOCKS}.")) or key == f"{prefix}{EMBEDDING}"


def _official(key: str, diffusers: bool) -> str:
    """A name without its prefix, in official words."""
    block = re.match(rf"({BLOCKS}\.\d+\.)(.+)", key)
    if not (diffusers and block):
        return key
    for theirs, own in FROM_DIFFUSERS.items():
        if block[2] == theirs or block[2].startswith(f"{theirs}."):
            return block[1] + own + block[2].removeprefix(theirs)
    return key
