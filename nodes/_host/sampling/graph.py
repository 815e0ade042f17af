"""Graphs of host nodes that a node of ours expands to, so that the host caches each step of them.

Inputs arrive as raw links, not values: a step whose inputs did not change is then found in the cache.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import folder_paths
from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder, Node

from ....vace_core.exact import DEFAULT_FEATHER
from .steps import OFFICIAL_ENCODING, sample_vcu

# A node's id and which of its outputs.
Link: TypeAlias = list


@dataclass(frozen=True)
class SamplerChoices:
    """Widgets of VACE Sample VCU.

    Attributes:
        prompts: Positive and negative text.
        sampling: VACE Sample Context's seed, boundary and settings, nested ones under their dotted names.
        strength: Context scale.
        fps: Frame rate of the video; 0 takes the VCU's.
        keep_pixels: Hold what the VCU keeps while sampling, and paste it back afterwards.
    """

    prompts: tuple[str, str]
    sampling: dict
    strength: float
    fps: float
    keep_pixels: bool


def sampling_graph(links: Mapping[str, Link], choices: SamplerChoices) -> io.NodeOutput:
    """From a VCU to a finished video.

    Args:
        links: Links to model, clip, vae and vcu, and to low_noise_model if there is one.
        choices: Everything else.

    Returns:
        The node output: video, latent, video_latent.
    """
    steps = _GraphSteps(GraphBuilder(), links, choices)
    sampled, video = sample_vcu(steps, *choices.prompts)
    return io.NodeOutput(video, sampled.out(0), sampled.out(1), expand=steps.graph.finalize())


@dataclass(frozen=True)
class _GraphSteps:
    """The steps as nodes of a graph; see `VcuSteps`."""

    graph: GraphBuilder
    links: Mapping[str, Link]
    choices: SamplerChoices

    def encode_prompt(self, text: str) -> Link:
        return self.graph.node("CLIPTextEncode", clip=self.links["clip"], text=text).out(0)

    def encode_vcu(self) -> Link:
        wires = {name: self.links[name] for name in ("vae", "vcu")}
        return self.graph.node("VaceEncodeVcu", "encode", **wires, **OFFICIAL_ENCODING).out(0)

    def apply_context(self, positive: Link, negative: Link, context: Link) -> tuple[Link, Link, Link]:
        """With ``keep_pixels``, what is kept is held while sampling."""
        prompts = {"positive": positive, "negative": negative}
        settings = {"strength": self.choices.strength, "batch_size": 1, "model": self.links["model"]}
        applied = self.graph.node("VaceApplyContext", **prompts, context=context, **settings)
        latent = applied.out(2)
        if self.choices.keep_pixels:
            wires = {name: self.links[name] for name in ("vae", "vcu")}
            latent = self.graph.node("VaceSetNoiseMask", "hold", latent=latent, **wires, grow=0).out(0)
        return applied.out(0), applied.out(1), latent

    def sample(self, positive: Link, negative: Link, latent: Link) -> Node:
        models = {name: self.links[name] for name in ("model", "low_noise_model") if name in self.links}
        wires = {**models, "positive": positive, "negative": negative, "latent": latent}
        return self.graph.node("VaceSampleContext", "sample", **wires, denoise=1.0, **self.choices.sampling)

    def decode(self, sampled: Node) -> Link:
        """The video, which is decoded as it is saved; with ``keep_pixels`` what the VCU keeps is put back there."""
        wires = {"samples": sampled.out(0), "vae": self.links["vae"]}
        if self.choices.keep_pixels:
            wires |= {"vcu": self.links["vcu"], "feather": DEFAULT_FEATHER}
        counts = {"trim_latent": -1, "length": -1}
        return self.graph.node("VaceDecodeVideo", "decode", **wires, fps=self.choices.fps, **counts).out(0)


def model_files(folder: str) -> list[str]:
    """Names of the files in one of the host's model folders, such as ``vae``, for `loading_graph`."""
    return folder_paths.get_filename_list(folder)


def loading_graph(model: str, weight_dtype: str, text_encoder: str, vae: str) -> io.NodeOutput:
    """Model, text encoder and VAE by the host's own loaders.

    Args:
        model: File in the diffusion_models folder.
        weight_dtype: The host's choice of weight precision.
        text_encoder: File in the text_encoders folder.
        vae: File in the vae folder.

    Returns:
        The node output: MODEL, CLIP, VAE.
    """
    graph = GraphBuilder()
    unet = graph.node("UNETLoader", unet_name=model, weight_dtype=weight_dtype)
    clip = graph.node("CLIPLoader", clip_name=text_encoder, type="wan", device="default")
    loaded_vae = graph.node("VAELoader", vae_name=vae)
    return io.NodeOutput(unet.out(0), clip.out(0), loaded_vae.out(0), expand=graph.finalize())
