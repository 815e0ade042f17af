"""A VACE graph of WanVideoWrapper, read from its WanVideoDecode backwards before anything is changed.

Its names of inputs are those of ``nodes.py``, ``nodes_model_loading.py`` and ``nodes_sampler.py`` in
kijai/ComfyUI-WanVideoWrapper. What has no counterpart leaves all of a graph as it is, and is named.
"""

from __future__ import annotations

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
PASSING = ("WanVideoSetBlockSwap",)  # give on the model; ComfyUI moves weights by itself
# What of the sampler has no counterpart in kind: the graph does something else, so it is left alone.
OTHER_TASKS = ("samples", "sigmas", "context_options", "flowedit_args", "loop_args", "multitalk_embeds", "uni3c_embeds")
# Values that must be known; a browser's file of old front ends has values without names.
VALUES = {
    SAMPLER: ("steps", "cfg", "shift", "seed", "scheduler"),
    VACE: ("width", "height", "num_frames", "strength", "vace_start_percent", "vace_end_percent"),
    TEXT: ("positive_prompt", "negative_prompt"),
    START_END: (),
    LOADER: ("model",),
    MODULE: ("vace_model",),
    VAE: ("model_name",),
    LORA: ("lora", "strength"),
    T5: (),
}


class NotConvertedError(Exception):
    """Why a graph stays as it is, as the end of a sentence."""


@dataclass
class Plan:
    """A graph as it was read.

    Attributes:
        decode, sampler: Its nodes.
        solver: What the sampler is given.
        loader: The node that loads the model, and what it is given.
        module: File of the VACE module; empty where the model holds it.
        loras: File and strength of each, in order.
        text: What the prompts are given.
        vae: File, and the node that loads it.
        units: Each WanVideoVACEEncode with what it is given, the first of the chain first.
        used: Every node of it that is not kept.
    """

    decode: object
    sampler: object
    solver: dict[str, object]
    loader: tuple[object, dict[str, object]]
    module: str = ""
    loras: list[tuple[str, object]] = field(default_factory=list)
    text: dict[str, object] = field(default_factory=dict)
    vae: tuple[str, object] = ("", None)
    units: list[tuple[object, dict[str, object]]] = field(default_factory=list)
    used: list[object] = field(default_factory=list)


def read_plan(graph: Graph, decode: object) -> Plan | None:
    """The graph behind a WanVideoDecode; None if it is none of VACE."""
    decoded = graph.inputs(decode)
    sampler = node_behind(graph, decoded.get("samples"))
    if graph.kinds().get(sampler) != SAMPLER:
        return None
    last = node_behind(graph, graph.inputs(sampler).get("image_embeds"))
    if graph.kinds().get(last) != VACE:
        return None
    solver = _values(graph, sampler, SAMPLER)
    _require_plain(graph, sampler, solver, decode)
    model = _through(graph, solver.get("model"))
    loader, given = _named(graph, model, LOADER, "model")
    plan = Plan(decode, sampler, solver, (loader, given))
    plan.used += [sampler]
    _read_units(graph, plan, last)
    _read_model(graph, plan, given)
    _read_text(graph, plan, solver)
    vae, vae_given = _named(graph, decoded.get("vae"), VAE, "vae")
    plan.vae = _file(vae_given, "model_name", VAE), vae
    plan.used += [node_behind(graph, solver["model"]), loader, vae]
    return plan


def _require_plain(graph: Graph, sampler: object, solver: dict[str, object], decode: object) -> None:
    for name in OTHER_TASKS:
        if graph.is_wire(solver.get(name)):
            raise NotConvertedError(f"{name} of {SAMPLER} has no counterpart.")
    whole = {"start_step": 0, "end_step": -1, "denoise_strength": 1.0}
    if any(solver.get(name, value) != value for name, value in whole.items()):
        raise NotConvertedError(f"{SAMPLER} runs a part of the steps. VACE Sample Context does that by sigmas.")
    if any(reader != decode for reader, _ in graph.readers(sampler)):
        raise NotConvertedError(f"another node than {DECODE} takes the samples of {SAMPLER}.")


