"""Nodes that keep a VCU in a file."""

from comfy_api.latest import io

from ...vace_core.notes import collect_notes
from ...vace_core.vcu import PRECISIONS
from .._host.report import publish
from .._host.vcu import file_problem, file_state, load_vcu, save_vcu, vcu_files
from .._node import VaceNode
from .._results import vcu_hidden, vcu_result
from .._sockets import VcuWire, vcu_outputs


class VaceSaveVcu(VaceNode):
    """A VCU into a file of the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSaveVcu",
            display_name="VACE Save VCU",
            category="vace/file",
            description=(
                "Saves a VCU with everything in it: frames, masks, references, frame rate, sound and notes. Prepare "
                "once, generate later or elsewhere."
            ),
            search_aliases=["export vcu", "save conditioning"],
            inputs=[
                VcuWire.Input("vcu", tooltip="What to save."),
                io.String.Input(
                    "filename_prefix",
                    default="vcu/wan_vace",
                    optional=True,
                    tooltip="Begin of the file's name in the output folder; a number and .vcu.safetensors follow. "
                    "Files directly in the output folder or in its folder vcu are listed by VACE Load VCU.",
                ),
                io.Combo.Input(
                    "precision",
                    options=list(PRECISIONS),
                    default="exact",
                    optional=True,
                    tooltip="exact keeps every value. 8-bit makes a quarter of the size and rounds colours as a "
                    "picture file does.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="file", tooltip="The file's name, as VACE Load VCU takes it."),
                io.String.Output(display_name="report", tooltip="What could not be saved; empty if nothing."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, vcu, filename_prefix, precision) -> io.NodeOutput:
        with collect_notes() as notes:
            file, shown = save_vcu(vcu, filename_prefix, precision)
        return io.NodeOutput(file, publish(cls, notes), ui=shown)


class VaceLoadVcu(VaceNode):
    """A VCU from a file of the input or output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceLoadVcu",
            display_name="VACE Load VCU",
            category="vace/file",
            description="Loads a VCU that VACE Save VCU wrote.",
            search_aliases=["import vcu", "open vcu"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=vcu_files(),
                    tooltip="A .vcu.safetensors file of the input folder or, marked [output], of the output folder, "
                    "each with its folder vcu. Press R after adding one.",
                ),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def validate_inputs(cls, file=None) -> bool | str:
        return file is None or file_problem(file) or True

    @classmethod
    def fingerprint_inputs(cls, file, **_: object) -> str:
        return file_state(file)

    @classmethod
    def execute(cls, file) -> io.NodeOutput:
        return vcu_result(cls, load_vcu(file))
