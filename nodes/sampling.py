"""Nodes that go all the way: files to models, and a VCU to a video."""

from comfy_api.latest import io

from ..vace_core.defaults import NEGATIVE_PROMPT
from ._host.graph import loading_graph, sampling_graph
from ._host.models import SAMPLERS, SCHEDULERS, model_files, require_vace_model
from ._sockets import Vcu, fps_socket


class VaceLoadModels(io.ComfyNode):
    """The three files VACE needs."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceLoadModels",
            display_name="VACE Load Models",
            category="vace",
            description="Loads model, text encoder and VAE with ComfyUI's own loaders, in one node.",
            search_aliases=["load diffusion model", "load vace"],
            inputs=[
                io.Combo.Input(
                    "model",
                    options=model_files("diffusion_models"),
                    tooltip="A Wan2.1-VACE file such as wan2.1_vace_1.3B_fp16.safetensors, in models/diffusion_models.",
                ),
                io.Combo.Input(
                    "text_encoder",
                    options=model_files("text_encoders"),
                    tooltip="umt5_xxl_fp8_e4m3fn_scaled.safetensors or another umt5-xxl, in models/text_encoders.",
                ),
                io.Combo.Input("vae", options=model_files("vae"), tooltip="wan_2.1_vae.safetensors, in models/vae."),
                io.Combo.Input(
                    "weight_dtype",
                    options=["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"],
                    default="default",
                    tooltip="default keeps the file's precision; fp8 halves the memory of a 16-bit file.",
                    advanced=True,
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="For VACE Sampler or any MODEL input, LoRA loaders too."),
                io.Clip.Output(display_name="clip", tooltip="The text encoder."),
                io.Vae.Output(display_name="vae", tooltip="The Wan 2.1 VAE."),
            ],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, model, text_encoder, vae, weight_dtype) -> io.NodeOutput:
        return loading_graph(model, weight_dtype, text_encoder, vae)


class VaceSampleVcu(io.ComfyNode):
    """From a VCU and a prompt to a video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSampleVcu",
            display_name="VACE Sampler",
            category="vace",
            description=(
                "Encodes the VCU and the prompts, samples with ComfyUI's KSampler and decodes. Each of these steps is "
                "cached by itself: a new prompt encodes no video again."
            ),
            inputs=[
                io.Model.Input("model", tooltip="A Wan2.1-VACE model, or one with VACE Apply Adapter; LoRAs included."),
                io.Clip.Input("clip", raw_link=True, tooltip="The umt5-xxl text encoder."),
                io.Vae.Input("vae", raw_link=True, tooltip="The Wan 2.1 VAE."),
                Vcu.Input("vcu", raw_link=True, tooltip="What the model is to look at, from any VACE task node."),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    tooltip="Describe the finished video, references included; never give orders such as 'replace'.",
                ),
                io.String.Input(
                    "negative_prompt",
                    multiline=True,
                    default=NEGATIVE_PROMPT,
                    tooltip="What to avoid. The default says what the official one does; unused at cfg 1.",
                ),
                io.Int.Input(
                    "seed",
                    default=2025,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed and inputs give the same video.",
                ),
                io.Int.Input(
                    "steps", default=25, min=1, max=10000, tooltip="25 as the official demo, 50 as the official script."
                ),
                io.Float.Input(
                    "cfg", default=5.0, min=0.0, max=100.0, step=0.1, tooltip="Prompt guidance; 1 for few-step LoRAs."
                ),
                io.Float.Input(
                    "shift",
                    default=16.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Timestep shift; 16 is official for VACE.",
                ),
                io.Combo.Input("sampler", options=SAMPLERS, default="uni_pc", tooltip="uni_pc is the official solver."),
                io.Combo.Input("scheduler", options=SCHEDULERS, default="simple", tooltip="How the steps are spaced."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1000.0,
                    step=0.01,
                    tooltip="How strongly the VCU acts; 1 as trained.",
                ),
                fps_socket(),
            ],
            outputs=[
                io.Video.Output(
                    display_name="video", tooltip="With the source's frame rate and sound, for Save Video."
                ),
                io.Image.Output(display_name="frames", tooltip="The same frames as images."),
                io.Latent.Output(display_name="latent", tooltip="What was sampled, references included."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def execute(
        cls, model, clip, vae, vcu, prompt, negative_prompt, seed, steps, cfg, shift, sampler, scheduler, strength, fps
    ) -> io.NodeOutput:
        require_vace_model(model)  # before anything is encoded
        model_link = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)["inputs"]["model"]
        links = {"model": model_link, "clip": clip, "vae": vae, "vcu": vcu}
        settings = {"seed": seed, "steps": steps, "cfg": cfg, "sampler_name": sampler, "scheduler": scheduler}
        settings["denoise"] = 1.0
        return sampling_graph(links, (prompt, negative_prompt), settings, shift, strength, fps)
