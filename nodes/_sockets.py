"""Sockets that several nodes share, and the pack's own wire types."""

from comfy_api.latest import io

from ..vace_core.exact import DEFAULT_FEATHER
from ..vace_core.masks import UNITS
from ..vace_core.video import FITS

VcuWire = io.Custom("VACE_VCU")
Context = io.Custom("VACE_CONTEXT")
ReferenceWire = io.Custom("VACE_REFERENCE")
Adapter = io.Custom("VACE_ADAPTER")
CropWire = io.Custom("VACE_CROP")
LongVcuWire = io.Custom("VACE_LONG_VCU")


def video_socket(name: str, tooltip: str, optional: bool = False) -> io.Input:
    """A video as frames or as a VIDEO; a VIDEO brings its frame rate and sound along."""
    return io.MultiType.Input(name, types=[io.Image, io.Video], optional=optional, tooltip=tooltip)


def references_socket() -> io.Input:
    """Any number of reference pictures, plain or prepared."""
    picture = io.MultiType.Input(
        "reference", types=[io.Image, ReferenceWire], tooltip="Picture of a subject or background, whole, on white."
    )
    return io.Autogrow.Input(
        "references",
        template=io.Autogrow.TemplatePrefix(picture, prefix="reference_image_", min=0, max=16),
        optional=True,
        tooltip="Pictures the model looks at, in order; each is letterboxed on white. Up to 3 advised.",
    )


def size_sockets(source: str = "the video", optional: bool = True) -> list[io.Input]:
    """Width and height; 0 follows the source, which may be missing when it is optional."""
    return [
        io.Int.Input(
            side,
            default=0,
            optional=True,
            min=0,
            max=16384,
            step=16,
            tooltip=f"Pixels, a multiple of 16. 0 takes the {side} of {source}"
            + (f" ({without} without one)." if optional else "."),
        )
        for side, without in (("width", 832), ("height", 480))
    ]


def length_socket(tooltip: str) -> io.Input:
    """A frame count, any."""
    return io.Int.Input("length", default=0, optional=True, min=0, max=16384, tooltip=tooltip)


def fps_socket(advanced: bool = False) -> io.Input:
    """Frame rate of a finished video."""
    return io.Float.Input(
        "fps",
        default=0.0,
        optional=True,
        min=0.0,
        max=240.0,
        advanced=advanced,
        tooltip="Frame rate of the video. 0 takes the source's; 16, the model's own, without one.",
    )


def fit_socket(advanced: bool = True) -> io.Input:
    """What to do when the shape differs."""
    return io.Combo.Input(
        "fit",
        options=list(FITS),
        default="cover",
        optional=True,
        advanced=advanced,
        tooltip="When the size differs: cover crops, contain adds bars that are generated, "
        "stretch distorts. Video and masks change together.",
    )


def vcu_outputs() -> list[io.Output]:
    """A VCU and what was repaired on the way to it."""
    return [
        VcuWire.Output(display_name="vcu", tooltip="Everything VACE looks at, for any node that takes a VCU."),
        io.String.Output(display_name="report", tooltip="What was repaired or decided, a sentence each."),
    ]


def soft_mask_socket() -> io.Input:
    """Whether a mask that looks like a picture is meant."""
    return io.Boolean.Input(
        "soft_mask",
        default=False,
        optional=True,
        tooltip="Accept masks that are mostly grey. Off refuses them, because they are "
        "usually a picture connected by mistake.",
        advanced=True,
    )


def shape_sockets(grow: str, feather: str, grown: float) -> list[io.Input]:
    """How far a region is grown and feathered; `unit_socket` goes with them.

    Args:
        grow: Its tooltip.
        feather: Its tooltip.
        grown: How far it grows where nothing is said.
    """
    far = {"optional": True, "max": 1024.0, "step": 1.0}
    return [
        io.Float.Input("grow", default=grown, min=-1024.0, tooltip=grow, **far),
        io.Float.Input("feather", default=0.0, min=0.0, tooltip=feather, **far),
    ]


def join_socket(tooltip: str, advanced: bool = False) -> io.Input:
    """How softly what was generated joins what is put back around it."""
    return io.Float.Input(
        "feather",
        default=DEFAULT_FEATHER,
        optional=True,
        min=0.0,
        max=512.0,
        step=1.0,
        advanced=advanced,
        tooltip=tooltip,
    )


def unit_socket(tooltip: str, advanced: bool = False) -> io.Input:
    """What growing and feathering are measured in."""
    return io.Combo.Input(
        "unit", options=list(UNITS), default=UNITS[0], optional=True, advanced=advanced, tooltip=tooltip
    )
