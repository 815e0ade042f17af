"""Nodes that turn a video into a control signal."""

from dataclasses import replace

from comfy_api.latest import io

from ...annotators.lines import BT601_LUMA, OFFICIAL_LUMA, Gray
from ...vace_core.notes import collect_notes
from ...vace_core.video import legal_frames
from .._host.report import publish
from .._host.signals import annotate
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._sockets import video_socket

LUMA = {"official": OFFICIAL_LUMA, "bt601": BT601_LUMA}


class VaceAnnotateGray(VaceNode):
    """Gray control video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceAnnotateGray",
            display_name="VACE Annotate Gray",
            category="vace/control",
            description="Brightness of a video, as control for recolouring it.",
            search_aliases=["colorize", "grayscale control"],
            inputs=[
                video_socket("frames", tooltip="Any video."),
                io.Combo.Input(
                    "luma",
                    options=list(LUMA),
                    default="official",
                    optional=True,
                    tooltip="official swaps the weights of red and blue, as the official annotator does and the "
                    "model was trained with; bt601 is ordinary grey.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="control_video", tooltip="Grey frames, for VACE Build VCU."),
                io.Video.Output(display_name="video", tooltip="The same with the frame rate and sound of the source."),
                io.String.Output(display_name="report", tooltip="What was repaired, a sentence each."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, frames, luma) -> io.NodeOutput:
        clip = read_clip(frames)
        with collect_notes() as notes:
            control = annotate(Gray(LUMA[luma]), legal_frames("frames", clip.frames), keep=False)
        report = publish(cls, notes)
        return io.NodeOutput(control, write_clip(replace(clip, frames=control)), report)
