"""Names of the tensors in LoRA files for Wan and VACE, in every naming scheme that trainers write.

A name is a scheme's prefix, a layer and an ending. Layers are spelled as in the official code or as in diffusers, with
dots, with underscores, or with both; endings say what a tensor is. All are turned into one spelling, ComfyUI's.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import VaceInputError
from .keys import BLOCKS, EMBEDDING, FROM_DIFFUSERS

HOST_PREFIX = "diffusion_model."
# What stands before every layer's name, by who writes it. The longest that fits counts; "" fits any.
SCHEMES = {
    # diffusion-pipe, models/wan/wan.py, save_adapter; ai-toolkit, toolkit/models/wan21/wan_lora_convert.py,
    # convert_to_original, which leaves diffusers' proj_in and proj_out as they are; OneTrainer and extracted files.
    "ComfyUI": ("diffusion_model.",),
    # diffusers, loaders/lora_pipeline.py, WanLoraLoaderMixin.save_lora_weights; finetrainers and SimpleTuner call it.
    "diffusers": ("transformer.",),
    # diffsynth/trainers/utils.py, export_trainable_state_dict: whole, or without what --remove_prefix_in_ckpt names;
    # a "2" belongs to Wan 2.2's low noise expert. DiffHDR, Ditto and UniAnimate-DiT are trained with it.
    "DiffSynth-Studio or bare": ("pipe.dit.", "pipe.dit2.", "pipe.vace.", "pipe.vace2.", ""),
    # peft, utils/save_and_load.py, get_peft_model_state_dict, of a model that was not unwrapped.
    "PEFT": ("base_model.model.",),
    # musubi-tuner, networks/lora.py, as kohya's sd-scripts; LyCORIS used from them, lycoris/kohya/__init__.py. Some
    # files have dots behind the block's number (kijai/ComfyUI-WanVideoWrapper, issue 869).
    "kohya": ("lora_unet_",),
    # VideoX-Fun, videox_fun/utils/lora_utils.py, LoRANetwork: the name of the root module, which is empty, comes first.
    "VideoX-Fun": ("lora_unet__",),
    # LyCORIS, lycoris/wrapper.py, LORA_PREFIX; SimpleTuner's and ai-toolkit's LoKr.
    "LyCORIS": ("lycoris_",),
    # OneTrainer, modules/util/convert/lora: its own names beside ComfyUI's.
    "OneTrainer": ("lora_transformer_",),
}

# What a tensor is, by the end of its name: a pattern, and the host's ending (comfy/lora.py, comfy/weight_adapter).
# An adapter's name, mostly "default", is PEFT's; lora.down is that of early diffusers.
ENDINGS = {
    re.compile(pattern + "$"): ending
    for pattern, ending in {
        r"\.lora_(down|A)(\.[^.]+)?\.weight": "lora_down.weight",
        r"\.lora_(up|B)(\.[^.]+)?\.weight": "lora_up.weight",
        r"[._]lora\.down\.weight|\.lora_A": "lora_down.weight",
        r"[._]lora\.up\.weight|\.lora_B": "lora_up.weight",
        r"\.lora_B(\.[^.]+)?\.bias": "diff_b",  # peft.LoraConfig(lora_bias=True)
        r"\.lora_magnitude_vector(\.[^.]+)?(\.weight)?": "dora_scale",  # peft.LoraConfig(use_dora=True)
        r"\.w_norm": "diff",  # LyCORIS, modules/norms.py
        r"\.b_norm": "diff_b",
        **{
            rf"\.{part}(\.default)?": part
            for part in (
                *("alpha", "dora_scale", "diff", "diff_b"),
                *(f"hada_w{i}_{side}" for i in (1, 2) for side in "ab"),
                *(f"lokr_w{i}{side}" for i in (1, 2) for side in ("", "_a", "_b")),
                *("hada_t1", "hada_t2", "lokr_t2"),  # cores of Tucker products: LyCORIS, modules/{loha,lokr}.py
            )
        },
        # Core of LoCon, and the two products of GLoRA: LyCORIS, modules/{locon,glora}.py.
        **{rf"\.{part}\.weight": f"{part}.weight" for part in ("lora_mid", "a1", "a2", "b1", "b2", "bm")},
    }.items()
}
# Forms that are known and cannot be used, by the end of a name: what they are, and why not.
UNUSABLE = {
    re.compile(r"\.(oft_blocks|rescale)$"): (
        "an OFT or BOFT, which turns weights instead of adding to them",
        "ComfyUI leaves these forms out, in its log alone, of layers that it computes in 16 bits, and takes their "
        "strength twice",
    ),
    re.compile(r"\.b?oft_[Rs](\.[^.]+)?(\.weight)?$"): (
        "an OFT or BOFT as PEFT and OneTrainer write it",
        "ComfyUI does not read these",
    ),
}

IMAGE_PARTS = {"k_img": "add_k_proj", "v_img": "add_v_proj", "norm_k_img": "norm_added_k"}
IMAGE_EMBEDDING = "img_emb"
# Layers within a block and outside of blocks, by diffusers' names; see its scripts/convert_wan_to_diffusers.py.
BLOCK_FROM_DIFFUSERS = (
    FROM_DIFFUSERS
    | {f"attn2.{theirs}": f"cross_attn.{own}" for own, theirs in IMAGE_PARTS.items()}
    | {"attn1.to_out": "self_attn.o", "attn2.to_out": "cross_attn.o"}
)
ROOT_FROM_DIFFUSERS = {
    "condition_embedder.text_embedder.linear_1": "text_embedding.0",
    "condition_embedder.text_embedder.linear_2": "text_embedding.2",
    "condition_embedder.time_embedder.linear_1": "time_embedding.0",
    "condition_embedder.time_embedder.linear_2": "time_embedding.2",
    "condition_embedder.time_proj": "time_projection.1",
    "condition_embedder.image_embedder.norm1": "img_emb.proj.0",
    "condition_embedder.image_embedder.ff.net.0.proj": "img_emb.proj.1",
    "condition_embedder.image_embedder.ff.net.2": "img_emb.proj.3",
    "condition_embedder.image_embedder.norm2": "img_emb.proj.4",
    "proj_out": "head.head",
    "scale_shift_table": "head.modulation",
}


def _without_dots(from_diffusers: dict[str, str], *own: str) -> dict[str, str]:
    """Official name by each spelling with underscores alone."""
    official = {*from_diffusers.values(), *own}
    return {name.replace(".", "_"): name for name in official} | {
        theirs.replace(".", "_"): name for theirs, name in from_diffusers.items()
    }


BLOCK_LAYERS = _without_dots(BLOCK_FROM_DIFFUSERS)
ROOT_LAYERS = _without_dots(ROOT_FROM_DIFFUSERS, "patch_embedding", EMBEDDING)


@dataclass(frozen=True)
class LoraNames:
    """What a LoRA file holds, told from its names.

    Attributes:
        scheme: Who writes such names, from `SCHEMES`.
        layers: For each layer, by its official name, the file's names by the host's endings.
        foreign: The file's names that belong to no layer of Wan.
    """

    scheme: str
    layers: dict[str, dict[str, str]]
    foreign: tuple[str, ...]

    def part(self, vace: bool) -> dict[str, dict[str, str]]:
        """The layers of VACE, or all others."""
        return {layer: keys for layer, keys in self.layers.items() if layer.startswith((BLOCKS, EMBEDDING)) == vace}


def lora_names(keys: Iterable[str], name: str) -> LoraNames:
    """Sort a LoRA's names by layer.

    Args:
        keys: Names of all its tensors.
        name: What the user calls it: the file.

    Returns:
        At least one layer, complete or not.

    Raises:
        VaceInputError: If no name is that of a Wan layer, if some are of a kind that is not known, if names follow two
            schemes, or if two are for the same.
    """
    layers, foreign, examples, unknown = {}, [], {}, []
    for key in keys:
        scheme, layer, ending = _read(key)
        if layer is None:
            foreign.append(key)
        elif ending is None:
            unknown.append(key)
        else:
            examples.setdefault(scheme, key)
            other = layers.setdefault(layer, {}).setdefault(ending, key)
            if other != key:
                raise VaceInputError(
                    f"{name} has {other} and {key}, both for the same layer. They are two LoRAs in one file: "
                    f"save each in a file of its own."
                )
    _refuse_names(name, layers, foreign, examples, unknown)
    return LoraNames(next(iter(examples)), layers, tuple(foreign))


def host_name(layer: str, ending: str) -> str:
    """A tensor's name as ComfyUI's LoRA loader knows it.

    Args:
        layer: Official name.
        ending: One of the host's.
    """
    return f"{HOST_PREFIX}{layer}.{ending}"


def _read(key: str) -> tuple[str, str | None, str | None]:
    """Scheme, layer and ending of a name; None where it is not known."""
    prefix, scheme = max(
        ((prefix, scheme) for scheme, prefixes in SCHEMES.items() for prefix in prefixes if key.startswith(prefix)),
        key=lambda found: len(found[0]),
    )
    # Differences that WanVideoWrapper's and lightx2v's tools extract: a block's modulation has no layer of its own.
    rest = re.sub(r"\.diff_m$", ".modulation.diff", key.removeprefix(prefix))
    for pattern, ending in ENDINGS.items():
        if found := pattern.search(rest):
            return scheme, _layer(rest[: found.start()]), ending
    parts = rest.split(".")
    layers = (_layer(".".join(parts[:count])) for count in range(len(parts), 0, -1))
    return scheme, next(filter(None, layers), None), None


def _layer(path: str) -> str | None:
    """A layer's official name, whatever its spelling; None if Wan has none such."""
    flat = path.replace(".", "_")
    if block := re.fullmatch(r"((?:vace_)?blocks)_(\d+)_(.+)", flat):
        layer = BLOCK_LAYERS.get(block[3])
        return layer and f"{block[1]}.{block[2]}.{layer}"
    return ROOT_LAYERS.get(flat)


