"""Nodes that sample only the region around the mask and put it back."""

from comfy_api.latest import io

from ...vace_core.exact import SCALES, make_crop, stitch_crop
from ...vace_core.notes import collect_notes
from ...vace_core.video import Clip
from .._host.report import publish
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._results import vcu_hidden, vcu_picture
from .._sockets import CropWire, VcuWire, join_socket, video_socket


class VaceCropVcu(VaceNode):
    """The region around the mask as a VCU of its own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceCropVcu",
            display_name="VACE Crop VCU",
            category="vace/crop",
            description=(
                "Cuts a VCU to the region around its mask, following a moving mask smoothly. A small region is "
                "generated much faster, or in more detail; VACE Stitch Crop puts it back."
            ),
            search_aliases=["crop and stitch", "inpaint crop", "crop to mask", "detailer", "face detailer", "zoom"],
            inputs=[
                VcuWire.Input(
                    "vcu", tooltip="What is to be generated in a part of the frame, such as from VACE Inpaint Video."
                ),
                io.Float.Input(
                    "margin",
                    default=25.0,
                    optional=True,
                    min=0.0,
                    max=500.0,
                    step=5.0,
                    tooltip="Space around the mask that the model still sees, in per cent of the mask's longer side. "
                    "More fits in better, less is faster.",
                ),
                io.Combo.Input(
                    "scale",
                    options=list(SCALES),
                    default=SCALES[0],
                    optional=True,
                    tooltip="Size to generate at. 1:1: the pixels as they are, fastest and without resampling. 480p, "
                    "720p: as many pixels as these have, for detail in a small region. custom: megapixels.",
                ),
                io.Float.Input(
                    "megapixels",
                    default=0.4,
                    optional=True,
                    min=0.01,
                    max=16.0,
                    step=0.05,
                    tooltip="Pixels of the crop for scale custom, in millions. 480p has 0.4, 720p 0.92.",
                ),
                io.Int.Input(
                    "smoothing",
                    default=8,
                    optional=True,
                    advanced=True,
                    min=0,
                    max=240,
                    tooltip="Frames to each side over which the crop's path is averaged, so that it does not shake "
                    "with the mask. It never lags behind; 0 follows every jerk.",
                ),
            ],
            outputs=[
                VcuWire.Output(display_name="vcu", tooltip="The cropped VCU, to sample like any other."),
                CropWire.Output(
                    display_name="crop", tooltip="Where the crop was and the whole video, for VACE Stitch Crop."
                ),
                io.String.Output(
                    display_name="report", tooltip="Size, motion and what is saved; says when nothing is cropped."
                ),
            ],
            hidden=vcu_hidden(),
        )

    @classmethod
    def execute(cls, vcu, margin, scale, megapixels, smoothing) -> io.NodeOutput:
        cropped, crop = make_crop(vcu, margin=margin, scale=scale, megapixels=megapixels, smoothing=smoothing)
        report = publish(cls, crop.plan.notes)
        return io.NodeOutput(cropped, crop, report, ui=vcu_picture(cls, cropped))


class VaceStitchCrop(VaceNode):
    """A generated crop back in its video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceStitchCrop",
            display_name="VACE Stitch Crop",
            category="vace/crop",
            description=(
                "Puts what was generated in a crop back into the whole video. Outside the mask and its feather every "
                "pixel stays exactly as it was."
            ),
            search_aliases=["stitch", "uncrop", "inpaint stitch", "paste crop", "crop and stitch"],
            inputs=[
                video_socket("frames", tooltip="What was generated from the cropped vcu: all frames, uncut."),
                CropWire.Input("crop", tooltip="From the VACE Crop VCU that made the cropped vcu."),
                join_socket(
                    "Pixels of the whole video over which the result fades out around the mask. 0 is a hard "
                    "edge. About 4 at 480p, 8 at 720p.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The whole video."),
                io.Video.Output(
                    display_name="video", tooltip="The same with frame rate and sound of the source, for Save Video."
                ),
                io.String.Output(
                    display_name="report", tooltip="What was repaired, how much is exact and how well it joins."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, frames, crop, feather) -> io.NodeOutput:
        clip = read_clip(frames)
        with collect_notes() as notes:
            stitched = stitch_crop(clip.frames, crop, feather)
        audio = crop.vcu.audio if crop.vcu.audio is not None else clip.audio
        video = write_clip(Clip(stitched, crop.vcu.fps or clip.fps, audio))
        report = publish(cls, notes)
        return io.NodeOutput(stitched, video, report)
