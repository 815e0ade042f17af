"""Node that turns a video into a line drawing."""

from dataclasses import replace

from comfy_api.latest import io

from ...annotators.lines import DARK_ON_WHITE, POLARITIES, LocalContrastLines
from ...annotators.protocol import Annotator
from ...vace_core.notes import collect_notes
from ...vace_core.video import legal_frames
from .._host.report import publish
from .._host.signals import LINE_NETWORKS, annotate, neural_lines
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._sockets import video_socket

LOCAL_CONTRAST = "local contrast"


def _local_contrast() -> list[io.Input]:
    return [
        io.Float.Input(
            "thickness",
            default=1.0,
            optional=True,
            min=0.5,
            max=4.0,
            step=0.1,
            tooltip="Of the lines. 1 is about what the model was trained with; more also leaves out small things.",
        ),
        io.Float.Input(
            "detail",
            default=0.5,
            optional=True,
            min=0.0,
            max=1.0,
            step=0.05,
            tooltip="How faint an edge may be to get a line. Lower it when noise or texture is drawn.",
        ),
        _strength("How black lines are. Below 1 faint edges stay grey, above 1 everything drawn is black."),
    ]


def _strength(tooltip: str) -> io.Input:
    return io.Float.Input("strength", default=1.0, optional=True, min=0.1, max=4.0, step=0.1, tooltip=tooltip)


class VaceAnnotateLineart(VaceNode):
    """Line drawing as control video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        option = io.DynamicCombo.Option
        return io.Schema(
            node_id="VaceAnnotateLineart",
            display_name="VACE Annotate Lineart",
            category="vace/control",
            description="A video as a line drawing, dark on white, as VACE was trained to follow.",
            search_aliases=["scribble", "sketch", "edges", "canny", "hed", "pidinet", "teed", "anyline", "softedge"],
            inputs=[
                video_socket("frames", tooltip="Any video."),
                io.DynamicCombo.Input(
                    "method",
                    options=[
                        option(LOCAL_CONTRAST, _local_contrast()),
                        *(
                            option(name, [_strength("Factor of the darkness of lines; 1 leaves them as drawn.")])
                            for name in LINE_NETWORKS
                        ),
                    ],
                    optional=True,
                    tooltip="local contrast needs no file. The others are networks whose file must be on this machine: "
                    "scribble is VACE's own; lineart, lineart coarse and anime draw; hed, pidinet and teed find soft "
                    "edges. pidinet's weights are for research only, not for commercial use.",
                ),
                io.Combo.Input(
                    "polarity",
                    options=list(POLARITIES),
                    default=DARK_ON_WHITE,
                    optional=True,
                    tooltip="dark on white is official: the model hardly takes white on black for lines. "
                    "white on black is what ControlNets of other models want.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="control_video", tooltip="The drawing, for VACE Build VCU."),
                io.Video.Output(display_name="video", tooltip="The same with the frame rate and sound of the source."),
                io.String.Output(
                    display_name="report", tooltip="The file used and what was repaired, a sentence each."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, frames, polarity, method) -> io.NodeOutput:
        clip = read_clip(frames)
        with collect_notes() as notes:
            legal = legal_frames("frames", clip.frames)
            control = annotate(_annotator(method, polarity), legal)
        report = publish(cls, notes)
        return io.NodeOutput(control, write_clip(replace(clip, frames=control)), report)


def _annotator(method: dict, polarity: str) -> Annotator:
    settings = dict(method)
    name = settings.pop("method")
    if name == LOCAL_CONTRAST:
        return LocalContrastLines(polarity=polarity, **settings)
    return neural_lines(name, polarity=polarity, **settings)
