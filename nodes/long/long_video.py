"""Nodes for videos longer than the model makes in one go."""

from comfy_api.latest import io

from ...vace_core.long import LongVcu, in_memory
from ...vace_core.notes import collect_notes
from ...vace_core.vcu import INSIDE_MASK
from ...vace_core.video import Target
from .._host.long import LongJob, read_long_vcu, sample_long
from .._host.report import publish
from .._node import VaceNode
from .._settings import (
    boundary_socket,
    low_noise_socket,
    negative_prompt_socket,
    read_settings,
    seed_socket,
    settings_socket,
)
from .._sockets import LongVcuWire, VcuWire, fit_socket, references_socket, size_sockets


class VaceBuildLongVcu(VaceNode):
    """A VCU of a video file of any length, read part by part."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceBuildLongVcu",
            display_name="VACE Build Long VCU",
            category="vace/long",
            description=(
                "As VACE Build VCU, for videos that do not fit into memory: video and mask are read from their files "
                "part by part and kept on disk in 8 bits. For VACE Sample Long Video."
            ),
            search_aliases=["long video", "streaming", "batch video"],
            inputs=[
                io.Video.Input(
                    "video", tooltip="From Load Video: frames to keep, to repaint, or to follow as control."
                ),
                io.MultiType.Input(
                    "mask",
                    types=[io.Video, io.Mask],
                    optional=True,
                    tooltip="White is generated, black is kept: a black and white video as long as the other, or one "
                    "mask for all frames. Without it the whole video is a control signal.",
                ),
                references_socket(),
                *size_sockets(optional=False),
                io.Combo.Input(
                    "inside_mask",
                    options=list(INSIDE_MASK),
                    default="empty",
                    optional=True,
                    tooltip="What the model sees of the pixels that the mask gives it to generate. empty: nothing "
                    "(inpainting). control: their content, as control.",
                ),
                fit_socket(),
                io.Boolean.Input(
                    "soft_mask",
                    default=False,
                    optional=True,
                    tooltip="Accept masks that are mostly grey; off refuses them as a picture connected by mistake.",
                    advanced=True,
                ),
            ],
            outputs=[
                LongVcuWire.Output(display_name="long_vcu", tooltip="For VACE Sample Long Video."),
                io.String.Output(display_name="report", tooltip="What was repaired, a sentence each."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, video, references, width, height, fit, inside_mask, soft_mask, mask) -> io.NodeOutput:
        settings = {"inside_mask": inside_mask, "soft_mask": soft_mask}
        vcu = read_long_vcu(video, mask, list(references.items()), Target(width, height, fit=fit), settings)
        return io.NodeOutput(vcu, publish(cls, vcu.notes))


def _run_sockets() -> list[io.Input]:
    """Where finished segments are kept, and which of them are made again."""
    return [
        io.String.Input(
            "run",
            default="",
            optional=True,
            tooltip="Folder in output/vace_runs for finished segments. Empty: one for each set of inputs, "
            "found again when they are the same. A name of your own lets later prompts change while it runs.",
        ),
        io.String.Input(
            "redo",
            default="",
            optional=True,
            tooltip="Finished segments to make again, with a seed of their own: 3:77, 5:1234. Their "
            "neighbours stay as they are.",
        ),
    ]


class VaceSampleLongVideo(VaceNode):
    """A video of any length, segment by segment."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSampleLongVideo",
            display_name="VACE Sample Long Video",
            category="vace/long",
            description=(
                "Samples a video of any length in segments that overlap, brings each back to the original's colours, "
                "and keeps finished ones on disk: queue again after a stop or crash and it goes on where it was."
            ),
            search_aliases=["long video", "infinite", "segments", "extend", "resume"],
            inputs=[
                io.Model.Input("model", tooltip="A Wan2.1-VACE model, or one with VACE Apply Adapter; LoRAs included."),
                io.Clip.Input("clip", tooltip="The umt5-xxl text encoder."),
                io.Vae.Input("vae", tooltip="The Wan 2.1 VAE."),
                io.MultiType.Input(
                    "vcu",
                    types=[VcuWire, LongVcuWire],
                    tooltip="What the whole video is made from: any VCU, as long as the video is to be, or one from "
                    "VACE Build Long VCU when it would not fit into memory.",
                ),
                io.String.Input(
                    "prompts",
                    multiline=True,
                    tooltip="What is to be seen. Another prompt for the next segment goes behind a line of three "
                    "dashes ---; the last one goes on to the end.",
                ),
                negative_prompt_socket(),
                seed_socket(
                    "Of the first segment; each further one takes the next. A run goes on only with the seed it began "
                    "with.",
                    each_queue_anew=False,  # or it would begin a new run each time
                ),
                settings_socket(),
                io.Int.Input(
                    "segment_length",
                    default=81,
                    optional=True,
                    min=5,
                    max=16384,
                    tooltip="Most frames sampled at once; 81 is what the model was trained with.",
                ),
                io.Int.Input(
                    "overlap",
                    default=17,
                    optional=True,
                    min=1,
                    max=16384,
                    tooltip="Frames that a segment keeps of the one before, and over which they fade. More holds "
                    "motion together and costs time.",
                ),
                io.Boolean.Input(
                    "keep_pixels",
                    default=True,
                    optional=True,
                    tooltip="Put back exactly what the mask keeps (VACE Paste Back).",
                ),
                *_run_sockets(),
                low_noise_socket(),
                io.Boolean.Input(
                    "anchor",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="Show every later segment the first frame as a further reference, so that a person or "
                    "place stays itself.",
                ),
                io.Boolean.Input(
                    "match_colour",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="Bring each segment back to the colours that are known: of kept pixels, key frames and "
                    "the overlap.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    optional=True,
                    advanced=True,
                    min=0.0,
                    max=1000.0,
                    step=0.01,
                    tooltip="How strongly the VCU acts; 1 as trained.",
                ),
                io.Float.Input(
                    "drift_limit",
                    default=0.0,
                    optional=True,
                    min=0.0,
                    max=255.0,
                    step=1.0,
                    tooltip="Stop when a segment changed its colours by more than this, in steps of 255, before it is "
                    "corrected; 0 never stops. Finished segments are kept.",
                    advanced=True,
                ),
                boundary_socket(),
            ],
            outputs=[
                io.Video.Output(
                    display_name="video",
                    tooltip="The whole video with the source's frame rate and sound, read from disk while Save Video "
                    "writes it. Get Video Components loads it as frames.",
                ),
                io.String.Output(
                    display_name="report", tooltip="The plan, repairs, and each segment's seed and colour drift."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, model, vcu, settings, low_noise_model, **sockets: object) -> io.NodeOutput:
        source = vcu if isinstance(vcu, LongVcu) else in_memory(vcu)
        models = {"model": model} | ({"low_noise_model": low_noise_model} if low_noise_model is not None else {})
        job = LongJob(models=models, source=source, settings=read_settings(settings), **sockets)
        with collect_notes() as notes:
            video = sample_long(job, lambda note: publish(cls, [note]))
        return io.NodeOutput(video, publish(cls, notes))
