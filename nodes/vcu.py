"""Nodes that build a Video Condition Unit."""

from comfy_api.latest import io

from ..vace_core.vcu import INSIDE_MASK, build_vcu
from ..vace_core.video import FITS
from ._host.report import publish
from ._sockets import Vcu


class VaceBuildVcu(io.ComfyNode):
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
                io.Image.Input(
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
                io.Autogrow.Input(
                    "references",
                    template=io.Autogrow.TemplatePrefix(
                        io.Image.Input("reference", tooltip="Picture of a subject or background, whole, on white."),
                        prefix="reference_image_",
                        min=0,
                        max=16,
                    ),
                    tooltip="Pictures the model looks at, in order; each is letterboxed on white. Up to 3 advised.",
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=16384,
                    step=16,
                    tooltip="Pixels, a multiple of 16. 0 takes the video's width (832 without a video).",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=16384,
                    step=16,
                    tooltip="Pixels, a multiple of 16. 0 takes the video's height (480 without a video).",
                ),
                io.Int.Input(
                    "length",
                    default=0,
                    min=0,
                    max=16384,
                    tooltip="Frames, any count. 0 takes the video's (81 without one). "
                    "More than the video has are generated after it.",
                ),
                io.Combo.Input(
                    "fit",
                    options=list(FITS),
                    default="cover",
                    tooltip="When the size differs: cover crops, contain adds bars that are generated, "
                    "stretch distorts. Video and masks change together.",
                ),
                io.Combo.Input(
                    "inside_mask",
                    options=list(INSIDE_MASK),
                    default="empty",
                    tooltip="What the model sees of the pixels that control_masks gives it to generate. empty: nothing "
                    "(inpainting). control: their content, as control (a pose inside the mask). "
                    "Without a mask all is control.",
                ),
                io.Boolean.Input(
                    "soft_mask",
                    default=False,
                    tooltip="Accept masks that are mostly grey. Off refuses them, because they are "
                    "usually a picture connected by mistake.",
                    advanced=True,
                ),
            ],
            outputs=[
                Vcu.Output(
                    display_name="vcu",
                    tooltip="Everything VACE looks at, for VACE Encode VCU or VACE Preview VCU.",
                ),
                io.String.Output(
                    display_name="report", tooltip="What was repaired, a sentence each; empty if nothing."
                ),
            ],
            hidden=[io.Hidden.unique_id],
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
        control_video=None,
        control_masks=None,
    ) -> io.NodeOutput:
        vcu = build_vcu(
            control_video,
            control_masks,
            list(references.items()),
            width=width,
            height=height,
            length=length,
            fit=fit,
            inside_mask=inside_mask,
            soft_mask=soft_mask,
        )
        return io.NodeOutput(vcu, publish(vcu.notes, "VACE Build VCU", cls.hidden.unique_id))
