"""Nodes that bring a video to a size and length the model was trained at."""

from comfy_api.latest import io

from ...vace_core.video import BUDGETS, PICKS, Clip, Target, fit_clip
from .._host.report import publish
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._sockets import fit_socket, length_socket, size_sockets, video_socket


class VaceFitVideo(VaceNode):
    """A video, its mask and its control at the size and length to generate."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceFitVideo",
            display_name="VACE Fit Video",
            category="vace/time",
            description=(
                "Brings a video to a size, length and frame rate that VACE is good at, and its mask and control video "
                "with it, so that all stay aligned."
            ),
            search_aliases=["resize video", "16 fps", "480p", "720p", "resample frames", "frame rate"],
            inputs=[
                video_socket("video", tooltip="The video to fit."),
                io.Combo.Input(
                    "budget",
                    options=list(BUDGETS),
                    default="480p",
                    optional=True,
                    tooltip="480p and 720p: the size nearest to the video's shape that the model was trained at, never "
                    "more pixels than the video has. as is: its own size, in multiples of 16. "
                    "custom: width and height.",
                ),
                *size_sockets(optional=False),
                fit_socket(advanced=False),
                io.Combo.Input(
                    "pick",
                    options=list(PICKS),
                    default="keep",
                    optional=True,
                    tooltip="Which frames. keep: the first ones. resample: 16 a second, so that motion has the speed "
                    "the model knows. spread: evenly over the whole video, as the official loader does.",
                ),
                length_socket(
                    "Frames at most, any count. 0 takes all; with spread, as many as the budget has (81 at full size)."
                ),
                io.Float.Input(
                    "fps",
                    default=0.0,
                    optional=True,
                    min=0.0,
                    max=240.0,
                    step=0.01,
                    tooltip="Frame rate of the video. 0 takes what a VIDEO brings, else 16; set it for plain images.",
                ),
                io.Mask.Input(
                    "mask", optional=True, tooltip="White is generated. One per frame of the video, or one for all."
                ),
                video_socket(
                    "control_video", optional=True, tooltip="Control made of this video: as many frames, same shape."
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The fitted video, as pictures."),
                io.Video.Output(
                    display_name="video",
                    tooltip="The same with its frame rate and sound, which then go along to the result.",
                ),
                io.Mask.Output(
                    display_name="mask",
                    tooltip="The fitted mask, for control_masks; white on the bars of contain. Nothing without either.",
                ),
                io.Image.Output(display_name="control_video", tooltip="The fitted control video; nothing without one."),
                io.Float.Output(display_name="fps", tooltip="Frame rate at which the speed stays; for Create Video."),
                io.Audio.Output(
                    display_name="audio", tooltip="The video's whole sound; nothing when it has none. For Create Video."
                ),
                io.String.Output(display_name="report", tooltip="What was changed, a sentence each; empty if nothing."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, video, budget, width, height, fit, pick, length, fps, mask, control_video) -> io.NodeOutput:
        fitted = fit_clip(
            read_clip(video),
            mask,
            read_clip(control_video).frames if control_video is not None else None,
            budget=budget,
            target=Target(width, height, length, fit),
            pick=pick,
            fps=fps,
        )
        report = publish(cls, fitted.notes)
        video = write_clip(Clip(fitted.frames, fitted.fps, fitted.audio))
        return io.NodeOutput(fitted.frames, video, fitted.mask, fitted.control, fitted.fps, fitted.audio, report)
