"""Nodes that put pictures at chosen frames and generate the others."""

from comfy_api.latest import io

from ...vace_core.tasks import SNAPS, Places, interpolate_frames, place_keyframes
from ...vace_core.video import DEFAULT_FPS, DEFAULT_LENGTH, Target
from .._host.video import read_clip
from .._node import VaceNode
from .._results import vcu_hidden, vcu_result
from .._sockets import fit_socket, references_socket, size_sockets, vcu_outputs, video_socket


def _snap_socket() -> io.Input:
    return io.Combo.Input(
        "snap",
        options=list(SNAPS),
        default="off",
        optional=True,
        tooltip="The model's mask reads one frame in four, never the first or the last. off: keyframes stay where they "
        "are, as in the official code. move: to the nearest frame that is read. hold: longer, until one is read.",
    )


class VacePlaceKeyframes(VaceNode):
    """Pictures at any frame of a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VacePlaceKeyframes",
            display_name="VACE Place Keyframes",
            category="vace/time",
            description=(
                "Puts pictures at chosen frames of a clip and lets VACE generate all others: first frame, last frame, "
                "both, or any number in between."
            ),
            search_aliases=["first frame", "last frame", "first last frame", "image to video", "start end image"],
            inputs=[
                io.Autogrow.Input(
                    "images",
                    template=io.Autogrow.TemplatePrefix(
                        io.Image.Input("image", tooltip="A picture to appear in the video, or a batch of them."),
                        prefix="image_",
                        min=1,
                        max=32,
                    ),
                    tooltip="Pictures that appear in the video as they are, in order. A batch counts as several.",
                ),
                io.String.Input(
                    "positions",
                    default="",
                    optional=True,
                    tooltip="A place for each picture, commas between: frame 12 (the first is 0, -1 is the last), 50%, "
                    "1.5s, first, last; x5 after it holds it 5 frames, as in 0x5. "
                    "Empty: one picture first, several spread evenly from first to last.",
                ),
                io.Int.Input(
                    "length",
                    default=DEFAULT_LENGTH,
                    optional=True,
                    min=0,
                    max=16384,
                    tooltip="Frames of the whole clip, any count. 0 takes control_video's (81 without one).",
                ),
                io.Int.Input(
                    "hold",
                    default=1,
                    optional=True,
                    min=1,
                    max=16384,
                    tooltip="Frames each picture stands still. xN in positions sets it for one picture.",
                ),
                _snap_socket(),
                references_socket(),
                *size_sockets("the first picture", optional=False),
                video_socket(
                    "control_video",
                    optional=True,
                    tooltip="Pose, depth, lines ... to follow in the frames between, from frame 0 of the clip on. "
                    "Without it they are generated freely.",
                ),
                fit_socket(),
                io.Float.Input(
                    "fps",
                    default=DEFAULT_FPS,
                    optional=True,
                    advanced=True,
                    min=1.0,
                    max=240.0,
                    step=0.01,
                    tooltip="Frame rate of the clip, for positions in seconds. The model makes 16.",
                ),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(
        cls, images, positions, length, fps, hold, snap, references, width, height, fit, control_video
    ) -> io.NodeOutput:
        vcu = place_keyframes(
            list(images.items()),
            Places(positions, fps, hold),
            snap=snap,
            control=read_clip(control_video) if control_video is not None else None,
            references=list(references.items()),
            target=Target(width, height, length, fit),
        )
        return vcu_result(cls, vcu)


class VaceInterpolateFrames(VaceNode):
    """New frames between those of a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceInterpolateFrames",
            display_name="VACE Interpolate Frames",
            category="vace/time",
            description="Keeps every frame of a clip and lets VACE generate new ones between each two.",
            search_aliases=["frame interpolation", "slow motion", "inbetween", "tween"],
            inputs=[
                video_socket("video", tooltip="At least two frames; all of them are kept."),
                io.Int.Input(
                    "between",
                    default=3,
                    optional=True,
                    min=1,
                    max=1024,
                    tooltip="Frames to generate between each two. 3 makes 4 times the frame rate, and a count that the "
                    "model likes (4n + 1). 21 frames become 81.",
                ),
                _snap_socket(),
                references_socket(),
                *size_sockets(optional=False),
                fit_socket(),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(cls, video, between, snap, references, width, height, fit) -> io.NodeOutput:
        references = list(references.items())
        target = Target(width, height, fit=fit)
        vcu = interpolate_frames(read_clip(video), between, snap=snap, references=references, target=target)
        return vcu_result(cls, vcu)
