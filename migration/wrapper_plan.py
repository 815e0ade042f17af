"""A VACE graph of WanVideoWrapper, read from its WanVideoDecode backwards before anything is changed.

What has no counterpart leaves all of a graph as it is, and is named.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .conversion import Graph
from .wrapper_inputs import (
    DECODE,
    LOADER,
    LORA,
    MODULE,
    PART,
    SAMPLER,
    START_END,
    T5,
    TEXT,
    VACE,
    VAE,
    NotConvertedError,
    known_inputs,
)

PASSING = ("WanVideoSetBlockSwap",)  # give on the model; ComfyUI moves weights by itself
PICTURE = "LoadImage"
RESIZING = ("ImageScale", "ImageScaleBy", "ImageScaleToTotalPixels", "ImageResizeKJ", "ImageResizeKJv2")  # one for one
SEVERAL = ("|", "[1]")  # divide a prompt into several, one after the other in time


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
    known_inputs(graph, decode, DECODE)
    solver = known_inputs(graph, sampler, SAMPLER)
    _require_plain(graph, sampler, solver, decode)
    model = _through(graph, solver.get("model"), PASSING, "model")
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
    if any(solver.get(name, value) != value for name, value in PART.items()):
        raise NotConvertedError(f"{SAMPLER} runs a part of the steps. VACE Sample Context does that by sigmas.")
    if any(reader != decode for reader, _ in graph.readers(sampler)):
        raise NotConvertedError(f"another node than {DECODE} takes the samples of {SAMPLER}.")


def _read_units(graph: Graph, plan: Plan, last: object) -> None:
    node = last
    while node is not None:
        given = known_inputs(graph, node, VACE)
        if graph.is_wire(given.get("input_masks")) and not graph.is_wire(given.get("input_frames")):
            raise NotConvertedError(f"node {node} ({VACE}) has input_masks without input_frames.")
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
    shown = known_inputs(graph, found[0], START_END)
    if nodes[0] != nodes[1]:
        raise NotConvertedError(f"images and masks of {START_END} do not go to one {VACE}.")
    if not graph.is_wire(shown.get("start_image")) and not graph.is_wire(shown.get("end_image")):
        raise NotConvertedError(f"{START_END} without a picture keeps every frame, which VACE does not need.")
    _require_pictures(graph, shown, given)
    return shown | {"node": found[0]}


def _require_pictures(graph: Graph, shown: dict[str, object], given: dict[str, object]) -> None:
    """A batch would be placed whole, from start_index on and up to end_index; a key frame is one picture."""
    for name in ("start_image", "end_image"):
        wire = _through(graph, shown.get(name), RESIZING, "image")
        if graph.is_wire(wire) and graph.kinds().get(graph.id_of(wire)) != PICTURE:
            raise NotConvertedError(
                f"start_image and end_image must be single pictures; for a batch use VACE Extend Video or VACE Bridge "
                f"Videos. {name} of {START_END} does not come from {PICTURE}."
            )
    counts = [each["num_frames"] for each in (shown, given)]
    one, other = (graph.id_of(count) if graph.is_wire(count) else count for count in counts)
    if one != other:
        raise NotConvertedError(f"num_frames of {START_END} and of {VACE} are not the same.")


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
    prompt = plan.text["positive_prompt"]
    if isinstance(prompt, str) and any(sign in prompt for sign in SEVERAL):
        raise NotConvertedError(f"positive_prompt of {TEXT} is several prompts in one, which has no counterpart.")
    if graph.is_wire(plan.text.get("t5")):
        encoder, _ = _named(graph, plan.text["t5"], T5, "t5")
        plan.used.append(encoder)


def node_behind(graph: Graph, wire: object) -> object | None:
    """The node that an input comes from; None if it has a value, or nothing."""
    return graph.id_of(wire) if graph.is_wire(wire) else None


def _through(graph: Graph, wire: object, kinds: tuple[str, ...], name: str) -> object:
    """Past nodes of these classes, by the input that each gives on."""
    while graph.is_wire(wire) and graph.kinds().get(graph.id_of(wire)) in kinds:
        wire = graph.inputs(graph.id_of(wire)).get(name)
    return wire


def _named(graph: Graph, wire: object, kind: str, name: str) -> tuple[object, dict[str, object]]:
    """The node behind a wire, which must be of a class, and what it is given."""
    node = node_behind(graph, wire)
    found = "nothing" if node is None else graph.kinds().get(node, "an input of the subgraph")
    if found != kind:
        raise NotConvertedError(f"{name} comes from {found}, where {kind} is understood.")
    return node, known_inputs(graph, node, kind)


def _file(given: dict[str, object], name: str, kind: str) -> str:
    if not isinstance(given.get(name), str):
        raise NotConvertedError(f"{name} of {kind} is no name of a file.")
    return given[name]