def _refuse_names(name: str, layers: dict, foreign: list, examples: dict[str, str], unknown: list) -> None:
    _refuse_forms(name, unknown)
    if unknown and not layers:
        raise VaceInputError(
            f"{name} is no LoRA that is known here: none of its tensors is one, {unknown[0]} for example. Whole models "
            f"are for Load Diffusion Model, VACE modules for VACE Load Adapter."
        )
    if not layers:
        example = f"for example {foreign[0]}" if foreign else "it is empty"
        raise VaceInputError(
            f"{name} has nothing for a Wan model: none of its {len(foreign)} tensors names a layer of one ({example}). "
            f"Choose a LoRA for Wan 2.1 or 2.2 text to video, or for VACE."
        )
    if unknown:
        raise VaceInputError(
            f"{name} has {len(unknown)} tensors of a kind that is not known here, such as {unknown[0]}. "
            f"LoRA, DoRA, LoHa, LoKr, GLoRA and full differences are; export it as one of these."
        )
    if len(examples) > 1:
        found = " and ".join(f"{key} ({scheme})" for scheme, key in examples.items())
        raise VaceInputError(
            f"{name} mixes the names of two trainers: {found}. They are two LoRAs in one file: save each in a file of "
            f"its own."
        )


def _refuse_forms(name: str, unknown: list[str]) -> None:
    """Name a form that is known and cannot be used."""
    for key in unknown:
        for pattern, (form, reason) in UNUSABLE.items():
            if pattern.search(key):
                raise VaceInputError(
                    f"{name} is {form} (it has {key}). {reason}. Use a LoRA, LoHa, LoKr or GLoRA, or a model with it "
                    f"merged in."
                )
