"""Outpainting: what is around a video generated."""

from comfy_api.latest import io

from ...vace_core.tasks import ANCHORS, KeptEdge, growth_from, outpaint_vcu
from ...vace_core.video import Target
from .._host.video import read_clip
from .._node import VaceNode
from .._results import vcu_hidden, vcu_result
from .._sockets import length_socket, references_socket, size_sockets, vcu_outputs, video_socket

SIDES = {"left": "width", "right": "width", "top": "height", "bottom": "height"}


def _ratios() -> list[io.Input]:
    return [
        io.Float.Input(
            side,
            default=0.25 if of == "width" else 0.0,
            optional=True,
            min=0.0,
            max=8.0,
            step=0.05,
            tooltip=f"Added on this side, as a part of the video's {of}: 0.25 is a quarter.",
        )
        for side, of in SIDES.items()
    ]


def _pixels() -> list[io.Input]:
    return [
        io.Int.Input(
            side,
            default=128 if of == "width" else 0,
            optional=True,
            min=0,
            max=16384,
            tooltip="Pixels of the video added on this side.",
        )
        for side, of in SIDES.items()
    ]


def _aspect() -> list[io.Input]:
    return [
        io.String.Input(
            "aspect", default="16:9", tooltip="Shape of the new canvas, width to height: 16:9, 9:16, 1:1, 2.39."
        ),
        io.Combo.Input(
            "anchor",
            options=list(ANCHORS),
            default=ANCHORS[0],
            optional=True,
            tooltip="Where the video lies on the new canvas. left puts it at the left and generates to its right.",
        ),
    ]


class VaceOutpaintVideo(VaceNode):
    """A VCU that keeps a video and generates what is around it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceOutpaintVideo",
            display_name="VACE Outpaint Video",
            category="vace",
            description="Makes a video wider or higher: keeps every pixel of it and generates what is around it.",
            search_aliases=["outpaint video", "extend canvas", "uncrop", "change aspect ratio", "pad video"],
            inputs=[
                video_socket("video", tooltip="The video to keep."),
                io.DynamicCombo.Input(
                    "by",
                    options=[
                        io.DynamicCombo.Option("wider", []),
                        io.DynamicCombo.Option("ratio", _ratios()),
                        io.DynamicCombo.Option("pixels", _pixels()),
                        io.DynamicCombo.Option("aspect", _aspect()),
                    ],
                    tooltip="Where it grows. wider: a quarter of its width on the left and on the right. Or say it, in "
                    "parts of its size, in pixels, or by the shape it is to have.",
                ),
                io.Boolean.Input(
                    "inner",
                    default=False,
                    optional=True,
                    tooltip="Keep the size of the video and make the border anew inside of it, to repair its edges. "
                    "Not with aspect.",
                ),
                references_socket(),
                *size_sockets("the grown canvas", optional=False),
                length_socket("Frames, any count. 0 takes the video's. More than it has are generated after it."),
                io.Boolean.Input(
                    "extend_references",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="Give the references the same border, in white, so that their subject is as small on the "
                    "new canvas as it is in the video.",
                ),
                io.Float.Input(
                    "feather",
                    default=0.0,
                    optional=True,
                    advanced=True,
                    min=0.0,
                    max=512.0,
                    step=1.0,
                    tooltip="Pixels at the edge of the video over which the mask becomes soft. 0 keeps every pixel.",
                ),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(cls, video, references, inner, extend_references, feather, width, height, length, by) -> io.NodeOutput:
        clip = read_clip(video, length)
        vcu = outpaint_vcu(
            clip.frames,
            growth_from(by),
            list(references.items()),
            Target(width, height, length),
            inner=inner,
            edge=KeptEdge(feather),
            extend_references=extend_references,
        )
        return vcu_result(cls, vcu, clip)
