"""Inpainting: a region of a video made anew."""

from comfy_api.latest import io

from ...vace_core.masks import MASK_MODES, RegionShape
from ...vace_core.tasks import Region, inpaint_vcu
from ...vace_core.video import EASINGS, Target
from .._host.video import read_clip
from .._node import VaceNode
from .._results import vcu_hidden, vcu_result
from .._sockets import (
    fit_socket,
    length_socket,
    references_socket,
    shape_sockets,
    size_sockets,
    soft_mask_socket,
    unit_socket,
    vcu_outputs,
    video_socket,
)


class VaceInpaintVideo(VaceNode):
    """A VCU that generates a masked or boxed region of a video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceInpaintVideo",
            display_name="VACE Inpaint Video",
            category="vace",
            description=(
                "Makes a region of a video anew and keeps the rest: replace, remove or add something. The region is a "
                "mask, boxes that may move, or both; references and the prompt say what appears in it."
            ),
            search_aliases=["inpaint video", "remove object", "swap", "replace", "masked edit", "repaint"],
            inputs=[
                video_socket("video", tooltip="The video to change."),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="White is generated, black is kept. One mask per frame, or one for all frames.",
                ),
                io.String.Input(
                    "boxes",
                    default="",
                    optional=True,
                    multiline=True,
                    tooltip="Generated as well as the mask, or instead of it. One object per line: "
                    "left,top,right,bottom in pixels of the video or per cent (10%,20%,40%,90%); several boxes make a "
                    "path: 0,0,99,99 200,0,299,99@40.",
                ),
                video_socket(
                    "control",
                    optional=True,
                    tooltip="What the region follows: pose, depth or lines made from this video, same size and frames.",
                ),
                references_socket(),
                *shape_sockets(
                    grow="Grows the region all around; negative shrinks it. Pixels are of the generated video.",
                    feather="Width of a soft edge around the region. 0 is a hard edge, as in training.",
                    grown=0.0,
                ),
                *size_sockets(optional=False),
                length_socket("Frames, any count. 0 takes the video's. More than it has are generated after it."),
                fit_socket(),
                io.Float.Input(
                    "keep_amount",
                    default=0.0,
                    optional=True,
                    advanced=True,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much of the old content the model sees in the region. 0: nothing, make it new. "
                    "0.2 to 0.5 keeps colours and shapes.",
                ),
                unit_socket("Of grow and feather. % of object fits near and far objects alike.", advanced=True),
                io.Combo.Input(
                    "augment",
                    options=list(MASK_MODES),
                    default=MASK_MODES[0],
                    optional=True,
                    advanced=True,
                    tooltip="Makes the region coarser so that the new thing may have another outline: its convex hull "
                    "or bounding box, expand grows each side by a random amount. original changes nothing.",
                ),
                io.Int.Input(
                    "augment_seed",
                    default=0,
                    optional=True,
                    advanced=True,
                    min=0,
                    max=2**63 - 1,
                    tooltip="Chooses how far each side grows in the expand modes of augment; nothing else.",
                ),
                io.Combo.Input(
                    "easing",
                    options=list(EASINGS),
                    default=EASINGS[0],
                    optional=True,
                    advanced=True,
                    tooltip="How boxes move from one to the next: evenly, or gently at the start, the end, or both.",
                ),
                soft_mask_socket(),
            ],
            outputs=vcu_outputs(),
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(
        cls,
        video,
        boxes,
        references,
        keep_amount,
        grow,
        feather,
        unit,
        augment,
        augment_seed,
        width,
        height,
        length,
        fit,
        easing,
        soft_mask,
        mask,
        control,
    ) -> io.NodeOutput:
        # A mask and a control belong to all frames.
        clip = read_clip(video, length if mask is None and control is None else 0)
        vcu = inpaint_vcu(
            clip.frames,
            Region(mask, boxes, easing, soft_mask, RegionShape(grow, feather, unit, augment, augment_seed)),
            list(references.items()),
            Target(width, height, length, fit),
            keep_amount=keep_amount,
            control=read_clip(control).frames if control is not None else None,
        )
        return vcu_result(cls, vcu, clip)
