"""A prompt cut at its VCU wires: what can be prepared without the model, and what samples."""

from __future__ import annotations

from dataclasses import dataclass

from .catalog import LOAD_VCU, Catalog
from .workflow import Prompt, Wire, ancestors, copy_of, descendants, wires

VCU = "VACE_VCU"
MODELS = ("MODEL", "CLIP", "VAE", "LATENT", "CONDITIONING", "GUIDER")
PLACE = "vcu:"  # in the sampling part, where the name of a file will be


@dataclass(frozen=True)
class Cut:
    """Two prompts of one.

    Attributes:
        prepare: Ends in VACE Save VCU and in what else is shown without a model; None if nothing is cut.
        sample: The rest. Its VACE Load VCU nodes load ``vcu:0``, ``vcu:1`` ..., the files of `savers` in order.
        savers: Ids of the nodes of ``prepare`` that save them.
    """

    prepare: Prompt | None
    sample: Prompt
    savers: tuple[str, ...] = ()


def cut(prompt: Prompt, catalog: Catalog) -> Cut:
    """Divide a prompt at the wires that carry a VCU to what samples it.

    Whatever sampling needs besides stays with it, even if a preparation needs it too: VACE Crop VCU also tells VACE
    Stitch Crop where the crop lies, so the cut lies before it.

    Args:
        prompt: A whole one; left as it is.
        catalog: Knows the classes of all its nodes.
    """
    sampling = _sampling(prompt, catalog)
    places = sorted({(w.source, w.slot) for w in _cut_wires(prompt, catalog, sampling)})
    if not places:
        return Cut(None, copy_of(prompt))
    prepared = _prepared(prompt, catalog, sampling, {source for source, _ in places})
    prepare, sample, savers = copy_of(prompt, prepared), copy_of(prompt, sampling), []
    for number, (source, slot) in enumerate(places):
        saver, loader = _new_id(prompt, f"save_vcu_{number}"), _new_id(prompt, f"load_vcu_{number}")
        prepare[saver] = _node("VaceSaveVcu", vcu=[source, slot], filename_prefix=f"vcu_{number}", precision="exact")
        sample[loader] = _node(LOAD_VCU, file=f"{PLACE}{number}")
        savers.append(saver)
        for wire in wires(prompt):
            if (wire.source, wire.slot) == (source, slot) and wire.target in sample:
                sample[wire.target]["inputs"][wire.socket] = [loader, 0]
    return Cut(prepare, sample, tuple(savers))


def with_vcus(sample: Prompt, files: list[str]) -> Prompt:
    """The sampling part with the names of the files that its VCUs lie in."""
    result = copy_of(sample)
    for node in result.values():
        named = node["inputs"].get("file")
        if node["class_type"] == LOAD_VCU and isinstance(named, str) and named.startswith(PLACE):
            node["inputs"]["file"] = files[int(named.removeprefix(PLACE))]
    return result


def _carries_vcu(prompt: Prompt, catalog: Catalog, wire: Wire) -> bool:
    types = catalog.output_types(prompt[wire.source]["class_type"])
    return wire.slot < len(types) and types[wire.slot] == VCU


def _sampling(prompt: Prompt, catalog: Catalog) -> set[str]:
    """What samples a VCU, all that follows, and all that these need but for VCUs made without a model."""
    taken: dict[str, set[str]] = {}
    for wire in wires(prompt):
        types = catalog.output_types(prompt[wire.source]["class_type"])
        taken.setdefault(wire.target, set()).add(types[wire.slot] if wire.slot < len(types) else "")
    meet = {node for node, types in taken.items() if VCU in types and types & set(MODELS)}
    behind = descendants(prompt, meet)
    found, waiting = set(), list(behind)
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found.add(node)
        for wire in wires(prompt):
            if wire.target == node and (wire.source in behind or not _carries_vcu(prompt, catalog, wire)):
                waiting.append(wire.source)
    return found


def _cut_wires(prompt: Prompt, catalog: Catalog, sampling: set[str]) -> list[Wire]:
    """Those that carry a VCU into the sampling part; one that was loaded needs no second file."""
    across = [wire for wire in wires(prompt) if wire.target in sampling and wire.source not in sampling]
    loaded = {wire.source for wire in across if prompt[wire.source]["class_type"] == LOAD_VCU}
    sampling |= loaded
    return [wire for wire in across if wire.source not in loaded and _carries_vcu(prompt, catalog, wire)]


def _prepared(prompt: Prompt, catalog: Catalog, sampling: set[str], sources: set[str]) -> set[str]:
    """What gives the VCUs, and what else ends outside of the sampling part."""
    ends = {node for node, each in prompt.items() if node not in sampling and catalog.is_end(each["class_type"])}
    return ancestors(prompt, sources | ends)


def _new_id(prompt: Prompt, wanted: str) -> str:
    while wanted in prompt:
        wanted += "_"
    return wanted


def _node(kind: str, **inputs: object) -> dict:
    return {"class_type": kind, "inputs": inputs}
