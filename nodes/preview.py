"""Nodes that show what VACE will look at."""

from comfy_api.latest import io, ui

from ._sheet import contact_sheet
from ._sockets import Vcu


class VacePreviewVcu(io.ComfyNode):
    """A contact sheet of a VCU; needs no model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VacePreviewVcu",
            display_name="VACE Preview VCU",
            category="vace",
            description=(
                "Draws source, mask, both halves the model gets, and references side by side. "
                "Runs without loading any model; connect a result to compare."
            ),
            inputs=[
                Vcu.Input("vcu", tooltip="From VACE Build VCU."),
                io.Image.Input("result", optional=True, tooltip="The finished video, shown as the last row."),
                io.Int.Input("columns", default=7, min=1, max=32, tooltip="Frames to show, spread over the video."),
            ],
            outputs=[io.Image.Output(display_name="sheet", tooltip="The contact sheet, one picture.")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, vcu, columns, result=None) -> io.NodeOutput:
        sheet = contact_sheet(vcu, columns, result)
        return io.NodeOutput(sheet, ui=ui.PreviewImage(sheet, cls=cls))
