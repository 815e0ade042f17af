"""The node that goes from a VCU to a video."""

from comfy_api.latest import io

from .._host.models import require_vace_models
from .._host.sampling import SamplerChoices, sampling_graph
from .._node import VaceNode
from .._settings import (
    boundary_socket,
    low_noise_socket,
    negative_prompt_socket,
    nested,
    read_settings,
    seed_socket,
    settings_socket,
)
from .._sockets import VcuWire, fps_socket


class VaceSampleVcu(VaceNode):
    """From a VCU and a prompt to a video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSampleVcu",
            display_name="VACE Sample VCU",
            category="vace",
            description=(
                "Encodes the VCU and the prompts, samples with VACE's own solver or any of ComfyUI's, and decodes. "
                "Each step is cached by itself: a new prompt encodes no video again."
            ),
            inputs=[
                io.Model.Input("model", tooltip="A Wan2.1-VACE model, or one with VACE Apply Adapter; LoRAs included."),
                io.Clip.Input("clip", raw_link=True, tooltip="The umt5-xxl text encoder."),
                io.Vae.Input("vae", raw_link=True, tooltip="The Wan 2.1 VAE."),
                VcuWire.Input("vcu", raw_link=True, tooltip="What the model is to look at, from any VACE task node."),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    tooltip="Describe the finished video, references included; never give orders such as 'replace'.",
                ),
                negative_prompt_socket(),
                seed_socket("The same seed and inputs give the same video."),
                settings_socket(),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    optional=True,
                    min=0.0,
                    max=1000.0,
                    step=0.01,
                    tooltip="How strongly the VCU acts; 1 as trained.",
                ),
                io.Boolean.Input(
                    "keep_pixels",
                    default=False,
                    optional=True,
                    tooltip="Keep what the mask does not generate: held while sampling (VACE Set Noise Mask) and put "
                    "back exactly afterwards (VACE Paste Back). For inpainting, outpainting and key frames.",
                ),
                low_noise_socket(),
                fps_socket(advanced=True),
                boundary_socket(),
            ],
            outputs=[
                io.Video.Output(
                    display_name="video",
                    tooltip="With the source's frame rate and sound, for Save Video; it is decoded while it is saved. "
                    "Get Video Components makes images of it.",
                ),
                io.Latent.Output(display_name="latent", tooltip="What was sampled, references included."),
                io.Latent.Output(
                    display_name="video_latent", tooltip="The same without references, for nodes of other packs."
                ),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def execute(
        cls,
        model,
        clip,
        vae,
        vcu,
        prompt,
        negative_prompt,
        seed,
        strength,
        fps,
        keep_pixels,
        boundary,
        settings,
        low_noise_model,
    ) -> io.NodeOutput:
        read_settings(settings)  # these are refused before anything is encoded
        require_vace_models(model, low_noise_model, boundary)
        given = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)["inputs"]
        models = {"model": model, "low_noise_model": low_noise_model}
        links = {name: given[name] for name, value in models.items() if value is not None}
        sampling = {"seed": seed, "boundary": boundary, **nested(settings)}
        choices = SamplerChoices((prompt, negative_prompt), sampling, strength, fps, keep_pixels)
        return sampling_graph({**links, "clip": clip, "vae": vae, "vcu": vcu}, choices)
