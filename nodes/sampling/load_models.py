"""The node that loads the three files VACE needs."""

from comfy_api.latest import io

from .._host.adapter import require_loadable, require_wan_text_encoder
from .._host.sampling import loading_graph, model_files
from .._node import VaceNode


class VaceLoadModels(VaceNode):
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
                    optional=True,
                    tooltip="default keeps the file's precision; fp8 halves the memory of a 16-bit file.",
                    advanced=True,
                ),
            ],
            outputs=[
                io.Model.Output(
                    display_name="model", tooltip="For VACE Sample VCU or any MODEL input, LoRA loaders too."
                ),
                io.Clip.Output(display_name="clip", tooltip="The text encoder."),
                io.Vae.Output(display_name="vae", tooltip="The Wan 2.1 VAE."),
            ],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, model, text_encoder, vae, weight_dtype) -> io.NodeOutput:
        require_loadable(model)
        require_wan_text_encoder(text_encoder)
        return loading_graph(model, weight_dtype, text_encoder, vae)
