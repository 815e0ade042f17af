"""Prompts that no client should send: every input of every node with values that it cannot be, or without it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from ..browser.specs import DYNAMIC, GROWING
from ..host.client import ComfyClient, PromptRefusedError
from ..structure.schema import applies

OURS = "wan_vace.VaceInputError"
NOT_RUN = ("VaceLoadModels",)  # it hands its files to the host's loaders, which cannot read the small ones
SINK = "DevTakeEverything"
REFUSED_NODE = {"class_type": "VaceBuildVcu", "inputs": {"width": -1}}  # with it in a prompt nothing of that runs

# A value of each type, as small as they come.
SOURCES = {
    "image": {"class_type": "EmptyImage", "inputs": {"width": 32, "height": 32, "batch_size": 5, "color": 8421504}},
    "mask": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 32, "height": 32}},
    "video": {"class_type": "CreateVideo", "inputs": {"images": ["image", 0], "fps": 16.0}},
    "model": {
        "class_type": "UNETLoader",
        "inputs": {"unet_name": "small_wan_vace.safetensors", "weight_dtype": "default"},
    },
    "plain": {
        "class_type": "UNETLoader",
        "inputs": {"unet_name": "small_wan_t2v.safetensors", "weight_dtype": "default"},
    },
    "vae": {"class_type": "VAELoader", "inputs": {"vae_name": "small_wan_vae.safetensors"}},
    "clip": {"class_type": "DevLoadSmallTextEncoder", "inputs": {}},
    "text": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["clip", 0], "text": "a fox"}},
    "vcu": {"class_type": "VaceBuildVcu", "inputs": {"control_video": ["image", 0], "control_masks": ["mask", 0]}},
    "context": {"class_type": "VaceEncodeVcu", "inputs": {"vae": ["vae", 0], "vcu": ["vcu", 0]}},
    "applied": {
        "class_type": "VaceApplyContext",
        "inputs": {"positive": ["text", 0], "negative": ["text", 0], "context": ["context", 0]},
    },
    "adapter": {"class_type": "VaceLoadAdapter", "inputs": {"adapter_name": "small_vace_adapter.safetensors"}},
    "crop": {"class_type": "VaceCropVcu", "inputs": {"vcu": ["vcu", 0]}},
}
WIRES = {
    "IMAGE": ["image", 0],
    "MASK": ["mask", 0],
    "VIDEO": ["video", 0],
    "MODEL": ["model", 0],
    "VAE": ["vae", 0],
    "CLIP": ["clip", 0],
    "CONDITIONING": ["applied", 0],
    "LATENT": ["applied", 2],
    "VACE_VCU": ["vcu", 0],
    "VACE_CONTEXT": ["context", 0],
    "VACE_ADAPTER": ["adapter", 0],
    "VACE_CROP": ["crop", 1],
}
# What is in place of the default, the first choice, or the first wire of a type.
USUAL = {
    "prompt": "a fox",
    "prompts": "a fox",
    "boxes": "0,0,16,16",
    "adapter_name": "small_vace_adapter.safetensors",
}
ONE_STEP = {"settings": "custom", "settings.steps": 1}
SMALL = {"width": 32, "height": 32, "length": 5}
OF_NODES = {
    "VaceDrawBoxMask": SMALL,
    "VaceDrawLayout": SMALL,
    "VaceMakeAnything": SMALL,
    "VaceApplyAdapter": {"model": ["plain", 0]},
    "VaceInpaintVideo": {"mask": ["mask", 0]},
    "VaceSampleVcu": ONE_STEP,
    "VaceSampleContext": ONE_STEP,
    "VaceSampleLongVideo": ONE_STEP,
}
OBJECTS = ({}, {"samples": 1}, {"__value__": [1, 2]}, {"__value__": [[1, {}]]})
NUMBERS = (7, -1, 0.5, 1e30, True)
TEXTS = ("", "text", "nan")
LISTS = ([], [1, 2, 3])
# The host turns everything into a text or a switch, and looks at nothing that is given in place of a wire: one value of
# each kind is enough.
VALUES = {
    "STRING": (None, "", "text", 7, {}, [1, 2, 3]),
    "BOOLEAN": (None, "text", {}, [1, 2, 3]),
    **dict.fromkeys(("INT", "FLOAT", "COMBO", DYNAMIC, GROWING), (None, *TEXTS, *NUMBERS, *LISTS, *OBJECTS)),
}
IN_PLACE_OF_A_WIRE = (None, "text", 7, *LISTS, *OBJECTS)
WRONG_WIRES = (["image", 0], ["model", 0], ["crop", 2])


@dataclass(frozen=True)
class Case:
    """One prompt with one thing wrong.

    Attributes:
        node: Id of the node's class.
        what: What is wrong.
        inputs: What the node is given.
    """

    node: str
    what: str
    inputs: dict


def cases_of(node: str, described: dict, files: dict[str, list]) -> Iterator[Case]:
    """Every case of a node.

    Args:
        node: Its id.
        described: What `schema.describe` says of it.
        files: Choices of its required combos, by name.
    """
    inputs = described["inputs"]
    plain = _base(node, inputs, files, {})
    yield Case(node, "nothing optional", plain)
    yield Case(node, "every default", _with_defaults(inputs, plain))
    yield Case(node, "an unknown key", plain | {"speak_and_recognition": {"__value__": [False, True]}})
    yield Case(node, "an unknown wire", plain | {"unheard_of": ["image", 0]})
    yield Case(node, "a misspelt key", plain | {f"{inputs[-1]['name']}s": 1})
    for one in inputs:
        choices = {one["name"].rpartition(".")[0]: one["for"][-1]} if "for" in one else {}
        given = _base(node, inputs, files, choices)
        for name in _names(one):
            if name in given:  # what is optional is missing in each of the others
                yield Case(node, f"{name} missing", {key: value for key, value in given.items() if key != name})
            for value in (*VALUES.get(one["type"], IN_PLACE_OF_A_WIRE), *WRONG_WIRES):
                yield Case(node, f"{name} is {value}", given | {name: value})


def refused(client: ComfyClient, cases: list[Case]) -> list[bool]:
    """For each case whether the host itself refuses it. Nothing runs."""
    nodes = {f"case_{k}": {"class_type": case.node, "inputs": case.inputs} for k, case in enumerate(cases)}
    sink = {f"input_{k}": [name, 0] for k, name in enumerate([*nodes, "refused"])}
    prompt = SOURCES | nodes | {"refused": REFUSED_NODE, "sink": {"class_type": SINK, "inputs": sink}}
    try:
        client.queue(copy.deepcopy(prompt), targets=["sink"])
    except PromptRefusedError as error:
        return [name in error.node_errors for name in nodes]
    raise AssertionError("The host accepted a width of -1.")


def queue(client: ComfyClient, case: Case) -> str:
    """Queue a case alone; gives the id of its prompt."""
    node = {"class_type": case.node, "inputs": case.inputs}
    sink = {"class_type": SINK, "inputs": {"input_0": ["case", 0]}}
    return client.queue(SOURCES | {"case": node, "sink": sink}, targets=["sink"])


def answer(entry: dict) -> str | None:
    """What a run raised, as type and message; None if it ended well."""
    for kind, data in entry["status"]["messages"]:
        if kind == "execution_error":
            return f"{data['exception_type']}: {data['exception_message'].strip()}"
    return None


def _names(one: dict) -> list[str]:
    """An input by its name; a growing group also by its first member."""
    return [one["name"], f"{one['name']}.{one['prefix']}0"] if one["type"] == GROWING else [one["name"]]


def _base(node: str, inputs: list[dict], files: dict[str, list], choices: dict) -> dict:
    """The least that a node has to be given, with an option chosen."""
    given = OF_NODES.get(node, {}) | choices
    for one in inputs:
        if one["optional"] or one["name"] in given or not applies(one, inputs, given):
            continue
        name = one["name"]
        if one["type"] == GROWING:
            wire = WIRES[one["of"].split(",")[0]]
            given |= {f"{name}.{one['prefix']}{k}": wire for k in range(one["min"])}
        elif one["type"] in ("STRING", "COMBO", DYNAMIC):
            last = name.rpartition(".")[2]
            given[name] = USUAL.get(last, one.get("default", (files.get(name) or ["none"])[0]))
        else:
            given[name] = next((WIRES[kind] for kind in one["type"].split(",") if kind in WIRES), ["plain", 0])
    return given


def _with_defaults(inputs: list[dict], given: dict) -> dict:
    result = dict(given)
    for one in inputs:
        if "default" in one and applies(one, inputs, result):
            result.setdefault(one["name"], one["default"])
    return result
