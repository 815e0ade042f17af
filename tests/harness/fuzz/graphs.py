"""Prompts of one to eight nodes of the pack and of the host, wired by type."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from random import Random

from ..browser.specs import DYNAMIC, GROWING
from ..inputs.bad_inputs import NOT_RUN, SOURCES, WIRES
from . import values
from .described import Input, Node, read

DIGEST = "DevDigest"
NUMBERED = ("VaceSaveVcu",)  # it gives the name of its file, which is another each time
# These are connected to nothing: that one, one whose picture is so large that what works on it takes minutes, and one
# that hands its files to the host's loaders, which cannot read the small ones.
NOT_WIRED = (*NUMBERED, "VacePreviewVcu", *NOT_RUN)
WANTED = ("model", "positive", "negative", "mask")  # optional wires without which a node has nothing to do
MOST_SHOWN = 40  # outputs of one prompt
# The host's nodes that stand between ours.
CORE = (
    *("EmptyImage", "SolidMask", "CreateVideo", "GetVideoComponents", "ImageScale", "ImageFromBatch", "ImageInvert"),
    *("RepeatImageBatch", "ImageBatch", "MaskToImage", "ImageToMask", "InvertMask", "GrowMask", "MaskComposite"),
    *("LatentMultiply", "LatentFromBatch", "RepeatLatentBatch", "VAEDecode", "VAEEncode", "EmptyHunyuanLatentVideo"),
    *("ConditioningCombine", "ConditioningAverage", "ConditioningZeroOut", "CLIPTextEncode", "ModelSamplingSD3"),
    *("KSampler", "BasicScheduler", "KSamplerSelect", "CFGGuider", "PreviewImage", "SaveLatent", "SaveVideo"),
    *("EmptyAudio", "SetLatentNoiseMask", "ImageCrop"),
)
FILES = {
    "clip_file": {"class_type": "LoadVideo", "inputs": {"file": "miniature_red_circle.webm"}},
    "picture": {"class_type": "LoadImage", "inputs": {"image": "miniature_red_circle_first.png"}},
    "reference": {"class_type": "VacePrepareReference", "inputs": {"image": ["picture", 0]}},
    "long_vcu": {"class_type": "VaceBuildLongVcu", "inputs": {"video": ["video", 0]}},
}
ENDS = SOURCES | FILES
LEAVES: dict[str, tuple[list, ...]] = {kind: (wire,) for kind, wire in WIRES.items()} | {
    "IMAGE": (["image", 0], ["picture", 0]),
    "MASK": (["mask", 0],),
    "VIDEO": (["video", 0], ["clip_file", 0]),
    "MODEL": (*[["model", 0]] * 4, ["plain", 0]),
    "CONDITIONING": (["applied", 0], ["text", 0]),
    "VACE_REFERENCE": (["reference", 0],),
    "VACE_LONG_VCU": (["long_vcu", 0],),
}


class Grower:
    """Makes prompts.

    Attributes:
        nodes: Every class that it may use, by id.
        ours: Ids of those of the pack.
    """

    def __init__(self, object_info: dict) -> None:
        ours = [one for one in sorted(object_info) if one.startswith("Vace")]
        self.nodes = {one: read(object_info[one], one) for one in (*ours, *CORE) if one in object_info}
        self.ours = [one for one in ours if not any(_lacks_files(each) for each in self.nodes[one].inputs)]
        self._makers: dict[str, list[tuple[str, int]]] = {}
        for node in self.nodes.values():
            for k, kind in enumerate(node.outputs if node.id not in NOT_WIRED else ()):
                self._makers.setdefault(kind, []).append((node.id, k))

    def prompt(self, random: Random) -> dict:
        """A prompt in API format, with a digest of all that our nodes give."""
        graph = _Graph(self, random, random.randint(1, 8))
        graph.add(random.choice(self.ours))
        while graph.left > 0 and random.random() < 0.3:
            graph.add(random.choice(self.ours))
        prompt = graph.prompt
        if random.random() < 0.5:
            self.spoil(prompt, random)
        return self.finished(prompt)

    def changed(self, prompt: dict, random: Random) -> dict:
        """The same prompt with one value of one node another, so that the host finds a part of it in its cache."""
        result = copy.deepcopy(prompt)
        places = list(self._places(result))
        if places:
            given, key, one = random.choice(places)
            given[key] = values.usual(one, random) if random.random() < 0.7 else values.edge(one, random)
        return self.finished(result)

    def spoil(self, prompt: dict, random: Random) -> None:
        """Put a few values into a prompt that may be wrong."""
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            node = prompt[random.choice([one for one in prompt if one not in ENDS] or [next(iter(prompt))])]
            inputs = node["inputs"]
            known = {one.name: one for one in self.nodes[node["class_type"]].inputs}
            key = random.choice([*inputs, *known])
            one = self._input_of(node["class_type"], key)
            chance = random.random()
            if chance < 0.1 and not values.is_costly(one):
                inputs.pop(key, None)
            elif chance < 0.15:
                inputs[f"{key}s"] = inputs.get(key, 1)
            elif one.is_widget and one.type != GROWING:
                make = random.choice((values.edge, values.bad))
                inputs[key] = make(one, random)
            else:
                # The host checks no wire of a growing group's own name, and its worker dies of one that leads nowhere.
                lost = () if one.type == GROWING else (["image", 99], ["image", "0"], ["nowhere", 0])
                inputs[key] = random.choice((*values.JUNK, *lost, ["image", 0]))

    def finished(self, prompt: dict) -> dict:
        """A prompt with its sources, and with an end that says what every node of ours gave."""
        result = {key: node for key, node in prompt.items() if key != "digest"}
        shown = [
            [key, k]
            for key, node in result.items()
            if key not in ENDS and node["class_type"] in self.ours and node["class_type"] not in NUMBERED
            for k, _ in enumerate(self.nodes[node["class_type"]].outputs)
        ]
        wires = {f"input_{k}": wire for k, wire in enumerate(shown[:MOST_SHOWN])}
        result["digest"] = {"class_type": DIGEST, "inputs": wires}
        return with_sources(result)

    def makers(self, kinds: Iterable[str]) -> list[tuple[str, int]]:
        """Classes and outputs that give one of these types."""
        return [maker for kind in kinds for maker in self._makers.get(kind, ())]

    def _places(self, prompt: dict) -> Iterable[tuple[dict, str, Input]]:
        for key, node in prompt.items():
            if key in ENDS or node["class_type"] not in self.nodes:
                continue
            for name in node["inputs"]:
                one = self._input_of(node["class_type"], name)
                if one.is_widget and one.type not in (DYNAMIC, GROWING):
                    yield node["inputs"], name, one

    def _input_of(self, node_id: str, key: str) -> Input:
        return input_of(self.nodes[node_id], key)


def _share_left_out(one: Input) -> float:
    """How often an optional input is left out."""
    return 0.4 if one.is_widget else 0.15 if one.name in WANTED else 0.6


def _lacks_files(one: Input) -> bool:
    """Whether it has to be a file, and there is none: the host refuses whatever it is given."""
    return one.type == "COMBO" and not one.optional and not one.choices


def input_of(node: Node, key: str) -> Input:
    """The input that a prompt names so; one of no known type if there is none."""
    inputs, found = node.inputs, None
    for name in key.split("."):
        found = next((one for one in inputs if one.name == name), None)
        if found is None:
            return Input(key, "*", True)
        inputs = tuple(inner for nested in found.nested.values() for inner in nested)
    return found


def with_sources(prompt: dict) -> dict:
    """A prompt with those sources that it uses, and no others."""
    result = {key: node for key, node in prompt.items() if key not in ENDS}
    open_keys = list(result)
    while open_keys:
        for value in result[open_keys.pop()]["inputs"].values():
            key = value[0] if isinstance(value, list) and len(value) == 2 else None
            if isinstance(key, str) and key in ENDS and key not in result:
                result[key] = copy.deepcopy(ENDS[key])
                open_keys.append(key)
    return result


class _Graph:
    """A prompt while it grows."""

    def __init__(self, grower: Grower, random: Random, left: int) -> None:
        self.prompt: dict = {}
        self.left = left
        self._grower, self._random = grower, random

    def add(self, node_id: str) -> str:
        """A node of this class and what it needs; gives its key."""
        self.left -= 1
        given: dict = {}
        self._fill(given, self._grower.nodes[node_id].inputs, "")
        key = f"n{len(self.prompt)}"
        self.prompt[key] = {"class_type": node_id, "inputs": given}
        return key

    def _fill(self, given: dict, inputs: tuple[Input, ...], prefix: str) -> None:
        for one in inputs:
            name = prefix + one.name
            left_out = one.optional and self._random.random() < _share_left_out(one)
            if one.type == GROWING:
                self._fill(given, one.nested[""], f"{name}.")
            elif left_out and not values.is_costly(one):
                continue
            elif one.is_widget:
                given[name] = self._value(one)
                self._fill(given, one.nested.get(given[name], ()) if one.type == DYNAMIC else (), f"{name}.")
            elif wire := self._wire(one.type.split(",")):
                given[name] = wire

    def _value(self, one: Input) -> object:
        chance = self._random.random()
        if chance < 0.03 and one.type in ("STRING", "FLOAT", "INT"):
            return self._wire([one.type]) or values.usual(one, self._random)
        return values.edge(one, self._random) if chance < 0.1 else values.usual(one, self._random)

    def _wire(self, kinds: list[str]) -> list | None:
        made = [
            [key, k]
            for key, node in self.prompt.items()
            for k, kind in enumerate(self._grower.nodes[node["class_type"]].outputs)
            if kind in kinds and node["class_type"] not in NOT_WIRED
        ]
        if made and self._random.random() < 0.4:
            return self._random.choice(made)
        makers = self._grower.makers(kinds)
        if makers and self.left > 0 and self._random.random() < 0.7:
            ours = [maker for maker in makers if maker[0] in self._grower.ours]
            node_id, output = self._random.choice(ours if ours and self._random.random() < 0.5 else makers)
            return [self.add(node_id), output]
        leaves = [wire for kind in kinds for wire in LEAVES.get(kind, ())]
        return list(self._random.choice(leaves)) if leaves else None
