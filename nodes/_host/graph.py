"""Graphs of host nodes that a node of ours expands to, so that the host caches each step of them.

Inputs arrive as raw links, not values: a step whose inputs did not change is then found in the cache.
"""

from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder


def sampling_graph(
    links: dict, prompts: tuple[str, str], sampler: dict, shift: float, strength: float, fps: float
) -> io.NodeOutput:
    """From a VCU to a finished video, on the host's own KSampler.

    Args:
        links: Links to model, clip, vae and vcu.
        prompts: Positive and negative text.
        sampler: KSampler's seed, steps, cfg, sampler_name, scheduler and denoise.
        shift: Timestep shift of the flow schedule.
        strength: Context scale.
        fps: Frame rate of the video; 0 takes the VCU's.

    Returns:
        The node output: video, frames, latent.
    """
    graph = GraphBuilder()
    positive, negative = (graph.node("CLIPTextEncode", clip=links["clip"], text=text).out(0) for text in prompts)
    context = graph.node(
        "VaceEncodeVcu",
        "encode",
        vae=links["vae"],
        vcu=links["vcu"],
        mask_edges="official",
        antialias_references=False,
    )
    applied = graph.node(
        "VaceApplyContext",
        positive=positive,
        negative=negative,
        context=context.out(0),
        strength=strength,
        batch_size=1,
        model=links["model"],
    )
    shifted = graph.node("ModelSamplingSD3", model=links["model"], shift=shift)
    conditioning = {"positive": applied.out(0), "negative": applied.out(1), "latent_image": applied.out(2)}
    sampled = graph.node("KSampler", "sample", model=shifted.out(0), **conditioning, **sampler)
    decoded = graph.node(
        "VaceDecodeLatent", samples=sampled.out(0), vae=links["vae"], fps=fps, trim_latent=-1, length=-1
    )
    return io.NodeOutput(decoded.out(1), decoded.out(0), sampled.out(0), expand=graph.finalize())


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
