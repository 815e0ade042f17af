"""Nodes that keep what is to be kept: in the latent while sampling, and in the pixels afterwards."""

from comfy_api.latest import io

from ...vace_core.conditioning import held_notes, kept_frames, latent_noise_mask
from ...vace_core.exact import DEFAULT_FEATHER, SIDES, paste_back
from ...vace_core.video import Clip
from .._host.conditioning import NOISE_MASK, encode, hold_kept, num_references, require_wan_vae
from .._host.report import publish
from .._host.video import read_clip, write_clip
from .._sockets import VcuWire, video_socket


class VacePasteBack(io.ComfyNode):
    """The pixels that a VCU keeps, exactly as they were."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VacePasteBack",
            display_name="VACE Paste Back",
            category="vace",
            description="Puts everything that the VCU keeps back over the generated video, pixel by pixel and exactly, "
            "and measures how well both fit.",
            search_aliases=["composite", "restore original", "unmasked pixels", "seam", "stitch", "colour drift"],
            inputs=[
                video_socket(
                    "frames", tooltip="The whole generated video, from VACE Decode Latent or VACE Sample VCU."
                ),
                VcuWire.Input("vcu", tooltip="The VCU that it was generated from; it holds the source and the mask."),
                io.Float.Input(
                    "feather",
                    default=DEFAULT_FEATHER,
                    min=0.0,
                    max=512.0,
                    step=1.0,
                    tooltip="Pixels over which the join fades. 0: a hard join, every kept pixel exact. About 4 at "
                    "480p, 8 at 720p.",
                ),
                io.Combo.Input(
                    "feather_side",
                    options=list(SIDES),
                    default=SIDES[0],
                    tooltip="outside fades over the kept pixels next to the mask; only these change. inside keeps "
                    "every kept pixel exact and lets the old content fade into the generated area; for masks with a "
                    "margin.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The video with what is kept put back."),
                io.Video.Output(
                    display_name="video", tooltip="The same with frame rate and sound of the VCU, for Save Video."
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="How much is exact, how well it joins, how far colours had drifted; a sentence each.",
                ),
                io.Float.Output(
                    display_name="outside_difference",
                    tooltip="Largest difference from the source outside the mask and its feather, of 255. Always 0.",
                ),
                io.Float.Output(
                    display_name="border_error",
                    tooltip="Mean difference of generated and source next to the mask before pasting, of 255: the step "
                    "that the join hides. 0 without a border.",
                ),
                io.Float.Output(
                    display_name="drift",
                    tooltip="How far the model had shifted the colour of what is kept, of 255: the mean of the channel "
                    "where it is largest. 0 when nothing is kept.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, frames, vcu, feather, feather_side) -> io.NodeOutput:
        clip = read_clip(frames)
        pasted, measured, notes = paste_back(clip.frames, vcu, feather, feather_side)
        audio = vcu.audio if vcu.audio is not None else clip.audio
        video = write_clip(Clip(pasted, vcu.fps or clip.fps, audio))
        report = publish([*measured.sentences(), *notes], cls.define_schema().display_name, cls.hidden.unique_id)
        numbers = measured.outside_difference, measured.border_error or 0.0, measured.largest_drift
        return io.NodeOutput(pasted, video, report, *numbers)


class VaceSetNoiseMask(io.ComfyNode):
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
                notes.append("The noise mask that the latent had is replaced.")
            latent = hold_kept(latent, encode(vae, kept_frames(vcu)), mask)
        return io.NodeOutput(latent, publish(notes, cls.define_schema().display_name, cls.hidden.unique_id))
