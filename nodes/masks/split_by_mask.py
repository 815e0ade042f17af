"""Nodes that work on masks."""

from comfy_api.latest import io

from ...vace_core.masks import binarize, decouple
from ...vace_core.notes import collect_notes
from ...vace_core.video import legal_frames, matching_mask
from .._host.report import publish
from .._node import VaceNode


class VaceSplitByMask(VaceNode):
    """Inactive and reactive halves of a control video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSplitByMask",
            display_name="VACE Split by Mask",
            category="vace/inspect",
            description="Splits a video into the part VACE keeps and the part it generates, as the encoder will.",
            inputs=[
                io.Image.Input("control_video", tooltip="The video to split."),
                io.Mask.Input("control_masks", tooltip="White is generated, black is kept; one mask per frame."),
            ],
            outputs=[
                io.Image.Output(display_name="inactive", tooltip="What is kept; mid-grey elsewhere."),
                io.Image.Output(display_name="reactive", tooltip="What is generated or controls; mid-grey elsewhere."),
            ],
        )

    @classmethod
    def execute(cls, control_video, control_masks) -> io.NodeOutput:
        with collect_notes() as notes:
            frames = legal_frames("control_video", control_video)
            mask = matching_mask(control_masks, frames)
        if notes:
            publish(cls, notes)
        return io.NodeOutput(*decouple(frames, binarize(mask)))
