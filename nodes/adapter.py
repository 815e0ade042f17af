"""Nodes for the context adapter apart from its base."""

from comfy_api.latest import io

from ..vace_core.schedule import StrengthField, parse_blocks, parse_curve
from ._host.adapter import build_adapter
from ._host.adapter_files import adapter_files, adapter_path, read_adapter
from ._host.attach import attach, set_strength_field
from ._sockets import Adapter


class VaceLoadAdapter(io.ComfyNode):
    """The adapter's weights out of any file that holds them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceLoadAdapter",
            display_name="VACE Load Adapter",
            category="vace/adapter",
            description=(
                "Loads the context adapter alone, also out of a merged VACE file, whose base part is not read. It fits "
                "any text-to-video Wan model of its size: fine-tunes, Wan 2.2, other precisions."
            ),
            search_aliases=["vace module", "context adapter", "load vace"],
            inputs=[
                io.Combo.Input(
                    "adapter_name",
                    options=adapter_files(),
                    tooltip="A file with VACE blocks, in models/vace or models/diffusion_models: the official ones, "
                    "merged ones, modules, Fun high and low noise, GGUF.",
                ),
            ],
            outputs=[
                Adapter.Output(display_name="adapter", tooltip="For VACE Apply Adapter; one serves several models.")
            ],
        )

    @classmethod
    def execute(cls, adapter_name) -> io.NodeOutput:
        weights = read_adapter(adapter_path(adapter_name))
        return io.NodeOutput(build_adapter(weights.tensors, weights.metadata, weights.layers))


class VaceApplyAdapter(io.ComfyNode):
    """VACE on a plain Wan model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceApplyAdapter",
            display_name="VACE Apply Adapter",
            category="vace/adapter",
            description=(
                "Puts the adapter on a text-to-video Wan model, bit-equal to the merged VACE model. Memory, offloading "
                "and precision are ComfyUI's; strength 0 costs nothing."
            ),
            inputs=[
                io.Model.Input(
                    "model", tooltip="A Wan 2.1 or 2.2 text-to-video model of the adapter's size, LoRAs included."
                ),
                Adapter.Input(
                    "adapter", tooltip="From VACE Load Adapter. For high and low noise experts use two of these nodes."
                ),
            ],
            outputs=[io.Model.Output(display_name="model", tooltip="The model with VACE, for any sampler.")],
        )

    @classmethod
    def execute(cls, model, adapter) -> io.NodeOutput:
        return io.NodeOutput(attach(model, adapter))


class VaceSetStrength(io.ComfyNode):
    """Strength over steps, frames, blocks, area and references."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSetStrength",
            display_name="VACE Strength",
            category="vace/adapter",
            description=(
                "Varies VACE's strength over the sampling steps, the video's frames, the adapter's blocks, the picture "
                "area and the references. Where it is 0 for a whole step, or for the last blocks, nothing is computed. "
                "For merged VACE models and for models with VACE Apply Adapter."
            ),
            inputs=[
                io.Model.Input("model", tooltip="A Wan2.1-VACE model, or one with VACE Apply Adapter."),
                io.String.Input(
                    "steps",
                    default="1",
                    tooltip="Over the sampling schedule, from noise to video: '1' throughout, '1, 0.5, 0' spread "
                    "evenly, or points '0:1, 40%:1, 40%:0' (off after 40 %).",
                ),
                io.String.Input(
                    "frames",
                    default="1",
                    tooltip="Over the video's length, in the same form: '1, 0' fades out towards the end.",
                ),
                io.String.Input(
                    "blocks",
                    default="",
                    tooltip="One strength for each adapter block (15 in 1.3B, 8 in 14B), such as "
                    "'1,1,1,1,0.5,0.5,0,0'. Empty is 1 throughout.",
                ),
                io.Float.Input(
                    "references",
                    default=1.0,
                    min=0.0,
                    max=1000.0,
                    step=0.05,
                    tooltip="On all references beside the rest. Lower it when the video opens with the reference.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Full strength where white, none where black, anything between; one mask or one per frame.",
                ),
            ],
            outputs=[io.Model.Output(display_name="model", tooltip="The model with this strength.")],
        )

    @classmethod
    def execute(cls, model, steps, frames, blocks, references, mask=None) -> io.NodeOutput:
        curves = parse_curve("steps", steps), parse_curve("frames", frames)
        return io.NodeOutput(
            set_strength_field(model, StrengthField(*curves, parse_blocks("blocks", blocks), references, mask))
        )
