"""Node that turns a video into the colours of its motion."""

from dataclasses import replace

from comfy_api.latest import io

from ...annotators.flow import OFFICIAL_ITERATIONS, OFFICIAL_SCALE, SCALES, Dis, Flow, FlowFinder
from ...vace_core.notes import collect_notes
from ...vace_core.video import legal_frames
from .._host.report import publish
from .._host.signals import RAFT_FILES, annotate, raft_from_file, raft_from_host
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._sockets import video_socket

OpticalFlow = io.Custom("OPTICAL_FLOW")  # the host's own

DIS, CONNECTED = "dis", "connected model"


def _dis() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "check",
            default=True,
            optional=True,
            tooltip="Also looks for motion backwards, and fills from around where the two disagree: behind moving "
            "things, at the frame's edges, in even or dark areas. Off is about twice as fast.",
        )
    ]


def _iterations() -> io.Input:
    return io.Int.Input(
        "iterations",
        default=OFFICIAL_ITERATIONS,
        optional=True,
        min=1,
        max=100,
        tooltip="How often motion is refined. 20 is official; fewer are faster and rougher.",
    )


class VaceAnnotateFlow(VaceNode):
    """Motion as control video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        option = io.DynamicCombo.Option
        connected = OpticalFlow.Input("optical_flow", tooltip="RAFT, from Load Optical Flow Model.")
        return io.Schema(
            node_id="VaceAnnotateFlow",
            display_name="VACE Annotate Flow",
            category="vace/control",
            description="Motion of a video as colours: control for a new video that moves alike and looks different.",
            search_aliases=["optical flow", "raft", "motion", "unimatch", "dis flow"],
            inputs=[
                video_socket("frames", tooltip="A video of two frames or more."),
                io.DynamicCombo.Input(
                    "method",
                    options=[
                        option(DIS, _dis()),
                        *(option(name, [_iterations()]) for name in RAFT_FILES),
                        option(CONNECTED, [connected, _iterations()]),
                    ],
                    optional=True,
                    tooltip="dis needs no file and is good on a CPU. raft is VACE's own network (raft-things.pth), "
                    "raft large the same trained on more; their files must be on this machine, and a GPU is advised. "
                    "connected model takes RAFT from Load Optical Flow Model.",
                ),
                io.Combo.Input(
                    "scale",
                    options=list(SCALES),
                    default=OFFICIAL_SCALE,
                    optional=True,
                    tooltip="What gets full colour. official per frame: each frame's fastest point, as the model was "
                    "trained with; colours pulse when that changes. steady per clip: one speed for all frames, so "
                    "nothing pulses and still frames stay white.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="control_video",
                    tooltip="Colours of motion, white where nothing moves, a frame for each. For VACE Build VCU.",
                ),
                io.Video.Output(display_name="video", tooltip="The same with the frame rate and sound of the source."),
                io.String.Output(
                    display_name="report", tooltip="How many pixels things move, the file used, what was repaired."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, frames, scale, method) -> io.NodeOutput:
        clip = read_clip(frames)
        with collect_notes() as notes:
            legal = legal_frames("frames", clip.frames)
            flow = Flow(_finder(method), scale)
            control = annotate(flow, legal, keep=False)  # kept colours would not say how fast things move
        notes += flow.found[-1].notes()
        report = publish(cls, notes)
        return io.NodeOutput(control, write_clip(replace(clip, frames=control)), report)


def _finder(method: dict) -> FlowFinder:
    settings = dict(method)
    name = settings.pop("method")
    if name == DIS:
        return Dis(**settings)
    if name in RAFT_FILES:
        return raft_from_file(name, **settings)
    return raft_from_host(settings.pop("optical_flow"), **settings)
