"""Nodes for LoRAs on a model and its VACE blocks."""

from comfy_api.latest import io

from ...vace_core.notes import collect_notes
from .._host.adapter import hook_lora, lora_files, lora_state, with_lora
from .._host.report import publish
from .._node import VaceNode


def _lora_sockets() -> list[io.Input]:
    """Which LoRA, and how strong."""
    return [
        io.Combo.Input(
            "lora_name",
            options=lora_files(),
            tooltip="A file in models/loras, for Wan text to video, for VACE, or for both.",
        ),
        io.Float.Input(
            "strength",
            default=1.0,
            optional=True,
            min=-100.0,
            max=100.0,
            step=0.01,
            tooltip="Of the LoRA; 0 switches it off.",
        ),
    ]


class VaceLoadLora(VaceNode):
    """A LoRA on base and VACE blocks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceLoadLora",
            display_name="VACE Load LoRA",
            category="vace/adapter",
            description=(
                "Puts a LoRA on a model and its VACE blocks, whatever trainer named its keys: on a merged VACE model, "
                "or behind VACE Apply Adapter. Says what went where; refuses what would be lost."
            ),
            search_aliases=["lora", "vace lora", "adapter lora", "lokr", "loha", "dora", "glora"],
            inputs=[
                io.Model.Input("model", tooltip="A Wan2.1-VACE model, or one with VACE Apply Adapter."),
                *_lora_sockets(),
                io.Int.Input(
                    "adapter",
                    default=0,
                    min=0,
                    max=64,
                    optional=True,
                    advanced=True,
                    tooltip="With several VACE Apply Adapter nodes: whose blocks get the VACE part. 1 is the first "
                    "node, 2 the second; 0 is all.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="With the LoRA, for any sampler."),
                io.String.Output(display_name="report", tooltip="What went where, a sentence each."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name=None, **_: object) -> str:
        return lora_state(lora_name)

    @classmethod
    def execute(cls, model, lora_name, strength, adapter) -> io.NodeOutput:
        with collect_notes() as notes:
            patched = with_lora(model, lora_name, strength, adapter)
        return io.NodeOutput(patched, publish(cls, notes))


class VaceCreateHookLora(VaceNode):
    """A LoRA for one prompt, or for a part of the steps."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceCreateHookLora",
            display_name="VACE Create Hook LoRA",
            category="vace/adapter",
            description=(
                "Create Hook LoRA for base and VACE blocks, whatever trainer named the keys of the file. The hooks "
                "go into Set CLIP Hooks or Cond Set Props, and follow keyframes."
            ),
            search_aliases=["hook lora", "lora schedule", "vace hook"],
            inputs=[
                io.Model.Input("model", tooltip="The model that will sample, with VACE; only looked at."),
                *_lora_sockets(),
                io.Hooks.Input("prev_hooks", optional=True, tooltip="Hooks to put this one behind."),
            ],
            outputs=[
                io.Hooks.Output(display_name="hooks", tooltip="With this LoRA, for a prompt."),
                io.String.Output(display_name="report", tooltip="What goes where, a sentence each."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name=None, **_: object) -> str:
        return lora_state(lora_name)

    @classmethod
    def execute(cls, model, lora_name, strength, prev_hooks) -> io.NodeOutput:
        with collect_notes() as notes:
            hooks = hook_lora(model, lora_name, strength, prev_hooks)
        return io.NodeOutput(hooks, publish(cls, notes))
