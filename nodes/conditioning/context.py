"""Nodes that encode a VCU and hand it to the model."""

from comfy_api.latest import io

from ...vace_core.conditioning import MASK_EDGES
from ...vace_core.notes import collect_notes
from .._host.conditioning import apply_context, empty_video_latent, encode_vcu, require_wan_vae
from .._host.models import require_vace_model, tell_of_context
from .._host.report import is_shown, publish
from .._node import VaceNode
from .._sockets import Context, VcuWire


class VaceEncodeVcu(VaceNode):
    """The expensive half: every VAE encode, and nothing that a prompt edit would repeat."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceEncodeVcu",
            display_name="VACE Encode VCU",
            category="vace",
            description=(
                "Encodes a VCU with the Wan 2.1 VAE. Kept apart from VACE Apply Context, so that changing "
                "prompts or strength encodes nothing again."
            ),
            inputs=[
                io.Vae.Input("vae", tooltip="The Wan 2.1 VAE (16 latent channels)."),
                VcuWire.Input("vcu", tooltip="What the model is to look at."),
                io.Combo.Input(
                    "mask_edges",
                    options=list(MASK_EDGES),
                    default="official",
                    optional=True,
                    tooltip="What grey mask pixels mean. official: frames split at 0.5, channels soft, as trained. "
                    "hard: both at 0.5. soft: both blended, as WanVaceToVideo. No difference for pure black and white.",
                    advanced=True,
                ),
                io.Boolean.Input(
                    "antialias_references",
                    default=False,
                    optional=True,
                    tooltip="Smooth references while shrinking them. Off shrinks as the official code does.",
                    advanced=True,
                ),
                io.Boolean.Input(
                    "snap_grey",
                    default=False,
                    optional=True,
                    tooltip="Take 127 or 128 of 255 under the mask as exact grey, for a grey fill of your own that "
                    "came through a file. Saves one of the two encodes where all under the mask is grey. Changes these "
                    "pixels by 0.002.",
                    advanced=True,
                ),
                io.Int.Input(
                    "disk_cache",
                    default=0,
                    optional=True,
                    min=0,
                    max=2**20,
                    tooltip="MiB of ComfyUI's temp folder for encoded clips; 0 keeps none there. For many clips, or "
                    "when models are unloaded between runs. ComfyUI empties the folder when it starts.",
                    advanced=True,
                ),
            ],
            outputs=[
                Context.Output(display_name="context", tooltip="The encoded VCU, for VACE Apply Context."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def execute(cls, vae, vcu, mask_edges, antialias_references, snap_grey, disk_cache) -> io.NodeOutput:
        require_wan_vae(vae)
        with collect_notes() as notes:
            context = encode_vcu(vae, vcu, mask_edges, antialias_references, snap_grey, disk_cache)
        if notes:
            publish(cls, notes)
        return io.NodeOutput(context)


class VaceApplyContext(VaceNode):
    """An encoded VCU in the host's own conditioning, and the latent to sample."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceApplyContext",
            display_name="VACE Apply Context",
            category="vace",
            description=(
                "Adds an encoded VCU to the prompts and makes the latent to sample. Chain it for several VCUs at "
                "once; with and without references may be mixed, and the last node's latent is the one to sample."
            ),
            inputs=[
                io.Conditioning.Input("positive", tooltip="The encoded prompt."),
                io.Conditioning.Input("negative", tooltip="The encoded negative prompt."),
                Context.Input("context", tooltip="From VACE Encode VCU."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    optional=True,
                    min=0.0,
                    max=1000.0,
                    step=0.01,
                    tooltip="How strongly this VCU acts (the official context scale); 1 is as trained.",
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="The model that will sample. Only checked: one without VACE blocks is refused here, and "
                    "what it was not trained with is told.",
                ),
                io.Int.Input(
                    "batch_size",
                    default=1,
                    optional=True,
                    advanced=True,
                    min=1,
                    max=4096,
                    tooltip="Videos to make at once.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="positive", tooltip="The prompt with the VCU."),
                io.Conditioning.Output(display_name="negative", tooltip="The negative prompt with the VCU."),
                io.Latent.Output(
                    display_name="latent",
                    tooltip="An empty latent of the right size, references included; for any sampler node.",
                ),
                io.Int.Output(
                    display_name="trim_latent",
                    tooltip="Leading reference latents, for TrimVideoLatent; VACE Decode Latent knows it by itself.",
                ),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def execute(cls, positive, negative, context, strength, batch_size, model) -> io.NodeOutput:
        if model is not None:
            require_vace_model(model)
        if is_shown(cls):  # the steps that VACE Sample VCU expands to tell it where they sample
            with collect_notes() as notes:
                context = tell_of_context(context, strength, model)
            if notes:
                publish(cls, notes)
        (positive, negative), trim = apply_context([positive, negative], context, strength)
        return io.NodeOutput(positive, negative, empty_video_latent(context, trim, batch_size), trim)
