"""Nodes that draw masks and change their shape."""

from comfy_api.latest import io

from ...vace_core.masks import MASK_MODES, RegionShape, augment_mask, draw_box_mask, note_black, steady_mask
from ...vace_core.masks import fill_holes as filled
from ...vace_core.notes import Note, collect_notes
from ...vace_core.video import DEFAULT_LENGTH, DEFAULT_SIZE, EASINGS, legal_mask
from .._host.report import publish
from .._node import VaceNode
from .._sockets import shape_sockets, unit_socket


def _mask_outputs(tooltip: str) -> list[io.Output]:
    return [
        io.Mask.Output(display_name="mask", tooltip=tooltip),
        io.String.Output(display_name="report", tooltip="What was repaired, a sentence each; empty if nothing."),
    ]


def _mask_result(node: type[io.ComfyNode], mask, notes: list[Note]) -> io.NodeOutput:
    return io.NodeOutput(mask, publish(node, notes))


class VaceAugmentMask(VaceNode):
    """The official mask augmentations."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceAugmentMask",
            display_name="VACE Augment Mask",
            category="vace/mask",
            description="Makes a mask coarser, so that what is generated need not keep to the old outline. "
            "The shapes VACE was trained with; steady over all frames.",
            search_aliases=["mask augmentation", "maskaug", "bounding box mask", "convex hull mask"],
            inputs=[
                io.Mask.Input("mask", tooltip="White is the object; any number of frames."),
                io.Combo.Input(
                    "mode",
                    options=list(MASK_MODES),
                    default="hull_expand",
                    optional=True,
                    tooltip="The outline itself, its convex hull, or its bounding box; expand also grows each side by "
                    "a random amount.",
                ),
                io.Float.Input(
                    "ratio",
                    default=0.3,
                    optional=True,
                    min=0.0,
                    max=5.0,
                    step=0.05,
                    tooltip="The most a side grows, as a part of the object's width or height; never more than half "
                    "the way to the frame's edge.",
                ),
                io.Int.Input(
                    "augment_seed",
                    default=0,
                    optional=True,
                    advanced=True,
                    min=0,
                    max=2**63 - 1,
                    tooltip="Chooses how far each side grows, once for all frames.",
                ),
                io.Int.Input(
                    "iterations",
                    default=5,
                    optional=True,
                    advanced=True,
                    min=1,
                    max=100,
                    tooltip="The growth is a multiple of this many pixels, as in the official code. 1 follows a moving "
                    "object most smoothly.",
                ),
            ],
            outputs=_mask_outputs("The coarser mask, black and white."),
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, mask, mode, augment_seed, ratio, iterations) -> io.NodeOutput:
        with collect_notes() as notes:
            mask = legal_mask("mask", mask)
            mask = note_black(augment_mask(mask, mode, seed=augment_seed, ratio=ratio, iterations=iterations))
        return _mask_result(cls, mask, notes)


class VaceGrowMask(VaceNode):
    """A mask grown, shrunk, feathered, filled, steadied."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceGrowMask",
            display_name="VACE Grow Mask",
            category="vace/mask",
            description="Grows or shrinks a mask equally in all directions, gives it a soft edge, fills its holes, and "
            "takes flicker out of it.",
            search_aliases=["dilate mask", "erode mask", "feather mask", "blur mask", "expand mask", "smooth mask"],
            inputs=[
                io.Mask.Input("mask", tooltip="White is the object; any number of frames."),
                *shape_sockets(
                    grow="How far the mask grows; negative shrinks it.",
                    feather="Width of the soft edge that is added around it. Inside it stays white.",
                    grown=8.0,
                ),
                unit_socket("Of both. % of object goes by the square root of the object's mean area."),
                io.Boolean.Input(
                    "fill_holes",
                    default=False,
                    optional=True,
                    tooltip="Makes white whatever the mask encloses, frame by frame, before it grows.",
                ),
                io.Int.Input(
                    "steady",
                    default=1,
                    min=1,
                    max=31,
                    step=2,
                    optional=True,
                    tooltip="Takes flicker out of a mask: each pixel's median over so many frames, before holes are "
                    "filled and it grows. 3 or 5 for detected masks; 1 is off. More cuts fast, thin parts off.",
                ),
            ],
            outputs=_mask_outputs("The changed mask."),
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, mask, grow, feather, unit, fill_holes, steady) -> io.NodeOutput:
        with collect_notes() as notes:
            mask = steady_mask(legal_mask("mask", mask), steady)
            mask = note_black(RegionShape(grow, feather, unit).apply(filled(mask) if fill_holes else mask))
        return _mask_result(cls, mask, notes)


class VaceDrawBoxMask(VaceNode):
    """Masks of boxes that stand still or move."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        height, width = DEFAULT_SIZE
        return io.Schema(
            node_id="VaceDrawBoxMask",
            display_name="VACE Draw Box Mask",
            category="vace/mask",
            description="A mask of boxes written as text; several boxes in a line are the path of one.",
            search_aliases=["bbox mask", "moving box", "rectangle mask", "box path", "keyframe mask"],
            inputs=[
                io.String.Input(
                    "boxes",
                    default="25%,25%,75%,75%",
                    multiline=True,
                    tooltip="One object per line: left,top,right,bottom in pixels or per cent of the frame. Several "
                    "boxes make a path; @40 behind one is the frame where it is reached, the first frame is 0.",
                ),
                io.Int.Input(
                    "width", default=width, optional=True, min=1, max=16384, tooltip="Columns of the mask: the video's."
                ),
                io.Int.Input(
                    "height", default=height, optional=True, min=1, max=16384, tooltip="Rows of the mask: the video's."
                ),
                io.Int.Input(
                    "length",
                    default=DEFAULT_LENGTH,
                    optional=True,
                    min=1,
                    max=16384,
                    tooltip="Frames of the mask: the video's.",
                ),
                io.Combo.Input(
                    "easing",
                    options=list(EASINGS),
                    default=EASINGS[0],
                    optional=True,
                    tooltip="How boxes move from one to the next: evenly, or gently at the start, the end, or both.",
                ),
            ],
            outputs=_mask_outputs("White inside the boxes, black outside; one frame per frame of the video."),
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, boxes, width, height, length, easing) -> io.NodeOutput:
        with collect_notes() as notes:
            mask = note_black(draw_box_mask(boxes, height, width, length, easing))
        return _mask_result(cls, mask, notes)
