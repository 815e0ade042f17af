"""The node that varies VACE's strength."""

from comfy_api.latest import io

from ...vace_core.notes import collect_notes
from ...vace_core.strength import StrengthField, chosen_curve, parse_blocks
from ...vace_core.video import legal_mask
from .._host.report import publish
from .._host.strength import set_strength_field
from .._node import VaceNode

# By name: ComfyUI before 0.27 has no curve editor, and FLOATS is other packs' list of numbers.
CURVES = [io.Custom("CURVE"), io.Float, io.Custom("FLOATS")]


def _curve_socket(name: str, start: str, end: str) -> io.Input:
    """What a curve editor or a node for lists of numbers gives."""
    return io.MultiType.Input(
        f"{name}_curve",
        types=CURVES,
        optional=True,
        tooltip=f"In place of the text in {name}: a drawn curve (Curve Editor: left is {start}, right is {end}, up is "
        f"strength) or a list of floats on one wire, spread evenly. Leave {name} at 1.",
    )


class VaceSetStrength(VaceNode):
    """Strength over steps, frames, blocks, area and references, of all VCUs or of one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSetStrength",
            display_name="VACE Set Strength",
            category="vace/adapter",
            description=(
                "Varies VACE's strength over the sampling steps, the video's frames, the adapter's blocks, the picture "
                "area and the references, of all VCUs or of one. Where it is 0 for a whole step, or for the last "
                "blocks, nothing is computed. For merged VACE models and for models with VACE Apply Adapter."
            ),
            inputs=[
                io.Model.Input("model", tooltip="A Wan2.1-VACE model, or one with VACE Apply Adapter."),
                io.String.Input(
                    "steps",
                    default="1",
                    optional=True,
                    tooltip="Over the sampling schedule, from noise to video: '1' throughout, '1, 0.5, 0' spread "
                    "evenly, or points '0:1, 40%:1, 40%:0' (off after 40 %).",
                ),
                io.String.Input(
                    "frames",
                    default="1",
                    optional=True,
                    tooltip="Over the video's length, in the same form: '1, 0' fades out towards the end.",
                ),
                io.String.Input(
                    "blocks",
                    default="",
                    optional=True,
                    tooltip="One strength for each adapter block (15 in 1.3B, 8 in 14B), such as "
                    "'1,1,1,1,0.5,0.5,0,0'. Empty is 1 throughout.",
                ),
                io.Float.Input(
                    "references",
                    default=1.0,
                    optional=True,
                    min=0.0,
                    max=1000.0,
                    step=0.05,
                    tooltip="On all references beside the rest. Lower it when the video opens with the reference.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Full strength where white, none where black, anything between; one mask or one per frame.",
                ),
                io.Int.Input(
                    "vcu",
                    default=0,
                    min=0,
                    max=64,
                    optional=True,
                    tooltip="Which VCU this is for: 1 is that of the first VACE Apply Context, 2 of the second; 0 is "
                    "every VCU without a node of its own. Chain one node for each; a later node for the same number "
                    "replaces the earlier one.",
                ),
                _curve_socket("steps", "noise", "the finished video"),
                _curve_socket("frames", "the first frame", "the last"),
            ],
            outputs=[io.Model.Output(display_name="model", tooltip="The model with this strength.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model,
        steps,
        frames,
        blocks,
        references,
        mask,
        vcu,
        steps_curve,
        frames_curve,
    ) -> io.NodeOutput:
        with collect_notes() as notes:
            area = None if mask is None else legal_mask("mask", mask, soft=True)
        strength_field = StrengthField(
            chosen_curve("steps", steps, steps_curve),
            chosen_curve("frames", frames, frames_curve),
            parse_blocks("blocks", blocks),
            references,
            area,
        )
        if notes:
            publish(cls, notes)
        return io.NodeOutput(set_strength_field(model, strength_field, vcu))
