"""What becomes of WanVaceToVideo, in whichever format: three nodes of ours, of which the last keeps its id and outputs.

What the core node computes: ``WanVaceToVideo`` in ComfyUI's ``comfy_extras/nodes_wan.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from .shapes import APPLY, BUILD, ENCODE, OLD, REFERENCE

TEMPORAL_STRIDE = 4
PICTURES = {"control_video": "control_video", "control_masks": "control_masks", "reference_image": REFERENCE}

RESIZED = (
    "A control_video of another size than the output is resized by the official filter (bicubic, antialiased) instead "
    "of bilinear."
)
MASK_SHAPE = "A mask of another shape than its video is refused; WanVaceToVideo cropped each by itself."
MASK_COUNT = (
    "A mask of one frame acts on all frames; WanVaceToVideo used it for the first one only. Within length, a mask that "
    "has 4 frames more or fewer than its video is refused."
)
SOFT = (
    "mask_edges and soft_mask are set to what WanVaceToVideo does with grey mask pixels. For black and white masks "
    "they change nothing; the model was trained with mask_edges official."
)
REFERENCED = (
    "A reference of another shape than the output is shown whole on white, as the model was trained, instead of "
    "cropped. Every picture of a batch is a reference of its own; WanVaceToVideo took the first."
)
LENGTH = (
    "A linked length that is not 4n + 1 is generated as the next one above, where WanVaceToVideo took the one below."
)


class Graph(Protocol):
    """One list of nodes in some format: a prompt, a workflow, or a subgraph of one.

    Attributes:
        notes: What else was changed, in sentences.
    """

    notes: list[str]

    def find(self, kind: str) -> list[object]:
        """Ids of the nodes of a class, in the order of the file."""

    def inputs(self, node: object) -> dict[str, object]:
        """What a node is given: by name a wire of this format, or a value; what is not connected is left out."""

    def is_wire(self, value: object) -> bool:
        """Whether an input comes from another node that runs."""

    def add(self, kind: str, inputs: dict[str, object], near: object) -> object:
        """Make a node; gives the wire from its first output."""

    def change(self, node: object, kind: str, inputs: dict[str, object], moved: dict[str, object]) -> None:
        """Make another class of a node, which keeps its id and its outputs.

        ``moved`` says of inputs that it had which nodes have them now.
        """

    def id_of(self, wire: object) -> object:
        """The node that a wire comes from."""

    def kinds(self) -> dict[object, str]:
        """The class of each node by its id."""

    def output(self, wire: object, slot: int) -> object:
        """The wire from another output of the node that ``add`` made."""

    def readers(self, node: object) -> list[tuple[object, str]]:
        """Id and input of whatever takes an output of a node."""

    def remove(self, node: object) -> None:
        """Take a node away, with the wires that lead to it."""


@dataclass
class Report:
    """What was done, in sentences for the user.

    Attributes:
        done: A sentence for each node that was converted.
        left: A sentence for each node that was not.
        differs: Where the new graph may give another result, and how.
        resized: Whether a WanVaceToVideo was converted whose inputs are now resized otherwise than by itself.
    """

    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    resized: bool = False

    def tell_difference(self, sentence: str) -> None:
        """Add a difference, once."""
        if sentence not in self.differs:
            self.differs.append(sentence)


def convert(graph: Graph, exact: bool, report: Report) -> None:
    """Convert every WanVaceToVideo of a graph.

    Args:
        graph: Changed in place.
        exact: Add the core's own nodes that resize as WanVaceToVideo does, so that the result is the same to the bit.
        report: Told what was done.
    """
    for node in graph.find(OLD):
        given = graph.inputs(node)
        if graph.is_wire(given.get("control_masks")) and not graph.is_wire(given.get("control_video")):
            report.left.append(
                f"Node {node} (WanVaceToVideo) has control_masks but no control_video, which VACE Build VCU does not "
                f"take. It stays as it is; remove the mask, or connect the video, and migrate again."
            )
            continue
        _convert_node(graph, node, given, exact, report)
    report.done += graph.notes


def _convert_node(graph: Graph, node: object, given: dict[str, object], exact: bool, report: Report) -> None:
    wired = {name for name, value in given.items() if graph.is_wire(value)}
    pictures = {name: given[name] for name in PICTURES if name in given}
    if exact:
        pictures |= _fitted(graph, node, given)
    sizes = {"width": given["width"], "height": given["height"], "length": _encoded_length(given["length"])}
    as_the_core = {"inside_mask": "control", "soft_mask": True} if "control_masks" in given else {}
    sockets = {PICTURES[name]: wire for name, wire in pictures.items()}
    vcu = graph.add(BUILD, {**sockets, **sizes, **as_the_core}, node)

    edges = {"mask_edges": "soft"} if "control_masks" in given else {}
    vae = {"vae": given["vae"]} if "vae" in given else {}
    context = graph.add(ENCODE, {**vae, "vcu": vcu, **edges}, node)

    kept = {name: given[name] for name in ("positive", "negative", "strength", "batch_size") if name in given}
    graph.change(node, APPLY, {**kept, "context": context}, dict.fromkeys(sizes, graph.id_of(vcu)))
    report.done.append(
        f"Node {node} is now VACE Apply Context; {graph.id_of(vcu)} is its VACE Build VCU and {graph.id_of(context)} "
        f"its VACE Encode VCU."
    )
    _tell_differences(given, wired, exact, report)


def _fitted(graph: Graph, node: object, given: dict[str, object]) -> dict[str, object]:
    """The pictures of a WanVaceToVideo, cropped and resized by the core's nodes exactly as it does by itself."""
    to_size = {"upscale_method": "bilinear", "crop": "center", "width": given["width"], "height": given["height"]}

    def scaled(image: object) -> object:
        return graph.add("ImageScale", {"image": image, **to_size}, node)

    fitted = {}
    for name in PICTURES:
        wire = given.get(name)
        if not graph.is_wire(wire):
            continue
        if name == "control_masks":
            picture = scaled(graph.add("MaskToImage", {"mask": wire}, node))
            fitted[name] = graph.add("ImageToMask", {"image": picture, "channel": "red"}, node)
        elif name == "reference_image":
            first = graph.add("ImageFromBatch", {"image": wire, "batch_index": 0, "length": 1}, node)
            fitted[name] = scaled(first)
        else:
            fitted[name] = scaled(wire)
    return fitted


def _tell_differences(given: dict[str, object], wired: set[str], exact: bool, report: Report) -> None:
    length = _encoded_length(given["length"])
    if "length" in wired:
        report.tell_difference(LENGTH)
    elif length != given["length"]:
        report.tell_difference(f"length {given['length']} is now {length}, the frames that WanVaceToVideo made of it.")
    if "control_masks" in wired:
        report.tell_difference(MASK_COUNT)
        report.tell_difference(SOFT)
    if exact:
        return
    report.resized = report.resized or not wired.isdisjoint(PICTURES)
    if "control_video" in wired:
        report.tell_difference(RESIZED)
    if "control_masks" in wired:
        report.tell_difference(MASK_SHAPE)
    if "reference_image" in wired:
        report.tell_difference(REFERENCED)


def _encoded_length(length: object) -> object:
    """The frames that WanVaceToVideo makes of a length: 4n + 1, rounded down."""
    if not isinstance(length, int) or length < 1:
        return length
    return (length - 1) // TEMPORAL_STRIDE * TEMPORAL_STRIDE + 1
