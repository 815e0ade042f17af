"""Nodes for the context adapter apart from its base."""

from comfy_api.latest import io

from ...vace_core.strength import StrengthField, chosen_curve, parse_blocks, parse_vcus
from ...vace_core.video import legal_mask
from .._host.adapter import adapter_files, adapter_path, attach, load_adapter, lora_files, set_strength_field, with_lora
from .._host.report import publish
from .._sockets import Adapter

# By name: ComfyUI before 0.27 has no curve editor, and FLOATS is other packs' list of numbers.
CURVES = [io.Custom("CURVE"), io.Float, io.Custom("FLOATS")]


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
        return io.NodeOutput(load_adapter(adapter_path(adapter_name)))


class VaceLoadAdapterLora(io.ComfyNode):
    """A LoRA on the adapter's blocks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceLoadAdapterLora",
            display_name="VACE Load Adapter LoRA",
            category="vace/adapter",
            description=(
                "Puts the part of a LoRA that is for the VACE blocks on the adapter. LoRA loaders on the model reach "
                "its base alone; a LoRA for both goes through both."
            ),
            search_aliases=["lora", "vace lora"],
            inputs=[
                Adapter.Input("adapter", tooltip="From VACE Load Adapter, or from another of these nodes."),
                io.Combo.Input("lora_name", options=lora_files(), tooltip="A file in models/loras with VACE keys."),
                io.Float.Input(
                    "strength", default=1.0, min=-100.0, max=100.0, step=0.01, tooltip="Of the LoRA; 0 switches it off."
                ),
            ],
            outputs=[Adapter.Output(display_name="adapter", tooltip="With the LoRA, for VACE Apply Adapter.")],
        )

    @classmethod
    def execute(cls, adapter, lora_name, strength) -> io.NodeOutput:
        return io.NodeOutput(with_lora(adapter, lora_name, strength))


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
                io.String.Input(
                    "vcus",
                    default="",
                    optional=True,
                    tooltip="Which VCUs this adapter works on, in the order of the VACE Apply Context nodes: '1', or "
                    "'2, 3'. Empty is all. With two adapters, give each its own.",
                ),
            ],
            outputs=[io.Model.Output(display_name="model", tooltip="The model with VACE, for any sampler.")],
        )

    @classmethod
    def execute(cls, model, adapter, vcus="") -> io.NodeOutput:
        return io.NodeOutput(attach(model, adapter, parse_vcus("vcus", vcus)))


def _curve_socket(name: str, start: str, end: str) -> io.Input:
    """What a curve editor or a node for lists of numbers gives."""
    return io.MultiType.Input(
        f"{name}_curve",
        types=CURVES,
        optional=True,
        tooltip=f"In place of the text in {name}: a drawn curve (Curve Editor: left is {start}, right is {end}, up is "
        f"strength) or a list of floats on one wire, spread evenly. Leave {name} at 1.",
    )


class VaceSetStrength(io.ComfyNode):
    """Strength over steps, frames, blocks, area and references, of all VCUs or of one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSetStrength",
            display_name="VACE Set Strength",
            category="vace/adapter",
            description=(
                "Varies VACE's strength over the sampling steps, the video's frames, the adapter's blocks, the picture "
                "area and the references, of all VCUs or of one. Where it is 0 for a whole step, or for the last "
                "blocks, nothing is computed. For merged VACE models and for models with VACE Apply Adapter."
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
                io.Int.Input(
                    "vcu",
                    default=0,
                    min=0,
                    max=64,
                    optional=True,
                    tooltip="Which VCU this is for: 1 is that of the first VACE Apply Context, 2 of the second; 0 is "
                    "every VCU without a node of its own. Chain one node for each; a later node for the same number "
                    "replaces the earlier one.",
                ),
                _curve_socket("steps", "noise", "the finished video"),
                _curve_socket("frames", "the first frame", "the last"),
            ],
            outputs=[io.Model.Output(display_name="model", tooltip="The model with this strength.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model,
        steps,
        frames,
        blocks,
        references,
        mask=None,
        vcu=0,
        steps_curve=None,
        frames_curve=None,
    ) -> io.NodeOutput:
        notes = []
        area = None if mask is None else legal_mask("mask", mask, notes, soft=True)
        strength_field = StrengthField(
            chosen_curve("steps", steps, steps_curve),
            chosen_curve("frames", frames, frames_curve),
            parse_blocks("blocks", blocks),
            references,
            area,
        )
        if notes:
            publish(notes, "VACE Set Strength", cls.hidden.unique_id)
        return io.NodeOutput(set_strength_field(model, strength_field, vcu))
