"""Nodes that show what VACE will look at."""

from comfy_api.latest import io, ui

from ...vace_core.vcu import preflight
from .._host.video import read_clip
from .._node import VaceNode
from .._sockets import VcuWire, video_socket
from ._film_strip import film_strip


class VacePreviewVcu(VaceNode):
    """A film strip of a VCU with numbers and warnings; needs no model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VacePreviewVcu",
            display_name="VACE Preview VCU",
            category="vace",
            description=(
                "Draws what is kept, what is generated and the references as the model gets them, with size, cost and "
                "warnings. Loads no model: run it alone before sampling, or connect a result to compare."
            ),
            search_aliases=["preflight", "contact sheet", "film strip"],
            inputs=[
                VcuWire.Input("vcu", tooltip="From any VACE task node."),
                video_socket("result", "The finished video, shown as the last row.", optional=True),
                io.Int.Input(
                    "columns",
                    default=7,
                    optional=True,
                    min=1,
                    max=32,
                    tooltip="Frames to show, spread from the first to the last.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="sheet", tooltip="The film strip, one picture."),
                io.String.Output(display_name="report", tooltip="Numbers, warnings and repairs, a line each."),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, vcu, columns, result) -> io.NodeOutput:
        report = preflight(vcu)
        frames = None if result is None else read_clip(result).frames
        sheet = film_strip(vcu, report, columns, frames)
        return io.NodeOutput(sheet, report.text(), ui=ui.PreviewImage(sheet, cls=cls))
