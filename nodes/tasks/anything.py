"""The combinations of tasks that VACE is known for, as one node."""

from comfy_api.latest import io

from ...vace_core.tasks import make_anything
from ...vace_core.video import EASINGS, Target
from .._host.video import read_clip
from .._node import VaceNode
from .._results import vcu_hidden, vcu_result
from .._sockets import fit_socket, length_socket, references_socket, size_sockets, vcu_outputs, video_socket

VIDEOS = "video", "control_video"
SIDES = {"left": 0.25, "right": 0.25, "top": 0.0, "bottom": 0.0}


def _control() -> io.Input:
    return video_socket("control_video", tooltip="The motion to follow: pose, depth, lines ..., already annotated.")


def _picture() -> io.Input:
    return io.Image.Input("picture", tooltip="One picture. It is the first frame and stays as it is.")


def _swap() -> list[io.Input]:
    return [
        video_socket("video", tooltip="The video to change."),
        io.Mask.Input("mask", tooltip="White is exchanged; one mask per frame, or one for all."),
        io.Int.Input(
            "grow",
            default=16,
            optional=True,
            min=0,
            max=1024,
            tooltip="Pixels that the mask grows, so that what appears may have another outline. 0 keeps the mask.",
        ),
    ]


def _expand() -> list[io.Input]:
    return [
        _picture(),
        io.String.Input(
            "aspect",
            default="",
            optional=True,
            tooltip="Shape to grow to, such as 16:9 for an upright picture. Empty grows by the four sides below.",
        ),
        *(
            io.Float.Input(
                side,
                default=share,
                optional=True,
                min=0.0,
                max=10.0,
                step=0.05,
                tooltip="Growth, as a part of the picture's size.",
            )
            for side, share in SIDES.items()
        ),
    ]


def _move() -> list[io.Input]:
    return [
        _picture(),
        io.String.Input(
            "boxes",
            multiline=True,
            default="25%,25%,50%,75% 50%,25%,75%,75%",
            tooltip="A line per object: its box at the start and where it goes, each left,top,right,bottom in pixels "
            "of the result or per cent. More boxes make a path; @40 behind one is the frame after the picture.",
        ),
        io.Combo.Input(
            "easing",
            options=list(EASINGS),
            default="linear",
            optional=True,
            tooltip="How it moves: evenly, or gently at either end.",
        ),
    ]


class VaceMakeAnything(VaceNode):
    """A VCU of one of VACE's known combinations."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        option = io.DynamicCombo.Option
        return io.Schema(
            node_id="VaceMakeAnything",
            display_name="VACE Make Anything",
            category="vace/combine",
            description=(
                "VACE's known combinations in one step: a video of reference pictures, a picture set in motion, "
                "something exchanged, moved, or seen in a larger frame."
            ),
            search_aliases=["swap anything", "animate anything", "move anything", "expand anything", "image to video"],
            inputs=[
                io.DynamicCombo.Input(
                    "combination",
                    options=[
                        option("reference", []),
                        option("animate", [_control()]),
                        option("swap", _swap()),
                        option("expand", _expand()),
                        option("move", _move()),
                        option("first frame + motion", [_picture(), _control()]),
                    ],
                    tooltip="reference: a new video of the references. animate: references follow a control video. "
                    "swap: what a mask shows becomes the references. expand: a picture in a larger frame comes alive. "
                    "move: boxes move something in a picture. first frame + motion: a picture follows a control video.",
                ),
                references_socket(),
                *size_sockets("the video or picture"),
                length_socket(
                    "Frames, any count. 0 takes the video's, one more after a first frame, and 81 without a video."
                ),
                fit_socket(),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(cls, references, width, height, length, fit, combination) -> io.NodeOutput:
        chosen = {name: read_clip(v) if name in VIDEOS else v for name, v in combination.items()}
        return vcu_result(cls, make_anything(chosen, list(references.items()), Target(width, height, length, fit)))
