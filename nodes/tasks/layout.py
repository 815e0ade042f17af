"""Nodes that draw layout control."""

from comfy_api.latest import io

from ...vace_core.tasks import BoxMotion, box_layout, track_layout
from ...vace_core.vcu import Vcu
from ...vace_core.video import EASINGS, Target
from .._node import VaceNode
from .._results import vcu_hidden, vcu_result
from .._sockets import fit_socket, length_socket, size_sockets, vcu_outputs


def _outputs() -> list[io.Output]:
    frames = io.Image.Output(display_name="control_video", tooltip="The drawn frames, to look at or mix with others.")
    return [*vcu_outputs(), frames]


def _with_frames(node: type[io.ComfyNode], vcu: Vcu) -> io.NodeOutput:
    result = vcu_result(node, vcu)
    return io.NodeOutput(*result.args, vcu.frames, ui=result.ui)


class VaceDrawLayout(VaceNode):
    """Layout control of boxes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceDrawLayout",
            display_name="VACE Draw Layout",
            category="vace/control",
            description=(
                "Outlines of boxes that move over white: where things are in the video and how they travel. Each box "
                "is drawn as the model was trained."
            ),
            search_aliases=["bbox", "bounding box", "trajectory", "motion path"],
            inputs=[
                io.String.Input(
                    "boxes",
                    multiline=True,
                    default="25%,25%,50%,75% 50%,25%,75%,75%",
                    tooltip="A line per object: label (optional) and colon, its box at the start and where it goes, "
                    "each left,top,right,bottom in pixels or per cent; @40 behind a box is its frame. "
                    "cat#ff8000: gives the line a colour, else it is black.",
                ),
                io.Int.Input(
                    "width", default=832, optional=True, min=16, max=16384, step=16, tooltip="Of the video, in pixels."
                ),
                io.Int.Input(
                    "height", default=480, optional=True, min=16, max=16384, step=16, tooltip="Of the video, in pixels."
                ),
                io.Int.Input(
                    "length", default=81, optional=True, min=1, max=16384, tooltip="Frames of the video, any count."
                ),
                io.Combo.Input(
                    "easing",
                    options=list(EASINGS),
                    default="linear",
                    optional=True,
                    tooltip="How boxes travel: evenly, or gently at either end.",
                ),
                io.Boolean.Input(
                    "official_motion",
                    default=True,
                    optional=True,
                    tooltip="Boxes stop one step short of their last position, as the official code draws them. "
                    "Off reaches it in the last frame. A line with an @ reaches its boxes when it says, either way.",
                    advanced=True,
                ),
            ],
            outputs=_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(cls, boxes, width, height, length, easing, official_motion) -> io.NodeOutput:
        return _with_frames(cls, box_layout(boxes, Target(width, height, length), BoxMotion(easing, official_motion)))


class VaceTrackLayout(VaceNode):
    """Layout control of a tracked mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceTrackLayout",
            display_name="VACE Track Layout",
            category="vace/control",
            description="The outline of a tracked mask on white: where a thing is in each frame, and in which shape.",
            search_aliases=["contour", "outline", "mask to layout"],
            inputs=[
                io.Mask.Input("mask", tooltip="White is the object; one mask per frame. Holes in it have no line."),
                io.String.Input(
                    "colour",
                    default="#000000",
                    optional=True,
                    tooltip="Of the line: red, green and blue as #rrggbb. Black means no label.",
                ),
                *size_sockets("the mask", optional=False),
                length_socket("Frames, any count. 0 takes the mask's. More than it has are generated after it."),
                fit_socket(),
            ],
            outputs=_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(cls, mask, colour, width, height, length, fit) -> io.NodeOutput:
        return _with_frames(cls, track_layout(mask, colour, Target(width, height, length, fit)))
