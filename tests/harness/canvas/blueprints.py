"""Main tasks as one node each: subgraph blueprints, made of the published workflows.

ComfyUI finds ``subgraphs/*.json`` of a pack and lists them in its node library. What loads and saves stays outside.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from ..host.locations import ROOT
from .arrange import GAP_X, LEFT, TOP, arrange
from .identity import project
from .plane import TITLE
from .subgraph import Inside, inside_of

FOLDER = ROOT / "subgraphs"
CATEGORY = "VACE"
NAMESPACE = uuid.UUID("6a3f0c1e-6f0e-4c55-9a2b-3f6f1f7f0b11")
SIZE, SLOTS = ("width", "height", "length"), 120
MODELS = tuple(f"VaceLoadModels.{name}" for name in ("model", "text_encoder", "vae"))
WIDTH, ROW = 360, 26


@dataclass(frozen=True)
class Blueprint:
    """One node of the library.

    Attributes:
        name: In the library.
        workflow: The published one that it is made of.
        description: What it does, in a sentence or two.
        shown: Inputs that it shows, ``Class.input``, besides prompt, seed and files; one without a widget is a socket.
        sockets: Names of its sockets, by title or class of the node that is outside and gives what they take.
        values: What inputs have in place of the example's values.
    """

    name: str
    workflow: str
    description: str
    shown: tuple[str, ...]
    sockets: dict[str, str] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=lambda: {"prompt": ""})

    @property
    def file(self) -> Path:
        """Where it is."""
        return FOLDER / f"{self.name}.json"


def _inputs_of(node: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{node}.{name}" for name in names)


BLUEPRINTS = (
    Blueprint(
        "Control Video (VACE)",
        "control_video",
        "Makes a new video that moves as control_video does: pose, depth, lines, flow or gray, from an annotator.",
        _inputs_of("VaceBuildVcu", "references.reference_image_0", *SIZE),
        {"VaceAnnotateGray": "control_video"},
    ),
    Blueprint(
        "Inpaint Video (VACE)",
        "inpaint_exact_pixels",
        "Makes anew what is inside a mask, or inside boxes. Every pixel outside stays as it was.",
        _inputs_of("VaceInpaintVideo", "mask", "references.reference_image_0", "boxes", "grow", *SIZE),
        {"LoadVideo": "video"},
        {"prompt": "", "boxes": ""},
    ),
    Blueprint(
        "Outpaint Video (VACE)",
        "outpaint",
        "Makes a clip wider or higher. What was there stays in the middle.",
        _inputs_of("VaceOutpaintVideo", "by.aspect", *SIZE),
        {"LoadVideo": "video"},
    ),
    Blueprint(
        "First-Last Frame to Video (VACE)",
        "first_last_frame",
        "Makes the video between two pictures.",
        _inputs_of("VacePlaceKeyframes", *SIZE),
        {"First frame": "first_frame", "Last frame": "last_frame"},
    ),
    Blueprint(
        "Reference to Video (VACE)",
        "reference_to_video",
        "Makes a video with the subjects of one or two pictures.",
        _inputs_of("VaceBuildVcu", "references.reference_image_1", *SIZE),
        {"Reference": "reference"},
    ),
    Blueprint(
        "Animate Subject (VACE)",
        "animate_anything",
        "Lets the subject of a picture move as control_video does.",
        _inputs_of("VaceMakeAnything", *SIZE),
        {"VaceAnnotateGray": "control_video", "Reference": "reference"},
    ),
    Blueprint(
        "Swap Subject (VACE)",
        "swap_anything",
        "Puts the subject of a picture in the place of what the mask shows.",
        _inputs_of("VaceMakeAnything", "combination.grow", *SIZE),
        {"LoadVideo": "video", "White is the dog": "mask", "Reference": "reference"},
    ),
    Blueprint(
        "Expand Picture (VACE)",
        "expand_anything",
        "Lets a picture grow at its sides and come alive, with the subject of another picture in it.",
        _inputs_of("VaceMakeAnything", "combination.left", "combination.right", *SIZE),
        {"Picture": "picture", "Reference": "reference"},
    ),
    Blueprint(
        "Move Subject (VACE)",
        "move_anything",
        "Moves what is in the first box of a picture to the last one.",
        _inputs_of("VaceMakeAnything", "combination.boxes", *SIZE),
        {"Picture": "picture"},
    ),
    Blueprint(
        "Long Video (VACE)",
        "long_video",
        "Makes a video of any length from words, in segments, with one prompt for each. A stopped run goes on later.",
        (*_inputs_of("VaceBuildVcu", *SIZE), "VaceSampleLongVideo.segment_length"),
        values={"prompts": ""},
    ),
)


def blueprint(one: Blueprint, graph: dict) -> dict:
    """The file of a blueprint.

    Args:
        one: What it is.
        graph: The published workflow in the browser's form; left as it is.
    """
    inside = inside_of(graph, one.sockets, _shown(one, graph), one.values)
    name, host_id = str(uuid.uuid5(NAMESPACE, one.name)), graph["last_node_id"] + 1  # ids inside and outside differ
    host = {
        "id": host_id,
        "type": name,
        "pos": [LEFT, TOP],
        "size": [WIDTH, ROW * (len(inside.inputs) + 1)],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [_host_socket(socket) for socket in inside.inputs],
        "outputs": [{"name": socket["name"], "type": socket["type"], "links": []} for socket in inside.outputs],
        "title": one.name,
        "properties": {"cnr_id": project("name"), "ver": project("version")},
        "widgets_values": inside.values,
    }
    return {
        "revision": 0,
        "last_node_id": host_id,
        "last_link_id": 0,
        "nodes": [host],
        "links": [],
        "version": 0.4,
        "definitions": {"subgraphs": [_definition(one, name, inside)]},
        "extra": {"BlueprintDescription": one.description},
    }


def _shown(one: Blueprint, graph: dict) -> list[tuple[str, str]]:
    """Class and name of every input that it shows: words first, then sizes, then seed and files."""
    sampler = next(node["type"] for node in graph["nodes"] if node["type"].startswith("VaceSample"))
    words = "prompts" if sampler == "VaceSampleLongVideo" else "prompt"
    names = (f"{sampler}.{words}", *one.shown, f"{sampler}.seed", *MODELS)
    return [(node, name) for node, _, name in (each.partition(".") for each in names)]


def _host_socket(socket: dict) -> dict:
    shown = {key: socket[key] for key in ("name", "type", "label", "shape") if key in socket}
    return {**shown, "link": None, **({"widget": {"name": socket["name"]}} if socket["of_widget"] else {})}


def _definition(one: Blueprint, name: str, inside: Inside) -> dict:
    graph = {"nodes": inside.nodes, "links": [list(link.values()) for link in inside.links if link["origin_id"] > 0]}
    graph["links"] = [link for link in graph["links"] if link[3] > 0]
    arrange(graph)
    right = max(node["pos"][0] + node["size"][0] for node in inside.nodes)
    ids = [link["id"] for link in inside.links]
    return {
        "id": name,
        "version": 1,
        "state": {
            "lastGroupId": 0,
            "lastNodeId": max(node["id"] for node in inside.nodes),
            "lastLinkId": max(ids),
            "lastRerouteId": 0,
        },
        "revision": 0,
        "config": {},
        "name": one.name,
        "category": CATEGORY,
        "description": one.description,
        "inputNode": {"id": -10, "bounding": [LEFT - GAP_X - SLOTS, TOP - TITLE, SLOTS, 20 * len(inside.inputs) + 48]},
        "outputNode": {"id": -20, "bounding": [right + GAP_X, TOP - TITLE, SLOTS, 68]},
        "inputs": [_slot(one, socket) for socket in inside.inputs],
        "outputs": [_slot(one, socket) for socket in inside.outputs],
        "widgets": [],
        "nodes": inside.nodes,
        "groups": [],
        "links": inside.links,
        "extra": {},
    }


def _slot(one: Blueprint, socket: dict) -> dict:
    kept = {key: value for key, value in socket.items() if key != "of_widget"}
    return {"id": str(uuid.uuid5(NAMESPACE, f"{one.name} {socket['name']}")), **kept}