def _read_units(graph: Graph, plan: Plan, last: object) -> None:
    node = last
    while node is not None:
        given = _values(graph, node, VACE)
        if graph.is_wire(given.get("input_masks")) and not graph.is_wire(given.get("input_frames")):
            raise NotConvertedError(f"node {node} ({VACE}) has input_masks without input_frames.")
        if graph.is_wire(given["vace_start_percent"]) or graph.is_wire(given["vace_end_percent"]):
            raise NotConvertedError("vace_start_percent and vace_end_percent must be numbers.")
        shown = keyframes_of(graph, given)
        plan.units.insert(0, (node, given))
        plan.used += [node, *([shown["node"]] if shown else [])]
        before = given.get("prev_vace_embeds")
        node = _named(graph, before, VACE, "prev_vace_embeds")[0] if graph.is_wire(before) else None


def keyframes_of(graph: Graph, given: dict[str, object]) -> dict[str, object] | None:
    """What a WanVideoVACEStartToEndFrame in front is given; None if there is none."""
    nodes = [node_behind(graph, given.get(name)) for name in ("input_frames", "input_masks")]
    found = [node for node in nodes if node is not None and graph.kinds().get(node) == START_END]
    if not found:
        return None
    shown = graph.inputs(found[0])
    if nodes[0] != nodes[1]:
        raise NotConvertedError(f"images and masks of {START_END} do not go to one {VACE}.")
    if graph.is_wire(shown.get("inpaint_mask")):
        raise NotConvertedError(f"inpaint_mask of {START_END} has no counterpart.")
    if not graph.is_wire(shown.get("start_image")) and not graph.is_wire(shown.get("end_image")):
        raise NotConvertedError(f"{START_END} without a picture keeps every frame, which VACE does not need.")
    return shown | {"node": found[0]}


def _read_model(graph: Graph, plan: Plan, given: dict[str, object]) -> None:
    if str(given.get("model", "")).endswith(".gguf"):
        raise NotConvertedError("the model is a GGUF file, which ComfyUI's own loader does not read.")
    _file(given, "model", LOADER)
    extra = given.get("extra_model", given.get("vace_model"))
    if graph.is_wire(extra):
        node, module = _named(graph, extra, MODULE, "extra_model")
        plan.module = _file(module, "vace_model", MODULE)
        plan.used.append(node)
    lora = given.get("lora")
    while graph.is_wire(lora):
        node, chosen = _named(graph, lora, LORA, "lora")
        plan.loras.insert(0, (_file(chosen, "lora", LORA), chosen.get("strength", 1.0)))
        plan.used.append(node)
        lora = chosen.get("prev_lora")


def _read_text(graph: Graph, plan: Plan, solver: dict[str, object]) -> None:
    node, plan.text = _named(graph, solver.get("text_embeds"), TEXT, "text_embeds")
    plan.used.append(node)
    if graph.is_wire(plan.text.get("t5")):
        encoder, _ = _named(graph, plan.text["t5"], T5, "t5")
        plan.used.append(encoder)


def node_behind(graph: Graph, wire: object) -> object | None:
    """The node that an input comes from; None if it has a value, or nothing."""
    return graph.id_of(wire) if graph.is_wire(wire) else None


def _through(graph: Graph, wire: object) -> object:
    """Past nodes that only give a model on."""
    while graph.is_wire(wire) and graph.kinds().get(graph.id_of(wire)) in PASSING:
        wire = graph.inputs(graph.id_of(wire)).get("model")
    return wire


def _named(graph: Graph, wire: object, kind: str, name: str) -> tuple[object, dict[str, object]]:
    """The node behind a wire, which must be of a class, and what it is given."""
    node = node_behind(graph, wire)
    found = "nothing" if node is None else graph.kinds().get(node, "an input of the subgraph")
    if found != kind:
        raise NotConvertedError(f"{name} comes from {found}, where {kind} is understood.")
    return node, _values(graph, node, kind)


def _values(graph: Graph, node: object, kind: str) -> dict[str, object]:
    """What a node is given, once its values are known by name."""
    given = graph.inputs(node)
    if any(name not in given for name in VALUES[kind]):
        raise NotConvertedError(
            f"the values of node {node} ({kind}) have no names in this file. Open it in ComfyUI and save it again."
        )
    return given


def _file(given: dict[str, object], name: str, kind: str) -> str:
    if not isinstance(given.get(name), str):
        raise NotConvertedError(f"{name} of {kind} is no name of a file.")
    return given[name]
