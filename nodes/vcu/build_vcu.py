"""Nodes that build a Video Condition Unit."""

from comfy_api.latest import io

from ...vace_core.vcu import INSIDE_MASK, build_vcu
from ...vace_core.video import Target
from .._host.video import read_clip
from .._node import VaceNode
from .._results import vcu_hidden, vcu_result
from .._sockets import (
    fit_socket,
    length_socket,
    references_socket,
    size_sockets,
    soft_mask_socket,
    vcu_outputs,
    video_socket,
)


class VaceBuildVcu(VaceNode):
    """A VCU from a control video, masks and references."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceBuildVcu",
            display_name="VACE Build VCU",
            category="vace",
            description=(
                "Puts together what VACE is to look at: a video, which pixels of it to generate, and reference "
                "pictures. Frame counts and sizes are repaired where only one repair is right, and reported."
            ),
            search_aliases=["WanVaceToVideo", "video condition unit", "control video", "inpaint video"],
            inputs=[
                video_socket(
                    "control_video",
                    optional=True,
                    tooltip="Frames to keep, to repaint, or to follow as control (pose, depth, lines ...). "
                    "Without it the whole video is generated.",
                ),
                io.Mask.Input(
                    "control_masks",
                    optional=True,
                    tooltip="White is generated, black is kept. One mask per frame, or one for all frames. "
                    "Without it the whole control video is a control signal.",
                ),
                references_socket(),
                *size_sockets(),
                length_socket(
                    "Frames, any count. 0 takes the video's (81 without one). "
                    "More than the video has are generated after it."
                ),
                io.Combo.Input(
                    "inside_mask",
                    options=list(INSIDE_MASK),
                    default="empty",
                    optional=True,
                    tooltip="What the model sees of the pixels that control_masks gives it to generate. empty: nothing "
                    "(inpainting). control: their content, as control (a pose inside the mask). "
                    "Without a mask all is control.",
                ),
                fit_socket(),
                soft_mask_socket(),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(
        cls,
        references,
        width,
        height,
        length,
        fit,
        inside_mask,
        soft_mask,
        control_video,
        control_masks,
    ) -> io.NodeOutput:
        target = Target(width, height, length, fit)
        clip = read_clip(control_video, length, "control_video", target) if control_video is not None else None
        vcu = build_vcu(
            clip and clip.frames,
            control_masks,
            list(references.items()),
            target,
            inside_mask=inside_mask,
            soft_mask=soft_mask,
            source_size=clip and clip.source_size,
        )
        return vcu_result(cls, vcu, clip)
