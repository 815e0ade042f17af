"""Graphs of host nodes that a node of ours expands to, so that the host caches each step of them.

Inputs arrive as raw links, not values: a step whose inputs did not change is then found in the cache.
"""

from dataclasses import dataclass

import folder_paths
from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder

from ....vace_core.exact import DEFAULT_FEATHER, SIDES


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


def sampling_graph(links: dict, choices: SamplerChoices) -> io.NodeOutput:
    """From a VCU to a finished video.

    Args:
        links: Links to model, clip, vae and vcu, and to low_noise_model if there is one.
        choices: Everything else.

    Returns:
        The node output: video, frames, latent, video_latent.
    """
    graph = GraphBuilder()
    vae, vcu = links["vae"], links["vcu"]
    positive, negative = (
        graph.node("CLIPTextEncode", clip=links["clip"], text=text).out(0) for text in choices.prompts
    )
    encoding = {"mask_edges": "official", "antialias_references": False}
    context = graph.node("VaceEncodeVcu", "encode", vae=vae, vcu=vcu, **encoding)
    applying = {"strength": choices.strength, "batch_size": 1, "model": links["model"]}
    applied = graph.node("VaceApplyContext", positive=positive, negative=negative, context=context.out(0), **applying)
    latent = applied.out(2)
    if choices.keep_pixels:
        latent = graph.node("VaceSetNoiseMask", "hold", latent=latent, vcu=vcu, vae=vae, grow=0).out(0)
    models = {name: links[name] for name in ("model", "low_noise_model") if name in links}
    conditioning = {"positive": applied.out(0), "negative": applied.out(1), "latent": latent}
    sampled = graph.node("VaceSampleContext", "sample", **models, **conditioning, denoise=1.0, **choices.sampling)
    counts = {"trim_latent": -1, "length": -1}
    decoded = graph.node("VaceDecodeLatent", samples=sampled.out(0), vae=vae, fps=choices.fps, **counts)
    frames, video = decoded.out(0), decoded.out(1)
    if choices.keep_pixels:
        frames, video = _paste_back(graph, video, vcu, choices.fps)
    return io.NodeOutput(video, frames, sampled.out(0), sampled.out(1), expand=graph.finalize())


def _paste_back(graph: GraphBuilder, video: object, vcu: object, fps: float) -> tuple[object, object]:
    """Frames and video with what the VCU keeps. The node gives the VCU's frame rate, so another is set behind it."""
    pasted = graph.node("VacePasteBack", "paste", frames=video, vcu=vcu, feather=DEFAULT_FEATHER, feather_side=SIDES[0])
    if not fps:
        return pasted.out(0), pasted.out(1)
    parts = graph.node("GetVideoComponents", video=pasted.out(1))
    return pasted.out(0), graph.node("CreateVideo", images=pasted.out(0), audio=parts.out(1), fps=fps).out(0)


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
