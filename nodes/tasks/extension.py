"""Nodes that make a video go on, meet another or close to a loop, and put the result together."""

from comfy_api.latest import io

from ...vace_core.notes import collect_notes
from ...vace_core.tasks import bridge_vcu, extend_vcu, join_frames, loop_vcu
from ...vace_core.video import Target
from .._host.report import publish
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._results import vcu_hidden, vcu_result
from .._sockets import fit_socket, references_socket, size_sockets, vcu_outputs, video_socket


def _count(name: str, default: int, tooltip: str, least: int = 0) -> io.Input:
    return io.Int.Input(name, default=default, optional=True, min=least, max=16384, tooltip=tooltip)


def _surroundings(source: str, generated: str) -> list[io.Input]:
    """What all of these nodes take beside their clips."""
    return [
        references_socket(),
        *size_sockets(source, optional=False),
        video_socket(
            "control_video",
            optional=True,
            tooltip=f"Pose, depth, lines ... to follow in {generated}; only these frames, not the kept ones. "
            "Shorter is fine: the rest is generated freely.",
        ),
        fit_socket(),
    ]


def _frames(video: object | None) -> object | None:
    return read_clip(video).frames if video is not None else None


class VaceExtendVideo(VaceNode):
    """A clip with generated frames before or after it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceExtendVideo",
            display_name="VACE Extend Video",
            category="vace/time",
            description="Continues a video forwards, backwards or both ways. VACE Join Videos puts the result to it.",
            search_aliases=["continue video", "longer video", "outpaint in time", "prepend"],
            inputs=[
                video_socket("video", tooltip="The video to extend."),
                _count("before", 0, "Frames to generate before it."),
                _count("after", 80, "Frames to generate after it."),
                _count(
                    "overlap",
                    0,
                    "Frames of the video that the model sees: its last ones when it goes on, its first ones when it "
                    "is preceded. 0 shows all of it. For a long video 17 with 64 after is 81, what the model is best "
                    "at.",
                ),
                *_surroundings("the video", "the generated frames: those before the video, then those after it"),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(cls, video, before, after, overlap, references, width, height, fit, control_video) -> io.NodeOutput:
        vcu = extend_vcu(
            read_clip(video),
            before=before,
            after=after,
            overlap=overlap,
            control=_frames(control_video),
            references=list(references.items()),
            target=Target(width, height, fit=fit),
        )
        return vcu_result(cls, vcu)


class VaceBridgeVideos(VaceNode):
    """The end of one clip, generated frames, the start of another."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceBridgeVideos",
            display_name="VACE Bridge Videos",
            category="vace/time",
            description="Generates the transition from one video to another. VACE Join Videos puts all three together.",
            search_aliases=["transition", "morph", "connect videos", "video join", "first last clip"],
            inputs=[
                video_socket("first", tooltip="The video before the transition; it gives the size."),
                video_socket("second", tooltip="The video after it; brought to the size of the first."),
                _count("gap", 48, "Frames to generate between them. 17 + 48 + 16 are 81.", least=0),
                _count(
                    "overlap_first",
                    17,
                    "Frames at the end of first that the model sees, to carry on their motion. 0 shows all of it. "
                    "4n + 1 fits the model's steps exactly.",
                ),
                _count(
                    "overlap_second",
                    16,
                    "Frames at the start of second that the model sees. 0 shows all of it. "
                    "4n fits the model's steps exactly.",
                ),
                *_surroundings("the first video", "the gap"),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(
        cls, first, second, gap, overlap_first, overlap_second, references, width, height, fit, control_video
    ) -> io.NodeOutput:
        vcu = bridge_vcu(
            read_clip(first),
            read_clip(second),
            gap=gap,
            overlaps=(overlap_first, overlap_second),
            control=_frames(control_video),
            references=list(references.items()),
            target=Target(width, height, fit=fit),
        )
        return vcu_result(cls, vcu)


class VaceLoopVideo(VaceNode):
    """A way from the end of a clip back to its start."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceLoopVideo",
            display_name="VACE Loop Video",
            category="vace/time",
            description="Generates the way from the end of a video back to its start, so that it loops without a jump.",
            search_aliases=["seamless loop", "cinemagraph", "perfect loop"],
            inputs=[
                video_socket("video", tooltip="The video to close."),
                _count("gap", 49, "Frames to generate from its end to its start. 16 + 49 + 16 are 81.", least=0),
                _count(
                    "overlap",
                    16,
                    "Frames of either end that the model sees, to carry on their motion. 0 shows all of it, twice.",
                ),
                *_surroundings("the video", "the gap"),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(cls, video, gap, overlap, references, width, height, fit, control_video) -> io.NodeOutput:
        vcu = loop_vcu(
            read_clip(video),
            gap=gap,
            overlap=overlap,
            control=_frames(control_video),
            references=list(references.items()),
            target=Target(width, height, fit=fit),
        )
        return vcu_result(cls, vcu)


class VaceJoinVideos(VaceNode):
    """Generated frames and the clips around them as one video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceJoinVideos",
            display_name="VACE Join Videos",
            category="vace/time",
            description=(
                "Puts the original frames back around what was generated, for VACE Extend Video, Bridge Videos and "
                "Loop Video. Their report names the counts to set."
            ),
            search_aliases=["concatenate videos", "append video", "stitch"],
            inputs=[
                video_socket("generated", tooltip="All decoded frames, from VACE Decode Latent. Gives the size."),
                video_socket("first", optional=True, tooltip="The video that generated goes on from, whole."),
                video_socket("second", optional=True, tooltip="The video that generated leads to, whole."),
                _count("before", 0, "Generated frames before first; only for a video extended at both ends."),
                _count(
                    "overlap_first",
                    0,
                    "Frames at the start of generated that are the end of first; first's own replace them. "
                    "0: all of first was shown to the model.",
                ),
                _count(
                    "overlap_second",
                    0,
                    "Frames at the end of generated that are the start of second. 0: all of second was shown. "
                    "Without second these frames are dropped, which closes a loop.",
                ),
                fit_socket(),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The whole video."),
                io.Video.Output(
                    display_name="video",
                    tooltip="The same at the frame rate of first (else second's, else 16), with the sound of first if "
                    "the video begins with it. For Save Video.",
                ),
                io.String.Output(display_name="report", tooltip="What was joined and repaired, a sentence each."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, generated, before, overlap_first, overlap_second, fit, first, second) -> io.NodeOutput:
        with collect_notes() as notes:
            clip = join_frames(
                read_clip(first) if first is not None else None,
                read_clip(generated).frames,
                read_clip(second) if second is not None else None,
                before=before,
                overlap_first=overlap_first,
                overlap_second=overlap_second,
                fit=fit,
            )
        report = publish(cls, notes)
        return io.NodeOutput(clip.frames, write_clip(clip), report)
