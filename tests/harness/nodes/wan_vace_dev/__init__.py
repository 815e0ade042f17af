"""Loaders for the small text encoder, which ComfyUI's CLIPLoader cannot take, and the miniature's nodes.

The log of a host that has them tells what the pack calls deprecated.

Linked into the development host only; not part of the released pack.
"""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import comfy.sd
import comfy.text_encoders.wan
import comfy.utils
import folder_paths
import torch
from comfy_api.latest import ComfyExtension, io

from .digest import DevDigest
from .miniature import DevLoadMiniature, DevLoadMiniatureText, DevShowVcu

FILE = "small_umt5.safetensors"
MOST = 1000  # wires that one node takes
DEPRECATIONS = Path(__file__).resolve().parents[2] / "host" / "deprecations.py"  # not there in a copy of this folder


def load_clip(disable_dynamic: bool = False) -> comfy.sd.CLIP:
    """The small umT5 in the host's own CLIP wrapper, as its loader would make it."""
    path = folder_paths.get_full_path_or_raise("text_encoders", FILE)
    weights, metadata = comfy.utils.load_torch_file(path, safe_load=True, return_metadata=True)
    pieces = weights.pop("spiece_model")
    target = SimpleNamespace(
        clip=comfy.text_encoders.wan.te(dtype_t5=torch.float32),
        tokenizer=comfy.text_encoders.wan.WanT5Tokenizer,
        params={},
    )
    options = {"umt5xxl_model_config": json.loads(metadata["config"])}
    count = comfy.utils.calculate_parameters(weights)
    clip = comfy.sd.CLIP(
        target,
        tokenizer_data={"spiece_model": pieces},
        parameters=count,
        state_dict=[weights],
        model_options=options,
        disable_dynamic=disable_dynamic,
    )
    clip.patcher.cached_patcher_init = (_load_patcher, ())
    return clip


def _load_patcher(disable_dynamic: bool = False) -> object:
    return load_clip(disable_dynamic).patcher


class DevLoadSmallTextEncoder(io.ComfyNode):
    """CLIP with the small umT5."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Its sockets."""
        return io.Schema(
            node_id="DevLoadSmallTextEncoder",
            display_name="Load Small Text Encoder (development)",
            category="vace/development",
            description="The development host's two-layer text encoder.",
            is_dev_only=True,
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        """Load it."""
        return io.NodeOutput(load_clip())


class DevTakeEverything(io.ComfyNode):
    """An end for any number of wires of any type, so that one prompt holds many nodes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Its sockets."""
        return io.Schema(
            node_id="DevTakeEverything",
            display_name="Take Everything (development)",
            category="vace/development",
            description="Does nothing with what it takes.",
            is_dev_only=True,
            is_output_node=True,
            inputs=[io.AnyType.Input(f"input_{k}", optional=True) for k in range(MOST)],
        )

    @classmethod
    def execute(cls, **inputs: object) -> io.NodeOutput:
        """Do nothing."""
        return io.NodeOutput()


class DevExtension(ComfyExtension):
    """The development nodes."""

    async def on_load(self) -> None:
        """Listen to what is deprecated."""
        if DEPRECATIONS.is_file():
            spec = importlib.util.spec_from_file_location("wan_vace_dev_deprecations", DEPRECATIONS)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            module.listen_from_now_on()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All of them."""
        return [
            DevLoadSmallTextEncoder,
            DevLoadMiniature,
            DevLoadMiniatureText,
            DevShowVcu,
            DevTakeEverything,
            DevDigest,
        ]


async def comfy_entrypoint() -> DevExtension:
    """ComfyUI's entry point."""
    return DevExtension()
