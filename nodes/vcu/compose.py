"""Nodes that put tasks and controls together."""

from comfy_api.latest import io

from ...vace_core.notes import collect_notes
from ...vace_core.vcu import compose_all, mix_controls
from ...vace_core.video import Clip
from .._host.report import publish
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._results import vcu_hidden, vcu_result
from .._sockets import VcuWire, vcu_outputs, video_socket


class VaceComposeVcus(VaceNode):
    """Several VCUs as one, by the official rules."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        part = VcuWire.Input("vcu", tooltip="A task of its own: repaint, extension, control or just references.")
        return io.Schema(
            node_id="VaceComposeVcus",
            display_name="VACE Compose VCUs",
            category="vace/combine",
            description=(
                "Puts several tasks into one VCU by the official composition rules, for one generation. Order "
                "matters: put the extension (kept first frame or clip) first. To blend whole VCUs by strength, "
                "chain VACE Apply Context instead."
            ),
            search_aliases=["combine vcu", "merge vcu", "composition"],
            inputs=[
                io.Autogrow.Input(
                    "vcus",
                    template=io.Autogrow.TemplatePrefix(part, prefix="vcu_", min=2, max=8),
                    tooltip="Put together from the first on. All need one width and height; the shortest sets the "
                    "length. Soft masks are cut at 0.5.",
                ),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(cls, vcus) -> io.NodeOutput:
        return vcu_result(cls, compose_all(list(vcus.items())))


class VaceMixControls(VaceNode):
    """Two control videos as one, divided by a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceMixControls",
            display_name="VACE Mix Controls",
            category="vace/combine",
            description=(
                "Makes one control video of two that do not overlap, such as a pose on the person and depth around "
                "it. VACE was trained with controls side by side, not blended."
            ),
            search_aliases=["combine control", "pose and depth", "multi controlnet"],
            inputs=[
                video_socket("inside", tooltip="Control where the mask is white, such as a pose."),
                video_socket("outside", tooltip="Control where the mask is black, such as depth."),
                io.Mask.Input(
                    "mask",
                    tooltip="White takes inside, black takes outside, cut at 0.5; one mask per frame, or one for all.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="control_video", tooltip="The mixed frames, for control_video of VACE Build VCU."
                ),
                io.Video.Output(
                    display_name="video", tooltip="The same with the frame rate and sound of inside, else of outside."
                ),
                io.String.Output(
                    display_name="report", tooltip="What was repaired, a sentence each; empty if nothing."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, inside, outside, mask) -> io.NodeOutput:
        first, second = read_clip(inside), read_clip(outside)
        with collect_notes() as notes:
            frames = mix_controls(first.frames, second.frames, mask)
        clip = Clip(frames, first.fps or second.fps, first.audio or second.audio)
        return io.NodeOutput(frames, write_clip(clip), publish(cls, notes))
