"""What is known of the inputs of WanVideoWrapper's nodes, so that none of them is lost without a word.

The names are those of ``nodes.py``, ``nodes_model_loading.py`` and ``nodes_sampler.py`` in
kijai/ComfyUI-WanVideoWrapper. An input that is not here, in a later version perhaps, leaves a graph as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .conversion import Graph

DECODE, SAMPLER, VACE, START_END = (
    "WanVideoDecode",
    "WanVideoSampler",
    "WanVideoVACEEncode",
    "WanVideoVACEStartToEndFrame",
)
LOADER, MODULE, VAE, LORA = "WanVideoModelLoader", "WanVideoVACEModelSelect", "WanVideoVAELoader", "WanVideoLoraSelect"
TEXT, T5 = "WanVideoTextEncode", "LoadWanVideoT5TextEncoder"


class NotConvertedError(Exception):
    """Why a graph stays as it is, as the end of a sentence."""


@dataclass(frozen=True)
class Inputs:
    """The inputs of a class of nodes, by what becomes of them.

    Attributes:
        carried: Go on as they are, wired or typed, or are looked at by themselves.
        typed: Go on as a value, which must stand in the node: a wire may bring a list, one value a step.
        told: May be wired; left out, which the report says.
        free: Where and how fast a result is computed, not which; ComfyUI decides that itself.
        usual: Must have this value, which is their default.
        named: Must be there: a browser's file of old front ends has values without names.
    """

    carried: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    usual: Mapping[str, object] = field(default_factory=dict)
    named: tuple[str, ...] = ()


PART = {"start_step": 0, "end_step": -1, "denoise_strength": 1.0}  # of the sampler: all of the steps
INPUTS = {
    SAMPLER: Inputs(
        carried=("model", "image_embeds", "text_embeds", "seed", "steps", *PART),
        typed=("cfg", "shift", "scheduler"),
        told=(
            "cache_args",
            "teacache_args",
            "feta_args",
            "slg_args",
            "experimental_args",
            "freeinit_args",
        ),
        free=("force_offload", "batched_cfg", "rope_function", "add_noise_to_samples"),
        usual={"riflex_freq_index": 0},
        named=("steps", "cfg", "shift", "seed", "scheduler"),
    ),
    VACE: Inputs(
        carried=(
            *("vae", "width", "height", "num_frames"),
            *("input_frames", "input_masks", "ref_images", "prev_vace_embeds"),
        ),
        typed=("strength", "vace_start_percent", "vace_end_percent"),
        free=("tiled_vae",),
        named=("width", "height", "num_frames", "strength", "vace_start_percent", "vace_end_percent"),
    ),
    START_END: Inputs(
        carried=("num_frames", "empty_frame_level", "start_image", "end_image", "control_images"),
        typed=("start_index", "end_index"),
        named=("num_frames", "empty_frame_level"),
    ),
    TEXT: Inputs(
        carried=("positive_prompt", "negative_prompt", "t5"),
        free=("force_offload", "model_to_offload", "use_disk_cache", "device"),
        named=("positive_prompt", "negative_prompt"),
    ),
    T5: Inputs(free=("model_name", "precision", "load_device", "quantization")),
    LOADER: Inputs(
        carried=("model", "lora", "extra_model", "vace_model", "quantization", "attention_mode"),
        told=("compile_args", "vram_management_args"),
        free=("base_precision", "load_device", "block_swap_args", "rms_norm_function"),
        named=("model",),
    ),
    MODULE: Inputs(carried=("vace_model",), named=("vace_model",)),
    LORA: Inputs(
        carried=("lora", "prev_lora"),
        typed=("strength",),
        free=("low_mem_load", "merge_loras"),
        named=("lora", "strength"),
    ),
    VAE: Inputs(
        carried=("model_name",),
        free=("precision", "compile_args", "use_cpu_cache", "verbose"),
        named=("model_name",),
    ),
    DECODE: Inputs(
        carried=("vae", "samples"),
        free=("enable_vae_tiling", "tile_x", "tile_y", "tile_stride_x", "tile_stride_y"),
        usual={"normalization": "default"},
        named=("enable_vae_tiling",),
    ),
}


def known_inputs(graph: Graph, node: object, kind: str) -> dict[str, object]:
    """What a node of WanVideoWrapper is given, once all of it is known by name and can be kept.

    Raises:
        NotConvertedError: If it cannot.
    """
    given = graph.inputs(node)
    known = INPUTS[kind]
    if any(name not in given for name in known.named):
        raise NotConvertedError(
            f"the values of node {node} ({kind}) have no names in this file. Open it in ComfyUI and save it again."
        )
    lost = [each for name, value in given.items() if (each := _lost(graph, known, name, value))]
    if lost:
        verb = "has" if len(lost) == 1 else "have"
        raise NotConvertedError(f"{', '.join(lost)} of {kind} {verb} no counterpart.")
    for name in known.typed:
        if name in given and not _is_plain(given[name]):
            raise NotConvertedError(f"{name} of {kind} is wired. Type its value into the node.")
    return given


def _lost(graph: Graph, known: Inputs, name: str, value: object) -> str:
    """The name of an input that would be lost, with its value; empty if it is not."""
    kept = (*known.carried, *known.typed, *known.told, *known.free, "")  # "": what becomes of a seed after a run
    if name in kept:
        return ""
    if graph.is_wire(value):
        return name
    at_rest = not _is_plain(value) or (name in known.usual and value == known.usual[name])
    return "" if at_rest else f"{name} ({value})"


def _is_plain(value: object) -> bool:
    """Whether it is a value and no wire, not even one from a node that does not run."""
    return isinstance(value, str | int | float)
