"""Node that turns a video, or depth of any source, into VACE's depth control."""

from dataclasses import replace

from comfy_api.latest import io
from torch import Tensor

from ...annotators.depth import RANGES, STEADY, depth_control
from ...vace_core.errors import VaceInputError
from ...vace_core.notes import collect_notes
from ...vace_core.video import Clip
from .._host.report import publish
from .._host.signals import DEPTH_NETWORKS, connected_depth, estimated_depth
from .._host.video import write_clip
from .._node import VaceNode
from .._sockets import video_socket

CONNECTED = "connected depth"
Da3Geometry, MogeGeometry = io.Custom("DA3_GEOMETRY"), io.Custom("MOGE_GEOMETRY")  # the host's own


def _depth() -> io.Input:
    return io.MultiType.Input(
        "depth",
        types=[Da3Geometry, MogeGeometry, io.Image, io.Video],
        optional=True,
        tooltip="From Run Depth Anything 3 or Run MoGe Inference, or a depth video of any other node, near white.",
    )


class VaceAnnotateDepth(VaceNode):
    """Depth as control video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceAnnotateDepth",
            display_name="VACE Annotate Depth",
            category="vace/control",
            description="How near everything in a video is, near white, far black: control that keeps its space.",
            search_aliases=["depth anything", "midas", "moge", "da3", "depth map", "normalize depth", "deflicker"],
            inputs=[
                video_socket(
                    "frames",
                    optional=True,
                    tooltip="Any video. With connected depth not needed: it then gives size, frame rate and sound.",
                ),
                _depth(),
                io.Combo.Input(
                    "method",
                    options=[CONNECTED, *DEPTH_NETWORKS],
                    default=CONNECTED,
                    optional=True,
                    tooltip="connected depth takes what another node saw. The others see it themselves, with a file "
                    "that must be on this machine; midas is VACE's own and needs controlnet-aux. Weights of depth "
                    "anything v2 base and large are not for commercial use (CC-BY-NC-4.0), small is free (Apache-2.0).",
                ),
                io.Combo.Input(
                    "range",
                    options=list(RANGES),
                    default=STEADY,
                    optional=True,
                    tooltip="steady takes out flicker of scale and shift, then stretches each scene as a whole. per "
                    "clip only stretches, all frames alike; right for depth that is consistent already. official per "
                    "frame stretches each frame by itself, as VACE's annotator does; it flickers.",
                ),
                io.Boolean.Input(
                    "invert",
                    default=False,
                    optional=True,
                    tooltip="Exchanges near and far. VACE wants near white: use it for connected pictures in which "
                    "near is black.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="control_video", tooltip="Depth, near white, for VACE Build VCU."),
                io.Video.Output(display_name="video", tooltip="The same with the frame rate and sound of the source."),
                io.String.Output(
                    display_name="report",
                    tooltip="The file used, where scenes end, what was repaired, a sentence each.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, method, range, invert, frames, depth) -> io.NodeOutput:
        with collect_notes() as notes:
            clip, maps = _source(method, depth, frames)
            control = depth_control(maps, range, invert)
        report = publish(cls, notes)
        return io.NodeOutput(control, write_clip(replace(clip, frames=control)), report)


def _source(method: str, depth: object, frames: object) -> tuple[Clip, Tensor]:
    if method == CONNECTED:
        return connected_depth(depth, frames)
    if method not in DEPTH_NETWORKS:  # the host does not look at what a wire brings
        raise VaceInputError(f"method is not one of {', '.join([CONNECTED, *DEPTH_NETWORKS])}. Choose one.")
    if depth is not None:
        raise VaceInputError(
            f"depth is connected, but method is {method}, which sees depth itself in frames. Choose {CONNECTED} to use "
            f"what is connected, or disconnect depth."
        )
    return estimated_depth(method, frames)
