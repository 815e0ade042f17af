"""The node that puts the kept pixels back after sampling."""

from comfy_api.latest import io

from ...vace_core.exact import SIDES, paste_back
from ...vace_core.notes import collect_notes
from ...vace_core.video import Clip
from .._host.report import publish
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._sockets import VcuWire, join_socket, video_socket


class VacePasteBack(VaceNode):
    """The pixels that a VCU keeps, exactly as they were."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VacePasteBack",
            display_name="VACE Paste Back",
            category="vace",
            description="Puts everything that the VCU keeps back over the generated video, pixel by pixel and exactly, "
            "and measures how well both fit.",
            search_aliases=["composite", "restore original", "unmasked pixels", "seam", "stitch", "colour drift"],
            inputs=[
                video_socket(
                    "frames", tooltip="The whole generated video, from VACE Sample VCU or VACE Decode Latent."
                ),
                VcuWire.Input("vcu", tooltip="The VCU that it was generated from; it holds the source and the mask."),
                join_socket(
                    "Pixels over which the join fades. 0: a hard join, every kept pixel exact. About 4 at "
                    "480p, 8 at 720p.",
                ),
                io.Combo.Input(
                    "feather_side",
                    options=list(SIDES),
                    default=SIDES[0],
                    optional=True,
                    advanced=True,
                    tooltip="outside fades over the kept pixels next to the mask; only these change. inside keeps "
                    "every kept pixel exact and lets the old content fade into the generated area; for masks with a "
                    "margin.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The video with what is kept put back."),
                io.Video.Output(
                    display_name="video", tooltip="The same with frame rate and sound of the VCU, for Save Video."
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="How much is exact, how well it joins, how far colours had drifted; a sentence each.",
                ),
                io.Float.Output(
                    display_name="outside_difference",
                    tooltip="Largest difference from the source outside the mask and its feather, of 255. Always 0.",
                ),
                io.Float.Output(
                    display_name="border_error",
                    tooltip="Mean difference of generated and source next to the mask before pasting, of 255: the step "
                    "that the join hides. 0 without a border.",
                ),
                io.Float.Output(
                    display_name="drift",
                    tooltip="How far the model had shifted the colour of what is kept, of 255: the mean of the channel "
                    "where it is largest. 0 when nothing is kept.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, frames, vcu, feather, feather_side) -> io.NodeOutput:
        clip = read_clip(frames)
        with collect_notes() as notes:
            pasted, measured = paste_back(clip.frames, vcu, feather, feather_side)
        audio = vcu.audio if vcu.audio is not None else clip.audio
        video = write_clip(Clip(pasted, vcu.fps or clip.fps, audio))
        report = publish(cls, [*measured.notes(), *notes])
        numbers = measured.outside_difference, measured.border_error or 0.0, measured.largest_drift
        return io.NodeOutput(pasted, video, report, *numbers)
