"""Nodes for the context adapter apart from its base."""

from comfy_api.latest import io

from ...vace_core.strength import parse_vcus
from .._host.adapter import adapter_files, adapter_path, adapter_state, attach, load_adapter
from .._node import VaceNode
from .._sockets import Adapter


class VaceLoadAdapter(VaceNode):
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
                    "merged ones, modules, Fun high and low noise, fp8, int8, GGUF.",
                ),
            ],
            outputs=[
                Adapter.Output(display_name="adapter", tooltip="For VACE Apply Adapter; one serves several models.")
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, adapter_name=None, **_: object) -> str:
        return adapter_state(adapter_name)

    @classmethod
    def execute(cls, adapter_name) -> io.NodeOutput:
        return io.NodeOutput(load_adapter(adapter_path(adapter_name)))


class VaceApplyAdapter(VaceNode):
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
    def execute(cls, model, adapter, vcus) -> io.NodeOutput:
        return io.NodeOutput(attach(model, adapter, parse_vcus("vcus", vcus)))
