"""Nodes for what comes out of the sampler."""

from comfy_api.latest import io

from ...vace_core.errors import VaceInputError
from ...vace_core.notes import collect_notes
from .._host.conditioning import decode_later, decode_video, decoded_clip, require_wan_vae, trim_references
from .._host.exact import paste_later, stitch_later
from .._host.report import publish
from .._host.video import write_clip
from .._node import VaceNode
from .._sockets import CropWire, VcuWire, fps_socket, join_socket

FROM_LATENT = -1


def _given(count: int) -> int | None:
    return None if count == FROM_LATENT else count


def _counts() -> list:
    """The two counts, for a LATENT that lost them on its way (through a file, for instance)."""
    return [
        io.Int.Input(
            "trim_latent",
            default=FROM_LATENT,
            optional=True,
            min=FROM_LATENT,
            max=9999,
            tooltip="Leading reference latents to drop. -1 reads it from the latent.",
            advanced=True,
        ),
        io.Int.Input(
            "length",
            default=FROM_LATENT,
            optional=True,
            min=FROM_LATENT,
            max=16384,
            tooltip="Frames to give back. -1 reads it from the latent.",
            advanced=True,
        ),
    ]


def _sampled(*kept: io.Input) -> list:
    """What is decoded, and by what; behind these what else is connected."""
    return [
        io.Latent.Input("samples", tooltip="From the sampler."),
        io.Vae.Input("vae", tooltip="The Wan 2.1 VAE that encoded the VCU."),
        *kept,
        fps_socket(),
        *_counts(),
    ]


def _kept() -> list:
    """What is put back into a video, and how."""
    return [
        VcuWire.Input(
            "vcu",
            optional=True,
            tooltip="The VCU that it was generated from, to put back exactly what it keeps, as VACE Paste Back does "
            "with images. Not together with crop.",
        ),
        CropWire.Input(
            "crop",
            optional=True,
            tooltip="From VACE Crop VCU, to put what was generated into the whole video, as VACE Stitch Crop does "
            "with images.",
        ),
    ]


class VaceDecodeLatent(VaceNode):
    """Frames of a sampled latent: references dropped, frame count as asked."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceDecodeLatent",
            display_name="VACE Decode Latent",
            category="vace",
            description="Drops the reference latents, decodes, and gives exactly the frames that were asked for.",
            search_aliases=["vae decode", "trim video latent"],
            inputs=_sampled(),
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The video; several of a batch one after another."),
                io.Video.Output(display_name="video", tooltip="The same with frame rate and sound, for Save Video."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def execute(cls, samples, vae, fps, trim_latent, length) -> io.NodeOutput:
        require_wan_vae(vae)
        with collect_notes() as notes:
            frames = decode_video(vae, samples, _given(trim_latent), _given(length))
        if notes:
            publish(cls, notes)
        return io.NodeOutput(frames, write_clip(decoded_clip(frames, samples, fps)))


class VaceDecodeVideo(VaceNode):
    """A video of a sampled latent, decoded while it is saved."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceDecodeVideo",
            display_name="VACE Decode Video",
            category="vace",
            description="As VACE Decode Latent, but a few frames at a time, and only when the video is saved or read: "
            "its frames never lie in memory together. What a VCU keeps, or the video around a crop, is put back on "
            "the way.",
            search_aliases=["vae decode", "low memory", "stream", "paste back", "stitch crop"],
            inputs=[
                *_sampled(*_kept()),
                join_socket(
                    "Pixels over which the join with vcu or crop fades. 0: a hard join.",
                    advanced=True,
                ),
            ],
            outputs=[
                io.Video.Output(
                    display_name="video", tooltip="For Save Video; Get Video Components makes images of it."
                ),
            ],
        )

    @classmethod
    def execute(cls, samples, vae, fps, trim_latent, length, vcu, crop, feather) -> io.NodeOutput:
        require_wan_vae(vae)
        if vcu is not None and crop is not None:
            raise VaceInputError(
                "vcu and crop are connected both; one of them says what is put back. Disconnect vcu where a crop was "
                "generated, else crop."
            )
        video = decode_later(vae, samples, _given(trim_latent), _given(length), fps)
        if vcu is not None:
            video = paste_later(video, vcu, feather)
        elif crop is not None:
            video = stitch_later(video, crop, feather)
        return io.NodeOutput(video)


class VaceTrimLatent(VaceNode):
    """A sampled latent without its references, still a latent."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceTrimLatent",
            display_name="VACE Trim Latent",
            category="vace",
            description="Drops the reference latents from samples and noise mask, for nodes that want a plain LATENT.",
            inputs=[io.Latent.Input("samples", tooltip="From the sampler."), _counts()[0]],
            outputs=[io.Latent.Output(display_name="latent", tooltip="The video's latents alone.")],
        )

    @classmethod
    def execute(cls, samples, trim_latent) -> io.NodeOutput:
        return io.NodeOutput(trim_references(samples, _given(trim_latent)))
