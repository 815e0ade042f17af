"""The node that holds what is kept in the latent while sampling."""

from comfy_api.latest import io

from ...vace_core.conditioning import held_notes, kept_frames, latent_noise_mask
from ...vace_core.notes import Note
from .._host.conditioning import NOISE_MASK, encode, hold_kept, num_references, require_wan_vae
from .._host.report import publish
from .._node import VaceNode
from .._sockets import VcuWire


class VaceSetNoiseMask(VaceNode):
    """A latent whose kept cells the sampler holds at the source."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSetNoiseMask",
            display_name="VACE Set Noise Mask",
            category="vace",
            description="Holds what the VCU keeps still while sampling: any sampler then generates only the rest, with "
            "the true source beside it at every step. VACE Paste Back makes the pixels exact afterwards.",
            search_aliases=["set latent noise mask", "latent inpaint", "keep latent", "masked sampling"],
            inputs=[
                io.Latent.Input("latent", tooltip="The latent to sample, from VACE Apply Context."),
                VcuWire.Input("vcu", tooltip="The VCU that says what is kept; the one the latent was made for."),
                io.Vae.Input("vae", tooltip="The Wan 2.1 VAE that encoded the VCU."),
                io.Int.Input(
                    "grow",
                    default=0,
                    optional=True,
                    min=0,
                    max=64,
                    tooltip="Latent cells (8 pixels each) around what is generated that are sampled too. 1 or 2 let a "
                    "visible border blend.",
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="latent",
                    tooltip="The same with the source in it and a noise mask; for KSampler or any other sampler.",
                ),
                io.String.Output(display_name="report", tooltip="How much is held, and what is not; a sentence each."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, latent, vcu, vae, grow) -> io.NodeOutput:
        require_wan_vae(vae)
        count = num_references(latent, vcu)
        mask = latent_noise_mask(vcu, count, grow)
        notes = held_notes(vcu, mask, count)
        if not mask.all():
            if NOISE_MASK in latent:
                notes.append(Note("noise-mask-replaced", "The noise mask that the latent had is replaced."))
            latent = hold_kept(latent, encode(vae, kept_frames(vcu)), mask)
        return io.NodeOutput(latent, publish(cls, notes))
