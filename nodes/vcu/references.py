"""Nodes that prepare reference pictures."""

from comfy_api.latest import io

from ...vace_core.notes import collect_notes
from ...vace_core.vcu import ROLES, prepare_reference
from .._host.report import publish
from .._node import VaceNode
from .._sockets import ReferenceWire


class VacePrepareReference(VaceNode):
    """One reference: cut out, cropped, with its own strength."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VacePrepareReference",
            display_name="VACE Prepare Reference",
            category="vace",
            description="Cuts a reference out on white, as the model was trained, and gives it its own strength.",
            search_aliases=["reference image", "subject", "remove background"],
            inputs=[
                io.Image.Input(
                    "image",
                    tooltip="One picture. Load Image drops transparency: connect its mask, inverted, to mask. "
                    "A picture that still has alpha is cut out by it.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="White is the subject. Load Image's own mask is the transparent part: invert it first.",
                ),
                io.Combo.Input(
                    "role",
                    options=list(ROLES),
                    default="subject",
                    optional=True,
                    tooltip="subject: the masked thing on white, cropped. face: a plain crop around the mask. "
                    "background: the whole picture.",
                ),
                io.Float.Input(
                    "margin",
                    default=0.05,
                    optional=True,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Space left around the subject, as a share of its longer side.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    optional=True,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="How strongly this reference acts beside the others; 1 is as trained.",
                ),
            ],
            outputs=[
                ReferenceWire.Output(display_name="reference", tooltip="For any reference_image socket."),
                io.Image.Output(display_name="picture", tooltip="The prepared picture, to look at."),
                io.String.Output(
                    display_name="report", tooltip="What was repaired, a sentence each; empty if nothing."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, image, role, margin, strength, mask) -> io.NodeOutput:
        with collect_notes() as notes:
            reference = prepare_reference(image, mask, role=role, margin=margin, strength=strength)
        return io.NodeOutput(reference, reference.image[None], publish(cls, notes))
